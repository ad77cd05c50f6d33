/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cli_modules.h - the modules that only the command uses: builtin trainers, the dashboard. */
#ifndef PBTI_CLI_CLI_MODULES_H
#define PBTI_CLI_CLI_MODULES_H

#include "trainers.h"
#include "web/dashboard.h"

/* Errors: those of pbti_module_open(), which name what to install. */
PBT_NODISCARD pbt_status pbti_cli_trainers(const struct pbt_trainers **trainers,
                                           struct pbt_error *err);
PBT_NODISCARD pbt_status pbti_cli_dashboard(const struct pbti_dashboard_table **dashboard,
                                            struct pbt_error *err);

#endif
