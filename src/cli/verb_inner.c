/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/verb_inner.c - pbt version, and the verbs that are not for people: manual (makes the pages in
 * docs/), shim and trainer (what the worker runs this program again as).
 */
#include "cli/cli.h"
#include "cli/cli_modules.h"
#include "pbt/version.h"
#include "trainer/rank_shim.h"
#include "view/summary.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int pbti_verb_version(const struct pbti_call *call)
{
    if (pbti_cli_has(call, PBTI_OPT_JSON)) {
        const struct pbt_trainers *trainers;
        bool const has_trainers = pbti_cli_trainers(&trainers, NULL) == PBT_OK;
        json_t *const json = json_pack("{s:i, s:s, s:b}", "version", PBTI_JSON_VERSION, "pbt",
                                       pbt_version(), "builtin_trainers", has_trainers);
        return pbti_cli_print_json(call, json, PBTI_EXIT_DONE);
    }
    struct pbti_str str = {0};
    pbti_str_addf(&str, "pbt %s\n", pbt_version());
    return pbti_cli_print(call, &str, PBTI_EXIT_DONE);
}

int pbti_verb_manual(const struct pbti_call *call)
{
    struct pbti_str str = {0};
    const char *const which = call->argument[0] == NULL ? "cli" : call->argument[0];
    if (strcmp(which, "spec") == 0) {
        char *const text = pbti_spec_manual();
        if (text == NULL) { return pbti_cli_no_memory(call); }
        pbti_str_add(&str, text);
        free(text);
    } else if (strcmp(which, "cli") == 0) {
        pbti_cli_manual(&str);
    } else {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE, NULL,
                                 "there is no manual \"%s\"; there are cli and spec", which);
    }
    const char *const path = call->value[PBTI_OPT_OUTPUT];
    if (path == NULL) { return pbti_cli_print(call, &str, PBTI_EXIT_DONE); }
    FILE *const file = fopen(path, "w");
    bool good = file != NULL && fwrite(pbti_str_text(&str), 1, str.size, file) == str.size;
    if (file != NULL) { good = fclose(file) == 0 && good; }
    pbti_str_deinit(&str);
    if (good) { return PBTI_EXIT_DONE; }
    return pbti_cli_complain(call, PBTI_EXIT_STORAGE, NULL, "could not write \"%s\": %s", path,
                             strerror(errno));
}

int pbti_verb_shim(const struct pbti_call *call)
{
    return pbti_shim_main(call->raw_argc - 1, call->raw_argv + 1);
}

int pbti_verb_trainer(const struct pbti_call *call)
{
    const char *const name = call->raw_argc > 2 ? call->raw_argv[2] : "";
    const struct pbt_trainers *trainers;
    struct pbt_error err = {0};
    if (pbti_cli_trainers(&trainers, &err) != PBT_OK) { return pbti_cli_fail(call, &err); }
    const struct pbt_trainer *const trainer = trainers->find(name);
    if (trainer != NULL) { return trainers->run(trainer, call->raw_argc - 2, call->raw_argv + 2); }
    struct pbti_str hint = {0};
    pbti_str_add(&hint, "builtin trainers:");
    for (size_t i = 0; trainers->at(i) != NULL; i++) {
        pbti_str_addf(&hint, " %s", trainers->at(i)->name);
    }
    int const code = pbti_cli_complain(call, PBTI_EXIT_USAGE, pbti_str_text(&hint),
                                       "there is no builtin trainer \"%s\"", name);
    pbti_str_deinit(&hint);
    return code;
}
