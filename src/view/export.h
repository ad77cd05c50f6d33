/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/export.h - a study for other programs: as CSV, as JSON, as TensorBoard runs.
 *
 * All three say the same: what each attempt at a segment started from, the hyperparameters it was
 * trained with, its score and its metrics. Unlike the document of `pbt show --json --full` nothing
 * is left out, however large the study; docs/report.md describes the columns and the runs.
 */
#ifndef PBTI_VIEW_EXPORT_H
#define PBTI_VIEW_EXPORT_H

#include "view/str.h"
#include "view/study_reader.h"

#include <jansson.h>

#define PBTI_EXPORT_METRICS 256u /* names of metrics that get a column or a tag */

/* What a CSV file and a JSON file of ours begin with, so that no other file is overwritten. */
#define PBTI_EXPORT_CSV_HEAD "member,group,segment,attempt,from,to,parent"
#define PBTI_EXPORT_JSON_HEAD "{\"version\":1,\"export\":\"segments\","

struct pbti_export {
    struct pbti_study_reader *reader; /* owned; has a history */
    json_t **metrics;                 /* owned, shape (records): object of a record, or NULL */
    uint32_t records, records_capacity;
    uint32_t *latest; /* owned, shape (members): while reading, the record of a member's claim */
    uint32_t members;
    json_t *names; /* owned; object whose keys are the metrics' names */
    uint32_t names_count;
    const char *name[PBTI_EXPORT_METRICS]; /* borrowed from names, in the order they appeared */
    uint32_t names_left_out;               /* names beyond those */
};

/*
 * Read the study in the folder `dir`.
 *
 * Errors      those of pbti_study_reader_open(); `export` is to be closed all the same
 */
PBT_NODISCARD pbt_status pbti_export_open(struct pbti_export *export, const char *dir,
                                          const char *journal, struct pbt_error *err);
void pbti_export_close(struct pbti_export *export); /* accepts a zeroed one */

/* How many attempts there are. */
uint32_t pbti_export_count(const struct pbti_export *export);

/* The value of the metric `name` in a record: NaN when it has none. */
double pbti_export_metric(const struct pbti_export *export, uint32_t record, uint32_t name);

/* One row an attempt, in the order of the claims; to be checked for `str->failed`. */
void pbti_export_csv(const struct pbti_export *export, struct pbti_str *str);
void pbti_export_json(const struct pbti_export *export, struct pbti_str *str);

/*
 * Write TensorBoard runs into the folder `out`: one for each member, over the age of its weights,
 * and `winner-lineage`. A member that copies a younger one trains the same ages again; what would
 * not go forward in its run stands in a further one, `member-03.2`.
 *
 * out         is made where it is missing. A folder that holds an earlier export of this study is
 *             emptied first; nothing is written outside of it, through links neither
 * runs        out, how many were written; unchanged on error
 * Errors      PBT_EEXIST (`out` is no folder, or holds something else: nothing was changed),
 *             PBT_EIO (some runs may be missing: export again), PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_export_runs(const struct pbti_export *export, const char *out,
                                          uint32_t *runs, struct pbt_error *err);

#endif
