/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cli_tables.c - the verbs and options of verbs.h as tables. */
#include "cli/cli.h"

#include <string.h>

static const struct pbti_verb verbs[] = {
#define VERB_ROW(verb, arguments, fewest, most, hidden, summary, text, example)                    \
    {#verb, PBTI_VERB_##verb, arguments, fewest, most, hidden, summary, text, example},
    PBTI_VERB_LIST(VERB_ROW)
#undef VERB_ROW
};

static const struct pbti_option options[] = {
#define OPTION_ROW(verb, id, letter, name, kind, argument, help)                                   \
    {#verb, PBTI_OPT_##id, letter, name, PBTI_OPTION_##kind, argument, help},
    PBTI_OPTION_LIST(OPTION_ROW)
#undef OPTION_ROW
};

const struct pbti_verb *pbti_verb_at(size_t index)
{
    return index < sizeof verbs / sizeof verbs[0] ? &verbs[index] : NULL;
}

const struct pbti_option *pbti_option_at(size_t index)
{
    return index < sizeof options / sizeof options[0] ? &options[index] : NULL;
}

const struct pbti_verb *pbti_verb_find(const char *name)
{
    for (size_t i = 0; pbti_verb_at(i) != NULL; i++) {
        if (strcmp(verbs[i].name, name) == 0) { return &verbs[i]; }
    }
    return NULL;
}
