/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate_learn.c - learning subwords, see translate_subwords.h.
 *
 * Each distinct piece is kept once, with its frequency. A pair knows its count and the pieces it
 * was seen in, so that a merge visits those only. The best pair comes from a heap whose counts may
 * be too high but never too low: a pair whose count fell goes back with the right one when it comes
 * up, and one whose count rose is entered again.
 */
#include "nn/nn_base.h"
#include "translate/translate_subwords.h"
#include "translate/translate_table.h"

#include <stdlib.h>
#include <string.h>

enum { BYTES = 256 };

struct word {
    size_t at; /* its first symbol */
    uint32_t length;
    uint64_t times;
    uint32_t visited; /* the last merge that was applied to it, from 1 */
};

struct pair {
    uint32_t left, right;
    uint64_t count;
    uint64_t entered; /* the greatest count it stands in the heap with; 0: it does not */
    uint32_t *words;
    size_t word_count, word_capacity;
};

struct entry {
    uint64_t count;
    uint32_t pair;
};

struct learner {
    struct pbti_subwords *subwords;
    struct pbti_text_map pieces;
    struct word *words;
    size_t words_capacity;
    uint32_t *symbols; /* of all words behind each other */
    struct pbti_pair_map index;
    struct pair *pairs;
    size_t pair_count, pair_capacity;
    struct entry *heap;
    size_t heap_count, heap_capacity;
    uint32_t *touched; /* pairs whose count may have risen */
    size_t touched_count, touched_capacity;
    bool failed; /* no memory */
};

/* -------- the heap -------- */

static int compare_bytes(const struct pbti_subwords *s, uint32_t a, uint32_t b)
{
    size_t a_size, b_size;
    const char *const a_bytes = pbti_subword_symbol(s, a, &a_size);
    const char *const b_bytes = pbti_subword_symbol(s, b, &b_size);
    int const order = memcmp(a_bytes, b_bytes, a_size < b_size ? a_size : b_size);
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

/* Does entry a come before b? */
static bool before(const struct learner *l, struct entry a, struct entry b)
{
    if (a.count != b.count) { return a.count > b.count; }
    const struct pair *const p = &l->pairs[a.pair], *const q = &l->pairs[b.pair];
    int const left = compare_bytes(l->subwords, p->left, q->left);
    return left != 0 ? left < 0 : compare_bytes(l->subwords, p->right, q->right) < 0;
}

static void push(struct learner *l, uint32_t pair)
{
    struct entry const entry = {l->pairs[pair].count, pair};
    if (!pbti_map_grow(&l->heap, sizeof l->heap[0], l->heap_count, &l->heap_capacity)) {
        l->failed = true;
        return;
    }
    l->pairs[pair].entered = entry.count;
    size_t at = l->heap_count++;
    while (at > 0 && before(l, entry, l->heap[(at - 1) / 2])) {
        l->heap[at] = l->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    l->heap[at] = entry;
}

static struct entry pop(struct learner *l)
{
    struct entry const top = l->heap[0];
    struct entry const last = l->heap[--l->heap_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= l->heap_count) { break; }
        if (child + 1 < l->heap_count && before(l, l->heap[child + 1], l->heap[child])) { child++; }
        if (!before(l, l->heap[child], last)) { break; }
        l->heap[at] = l->heap[child];
        at = child;
    }
    if (l->heap_count > 0) { l->heap[at] = last; }
    return top;
}

/* The best pair with its true count; false: none is left that occurs twice. */
static bool best(struct learner *l, uint32_t *pair)
{
    while (l->heap_count > 0 && !l->failed) {
        struct entry const top = pop(l);
        struct pair *const p = &l->pairs[top.pair];
        if (top.count != p->entered) { continue; } /* it was entered again since, or taken */
        p->entered = 0;
        if (top.count == p->count) {
            *pair = top.pair;
            return p->count >= 2;
        }
        if (p->count >= 2) { push(l, top.pair); }
    }
    return false;
}

/* -------- counts -------- */

static uint32_t need_pair(struct learner *l, uint32_t left, uint32_t right)
{
    uint64_t const key = pbti_subword_pair(left, right);
    uint32_t const known = pbti_pair_map_get(&l->index, key);
    if (known != PBTI_MAP_NONE) { return known; }
    uint32_t const at = (uint32_t)l->pair_count;
    if (!pbti_map_grow(&l->pairs, sizeof l->pairs[0], l->pair_count, &l->pair_capacity) ||
        !pbti_pair_map_add(&l->index, key, at)) {
        l->failed = true;
        return 0;
    }
    l->pairs[l->pair_count++] = (struct pair){.left = left, .right = right};
    return at;
}

/* Add the pairs of a word; those with `made` (or all, for BYTES + merges) note the word. */
static void add_word(struct learner *l, uint32_t number, bool all, uint32_t made)
{
    const struct word *const word = &l->words[number];
    const uint32_t *const s = l->symbols + word->at;
    for (uint32_t i = 0; i + 1 < word->length && !l->failed; i++) {
        uint32_t const at = need_pair(l, s[i], s[i + 1]);
        if (l->failed) { return; }
        struct pair *const pair = &l->pairs[at];
        pair->count += word->times;
        if (!all && s[i] != made && s[i + 1] != made) { continue; }
        l->failed = !pbti_map_grow(&pair->words, sizeof pair->words[0], pair->word_count,
                                   &pair->word_capacity) ||
                    !pbti_map_grow(&l->touched, sizeof l->touched[0], l->touched_count,
                                   &l->touched_capacity);
        if (l->failed) { return; }
        pair->words[pair->word_count++] = number;
        l->touched[l->touched_count++] = at;
    }
}

static void remove_word(struct learner *l, uint32_t number)
{
    const struct word *const word = &l->words[number];
    const uint32_t *const s = l->symbols + word->at;
    for (uint32_t i = 0; i + 1 < word->length; i++) {
        uint32_t const at = pbti_pair_map_get(&l->index, pbti_subword_pair(s[i], s[i + 1]));
        l->pairs[at].count -= word->times;
    }
}

/* Enter the pairs whose count is above what the heap has. */
static void enter_touched(struct learner *l)
{
    for (size_t i = 0; i < l->touched_count && !l->failed; i++) {
        const struct pair *const pair = &l->pairs[l->touched[i]];
        if (pair->count > pair->entered) { push(l, l->touched[i]); }
    }
    l->touched_count = 0;
}

/* -------- words -------- */

static void count_line(struct learner *l, const char *line, size_t size, char *buffer)
{
    size_t at = 0, length;
    while (!l->failed && (length = pbti_subword_piece(line, size, &at, buffer)) > 0) {
        uint32_t const before = l->pieces.count;
        uint32_t const number = pbti_text_map_put(&l->pieces, buffer, length);
        l->failed = number == PBTI_MAP_NONE ||
                    !pbti_map_grow(&l->words, sizeof l->words[0], number, &l->words_capacity);
        if (l->failed) { return; }
        if (number == before) { l->words[number] = (struct word){.times = 0}; }
        l->words[number].times++;
    }
}

static void count_words(struct learner *l, const struct pbti_lines *const *texts, size_t text_count)
{
    size_t longest = 0, size;
    for (size_t t = 0; t < text_count; t++) {
        for (uint32_t i = 0; i < texts[t]->count; i++) {
            (void)pbti_line(texts[t], i, &size);
            longest = size > longest ? size : longest;
        }
    }
    char *const buffer = malloc(longest + 1);
    l->failed = buffer == NULL;
    for (size_t t = 0; t < text_count && !l->failed; t++) {
        for (uint32_t i = 0; i < texts[t]->count; i++) {
            const char *const line = pbti_line(texts[t], i, &size);
            count_line(l, line, size, buffer);
        }
    }
    free(buffer);
}

static void begin(struct learner *l)
{
    size_t const total = l->pieces.count == 0 ? 0 : l->pieces.starts[l->pieces.count];
    l->symbols = malloc((total + 1) * sizeof l->symbols[0]);
    l->failed = l->failed || l->symbols == NULL;
    for (uint32_t w = 0; w < l->pieces.count && !l->failed; w++) {
        size_t size;
        const char *const text = pbti_text_map_at(&l->pieces, w, &size);
        l->words[w].at = l->pieces.starts[w];
        l->words[w].length = (uint32_t)size;
        for (size_t i = 0; i < size; i++) {
            l->symbols[l->words[w].at + i] = (unsigned char)text[i];
        }
        add_word(l, w, true, 0);
    }
    enter_touched(l);
}

/* -------- merging -------- */

static void merge_word(struct learner *l, uint32_t number, const struct pair *pair, uint32_t made)
{
    struct word *const word = &l->words[number];
    uint32_t *const s = l->symbols + word->at;
    uint32_t kept = 0;
    remove_word(l, number);
    for (uint32_t i = 0; i < word->length; kept++) {
        bool const here = i + 1 < word->length && s[i] == pair->left && s[i + 1] == pair->right;
        s[kept] = here ? made : s[i];
        i += here ? 2 : 1;
    }
    word->length = kept;
    add_word(l, number, false, made);
}

/* Returns PBT_OK also when no memory was left: see `failed`. */
static pbt_status merge_best(struct learner *l, uint32_t best_pair, struct pbt_error *err)
{
    struct pair const pair = l->pairs[best_pair]; /* the array moves */
    uint32_t made;
    pbt_status const status =
        pbti_subwords_append(l->subwords, pair.left, pair.right, pair.count, &made, err);
    if (status != PBT_OK) { return status; }
    l->pairs[best_pair].words = NULL;
    l->pairs[best_pair].word_count = 0;
    l->pairs[best_pair].word_capacity = 0;
    uint32_t const mark = l->subwords->merge_count;
    for (size_t i = 0; i < pair.word_count && !l->failed; i++) {
        struct word *const word = &l->words[pair.words[i]];
        if (word->visited == mark) { continue; }
        word->visited = mark;
        merge_word(l, pair.words[i], &pair, made);
    }
    free(pair.words);
    enter_touched(l);
    return PBT_OK;
}

static void finish(struct learner *l)
{
    for (size_t i = 0; i < l->pair_count; i++) {
        free(l->pairs[i].words);
    }
    pbti_text_map_deinit(&l->pieces);
    pbti_pair_map_deinit(&l->index);
    free(l->words);
    free(l->symbols);
    free(l->pairs);
    free(l->heap);
    free(l->touched);
}

pbt_status pbti_subwords_learn(struct pbti_subwords *subwords,
                               const struct pbti_lines *const *texts, size_t text_count,
                               uint32_t vocabulary, struct pbt_error *err)
{
    uint32_t const wanted =
        vocabulary < PBTI_SUBWORDS_MERGES ? 0 : vocabulary - PBTI_SUBWORDS_MERGES;
    pbt_status status = pbti_subwords_init(subwords, wanted, err);
    if (status != PBT_OK) { return status; }
    struct learner l = {.subwords = subwords};
    count_words(&l, texts, text_count);
    begin(&l);
    uint32_t pair;
    while (status == PBT_OK && !l.failed && subwords->merge_count < wanted && best(&l, &pair)) {
        status = merge_best(&l, pair, err);
    }
    if (status == PBT_OK && l.failed) {
        status = pbti_nn_fail(err, PBT_ENOMEM, "no memory to learn subwords");
    }
    if (status == PBT_OK && subwords->merge_count < wanted) {
        status = pbti_nn_fail(err, PBT_EINVAL, "\"vocab\" is %u; the texts allow at most %u",
                              vocabulary, pbti_subwords_vocabulary(subwords));
    }
    finish(&l);
    if (status != PBT_OK) { pbti_subwords_deinit(subwords); }
    return status;
}
