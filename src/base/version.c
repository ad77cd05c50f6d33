/* SPDX-License-Identifier: Apache-2.0 */
/* base/version.c - the version of the library that runs. */
#include "pbt/version.h"

const char *pbt_version(void)
{
    return PBT_VERSION;
}
