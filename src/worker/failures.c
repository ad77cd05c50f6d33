/* SPDX-License-Identifier: Apache-2.0 */
/* worker/failures.c - whose failure is it? See failures.h. */
#include "worker/failures.h"

#include "base/fail.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const char *pbti_owner_name(uint8_t owner)
{
    switch (owner) {
#define OWNER_NAME(name, value, text)                                                              \
    case name: return text;
        PBTI_OWNER_LIST(OWNER_NAME)
#undef OWNER_NAME
    default: return "?";
    }
}

pbt_status pbti_failures_init(struct pbti_failures *failures, uint32_t slots, uint32_t unit_ms,
                              struct pbt_error *err)
{
    *failures = (struct pbti_failures){
        .alike_max = slots > PBTI_ALIKE_MIN ? slots : PBTI_ALIKE_MIN,
        .unit_ms = unit_ms > 0 ? unit_ms : PBTI_PAUSE_MS,
    };
    failures->members = calloc(failures->alike_max, sizeof *failures->members);
    return failures->members != NULL ? PBT_OK
                                     : PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory for failures");
}

void pbti_failures_deinit(struct pbti_failures *failures)
{
    free(failures->members);
    *failures = (struct pbti_failures){0};
}

void pbti_failures_success(struct pbti_failures *failures)
{
    failures->succeeded = true;
    failures->in_a_row = 0;
    failures->alike = failures->members_count = 0;
}

bool pbti_failures_names(const struct pbti_failures *failures, uint32_t member)
{
    for (uint32_t i = 0; i < failures->members_count; i++) {
        if (failures->members[i] == member) { return true; }
    }
    return false;
}

void pbti_failures_forget(struct pbti_failures *failures, uint32_t member)
{
    for (uint32_t i = 0; i < failures->members_count; i++) {
        if (failures->members[i] != member) { continue; }
        failures->members[i] = failures->members[--failures->members_count];
        return;
    }
}

/* -------- alike -------- */

/* The last line of a message; a run of digits becomes one 0, since steps, process numbers and
 * addresses differ where the cause is the same. */
static void last_line(struct pbti_text message, char *line, size_t size)
{
    size_t begin = 0, used = 0;
    for (size_t i = 0; i + 1 < message.size; i++) {
        if (message.data[i] == '\n') { begin = i + 1; }
    }
    for (size_t i = begin; i < message.size && used + 1 < size; i++) {
        unsigned char const c = (unsigned char)message.data[i];
        if (isdigit(c) && used > 0 && line[used - 1] == '0') { continue; }
        line[used++] = isdigit(c) ? '0' : (char)c;
    }
    line[used] = '\0';
}

static void add_member(struct pbti_failures *failures, uint32_t member)
{
    if (pbti_failures_names(failures, member)) { return; }
    if (failures->members_count < failures->alike_max) {
        failures->members[failures->members_count++] = member;
    }
}

/* Count it with those before it that were alike. */
static void count_alike(struct pbti_failures *failures, const struct pbti_failure *failure)
{
    char line[sizeof failures->line];
    last_line(failure->message, line, sizeof line);
    bool const same = failures->alike > 0 && failures->outcome == failure->outcome &&
                      strcmp(failures->line, line) == 0;
    if (!same) {
        failures->mixed = failures->mixed || failures->alike > 0;
        failures->alike = 0;
        failures->members_count = 0;
        failures->outcome = failure->outcome;
        memcpy(failures->line, line, sizeof line);
    }
    failures->alike++;
    add_member(failures, failure->member);
}

/* -------- the verdict -------- */

/* The trainer's own word on these hyperparameters. */
static bool is_about_values(uint8_t outcome)
{
    return outcome == PBTI_OUTCOME_NAN || outcome == PBTI_OUTCOME_OOM ||
           outcome == PBTI_OUTCOME_CONFIG || outcome == PBTI_OUTCOME_IN_FORCE;
}

/* Did all that this worker has run fail alike? */
static bool is_first_and_alike(const struct pbti_failures *failures)
{
    return !failures->succeeded && !failures->mixed;
}

/* So many, and of different members where there are so many? */
static bool is_enough(const struct pbti_failures *failures, const struct pbti_failure *failure)
{
    uint32_t const wanted =
        failure->members_left < failures->alike_max ? failure->members_left : failures->alike_max;
    return failures->alike >= failures->alike_max && failures->members_count >= wanted;
}

static uint8_t owner_of(const struct pbti_failures *failures, const struct pbti_failure *failure)
{
    bool const depends = failure->origin == PBTI_ORIGIN_ONE_SHOT ||
                         failure->origin == PBTI_ORIGIN_LOAD; /* on whether others fare better */
    switch ((enum pbti_origin)failure->origin) {
    case PBTI_ORIGIN_START:
    case PBTI_ORIGIN_PROGRAM:
    case PBTI_ORIGIN_MACHINE: return PBTI_OWNER_WORKER;
    case PBTI_ORIGIN_TRAINER:
    case PBTI_ORIGIN_ONE_SHOT:
    case PBTI_ORIGIN_LOAD: break;
    }
    if (is_first_and_alike(failures)) {
        if (is_enough(failures, failure) || failure->is_last || depends) {
            return failure->study_succeeded ? PBTI_OWNER_WORKER : PBTI_OWNER_STUDY;
        }
        return PBTI_OWNER_MEMBER; /* it has further attempts */
    }
    /* A few members may fail alike for their values; a checkpoint that is gone is not theirs. */
    uint32_t const several = failure->origin == PBTI_ORIGIN_LOAD ? 2 : failures->alike_max;
    bool const spreads = failures->members_count >= several && !is_about_values(failure->outcome);
    return spreads ? PBTI_OWNER_WORKER : PBTI_OWNER_MEMBER;
}

static uint32_t pause_after(const struct pbti_failures *failures, uint32_t count)
{
    uint32_t pauses = 1;
    for (uint32_t i = 0; i < count && pauses < PBTI_PAUSE_LONGEST; i++) {
        pauses *= 2;
    }
    return failures->unit_ms * (pauses < PBTI_PAUSE_LONGEST ? pauses : PBTI_PAUSE_LONGEST);
}

/* Count a failure of the place; does the worker leave? */
static bool count_place(struct pbti_failures *failures, const struct pbti_failure *failure)
{
    uint64_t const now = failure->now_ms;
    bool const together =
        failures->in_a_row > 0 &&
        now - failures->last_ms < (uint64_t)PBTI_PLACE_TOGETHER * failures->unit_ms;
    if (!together) {
        if (failures->in_a_row == 0) { failures->row_since_ms = now; }
        failures->in_a_row++;
        failures->last_ms = now;
    }
    bool const patient =
        failures->succeeded &&
        now - failures->row_since_ms < (uint64_t)PBTI_PLACE_PATIENCE * failures->unit_ms;
    return failures->in_a_row >= PBTI_PLACE_ROW && !patient;
}

struct pbti_failure_verdict pbti_failures_judge(struct pbti_failures *failures,
                                                const struct pbti_failure *failure)
{
    count_alike(failures, failure);
    struct pbti_failure_verdict verdict = {.owner = owner_of(failures, failure)};
    if (verdict.owner == PBTI_OWNER_MEMBER) { return verdict; }
    verdict.pause_ms = pause_after(failures, failure->slot_failures);
    if (verdict.owner == PBTI_OWNER_STUDY) {
        verdict.ending = is_enough(failures, failure) ? PBTI_ENDS_RUN : PBTI_ENDS_NOTHING;
    } else if (count_place(failures, failure)) {
        verdict.ending = PBTI_ENDS_WORKER;
    }
    return verdict;
}
