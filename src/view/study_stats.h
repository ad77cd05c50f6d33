/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/study_stats.h - what people want to know of a study that its state does not keep.
 *
 * Fed with every event, in order, beside the fold: the first generation's scores, failures by
 * cause, the workers, the time the study was at work, how fast it goes, the latest exploits and
 * the final evaluation. Plain data without pointers: it is part of the cache (view/study_reader.c).
 */
#ifndef PBTI_VIEW_STUDY_STATS_H
#define PBTI_VIEW_STUDY_STATS_H

#include "core/state.h"

#define PBTI_STATS_WORKERS 64   /* live workers whose names are known; more are only counted */
#define PBTI_STATS_RATES 128    /* reports that the speed is measured over */
#define PBTI_STATS_EXPLOITS 4   /* latest ones that are kept whole */
#define PBTI_STATS_MESSAGE 1024 /* bytes of the last failure's message that are kept */
#define PBTI_STATS_DETAIL 4096  /* bytes of the final evaluation's detail */

struct pbti_study_stats_worker {
    uint64_t worker, process;
    uint32_t slots;
    int64_t joined_ms;
    int64_t before_ms; /* the event before it joined */
    int64_t active_ms; /* the last event of its own */
    char host[PBTI_NAME_MAX + 1];
    int64_t wait_until_ms; /* a slot of it waits after a failure of its place; 0: none does */
    char wait_text[200];   /* ... which was this */
};

/* The note on a failure that is not its member's (docs/failures.md); all its fields, cut to fit. */
struct pbti_withdrawal {
    uint64_t worker;
    int64_t wait_ms;
    char owner[16], outcome[24];
    char message[1024];
};

/* A replace decision with what it borrowed. */
struct pbti_study_stats_exploit {
    uint64_t seq; /* 0 = none */
    int64_t time_ms;
    struct pbti_event_decision decision; /* its values and moves are NULL: use those below */
    bool before_known;
    double before[PBTI_HP_MAX]; /* what explore started from */
    double values[PBTI_HP_MAX];
    struct pbti_move moves[PBTI_HP_MAX];
};

struct pbti_study_stats {
    int64_t first_ms, last_ms; /* times of the first and the last event */
    int64_t idle_ms;           /* of that, without any worker */
    uint64_t amends;
    uint64_t outcomes[PBTI_OUTCOMES];       /* attempts that ended so */
    uint32_t failed_member, failed_segment; /* the last failure; segment 0 = none */
    uint8_t failed_outcome;
    uint32_t failed_size; /* of its message */
    char failed_message[PBTI_STATS_MESSAGE];
    uint64_t decisions[PBTI_DECISIONS]; /* enum pbti_decision_kind */
    uint64_t revivals;
    uint64_t train_ms, overhead_ms; /* of all attempts: training; loading and saving */

    /* the population's first segments */
    uint64_t first_count; /* with a finite score */
    double first_sum, first_best;

    /* steps done and when, a ring: rates_count in all, the latest at (rates_count - 1) % RATES */
    uint64_t rates_count;
    int64_t rate_ms[PBTI_STATS_RATES];
    uint64_t rate_steps[PBTI_STATS_RATES];

    uint32_t workers_count; /* live ones, as far as the journal knows */
    struct pbti_study_stats_worker workers[PBTI_STATS_WORKERS]; /* oldest first */
    uint64_t exploits_count;                                    /* a ring, likewise */
    struct pbti_study_stats_exploit exploits[PBTI_STATS_EXPLOITS];

    struct pbti_checkpoint final_checkpoint; /* segment 0: no final evaluation yet */
    char final_detail[PBTI_STATS_DETAIL];    /* JSON object */
};

/* false: the note is about something else, or damaged. */
bool pbti_withdrawal_read(const struct pbti_event_note *note, struct pbti_withdrawal *withdrawal);

/* Before the fold of the event; `state` may be NULL (study, or not at hand). */
void pbti_study_stats_before(struct pbti_study_stats *tally, const struct pbti_state *state,
                             uint64_t seq, const struct pbti_event *event);
/* After it. */
void pbti_study_stats_after(struct pbti_study_stats *tally, const struct pbti_state *state,
                            const struct pbti_event *event);

/* Steps a second of the whole study, lately; 0 when it is not known. */
double pbti_study_stats_rate(const struct pbti_study_stats *tally);

/* Time at work until the last event. */
int64_t pbti_study_stats_worked_ms(const struct pbti_study_stats *tally);

/* The exploit `back` places before the latest; NULL past the oldest that is kept. */
const struct pbti_study_stats_exploit *pbti_study_stats_exploit(
    const struct pbti_study_stats *tally, uint32_t back);

#endif
