/* SPDX-License-Identifier: Apache-2.0 */
/* cli/main.c - the command `pbt`: the one place that knows the functions of all verbs. */
#include "cli/cli.h"

static int run(const struct pbti_call *call)
{
    switch (call->verb->id) {
#define RUN(verb, ...)                                                                             \
    case PBTI_VERB_##verb: return pbti_verb_##verb(call);
        PBTI_VERB_LIST(RUN)
#undef RUN
    }
    return PBTI_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    return pbti_cli_main(argc, argv, run);
}
