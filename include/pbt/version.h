/* SPDX-License-Identifier: Apache-2.0 */
/* pbt/version.h - which version this is. */
#ifndef PBT_VERSION_H
#define PBT_VERSION_H

#include "pbt/status.h"

#define PBT_VERSION_MAJOR 0
#define PBT_VERSION_MINOR 1
#define PBT_VERSION_PATCH 0
#define PBT_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/* PBT_VERSION of the library that runs, which may be another one than was compiled against. */
PBT_API const char *pbt_version(void);

#ifdef __cplusplus
}
#endif

#endif
