/* SPDX-License-Identifier: Apache-2.0 */
/* spec/spec_keys.c - the manifest's lists as tables, and finding what somebody meant. */
#include "spec/manifest.h"

#include <string.h>

#define WORD_ROW(id, number, name) {.value = (number), .text = (name)},
#define WORDS_TABLE(id, list) static const struct pbti_word words_##id[] = {list(WORD_ROW)};
PBTI_WORDS_LIST(WORDS_TABLE)
#undef WORDS_TABLE
#undef WORD_ROW

static const struct pbti_word words_STRATEGY[] = {
#define STRATEGY_WORD(id, number, name, ...) {.value = (number), .text = (name)},
    PBTI_STRATEGY_LIST(STRATEGY_WORD)
#undef STRATEGY_WORD
};

static const struct pbti_words all_words[] = {[PBTI_WORDS_NONE] = {NULL, 0},
#define WORDS_ROW(id, list)                                                                        \
    [PBTI_WORDS_##id] = {words_##id, sizeof words_##id / sizeof words_##id[0]},
                                              PBTI_WORDS_LIST(WORDS_ROW) WORDS_ROW(STRATEGY, )
#undef WORDS_ROW
};

const struct pbti_key pbti_keys[PBTI_KEYS] = {
#define KEY_ROW(in, key, kind, where, what, which, otherwise, means)                               \
    {.section = PBTI_SECTION_##in,                                                                 \
     .name = #key,                                                                                 \
     .type = PBTI_TYPE_##kind,                                                                     \
     .offset = (where),                                                                            \
     .allowed = what,                                                                              \
     .names = (which),                                                                             \
     .fallback = (otherwise),                                                                      \
     .meaning = means},
    PBTI_KEY_LIST(KEY_ROW)
#undef KEY_ROW
};

const struct pbti_section_info pbti_sections[PBTI_SECTIONS] = {
#define SECTION_ROW(id, where, short_key, over_lines, means)                                       \
    {.path = (where), .brief = (short_key), .block = (over_lines), .meaning = means},
    PBTI_SECTION_LIST(SECTION_ROW)
#undef SECTION_ROW
};

const struct pbti_strategy pbti_strategies[] = {
#define STRATEGY_ROW(id, value, text, exploit, explore, at_every_ready, at_rungs, means)           \
    [value] = {.name = (text),                                                                     \
               .exploits = (exploit),                                                              \
               .explores = (explore),                                                              \
               .always = (at_every_ready),                                                         \
               .rungs = (at_rungs),                                                                \
               .meaning = (means)},
    PBTI_STRATEGY_LIST(STRATEGY_ROW)
#undef STRATEGY_ROW
};
const uint32_t pbti_strategies_count = sizeof pbti_strategies / sizeof pbti_strategies[0];

/* -------- words -------- */

const struct pbti_words *pbti_words(enum pbti_words_id id)
{
    return &all_words[id];
}

const char *pbti_word_text(enum pbti_words_id id, uint32_t value)
{
    const struct pbti_words *const words = pbti_words(id);
    for (uint32_t i = 0; i < words->count; i++) {
        if (words->words[i].value == value) { return words->words[i].text; }
    }
    return "?";
}

bool pbti_word_value(enum pbti_words_id id, const char *text, uint32_t *value)
{
    const struct pbti_words *const words = pbti_words(id);
    for (uint32_t i = 0; i < words->count; i++) {
        if (strcmp(words->words[i].text, text) != 0) { continue; }
        *value = words->words[i].value;
        return true;
    }
    return false;
}

/* -------- keys -------- */

const struct pbti_key *pbti_section_first(enum pbti_section section)
{
    const struct pbti_key *key = pbti_keys;
    while (key->section != section) {
        key++;
    } /* every section has one */
    return key;
}

const struct pbti_key *pbti_key_find(enum pbti_section section, const char *name)
{
    for (uint32_t i = 0; i < PBTI_KEYS; i++) {
        if (pbti_keys[i].section == section && strcmp(pbti_keys[i].name, name) == 0) {
            return &pbti_keys[i];
        }
    }
    return NULL;
}

enum pbti_section pbti_key_section(const struct pbti_key *key)
{
    switch (key->type) {
    case PBTI_TYPE_SECTION: return key->allowed.section;
    case PBTI_TYPE_REDUCE: return PBTI_SECTION_REDUCE;
    case PBTI_TYPE_KEEP: return PBTI_SECTION_KEEP;
    case PBTI_TYPE_SPACE: return PBTI_SECTION_HYPERPARAMETER;
    case PBTI_TYPE_SCHEDULE: return PBTI_SECTION_SCHEDULE;
    default: return PBTI_SECTIONS;
    }
}

enum pbti_section pbti_key_home(const char *name)
{
    enum pbti_section home = PBTI_SECTIONS;
    for (uint32_t i = 0; i < PBTI_KEYS; i++) {
        if (strcmp(pbti_keys[i].name, name) != 0) { continue; }
        if (home != PBTI_SECTIONS) { return PBTI_SECTIONS; }
        home = pbti_keys[i].section;
    }
    return home;
}

/* -------- the nearest word -------- */

#define EDITS_LENGTH_MAX 64u

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

uint32_t pbti_edits(const char *a, const char *b)
{
    size_t const rows = strlen(a);
    size_t const columns = strlen(b);
    if (rows > EDITS_LENGTH_MAX || columns > EDITS_LENGTH_MAX) { return UINT32_MAX; }
    uint32_t table[3][EDITS_LENGTH_MAX + 1]; /* rows i - 2, i - 1 and i, in turn */
    for (uint32_t j = 0; j <= columns; j++) {
        table[0][j] = j;
    }
    for (uint32_t i = 1; i <= rows; i++) {
        uint32_t *const now = table[i % 3];
        const uint32_t *const before = table[(i + 2) % 3];
        const uint32_t *const two_before = table[(i + 1) % 3];
        now[0] = i;
        for (uint32_t j = 1; j <= columns; j++) {
            uint32_t const replace = before[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            now[j] = least(replace, least(before[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                now[j] = least(now[j], two_before[j - 2] + 1);
            }
        }
    }
    return table[rows % 3][columns];
}

void pbti_nearest_offer(struct pbti_nearest *nearest, const char *candidate)
{
    uint32_t const edits = pbti_edits(nearest->wanted, candidate);
    size_t const wanted_length = strlen(nearest->wanted);
    size_t const length = strlen(candidate);
    if (edits > (wanted_length > length ? wanted_length : length) / 3) { return; }
    if (nearest->found == NULL || edits < nearest->edits) {
        nearest->found = candidate;
        nearest->edits = edits;
    }
}
