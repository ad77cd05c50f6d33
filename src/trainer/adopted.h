/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer/adopted.h - the second line behind the shim: what a shim that was killed leaves behind.
 *
 * The shim is the subreaper of all that its trainer starts and kills it at the end. When the shim
 * itself is killed (by the kernel, for want of memory), the kernel ends the trainer with it, but
 * what that started goes on, without a parent. A worker that is a subreaper gets it as children,
 * knows it by the socket in its environment, and ends it.
 *
 * Being a subreaper is a property of the process. So it is for programs that are nothing but a
 * worker: one that embeds pbt may have its own ideas of orphans.
 */
#ifndef PBTI_TRAINER_ADOPTED_H
#define PBTI_TRAINER_ADOPTED_H

#include <stdbool.h>

/* Make this process a subreaper, or let it be one no longer. Returns what it was before. */
bool pbti_adopted_expect(bool expect);

/*
 * Kill the children of this process that have `socket` as the value of a variable, then those that
 * come up when these are gone. Blocking, for some 200 ms at most; at once when there are none.
 * What has changed its environment is not found.
 */
void pbti_adopted_kill(const char *socket);

#endif
