/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_protocol.c - whatever a trainer may send: lines of the protocol and one-shot
 * results.
 *
 * Each line of the input is parsed as a message; the whole input as a result. What is accepted must
 * keep the promises of trainer/message.h, and what is refused must say why.
 */
#include "trainer/message.h"
#include "trainer/oneshot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) { abort(); }
}

static void check_message(const struct pbti_message *message)
{
    require(message->kind == PBTI_SAYS_HELLO || message->task != NULL ||
            message->kind == PBTI_SAYS_DONE);
    require(message->scores_count <= PBTI_SCORES_MAX);
    for (uint32_t i = 0; i < message->scores_count; i++) {
        require(isnan(message->scores[i]) || message->scores[i] <= (double)INFINITY);
    }
    if (message->kind == PBTI_SAYS_HELLO) {
        require(message->rank < message->ranks && message->ranks <= PBTI_RANKS_MAX);
    }
    if (message->kind == PBTI_SAYS_PROGRESS) { require(message->step <= PBTI_STEPS_MAX); }
    if (message->kind == PBTI_SAYS_ERROR) {
        require(message->text != NULL && message->outcome != PBTI_OUTCOME_DONE);
    }
}

static void check_in_force(const struct pbti_message *message)
{
    struct pbti_space space = {.count = 1};
    double const value = 0.5;
    char text[200] = "";
    space.hp[0] = (struct pbti_hp){.name = "lr", .kind = PBTI_HP_LINEAR, .high = 1.0};
    uint32_t const differs =
        pbti_in_force_differs(&space, &value, message->in_force, NULL, text, sizeof text);
    require((differs != 0) == (text[0] != '\0'));
}

static void try_text(const char *text, size_t size, bool result)
{
    struct pbti_message message;
    struct pbt_error err = {.message = ""};
    pbt_status const status = result ? pbti_message_parse_result(text, size, &message, &err)
                                     : pbti_message_parse(text, size, &message, &err);
    if (status == PBT_OK) {
        check_message(&message);
        if (message.in_force != NULL) { check_in_force(&message); }
    } else {
        require(err.message[0] != '\0' && message.root == NULL);
    }
    pbti_message_release(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *const text = (const char *)data;
    struct pbti_last_line last = {0};
    for (size_t begin = 0; begin <= size;) {
        const char *const end = size > begin ? memchr(text + begin, '\n', size - begin) : NULL;
        size_t const length = end != NULL ? (size_t)(end - text) - begin : size - begin;
        /* a block of its own size: reading past the end is seen */
        char *const line = malloc(length > 0 ? length : 1);
        require(line != NULL);
        if (length > 0) { memcpy(line, text + begin, length); }
        try_text(line, length, false);
        free(line);
        begin += length + 1;
    }
    try_text(text, size, true);
    pbti_last_line_add(&last, text, size);
    struct pbti_text const line = pbti_last_line_end(&last);
    require(line.size <= PBTI_RESULT_LINE_MAX);
    if (line.size > 0) { try_text(line.data, line.size, true); }
    pbti_last_line_free(&last);
    return 0;
}
