/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/study_reader.h - a study that is only looked at: its journal folded, and followed as it
 * grows.
 *
 * Opens the journal read-only, so that it works on a live study, and in a folder that may not be
 * written to. With `cache` the fold starts from <study>/cache/summary where that fits, and leaves a
 * new one behind when it had to fold much itself: best effort, verified by a tag under this user's
 * key (view/cache.h) and by asking the journal whether it holds the batch at which the cache was
 * taken. The cache may be deleted at any time. A history is not in it: who asks for one gets the
 * whole journal folded.
 */
#ifndef PBTI_VIEW_STUDY_READER_H
#define PBTI_VIEW_STUDY_READER_H

#include "journal/journal.h"
#include "spec/spec.h"
#include "study/live_checkpoints.h"
#include "study/store.h"
#include "view/history.h"
#include "view/study_stats.h"

struct pbti_study_reader; /* opaque */

/*
 * Told each event before it is folded; `state` is NULL for the study event. Borrowed for the call.
 * Anything but PBT_OK ends the reading.
 */
typedef pbt_status (*pbti_visitor)(void *context, const struct pbti_state *state, uint64_t seq,
                                   const struct pbti_event *event, struct pbt_error *err);

struct pbti_study_reader_opts {
    size_t struct_size;   /* set by pbti_study_reader_opts_default() */
    const char *journal;  /* the URL that the user named for its journal; NULL: none; borrowed for
                             the opening */
    bool history;         /* keep one; default false */
    bool cache;           /* use and leave a cache; default false; not together with the others */
    pbti_visitor visitor; /* may be NULL */
    void *context;
};

struct pbti_study_reader_opts pbti_study_reader_opts_default(void);

/*
 * Open the study in the folder `dir` and fold what its journal holds.
 *
 * Errors      PBT_ENOENT (no study there), those of the journal, PBT_ECORRUPT (the events do not
 *             fit together), PBT_ENOMEM, and what the visitor returns
 */
PBT_NODISCARD pbt_status pbti_study_reader_open(const char *dir,
                                                const struct pbti_study_reader_opts *opts,
                                                struct pbti_study_reader **out,
                                                struct pbt_error *err);
void pbti_study_reader_close(struct pbti_study_reader *reader); /* accepts NULL */

/* Fold what was appended since; wait for something at most `wait_ms`. */
PBT_NODISCARD pbt_status pbti_study_reader_update(struct pbti_study_reader *reader,
                                                  uint32_t wait_ms, struct pbt_error *err);

/* All borrowed until the next update or close. */
const char *pbti_study_reader_dir(const struct pbti_study_reader *reader);
const struct pbti_state *pbti_study_reader_state(const struct pbti_study_reader *reader);
const struct pbti_spec *pbti_study_reader_spec(const struct pbti_study_reader *reader);
struct pbti_text pbti_study_reader_spec_text(const struct pbti_study_reader *reader); /* resolved */
const struct pbti_study_stats *pbti_study_reader_tally(const struct pbti_study_reader *reader);
const struct pbti_live_checkpoints *pbti_study_reader_alive(const struct pbti_study_reader *reader);
/* The path of a checkpoint that is about to be used, PATH_MAX bytes, once its files and bytes are
 * those of its report. Errors: those of pbti_store_check(). */
PBT_NODISCARD pbt_status pbti_study_reader_check(const struct pbti_study_reader *reader,
                                                 struct pbti_store *store,
                                                 struct pbti_checkpoint checkpoint, char *path,
                                                 struct pbt_error *err);
const struct pbti_history *pbti_study_reader_history(const struct pbti_study_reader *reader);
struct pbti_journal *pbti_study_reader_journal(const struct pbti_study_reader *reader);
/* The number that the fold started from: 0, or that of the cache. */
uint64_t pbti_study_reader_cached_seq(const struct pbti_study_reader *reader);

#endif
