/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/event.h - the events of a study and their encoding (docs/journal-format.md is normative).
 *
 * Ownership: an event borrows its texts, scores, values and moves from whoever made it: from the
 * encoded bytes and a pbti_scratch after decode, from a pbti_scratch after decide.
 */
#ifndef PBTI_CORE_EVENT_H
#define PBTI_CORE_EVENT_H

#include "core/checkpoint.h"
#include "core/config.h"

#define PBTI_SPEC_TEXT_MAX (16u << 20) /* bytes of a spec; a resolved one is longer than written */
#define PBTI_METRICS_TEXT_MAX (64u << 10) /* bytes of a report's metrics, a JSON object */
#define PBTI_MESSAGE_MAX 4096u            /* bytes of a failure's message */
#define PBTI_NAME_MAX 256u                /* bytes of a worker's host name, a note's topic */
#define PBTI_EVENT_MAX (20u << 20)        /* bytes of an encoded event */

#define PBTI_NO_MEMBER UINT32_MAX /* no member */

/* X(name, value, text); never reuse a value. */
#define PBTI_EVENT_LIST(X)                                                                         \
    X(PBTI_STUDY, 1, "study")     /* the resolved spec and the seed; always and only the first */  \
    X(PBTI_AMEND, 2, "amend")     /* another spec from here on */                                  \
    X(PBTI_CLAIM, 3, "claim")     /* a worker takes a member's next segment: a new attempt */      \
    X(PBTI_RELEASE, 4, "release") /* a claim is given up without a result */                       \
    X(PBTI_REPORT, 5, "report")   /* how an attempt ended */                                       \
    X(PBTI_DECISION, 6, "decision") /* what becomes of a member, and why */                        \
    X(PBTI_STOP, 7, "stop")         /* the study ends early */                                     \
    X(PBTI_WORKER, 8, "worker")     /* a worker joined */                                          \
    X(PBTI_LEAVE, 9, "leave")       /* a worker left, or was found dead */                         \
    X(PBTI_NOTE, 10, "note")        /* something people want to know; no decision depends on it */ \
    X(PBTI_PROPOSAL, 11, "proposal") /* what a member shall begin with, computed by a worker */

#define PBTI_OUTCOME_LIST(X)                                                                       \
    X(PBTI_OUTCOME_DONE, 0, "done")                                                                \
    X(PBTI_OUTCOME_CRASH, 1, "crash") /* the trainer ended by itself */                            \
    X(PBTI_OUTCOME_START, 2, "start") /* no hello in time, or it could not be started */           \
    X(PBTI_OUTCOME_SILENCE, 3, "silence_limit")                                                    \
    X(PBTI_OUTCOME_SEGMENT, 4, "segment_limit")                                                    \
    X(PBTI_OUTCOME_PROTOCOL, 5, "protocol")  /* rubbish, or out of turn */                         \
    X(PBTI_OUTCOME_ERROR, 6, "error")        /* the trainer said so, kind other */                 \
    X(PBTI_OUTCOME_NAN, 7, "nan")            /* the trainer said so */                             \
    X(PBTI_OUTCOME_OOM, 8, "oom")            /* the trainer said so, or the kernel did */          \
    X(PBTI_OUTCOME_CONFIG, 9, "config")      /* the trainer cannot work with what it was given */  \
    X(PBTI_OUTCOME_IN_FORCE, 10, "in_force") /* other hyperparameters in force than handed over */ \
    X(PBTI_OUTCOME_CHECKPOINT, 11, "checkpoint") /* could not be published, or is missing */

/* nan, oom, config and in_force are not tried again with the same hyperparameters. */
#define PBTI_RELEASE_LIST(X)                                                                       \
    X(PBTI_RELEASE_DRAIN, 0, "drain")     /* the worker stops in order */                          \
    X(PBTI_RELEASE_LOST, 1, "lost")       /* the worker was found dead by another */               \
    X(PBTI_RELEASE_STOPPED, 2, "stopped") /* the study has ended */

#define PBTI_STOP_LIST(X)                                                                          \
    X(PBTI_STOP_NONE, 0, "none")                                                                   \
    X(PBTI_STOP_BUDGET, 1, "budget")   /* every member is through */                               \
    X(PBTI_STOP_TARGET, 2, "target")   /* score.target reached */                                  \
    X(PBTI_STOP_PLATEAU, 3, "plateau") /* stop.plateau */                                          \
    X(PBTI_STOP_HOURS, 4, "hours")     /* stop.hours; said by a worker in a stop event */          \
    X(PBTI_STOP_USER, 5, "user")       /* said in a stop event */                                  \
    X(PBTI_STOP_FAILED, 6, "failed")   /* no member is left alive */

#define PBTI_DECISION_LIST(X)                                                                      \
    X(PBTI_KEEP, 0, "keep") /* train on with the same weights */                                   \
    X(PBTI_REPLACE, 1,                                                                             \
      "replace")                /* exploit: copy from `donor`, then explore as the config says */  \
    X(PBTI_FINISH, 2, "finish") /* its budget is used, or its weights reached max_age */           \
    X(PBTI_GIVE_UP, 3, "give_up") /* failed for good */                                            \
    X(PBTI_PAUSE, 4, "pause")     /* wait at a rung */

/* Why: the rule that decided. */
#define PBTI_WHY_LIST(X)                                                                           \
    X(PBTI_WHY_BUDGET, 0, "budget")           /* finish: steps or age used up */                   \
    X(PBTI_WHY_BURN_IN, 1, "burn_in")         /* keep: too young to be judged */                   \
    X(PBTI_WHY_NO_EXPLOIT, 2, "no_exploit")   /* keep: exploit none, or an independent control */  \
    X(PBTI_WHY_RANKED, 3, "ranked")           /* keep: above the bottom group; rank, count */      \
    X(PBTI_WHY_TRUNCATED, 4, "truncated")     /* replace: bottom group; rank, count, donor_rank */ \
    X(PBTI_WHY_NO_DONOR, 5, "no_donor")       /* keep or give_up: nobody can be copied */          \
    X(PBTI_WHY_GAP, 6, "gap")                 /* keep: the donor is not better by gap_min */       \
    X(PBTI_WHY_LOST, 7, "lost")               /* replace: worse than the opponent (tournament) */  \
    X(PBTI_WHY_WON, 8, "won")                 /* keep: at least as good as the opponent */         \
    X(PBTI_WHY_SIGNIFICANT, 9, "significant") /* replace: ttest, p <= alpha */                     \
    X(PBTI_WHY_INSIGNIFICANT, 10, "insignificant") /* keep: ttest, p > alpha or not better */      \
    X(PBTI_WHY_FEW_SCORES, 11, "few_scores") /* keep: ttest, a side has fewer than scores_min */   \
    X(PBTI_WHY_REVIVED, 12, "revived")       /* replace: the member had failed */                  \
    X(PBTI_WHY_FAILURES, 13, "failures")     /* give_up: failed too often in a row */              \
    X(PBTI_WHY_BETWEEN_RUNGS, 14, "between_rungs") /* keep: has not reached the next rung */       \
    X(PBTI_WHY_RUNG, 15, "rung")                   /* pause: until it is promoted; rank, count */  \
    X(PBTI_WHY_PROMOTED, 16, "promoted")     /* keep: among the best of a rung; rank, count */     \
    X(PBTI_WHY_ELIMINATED, 17, "eliminated") /* finish: not among them; rank, count */             \
    X(PBTI_WHY_TIE, 18, "tie") /* keep: the drawn donor is not strictly better; rules 2 */         \
    X(PBTI_WHY_LAST_OF_LINE, 19, "last_of_line") /* keep: of its founder no other member is left */

/* What happened to one hyperparameter in a decision. */
#define PBTI_MOVE_LIST(X)                                                                          \
    X(PBTI_MOVE_KEPT, 0, "kept")           /* as before, or as copied from the donor */            \
    X(PBTI_MOVE_FACTOR, 1, "factor")       /* amount = the factor */                               \
    X(PBTI_MOVE_NOISE, 2, "noise")         /* amount = what was added */                           \
    X(PBTI_MOVE_RESAMPLED, 3, "resampled") /* amount = the uniform draw */                         \
    X(PBTI_MOVE_SCHEDULED, 4, "scheduled") /* as the schedule says; amount = its age */

#define PBTI_ENUM_(name, value, text) name = (value),
enum pbti_event_type { PBTI_EVENT_LIST(PBTI_ENUM_) };
enum pbti_outcome { PBTI_OUTCOME_LIST(PBTI_ENUM_) };
enum pbti_release_reason { PBTI_RELEASE_LIST(PBTI_ENUM_) };
enum pbti_stop { PBTI_STOP_LIST(PBTI_ENUM_) };
enum pbti_decision_kind { PBTI_DECISION_LIST(PBTI_ENUM_) };
enum pbti_why { PBTI_WHY_LIST(PBTI_ENUM_) };
enum pbti_move_kind { PBTI_MOVE_LIST(PBTI_ENUM_) };
#undef PBTI_ENUM_

#define PBTI_EVENT_TYPES PBTI_COUNT(PBTI_EVENT_LIST) /* they count from 1 */
#define PBTI_OUTCOMES PBTI_COUNT(PBTI_OUTCOME_LIST)
#define PBTI_RELEASES PBTI_COUNT(PBTI_RELEASE_LIST)
#define PBTI_STOPS PBTI_COUNT(PBTI_STOP_LIST)
#define PBTI_DECISIONS PBTI_COUNT(PBTI_DECISION_LIST)
#define PBTI_WHYS PBTI_COUNT(PBTI_WHY_LIST)
#define PBTI_MOVES PBTI_COUNT(PBTI_MOVE_LIST)

const char *pbti_event_name(uint8_t type);
const char *pbti_outcome_name(uint8_t outcome);
const char *pbti_release_name(uint8_t reason);
const char *pbti_stop_name(uint8_t stop);
const char *pbti_decision_name(uint8_t kind);
const char *pbti_why_name(uint8_t why);
const char *pbti_move_name(uint8_t kind);

struct pbti_event_study { /* study, amend */
    const struct pbti_config *config;
    struct pbti_text spec; /* the resolved spec as text; core does not read it */
};

struct pbti_event_claim {
    uint32_t member, segment, attempt; /* attempt counts the claims of a segment, from 1 */
    uint64_t worker;                   /* id of a worker event */
    uint32_t slot;                     /* of that worker */
};

struct pbti_event_release {
    uint32_t member;
    uint64_t claim; /* sequence number of the claim: the fencing token */
    uint8_t reason; /* enum pbti_release_reason */
};

struct pbti_event_report {
    uint32_t member, segment, attempt;
    uint64_t claim;                      /* sequence number of the claim: the fencing token */
    uint8_t outcome;                     /* enum pbti_outcome */
    uint64_t steps;                      /* trained in this segment; outcome done: what was asked */
    uint32_t scores_count;               /* 0 .. PBTI_SCORES_MAX; 0 = missing */
    const double *scores;                /* may hold NaN and infinities */
    uint32_t files;                      /* of the checkpoint */
    uint64_t bytes;                      /* of the checkpoint */
    uint64_t hash;                       /* of the checkpoint (study/store.h) */
    uint32_t load_ms, train_ms, save_ms; /* what the attempt's time went into */
    struct pbti_text metrics;            /* JSON object or empty; core does not read it */
    struct pbti_text message;            /* why it failed, or a warning; may be empty */
};

struct pbti_move {
    uint8_t kind; /* enum pbti_move_kind */
    double amount;
};

struct pbti_event_decision {
    uint32_t member;
    uint32_t segment;          /* the one judged: the last reported or failed */
    uint8_t kind;              /* enum pbti_decision_kind */
    uint8_t why;               /* enum pbti_why */
    uint32_t opponent;         /* donor or opponent; PBTI_NO_MEMBER */
    uint32_t opponent_segment; /* the segment its score and checkpoint come from; 0 */
    uint32_t rank, count;   /* place among the ranked, 1 = best; how many there are; 0 = not used */
    uint32_t opponent_rank; /* 0 = not used */
    double score, opponent_score; /* compared; NaN = none */
    double p;                     /* ttest; NaN = none */
    uint64_t draw;         /* the bits that chose the opponent; 0 when opponent is PBTI_NO_MEMBER */
    uint8_t copied;        /* PBTI_COPY_*: replace only */
    uint32_t values_count; /* replace, or explored: all hyperparameters; else 0 */
    const double *values;  /* in force from now on */
    const struct pbti_move *moves; /* shape (values_count) */
};

struct pbti_event_stop {
    uint8_t reason; /* PBTI_STOP_HOURS or PBTI_STOP_USER */
};

struct pbti_event_worker { /* worker, leave */
    uint64_t worker;       /* random, unique in the study */
    uint32_t slots;
    uint64_t process; /* process id on its host */
    struct pbti_text host;
};

/* A fact about the study that is not part of its state: the final evaluation of the best
 * network. */
struct pbti_event_note {
    struct pbti_checkpoint checkpoint; /* that it is about; segment 0 = none */
    struct pbti_text topic;            /* "final_evaluation" */
    struct pbti_text detail;           /* JSON object */
};

/* Hyperparameters for a member that expects a proposal. How they were found is not recorded, nor
 * computed again by anybody: like a score, they are what the outside said. */
struct pbti_event_proposal {
    uint32_t member;
    uint64_t knows;        /* sequence number of the last event that was known when it was made */
    uint32_t values_count; /* all hyperparameters */
    const double *values;
};

struct pbti_event {
    uint8_t type;    /* enum pbti_event_type */
    int64_t time_ms; /* since 1970, the clock of whoever made it; for people, never for decisions */
    union {
        struct pbti_event_study study;
        struct pbti_event_claim claim;
        struct pbti_event_release release;
        struct pbti_event_report report;
        struct pbti_event_decision decision;
        struct pbti_event_stop stop;
        struct pbti_event_worker worker;
        struct pbti_event_note note;
        struct pbti_event_proposal proposal;
    };
};

/* Room that a decoded or decided event borrows from. Large: keep one, do not put it on the
 * stack. */
struct pbti_scratch {
    double values[PBTI_HP_MAX];
    struct pbti_move moves[PBTI_HP_MAX];
    double scores[PBTI_SCORES_MAX];
    struct pbti_config config;
};

/* Append the encoding of one event; writer->failed when it does not fit. */
void pbti_event_encode(const struct pbti_event *event, struct pbti_writer *writer);

/*
 * Decode one event. What is out of range, over-long or followed by rest bytes is refused: false.
 * event       out; borrows from reader->data and scratch
 */
bool pbti_event_decode(struct pbti_event *event, struct pbti_reader *reader,
                       struct pbti_scratch *scratch);

/*
 * Of an event that was refused: what does it name that is not known here?
 *
 * value       out, of that
 * Returns     "type", "version", "rules" or "config field"; NULL: nothing, so it is damaged
 */
const char *pbti_event_unknown(const void *bytes, size_t size, uint64_t *value);

#endif
