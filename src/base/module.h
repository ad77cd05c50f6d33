/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/module.h - modules: the parts of pbt that need large libraries, opened when they are first
 * used.
 *
 * A module is a shared object NAME.so in the folder of modules. It holds what it needs of libpbt
 * itself and exports one symbol, `pbt_module`, made by PBTI_MODULE(). A build with
 * PBT_MODULES=OFF links the same files in, and nothing is searched.
 *
 * The folder is $PBT_MODULES where that is set, else `pbt` beside the library that this code is
 * part of, else lib/pbt as seen from the program's folder. A module stays loaded until the process
 * ends.
 */
#ifndef PBTI_BASE_MODULE_H
#define PBTI_BASE_MODULE_H

#include "pbt/status.h"
#include "pbt/version.h"

struct pbti_module_symbol {
    const char *version; /* PBT_VERSION of the build that made it */
    const void *table;   /* what the module offers: a type that both sides know */
};

/* In one file of a module: what it exports. */
#define PBTI_MODULE(table_of_functions)                                                            \
    PBT_API extern const struct pbti_module_symbol pbt_module;                                     \
    const struct pbti_module_symbol pbt_module = {PBT_VERSION, table_of_functions}

struct pbti_module {
    const char *name;    /* of the file, without ".so" */
    const char *what;    /* "journals in PostgreSQL", for messages */
    const char *hint;    /* what to install */
    const void *builtin; /* its table in a build that links it in; NULL: search it */
};

/*
 * Open a module.
 *
 * table       out: static storage, as long as the process lives
 * Errors      PBT_EINVAL: it is not there, a library that it needs is missing, or it belongs to
 *             another version. The message names `what`, the hint says what to install
 */
PBT_NODISCARD pbt_status pbti_module_open(const struct pbti_module *module, const void **table,
                                          struct pbt_error *err);

#endif
