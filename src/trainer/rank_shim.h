/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer/rank_shim.h - the exec shim: `pbt shim [--grace MS] -- COMMAND...`, run for every
 * trainer.
 */
#ifndef PBTI_TRAINER_RANK_SHIM_H
#define PBTI_TRAINER_RANK_SHIM_H

/*
 * Run a command contained: own session, dies with its parent, takes everything it started with it.
 * Returns the exit code to leave with; ends by the same signal when the command did. The one place
 * that is its own process and may end it.
 */
int pbti_shim_main(int argc, char **argv);

#endif
