/* SPDX-License-Identifier: Apache-2.0 */
/* web/dashboard_module.c - what the module `dashboard` exports. */
#include "base/module.h"
#include "web/dashboard.h"

PBTI_MODULE(&pbti_dashboard_table);
