/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate_bleu.c - BLEU and chrF, see translate_bleu.h.
 *
 * An n-gram is a stretch of the text of tokens, and is known by a hash of 64 bits of its bytes: two
 * of the some hundred in a segment have the same by chance once in 10^14 segments. Sorted hashes
 * of both sides are counted against each other.
 */
#include "translate/translate_bleu.h"
#include "nn/nn_base.h"
#include "translate/translate_utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static pbt_status no_memory(struct pbt_error *err)
{
    return pbti_nn_fail(err, PBT_ENOMEM, "no memory for a score");
}

/* -------- tokens -------- */

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Without the white space at its end. */
static size_t stripped(struct pbti_bleu_text text)
{
    size_t end = 0;
    for (size_t at = 0; at < text.size;) {
        uint32_t code = 0;
        size_t const length = pbti_utf8_character(text.text + at, text.size - at, &code);
        at += length == 0 ? 1 : length;
        if (length == 0 || !pbti_utf8_space(code)) { end = at; }
    }
    return end;
}

/* Replace `from` by the shorter `to` everywhere, in place; returns the new size. */
static size_t replace(char *text, size_t size, const char *from, const char *to)
{
    size_t const from_size = strlen(from), to_size = strlen(to);
    size_t kept = 0;
    for (size_t at = 0; at < size;) {
        if (at + from_size <= size && memcmp(text + at, from, from_size) == 0) {
            memcpy(text + kept, to, to_size);
            kept += to_size;
            at += from_size;
        } else {
            text[kept++] = text[at++];
        }
    }
    return kept;
}

static bool set_apart(char c)
{
    return c != '\0' && strchr("{|}~[\\]^_` !\"#$%&()*+:;<=>?@/", c) != NULL;
}

/* Each pass reads `from` and writes `to`, which has room for three times as much. */
static size_t space_symbols(const char *from, size_t size, char *to)
{
    size_t out = 0;
    for (size_t i = 0; i < size; i++) {
        bool const apart = set_apart(from[i]);
        if (apart) { to[out++] = ' '; }
        to[out++] = from[i];
        if (apart) { to[out++] = ' '; }
    }
    return out;
}

static bool point(char c)
{
    return c == '.' || c == ',';
}

/* A point or comma behind something that is no digit. */
static size_t space_after(const char *from, size_t size, char *to)
{
    size_t out = 0;
    for (size_t i = 0; i < size; i++) {
        to[out++] = from[i];
        if (i + 1 < size && !digit(from[i]) && point(from[i + 1])) {
            to[out++] = ' ';
            to[out++] = from[++i];
            to[out++] = ' ';
        }
    }
    return out;
}

/* A point or comma before something that is no digit. */
static size_t space_before(const char *from, size_t size, char *to)
{
    size_t out = 0;
    for (size_t i = 0; i < size; i++) {
        if (i + 1 < size && point(from[i]) && !digit(from[i + 1])) {
            to[out++] = ' ';
            to[out++] = from[i++];
            to[out++] = ' ';
        }
        to[out++] = from[i];
    }
    return out;
}

/* A dash behind a digit. */
static size_t space_dash(const char *from, size_t size, char *to)
{
    size_t out = 0;
    for (size_t i = 0; i < size; i++) {
        to[out++] = from[i];
        if (i + 1 < size && digit(from[i]) && from[i + 1] == '-') {
            to[out++] = ' ';
            to[out++] = from[++i];
            to[out++] = ' ';
        }
    }
    return out;
}

/* One space between tokens and none around; in place. */
static size_t squeeze(char *text, size_t size)
{
    size_t kept = 0;
    bool gap = false;
    for (size_t at = 0; at < size;) {
        uint32_t code = 0;
        size_t length = pbti_utf8_character(text + at, size - at, &code);
        if (length == 0) { length = 1; }
        if (pbti_utf8_space(code)) {
            gap = kept > 0;
        } else {
            if (gap) { text[kept++] = ' '; }
            gap = false;
            memmove(text + kept, text + at, length);
            kept += length;
        }
        at += length;
    }
    return kept;
}

char *pbti_bleu_tokens(struct pbti_bleu_text text, size_t *size)
{
    size_t length = stripped(text);
    /* no pass writes more than three times what it reads, and they do not add up: a character gets
     * at most four spaces around it in all of them */
    size_t const room = 5 * length + 64;
    char *const a = malloc(room), *const b = malloc(room);
    if (a == NULL || b == NULL) {
        free(a);
        free(b);
        return NULL;
    }
    if (length > 0) { memcpy(a, text.text, length); }
    length = replace(a, length, "<skipped>", "");
    length = replace(a, length, "-\n", "");
    if (memchr(a, '&', length) != NULL) {
        length = replace(a, length, "&quot;", "\"");
        length = replace(a, length, "&amp;", "&");
        length = replace(a, length, "&lt;", "<");
        length = replace(a, length, "&gt;", ">");
    }
    memmove(a + 1, a, length);
    a[0] = ' ';
    a[length + 1] = ' ';
    length = space_symbols(a, length + 2, b);
    length = space_after(b, length, a);
    length = space_before(a, length, b);
    length = space_dash(b, length, a);
    free(b);
    *size = squeeze(a, length);
    return a;
}

/* -------- n-grams -------- */

/* Places in a text: piece i is text[starts[i] .. ends[i]). */
struct pieces {
    char *text;
    size_t *starts, *ends;
    size_t count;
    uint64_t *hashes; /* shape (count): scratch of the n-grams of one order */
};

static void drop(struct pieces *p)
{
    free(p->text);
    free(p->starts);
    free(p->ends);
    free(p->hashes);
}

/* Cut into pieces: at spaces, or into characters. Owns `text`. */
static bool cut(struct pieces *p, char *text, size_t size, bool characters)
{
    *p = (struct pieces){.text = text};
    if (text == NULL) { return false; }
    p->starts = malloc((size + 1) * sizeof p->starts[0]);
    p->ends = malloc((size + 1) * sizeof p->ends[0]);
    p->hashes = malloc((size + 1) * sizeof p->hashes[0]);
    if (p->starts == NULL || p->ends == NULL || p->hashes == NULL) { return false; }
    for (size_t at = 0; at < size;) {
        uint32_t code;
        size_t length;
        if (characters) {
            length = pbti_utf8_character(text + at, size - at, &code);
            length = length == 0 ? 1 : length;
        } else {
            const char *const space = memchr(text + at, ' ', size - at);
            length = space == NULL ? size - at : (size_t)(space - text) - at;
        }
        p->starts[p->count] = at;
        p->ends[p->count++] = at + length;
        at += length + (characters ? 0 : 1);
    }
    return true;
}

static int compare(const void *a, const void *b)
{
    uint64_t const x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Sorted hashes of the n-grams; returns how many there are. */
static size_t grams(struct pieces *p, size_t n)
{
    size_t const count = p->count < n ? 0 : p->count - n + 1;
    for (size_t i = 0; i < count; i++) {
        p->hashes[i] = XXH3_64bits(p->text + p->starts[i], p->ends[i + n - 1] - p->starts[i]);
    }
    qsort(p->hashes, count, sizeof p->hashes[0], compare);
    return count;
}

/* How often the sorted hashes[*at..count) have `hash`; *at moves up to what is greater. */
static size_t times(const uint64_t *hashes, size_t count, size_t *at, uint64_t hash)
{
    while (*at < count && hashes[*at] < hash) {
        ++*at;
    }
    size_t found = 0;
    while (*at < count && hashes[*at] == hash) {
        ++*at;
        found++;
    }
    return found;
}

/* Matches of order n, each n-gram clipped by the reference that has it most often. */
static size_t matches(struct pieces *hypothesis, struct pieces *references, size_t count,
                      size_t *places, size_t n, size_t *total)
{
    *total = grams(hypothesis, n);
    size_t found = 0, at = 0;
    for (size_t r = 0; r < count; r++) {
        (void)grams(&references[r], n);
        places[r] = 0;
    }
    while (at < *total) {
        uint64_t const hash = hypothesis->hashes[at];
        size_t const mine = times(hypothesis->hashes, *total, &at, hash);
        size_t theirs = 0;
        for (size_t r = 0; r < count; r++) {
            size_t const all = references[r].count < n ? 0 : references[r].count - n + 1;
            size_t const here = times(references[r].hashes, all, &places[r], hash);
            theirs = here > theirs ? here : theirs;
        }
        found += mine < theirs ? mine : theirs;
    }
    return found;
}

/* -------- BLEU -------- */

/* The length closest to the hypothesis's; of two the shorter. */
static size_t closest(const struct pieces *references, size_t count, size_t length)
{
    size_t best = references[0].count;
    for (size_t r = 1; r < count; r++) {
        size_t const other = references[r].count;
        size_t const far = best > length ? best - length : length - best;
        size_t const near = other > length ? other - length : length - other;
        if (near < far || (near == far && other < best)) { best = other; }
    }
    return best;
}

pbt_status pbti_bleu_add(struct pbti_bleu *bleu, struct pbti_bleu_text hypothesis,
                         const struct pbti_bleu_text *references, size_t count,
                         struct pbt_error *err)
{
    struct pieces mine = {0};
    struct pieces *const theirs = calloc(count, sizeof theirs[0]);
    size_t *const places = calloc(count, sizeof places[0]);
    size_t size = 0;
    char *const tokens = pbti_bleu_tokens(hypothesis, &size);
    bool good = cut(&mine, tokens, size, false) && theirs != NULL && places != NULL;
    for (size_t r = 0; r < count && good; r++) {
        char *const others = pbti_bleu_tokens(references[r], &size);
        good = cut(&theirs[r], others, size, false);
    }
    if (good) {
        bleu->hypothesis += mine.count;
        bleu->reference += closest(theirs, count, mine.count);
        for (size_t n = 1; n <= PBTI_BLEU_ORDER; n++) {
            size_t total;
            bleu->matches[n - 1] += matches(&mine, theirs, count, places, n, &total);
            bleu->totals[n - 1] += total;
        }
    }
    drop(&mine);
    for (size_t r = 0; theirs != NULL && r < count; r++) {
        drop(&theirs[r]);
    }
    free(theirs);
    free(places);
    return good ? PBT_OK : no_memory(err);
}

static double brevity(const struct pbti_bleu *bleu)
{
    if (bleu->hypothesis >= bleu->reference) { return 1.0; }
    if (bleu->hypothesis == 0) { return 0.0; }
    return exp(1.0 - (double)bleu->reference / (double)bleu->hypothesis);
}

double pbti_bleu_score(const struct pbti_bleu *bleu, enum pbti_bleu_smoothing smoothing,
                       double value, bool effective, double *penalty)
{
    double const bp = brevity(bleu);
    if (penalty != NULL) { *penalty = bp; }
    bool any = false;
    for (size_t n = 0; n < PBTI_BLEU_ORDER; n++) {
        any = any || bleu->matches[n] > 0;
    }
    if (!any) { return 0.0; }
    double sum = 0.0, halves = 1.0;
    size_t orders = 0;
    for (size_t n = 0; n < PBTI_BLEU_ORDER; n++) {
        double found = (double)bleu->matches[n], total = (double)bleu->totals[n];
        if (smoothing == PBTI_BLEU_ADD && n > 0) {
            found += value;
            total += value;
        }
        if (total == 0.0) { break; }
        orders++;
        if (found == 0.0) {
            switch (smoothing) {
            case PBTI_BLEU_EXP:
                halves *= 2.0;
                found = 1.0 / halves;
                break;
            case PBTI_BLEU_FLOOR: found = value; break;
            case PBTI_BLEU_NONE:
            case PBTI_BLEU_ADD: return 0.0;
            }
        }
        sum += log(100.0 * found / total);
    }
    if (!effective && orders < PBTI_BLEU_ORDER) { return 0.0; }
    return orders == 0 ? 0.0 : bp * exp(sum / (double)orders);
}

/* -------- chrF -------- */

/* The characters of a text but for white space. */
static bool cut_characters(struct pieces *p, struct pbti_bleu_text text)
{
    char *const copy = malloc(text.size + 1);
    size_t kept = 0;
    for (size_t at = 0; copy != NULL && at < text.size;) {
        uint32_t code = 0;
        size_t length = pbti_utf8_character(text.text + at, text.size - at, &code);
        length = length == 0 ? 1 : length;
        if (!pbti_utf8_space(code)) {
            memcpy(copy + kept, text.text + at, length);
            kept += length;
        }
        at += length;
    }
    return cut(p, copy, kept, true);
}

pbt_status pbti_chrf_add(struct pbti_chrf *chrf, struct pbti_bleu_text hypothesis,
                         struct pbti_bleu_text reference, struct pbt_error *err)
{
    struct pieces mine = {0}, theirs = {0};
    bool const good = cut_characters(&mine, hypothesis) && cut_characters(&theirs, reference);
    for (size_t n = 1; n <= PBTI_CHRF_ORDER && good; n++) {
        size_t place, total;
        chrf->matches[n - 1] += matches(&mine, &theirs, 1, &place, n, &total);
        size_t const others = theirs.count < n ? 0 : theirs.count - n + 1;
        chrf->reference[n - 1] += others;
        chrf->hypothesis[n - 1] += others == 0 ? 0 : total;
    }
    drop(&mine);
    drop(&theirs);
    return good ? PBT_OK : no_memory(err);
}

double pbti_chrf_score(const struct pbti_chrf *chrf)
{
    double const factor = 4.0; /* beta squared */
    double precision = 0.0, recall = 0.0;
    size_t orders = 0;
    for (size_t n = 0; n < PBTI_CHRF_ORDER; n++) {
        if (chrf->hypothesis[n] == 0 || chrf->reference[n] == 0) { continue; }
        precision += (double)chrf->matches[n] / (double)chrf->hypothesis[n];
        recall += (double)chrf->matches[n] / (double)chrf->reference[n];
        orders++;
    }
    if (orders == 0 || precision + recall == 0.0) { return 0.0; }
    precision /= (double)orders;
    recall /= (double)orders;
    return 100.0 * (1.0 + factor) * precision * recall / (factor * precision + recall);
}
