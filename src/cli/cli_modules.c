/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cli_modules.c - opening the modules of the command; see cli_modules.h. */
#include "cli/cli_modules.h"

#include "base/module.h"
#include "cli/cli.h"

pbt_status pbti_cli_trainers(const struct pbt_trainers **trainers, struct pbt_error *err)
{
    static const struct pbti_module module = {
        .name = "trainers",
        .what = "builtin trainers",
        .hint = "install oneDNN (on Debian: libdnnl2 zlib1g), or build pbt where it is "
                "(libdnnl-dev zlib1g-dev)",
#ifdef PBT_LINKS_TRAINERS
        .builtin = &pbt_trainers,
#endif
    };
    const void *table = NULL;
    pbt_status const status = pbti_module_open(&module, &table, err);
    *trainers = table;
    return status;
}

bool pbti_cli_builtin_known(const char *name)
{
    const struct pbt_trainers *trainers;
    return pbti_cli_trainers(&trainers, NULL) == PBT_OK && trainers->find(name) != NULL;
}

pbt_status pbti_cli_dashboard(const struct pbti_dashboard_table **dashboard, struct pbt_error *err)
{
    static const struct pbti_module module = {
        .name = "dashboard",
        .what = "dashboard",
        .hint = "install libmicrohttpd (on Debian: libmicrohttpd12), or write the same page as a "
                "file: pbt report DIR",
#ifdef PBT_LINKS_DASHBOARD
        .builtin = &pbti_dashboard_table,
#endif
    };
    const void *table = NULL;
    pbt_status const status = pbti_module_open(&module, &table, err);
    *dashboard = table;
    return status;
}
