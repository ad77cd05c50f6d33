/* SPDX-License-Identifier: Apache-2.0 */
/* pbt/pbt.h - Population Based Training: everything public. Begin with pbt/study.h. */
#ifndef PBT_PBT_H
#define PBT_PBT_H

#include "pbt/status.h"
#include "pbt/study.h"
#include "pbt/version.h"

#endif
