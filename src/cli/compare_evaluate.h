/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/compare_evaluate.h - one honest score for a study that has ended.
 *
 * The best score that a study reported is flattered: of many noisy scores the luckiest is the
 * largest, and a method that looks more often profits more. So the PBTI_COMPARE_EVALUATIONS best
 * checkpoints are evaluated again, PBTI_FINALIST_SEEDS times each on seeds that no segment had; the
 * one with the best mean is the study's choice; and what is reported of it is the mean over as many
 * other seeds. `final_evaluation` of the spec is put over `fixed` for the latter only.
 */
#ifndef PBTI_CLI_COMPARE_EVALUATE_H
#define PBTI_CLI_COMPARE_EVALUATE_H

#include "cli/cli.h"
#include "worker/run.h"

#define PBTI_COMPARE_EVALUATIONS 3
#define PBTI_FINALIST_SEEDS 3

/*
 * Evaluate, and write compare.json into the study's folder. A study without any score gets the
 * score null.
 *
 * interrupted  out: a signal came, and nothing is written
 *
 * Errors      those of pbti_evaluate() and of the study's journal, PBT_EIO; nothing is written then
 * Determinism the seeds follow from the study's
 */
PBT_NODISCARD pbt_status pbti_compare_evaluate(const char *dir, bool *interrupted,
                                               struct pbt_error *err);

/* Does the study have its compare.json? */
bool pbti_compare_evaluated(const char *dir);

#endif
