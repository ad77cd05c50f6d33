/* SPDX-License-Identifier: Apache-2.0 */
/* cli/given_up.h - which members of a study were given up, and why: what `pbt resume` says. */
#ifndef PBTI_CLI_GIVEN_UP_H
#define PBTI_CLI_GIVEN_UP_H

#include "cli/cli.h"
#include "core/state.h"

/* The last failure of each member, from the journal. Begins zeroed. */
struct pbti_given_up {
    char **message; /* shape (size); escaped for a terminal; NULL = none */
    uint32_t size;
};

/* See the next event of the journal. Errors: PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_given_up_see(struct pbti_given_up *given_up,
                                           const struct pbti_event *event, struct pbt_error *err);

/* Name the members that `state` has given up, a line each, at most five; then how many more. */
void pbti_given_up_say(const struct pbti_given_up *given_up, const struct pbti_call *call,
                       const char *dir, const struct pbti_state *state);

void pbti_given_up_deinit(struct pbti_given_up *given_up);

#endif
