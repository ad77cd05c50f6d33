/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/rules_line.h - what decides in a study, in one line, with the defaults in force: what a spec
 * does not say can be read here before anything is trained.
 */
#ifndef PBTI_VIEW_RULES_LINE_H
#define PBTI_VIEW_RULES_LINE_H

#include "core/config.h"
#include "view/str.h"

/* "strategy pbt, async, ready every 50 steps; exploit truncation, quantile 0.2; explore perturb,
 * factors 0.8 1.2". No line end. */
void pbti_str_rules(struct pbti_str *str, const struct pbti_config *config);

#endif
