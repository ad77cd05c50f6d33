/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_event.c - any bytes as events: refused, or taken for what they are.
 *
 * The first byte says how the others are read:
 *   'e'  one encoded event: what decodes is encoded to the same bytes again
 *   'j'  a batch of encoded events (each behind its size as a varint), folded one by one
 *   else a small study drawn from the bytes, and events that fit its state, nearly fit, or do not
 *
 * After every event the invariants of core/state.h hold, a refused event leaves the state as it
 * was, what is told to be unreachable is so for ever, and the decisions that are owed can be made.
 */
#include "core/state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS_MAX 64u            /* larger studies are slow, and show nothing more */
#define STATE_BYTES_MAX (8u << 20) /* the same */
#define EVENTS_MAX 2000u
#define GONE_MAX 4096u

/* Not assert(): it must hold in every build. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* -------- one event -------- */

/* A block of its own for each size, so that the address sanitizer sees a byte too many. */
static void *block_of(size_t size)
{
    void *const block = malloc(size > 0 ? size : 1);
    REQUIRE(block != NULL);
    return block;
}

static struct pbti_scratch *new_scratch(void)
{
    return block_of(sizeof(struct pbti_scratch));
}

/* Encode an event; `bytes` is the caller's to free. */
static size_t encode(const struct pbti_event *event, uint8_t **bytes)
{
    struct pbti_writer count = {.data = NULL, .capacity = 0};
    pbti_event_encode(event, &count);
    *bytes = block_of(count.size);
    struct pbti_writer writer = {.data = *bytes, .capacity = count.size};
    pbti_event_encode(event, &writer);
    REQUIRE(!writer.failed && writer.size == count.size);
    return writer.size;
}

static bool decode(struct pbti_event *event, const uint8_t *data, size_t size,
                   struct pbti_scratch *scratch)
{
    struct pbti_reader reader = {.data = data, .size = size};
    return pbti_event_decode(event, &reader, scratch);
}

static void try_event(const uint8_t *data, size_t size)
{
    struct pbti_scratch *const scratch = new_scratch();
    struct pbti_event event;
    if (decode(&event, data, size, scratch)) {
        uint8_t *bytes;
        size_t const again = encode(&event, &bytes);
        REQUIRE(again == size && memcmp(bytes, data, size) == 0);
        free(bytes);
    }
    free(scratch);
}

/* -------- a study -------- */

struct study {
    struct pbti_state *state; /* its block, too; NULL before the study event */
    uint64_t seq;
    struct pbti_checkpoint gone[GONE_MAX];
    size_t gone_count;
    struct pbti_scratch *scratch; /* of decisions */
    struct pbti_scratch *again;   /* of decisions decoded */
};

static void remember_gone(void *context, struct pbti_checkpoint checkpoint)
{
    struct study *const study = context;
    for (size_t i = 0; i < study->gone_count; i++) {
        const struct pbti_checkpoint *const other = &study->gone[i];
        REQUIRE(other->member != checkpoint.member || other->segment != checkpoint.segment ||
                other->attempt != checkpoint.attempt);
    }
    if (study->gone_count < GONE_MAX) { study->gone[study->gone_count++] = checkpoint; }
}

static void check(const struct study *study)
{
    const char *const broken = pbti_state_check(study->state);
    if (broken != NULL) { (void)fprintf(stderr, "invariant %s\n", broken); }
    REQUIRE(broken == NULL);
    REQUIRE(pbti_state_seq(study->state) == study->seq);
    size_t const last = study->gone_count < 8 ? 0 : study->gone_count - 8;
    for (size_t i = last; i < study->gone_count; i++) {
        bool const keeps_all = pbti_state_config(study->state)->keep_all;
        REQUIRE(keeps_all || !pbti_state_reachable(study->state, study->gone[i]));
    }
}

static bool is_small(const struct pbti_config *config)
{
    return pbti_config_members(config) <= MEMBERS_MAX &&
           pbti_state_bytes(config) <= STATE_BYTES_MAX;
}

static void begin(struct study *study, const struct pbti_event *event)
{
    if (event->type != PBTI_STUDY || !is_small(event->study.config)) { return; }
    study->state = pbti_state_init(block_of(pbti_state_bytes(event->study.config)), event);
    study->seq = 1;
    check(study);
}

static bool amend(struct study *study, const struct pbti_event *event)
{
    struct pbti_state *next = NULL;
    struct pbt_error err;
    if (!is_small(event->study.config)) { return false; }
    void *const block = block_of(pbti_state_amend_bytes(study->state, event->study.config));
    if (pbti_state_amend(study->state, study->seq + 1, event, block, &next, &err) != PBT_OK) {
        free(block);
        return false;
    }
    free(study->state);
    study->state = next;
    return true;
}

/* Fold one event; true when it was taken. */
static bool fold(struct study *study, const struct pbti_event *event)
{
    struct pbt_error err;
    uint64_t const hash = pbti_state_hash(study->state);
    bool const taken = event->type == PBTI_AMEND ? amend(study, event)
                                                 : pbti_fold(study->state, study->seq + 1, event,
                                                             remember_gone, study, &err) == PBT_OK;
    if (taken) {
        study->seq++;
    } else {
        REQUIRE(pbti_state_hash(study->state) == hash);
    }
    check(study);
    return taken;
}

/* Make every decision that is owed; each survives its encoding and is what was decided. */
static void decide(struct study *study)
{
    uint32_t const limit = pbti_state_members(study->state) + 1;
    for (uint32_t i = 0; pbti_decision_due(study->state); i++) {
        REQUIRE(i < limit);
        struct pbti_event event;
        struct pbti_event again;
        uint8_t *bytes;
        pbti_decide(study->state, &event, study->scratch);
        size_t const size = encode(&event, &bytes);
        REQUIRE(decode(&again, bytes, size, study->again));
        REQUIRE(pbti_decision_differs(&event, &again) == NULL);
        REQUIRE(fold(study, &again));
        free(bytes);
    }
}

/* -------- a batch -------- */

static void try_batch(struct study *study, const uint8_t *data, size_t size)
{
    struct pbti_scratch *const scratch = new_scratch();
    struct pbti_reader reader = {.data = data, .size = size};
    for (uint32_t i = 0; i < EVENTS_MAX; i++) {
        struct pbti_text const text = pbti_get_text(&reader, PBTI_EVENT_MAX);
        if (reader.failed) { break; }
        uint8_t *const bytes = block_of(text.size);
        if (text.size > 0) { memcpy(bytes, text.data, text.size); }
        struct pbti_event event;
        if (!decode(&event, bytes, text.size, scratch)) {
            /* skipped: what follows is tried all the same */
        } else if (study->state == NULL) {
            begin(study, &event);
        } else if (!fold(study, &event) && pbti_decision_due(study->state)) {
            decide(study);
        }
        free(bytes);
    }
    if (study->state != NULL) { decide(study); }
    free(scratch);
}

/* -------- a study drawn from the bytes -------- */

struct bytes {
    const uint8_t *at;
    size_t left;
};

/* The next byte; 0 for ever after the last one. */
static uint8_t take(struct bytes *bytes)
{
    if (bytes->left == 0) { return 0; }
    bytes->left--;
    return *bytes->at++;
}

static uint32_t below(struct bytes *bytes, uint32_t count)
{
    return take(bytes) % count;
}

static void name_hp(struct pbti_hp *hp, const char *name, uint8_t kind, double low, double high)
{
    (void)snprintf(hp->name, sizeof hp->name, "%s", name);
    hp->kind = kind;
    hp->low = low;
    hp->high = high;
}

static void draw_space(struct bytes *bytes, struct pbti_space *space)
{
    uint8_t const bits = take(bytes);
    name_hp(&space->hp[0], "lr", PBTI_HP_LOG, 1e-5, 1.0);
    name_hp(&space->hp[1], "x", PBTI_HP_LINEAR, -1.0, 2.0);
    name_hp(&space->hp[2], "p", PBTI_HP_LOGIT, 0.01, 0.99);
    name_hp(&space->hp[3], "n", PBTI_HP_INTEGER, -3.0, 300.0);
    name_hp(&space->hp[4], "act", PBTI_HP_CATEGORICAL, 0.0, 1.0);
    name_hp(&space->hp[5], "on", PBTI_HP_BOOLEAN, 0.0, 1.0);
    space->count = bits % 7;
    space->hp[3].frozen = (bits & 64) != 0;
    space->hp[4].count = 2;
    space->hp[4].frozen = (bits & 128) != 0;
    space->values_count = 2;
    space->values[1].numeric = true;
    space->values[1].number = 4.0;
}

/* One row: the lowest value of each hyperparameter. */
static void draw_schedule(struct bytes *bytes, struct pbti_config *config)
{
    config->schedule_count = 1;
    for (uint32_t i = 0; i < config->space.count; i++) {
        const struct pbti_hp *const hp = &config->space.hp[i];
        config->schedule[i] = pbti_hp_clip(hp, hp->low + (double)below(bytes, 3));
    }
}

static void draw_config(struct bytes *bytes, struct pbti_config *config)
{
    pbti_config_default(config);
    draw_space(bytes, &config->space);
    uint8_t const bits = take(bytes);
    config->seed = take(bytes);
    config->members = 1 + below(bytes, 6);
    config->control_independent = (bits & 1) != 0 ? 1 : 0;
    config->control_selection_only = (bits & 2) != 0 ? 2 : 0;
    config->steps = 1 + below(bytes, 60);
    config->ready_every = 1 + below(bytes, 9);
    config->max_age = 1 + below(bytes, 90);
    config->burn_in = below(bytes, 8);
    config->maximize = (bits & 4) != 0;
    config->has_target = (bits & 8) != 0;
    config->target = config->maximize ? 90.0 : -90.0;
    config->mode = (bits & 16) != 0 ? PBTI_GENERATIONAL : PBTI_ASYNC;
    config->compare = (bits & 32) != 0 ? PBTI_COMPARE_EQUAL_AGE : PBTI_COMPARE_LATEST;
    config->keep_all = (bits & 64) != 0;
    config->explore_always = (bits & 128) != 0;
    config->keep_top = below(bytes, 3);
    config->reduce = (uint8_t)below(bytes, PBTI_REDUCES);
    config->reduce_last = below(bytes, 3);
    config->exploit = (uint8_t)below(bytes, PBTI_EXPLOITS);
    config->explore = (uint8_t)below(bytes, PBTI_EXPLORES);
    if (config->explore == PBTI_EXPLORE_SCHEDULE) { draw_schedule(bytes, config); }
    config->copy = (uint8_t)(1 + below(bytes, 3));
    config->quantile = (double)below(bytes, 51) / 100.0;
    config->scores_min = 2;
    config->noise = (double)below(bytes, 3);
    config->resample = (double)below(bytes, 3) / 2.0;
    config->gap_min = (double)below(bytes, 2);
    config->retries = below(bytes, 3);
    config->revivals = below(bytes, 3);
    config->plateau = below(bytes, 20);
}

/* Everything that may be changed is changed, and now and then what may not. */
static void draw_amend(struct bytes *bytes, struct study *study)
{
    struct pbti_config *const config = block_of(sizeof *config);
    memcpy(config, pbti_state_config(study->state), sizeof *config);
    config->steps = 1 + below(bytes, 90);
    config->max_age = 1 + below(bytes, 90);
    config->ready_every = 1 + below(bytes, 9);
    config->exploit = (uint8_t)below(bytes, PBTI_EXPLOITS);
    config->quantile = (double)below(bytes, 51) / 100.0;
    config->keep_all = below(bytes, 2) == 1;
    config->retries = below(bytes, 3);
    uint8_t const bits = take(bytes);
    if ((bits & 1) != 0) { config->members = 1 + below(bytes, 9); }
    if ((bits & 14) == 14) { config->keep_top = below(bytes, 3); }
    if ((bits & 112) == 112) { config->mode = (uint8_t)below(bytes, PBTI_MODES); }
    struct pbti_event event = {.type = PBTI_AMEND};
    event.study.config = config;
    (void)fold(study, &event);
    free(config);
}

static double draw_score(struct bytes *bytes)
{
    static const double odd[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, 1e308, -1e308, 5e-324};
    uint8_t const byte = take(bytes);
    return byte < 8 ? odd[byte] : (double)(byte - 128);
}

static void draw_report(struct bytes *bytes, struct study *study, bool done)
{
    double scores[3];
    uint32_t const member = below(bytes, pbti_state_members(study->state));
    const struct pbti_member *const m = pbti_state_member(study->state, member);
    uint8_t const bits = take(bytes);
    struct pbti_event event = {.type = PBTI_REPORT, .time_ms = bits};
    event.report.member = member;
    event.report.segment = m->segment + ((bits & 31) == 31 ? 1 : 0);
    event.report.attempt = m->attempt;
    event.report.claim = m->claim;
    event.report.outcome =
        (uint8_t)(done ? PBTI_OUTCOME_DONE : 1 + below(bytes, PBTI_OUTCOMES - 1));
    event.report.steps = done ? m->claimed_steps : 0;
    event.report.scores = scores;
    event.report.scores_count = bits % 4;
    for (uint32_t i = 0; i < event.report.scores_count; i++) {
        scores[i] = draw_score(bytes);
    }
    (void)fold(study, &event);
}

static void draw_claim(struct bytes *bytes, struct study *study)
{
    struct pbti_checkpoint const nothing = {0, 0, 0};
    uint32_t member = below(bytes, pbti_state_members(study->state) + 8);
    if (member >= pbti_state_members(study->state)) {
        member = pbti_next(study->state, PBTI_NO_MEMBER, nothing);
    }
    if (member == PBTI_NO_MEMBER) { return; }
    const struct pbti_member *const m = pbti_state_member(study->state, member);
    struct pbti_event event = {.type = PBTI_CLAIM};
    event.claim = (struct pbti_event_claim){member, m->segment, m->attempt + 1, 7, 0};
    (void)fold(study, &event);
}

static void draw_release(struct bytes *bytes, struct study *study)
{
    uint32_t const member = below(bytes, pbti_state_members(study->state));
    struct pbti_event event = {.type = PBTI_RELEASE};
    event.release.member = member;
    event.release.claim = pbti_state_member(study->state, member)->claim;
    (void)fold(study, &event);
}

/* The owed decision, or a generation's next, with one thing changed. */
static void draw_decision(struct bytes *bytes, struct study *study)
{
    if (!pbti_decision_due(study->state)) { return; }
    struct pbti_event event;
    pbti_decide(study->state, &event, study->scratch);
    struct pbti_event_decision *const d = &event.decision;
    uint32_t const number = below(bytes, 10);
    switch (below(bytes, 6)) {
    case 0: d->kind = (uint8_t)(number % 4); break;
    case 1: d->opponent = number; break;
    case 2: d->member = number; break;
    case 3: d->copied = (uint8_t)(number % 4); break;
    case 4: study->scratch->values[number] = draw_score(bytes); break;
    default: d->values_count = number; break;
    }
    (void)fold(study, &event);
}

static void try_drawn(struct study *study, struct bytes *bytes)
{
    struct pbti_config *const config = block_of(sizeof *config);
    struct pbti_event event = {.type = PBTI_STUDY};
    draw_config(bytes, config);
    event.study.config = config;
    if (pbti_config_invalid(config) == NULL) { begin(study, &event); }
    free(config);
    for (uint32_t i = 0; study->state != NULL && bytes->left > 0 && i < EVENTS_MAX; i++) {
        uint8_t const what = take(bytes);
        switch (what % 8) {
        case 0:
        case 1: draw_claim(bytes, study); break;
        case 2:
        case 3: draw_report(bytes, study, true); break;
        case 4: draw_report(bytes, study, false); break;
        case 5: draw_release(bytes, study); break;
        case 6: draw_decision(bytes, study); break;
        default: draw_amend(bytes, study); break;
        }
        if ((what & 128) == 0) { decide(study); }
    }
    if (study->state != NULL) { decide(study); }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) { return 0; }
    if (data[0] == 'e') {
        try_event(data + 1, size - 1);
        return 0;
    }
    struct study *const study = block_of(sizeof *study);
    study->state = NULL;
    study->seq = 0;
    study->gone_count = 0;
    study->scratch = new_scratch();
    study->again = new_scratch();
    memset(study->scratch->values, 0, sizeof study->scratch->values);
    memset(study->scratch->moves, 0, sizeof study->scratch->moves);
    struct bytes bytes = {data + 1, size - 1};
    if (data[0] == 'j') {
        try_batch(study, data + 1, size - 1);
    } else {
        try_drawn(study, &bytes);
    }
    free(study->state);
    free(study->again);
    free(study->scratch);
    free(study);
    return 0;
}
