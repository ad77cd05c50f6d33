/* SPDX-License-Identifier: Apache-2.0 */
/* translate_made.c - a made language and its translation, see translate_made.h. */
#include "translate/translate_made.h"
#include "nn/nn_base.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { NOUNS = 24, VERBS = 12, ADJECTIVES = 10, PARTS = 3, LINE_MAX_SIZE = 200 };

static const char *const sources[] = {"ba", "do", "fi", "ga", "ku", "lo", "me", "ni",
                                      "pa", "ro", "su", "ta", "vi", "wo", "ze", "ka"};
static const char *const targets[] = {"sch", "ein", "ach", "ort", "ung", "ilm", "eft", "und",
                                      "erk", "ast", "olz", "ing", "urm", "and", "eck", "öhn"};

/* Random bits of a counter: splitmix64's output function (Steele et al. 2014). */
static uint64_t bits(uint64_t counter)
{
    uint64_t z = (counter + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

struct dice {
    uint64_t counter;
};

static uint32_t roll(struct dice *dice, uint32_t sides)
{
    return (uint32_t)((bits(dice->counter++) >> 32) * sides >> 32);
}

/* Two sentences that grow together. */
struct lines {
    char source[LINE_MAX_SIZE], target[LINE_MAX_SIZE];
};

static void say(char *line, const char *a, const char *b, const char *c)
{
    size_t const used = strlen(line);
    (void)snprintf(line + used, LINE_MAX_SIZE - used, "%s%s%s%s", used == 0 ? "" : " ", a, b, c);
}

static void stop(char *line)
{
    size_t const used = strlen(line);
    (void)snprintf(line + used, LINE_MAX_SIZE - used, ".");
}

/* A word of two syllables; nouns, verbs and adjectives end differently. */
static void word(char *line, const char *const *syllables, uint32_t number, const char *ending)
{
    say(line, syllables[number % 16], syllables[(number * 7 + number / 16 * 3 + 5) % 16], ending);
}

static void noun_phrase(struct lines *lines, struct dice *dice)
{
    static const char *const articles[] = {"der", "die", "das"};
    static const char *const endings[] = {"er", "e", "es"};
    uint32_t const noun = roll(dice, NOUNS), gender = noun % 3;
    uint32_t const adjective = roll(dice, 2 * ADJECTIVES);
    bool const near = roll(dice, 2) != 0;
    say(lines->source, near ? "this" : "the", "", "");
    if (adjective < ADJECTIVES) { word(lines->source, sources, 40 + adjective, "y"); }
    word(lines->source, sources, noun, "");
    say(lines->target, near ? "jen" : "", near ? endings[gender] : articles[gender], "");
    word(lines->target, targets, noun, "");
    if (adjective < ADJECTIVES) { word(lines->target, targets, 40 + adjective, endings[gender]); }
}

static void clause(struct lines *lines, struct dice *dice)
{
    uint32_t const verb = roll(dice, VERBS);
    bool const negated = roll(dice, 5) == 0;
    noun_phrase(lines, dice);
    if (negated) { say(lines->source, "not", "", ""); }
    word(lines->source, sources, 24 + verb, "s");
    noun_phrase(lines, dice);
    if (negated) { say(lines->target, "nicht", "", ""); }
    word(lines->target, targets, 24 + verb, "t");
}

static void sentence(struct lines *lines, struct dice *dice)
{
    lines->source[0] = '\0';
    lines->target[0] = '\0';
    clause(lines, dice);
    if (roll(dice, 3) == 0) {
        say(lines->source, "and", "", "");
        say(lines->target, "und", "", "");
        clause(lines, dice);
    }
    stop(lines->source);
    stop(lines->target);
}

/* The part that a sentence belongs to: by what it says, so that none is in two. */
static uint32_t part_of(const char *source)
{
    uint64_t const bucket = XXH3_64bits(source, strlen(source)) % 16;
    return bucket < 14 ? 0 : bucket == 14 ? 1 : 2;
}

pbt_status pbti_translate_made(uint32_t part, struct pbti_lines text[2], struct pbt_error *err)
{
    static const uint32_t counts[PARTS] = {PBTI_MADE_TRAIN, PBTI_MADE_DEV, PBTI_MADE_TEST};
    size_t const room = (size_t)counts[part] * LINE_MAX_SIZE;
    char *const all[2] = {malloc(room), malloc(room)};
    size_t used[2] = {0, 0};
    pbt_status status = all[0] == NULL || all[1] == NULL
                            ? pbti_nn_fail(err, PBT_ENOMEM, "no memory for the made language")
                            : PBT_OK;
    struct dice dice = {(uint64_t)part << 40};
    struct lines lines;
    for (uint32_t i = 0; i < counts[part] && status == PBT_OK;) {
        sentence(&lines, &dice);
        if (part_of(lines.source) != part) { continue; }
        const char *const sides[2] = {lines.source, lines.target};
        for (size_t side = 0; side < 2; side++) {
            size_t const size = strlen(sides[side]);
            memcpy(all[side] + used[side], sides[side], size);
            all[side][used[side] + size] = '\n';
            used[side] += size + 1;
        }
        i++;
    }
    memset(text, 0, 2 * sizeof text[0]);
    for (size_t side = 0; side < 2 && status == PBT_OK; side++) {
        status = pbti_lines_copy(&text[side], all[side], used[side], "the made language", err);
        if (status != PBT_OK && side == 1) { pbti_lines_deinit(&text[0]); }
    }
    free(all[0]);
    free(all[1]);
    return status;
}
