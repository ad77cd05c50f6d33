/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate_use.c - `pbt use STUDY`: one line in, its translation out, in the same order.
 *
 * What has been read is translated together and printed before more is waited for: a line typed by
 * hand is answered at once, a file goes in batches. A line of more subwords than the network was
 * trained with is cut, at the end of a sentence where that is possible, and its parts are joined.
 */
#include "translate/translate.h"
#include "translate/translate_map.h"
#include "translate/translate_utf8.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USAGE "[--beam K] [--alpha A] [--nbest N] [--ref FILE]"

enum { READ_SIZE = 1 << 16, BATCH_LINES = 1000 };

/* A stretch of the subwords of a batch that is translated alone. */
struct part {
    uint32_t line; /* in the batch */
    size_t first, count;
};

struct user {
    struct pbti_translate *t;
    struct pbti_builtin_use *use;
    struct pbti_search_options options;
    bool nbest;
    const char *reference_path;
    struct pbti_lines references;
    struct pbti_bleu bleu;
    struct pbti_chrf chrf;
    bool cut_said;
    uint32_t done; /* lines answered */
    /* what was read and not yet used */
    char *text;
    size_t size, capacity;
    bool ended;
    /* the batch */
    struct pbti_subword_ids ids;
    struct part *parts;
    size_t part_count, part_capacity;
};

static pbt_status no_memory(struct pbt_error *err)
{
    return pbti_nn_fail(err, PBT_ENOMEM, "no memory to translate");
}

/* -------- options -------- */

/* The text of an option that is taken, or NULL. */
static pbt_status take_text(struct pbti_builtin_use *use, const char *option, const char **text,
                            struct pbt_error *err)
{
    for (int i = 0; i < use->argc; i++) {
        if (use->argv[i] == NULL || strcmp(use->argv[i], option) != 0) { continue; }
        use->argv[i] = NULL;
        if (i + 1 == use->argc || use->argv[i + 1] == NULL) {
            return pbti_nn_fail(err, PBT_EINVAL, "option %s has no value", option);
        }
        *text = use->argv[i + 1];
        use->argv[i + 1] = NULL;
    }
    return PBT_OK;
}

static pbt_status take_alpha(struct user *u, struct pbt_error *err)
{
    const char *text = NULL;
    pbt_status const status = take_text(u->use, "--alpha", &text, err);
    if (status != PBT_OK || text == NULL) { return status; }
    char *end = NULL;
    double const alpha = strtod(text, &end);
    if (end == text || *end != '\0' || !(alpha >= 0.0 && alpha <= 10.0)) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "option --alpha is \"%.64s\"; allowed are numbers from 0 to 10", text);
    }
    u->options.alpha = alpha;
    return PBT_OK;
}

static pbt_status take_options(struct user *u, struct pbt_error *err)
{
    uint64_t beam = 4, nbest = 1;
    pbt_status status = pbti_builtin_use_count(u->use, "beam", 1, PBTI_BEAM_MAX, &beam, NULL, err);
    if (status == PBT_OK) {
        status = pbti_builtin_use_count(u->use, "nbest", 1, PBTI_BEAM_MAX, &nbest, &u->nbest, err);
    }
    if (status == PBT_OK) { status = take_alpha(u, err); }
    if (status == PBT_OK) { status = take_text(u->use, "--ref", &u->reference_path, err); }
    if (status == PBT_OK) { status = pbti_builtin_use_end(u->use, USAGE, err); }
    if (status == PBT_OK && nbest > beam) {
        status = pbti_nn_fail(err, PBT_EINVAL,
                              "option --nbest is %llu; allowed are whole numbers up to the beam, "
                              "%llu",
                              (unsigned long long)nbest, (unsigned long long)beam);
    }
    u->options.beam = (uint32_t)beam;
    u->options.nbest = (uint32_t)nbest;
    if (status == PBT_OK && u->reference_path != NULL) {
        status = pbti_lines_read(&u->references, u->reference_path, err);
    }
    return status;
}

/* -------- reading -------- */

/* Read what is there, waiting for the first of it. */
static pbt_status read_more(struct user *u, struct pbt_error *err)
{
    if (u->size + READ_SIZE > u->capacity) {
        size_t const wanted = 2 * (u->size + READ_SIZE);
        char *const text = realloc(u->text, wanted);
        if (text == NULL) { return no_memory(err); }
        u->text = text;
        u->capacity = wanted;
    }
    ssize_t got;
    do {
        got = read(STDIN_FILENO, u->text + u->size, READ_SIZE);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return pbti_nn_fail(err, PBT_EIO, "could not read standard input: %s", strerror(errno));
    }
    u->size += (size_t)got;
    u->ended = got == 0;
    if (u->ended && u->size > 0 && u->text[u->size - 1] != '\n') { u->text[u->size++] = '\n'; }
    return PBT_OK;
}

/* -------- parts -------- */

static pbt_status add_part(struct user *u, uint32_t line, size_t first, size_t count,
                           struct pbt_error *err)
{
    if (count == 0) { return PBT_OK; }
    if (!pbti_map_grow(&u->parts, sizeof u->parts[0], u->part_count, &u->part_capacity)) {
        return no_memory(err);
    }
    u->parts[u->part_count++] = (struct part){line, first, count};
    return PBT_OK;
}

static bool ends_sentence(const char *word, size_t size)
{
    return size > 0 && strchr(".!?:", word[size - 1]) != NULL;
}

/* Where the part that begins at `first` ends: at `cut`, where a sentence ended last, else at
 * `word`, where the word that is too much begins, else in the middle of that word. */
static size_t cut_before(size_t first, size_t cut, size_t word, size_t longest)
{
    if (cut > first) { return cut; }
    if (word > first) { return word; }
    return first + longest;
}

/* Add the parts of a line: one, unless it is too long. The subwords of a line are those of its
 * words, one after the other. */
static pbt_status add_line(struct user *u, uint32_t line, const char *text, size_t size,
                           struct pbt_error *err)
{
    size_t const longest = u->t->corpus.max_length;
    size_t first = u->ids.count, cut = 0;
    for (size_t at = 0; at < size;) {
        while (at < size && text[at] == ' ') {
            at++;
        }
        size_t end = at;
        while (end < size && text[end] != ' ') {
            end++;
        }
        size_t word = u->ids.count;
        pbt_status status =
            pbti_subwords_encode(&u->t->corpus.subwords, text + at, end - at, &u->ids, err);
        while (status == PBT_OK && u->ids.count - first > longest) {
            size_t const next = cut_before(first, cut, word, longest);
            status = add_part(u, line, first, next - first, err);
            first = next;
            word = word < first ? first : word;
            if (!u->cut_said) {
                (void)fprintf(stderr,
                              "pbt use: line %u is longer than %zu subwords; it and others like it "
                              "are translated in parts\n",
                              u->done + line + 1, longest);
            }
            u->cut_said = true;
        }
        if (status != PBT_OK) { return status; }
        if (ends_sentence(text + at, end - at)) { cut = u->ids.count; }
        at = end;
    }
    return add_part(u, line, first, u->ids.count - first, err);
}

/* -------- printing -------- */

static pbt_status print(struct user *u, uint32_t line, double score, const char *text, size_t size,
                        struct pbt_error *err)
{
    if (!u->use->json) {
        if (u->nbest) { (void)fprintf(u->use->out, "%u\t%.6f\t", u->done + line + 1, score); }
        (void)fprintf(u->use->out, "%.*s\n", (int)size, text);
        return PBT_OK;
    }
    json_t *const json = json_pack("{s:i, s:f, s:s%}", "line", (int)(u->done + line + 1), "score",
                                   score, "text", text, size);
    char *const dump = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (dump == NULL) { return no_memory(err); }
    (void)fprintf(u->use->out, "%s\n", dump);
    free(dump);
    return PBT_OK;
}

static pbt_status compare(struct user *u, uint32_t line, const char *text, size_t size,
                          struct pbt_error *err)
{
    uint32_t const at = u->done + line;
    if (u->reference_path == NULL || at >= u->references.count) { return PBT_OK; }
    struct pbti_bleu_text const ours = {text, size};
    struct pbti_bleu_text theirs;
    theirs.text = pbti_line(&u->references, at, &theirs.size);
    pbt_status const status = pbti_bleu_add(&u->bleu, ours, &theirs, 1, err);
    return status == PBT_OK ? pbti_chrf_add(&u->chrf, ours, theirs, err) : status;
}

/* The answers of rank `rank` to parts first .. last, joined. */
static char *join(const struct user *u, const struct pbti_search_answer *answers, size_t first,
                  size_t last, uint32_t rank, size_t *size)
{
    char *all = calloc(1, 1);
    *size = 0;
    for (size_t p = first; p < last && all != NULL; p++) {
        const struct pbti_search_answer *const answer = &answers[p * u->options.nbest + rank];
        size_t more = 0;
        char *const text =
            pbti_subwords_decode(&u->t->corpus.subwords, answer->ids, answer->count, &more);
        char *const larger = text == NULL ? NULL : realloc(all, *size + more + 2);
        if (larger == NULL) {
            free(all);
            all = NULL;
        } else {
            all = larger;
            if (*size > 0 && more > 0) { all[(*size)++] = ' '; }
            memcpy(all + *size, text, more);
            *size += more;
            all[*size] = '\0';
        }
        free(text);
    }
    return all;
}

/* All that is printed for a line, whose parts are first .. last. */
static pbt_status answer_line(struct user *u, const struct pbti_search_answer *answers,
                              uint32_t line, size_t first, size_t last, struct pbt_error *err)
{
    pbt_status status = PBT_OK;
    bool const one = last - first == 1;
    for (uint32_t rank = 0; rank < (one ? u->options.nbest : 1) && status == PBT_OK; rank++) {
        const struct pbti_search_answer *const answer = &answers[first * u->options.nbest + rank];
        if (one && answer->ids == NULL) { break; } /* fewer were found */
        size_t size;
        char *const text = join(u, answers, first, last, rank, &size);
        if (text == NULL) { return no_memory(err); }
        status = print(u, line, one ? answer->score : 0.0, text, size, err);
        if (status == PBT_OK && rank == 0) { status = compare(u, line, text, size, err); }
        free(text);
    }
    return status;
}

/* -------- batches -------- */

static pbt_status translate_parts(struct user *u, uint32_t lines, struct pbt_error *err)
{
    struct pbti_search_source *const sources = calloc(u->part_count + 1, sizeof sources[0]);
    struct pbti_search_answer *const answers =
        calloc(u->part_count * u->options.nbest + 1, sizeof answers[0]);
    pbt_status status = sources == NULL || answers == NULL ? no_memory(err) : PBT_OK;
    for (size_t p = 0; p < u->part_count && status == PBT_OK; p++) {
        sources[p] = (struct pbti_search_source){u->ids.ids + u->parts[p].first,
                                                 (uint32_t)u->parts[p].count};
    }
    if (status == PBT_OK) {
        status = pbti_search(&u->t->network, &u->options, sources, (uint32_t)u->part_count, answers,
                             err);
    }
    size_t first = 0;
    for (uint32_t line = 0; line < lines && status == PBT_OK; line++) {
        size_t last = first;
        while (last < u->part_count && u->parts[last].line == line) {
            last++;
        }
        status = answer_line(u, answers, line, first, last, err);
        first = last;
    }
    for (size_t i = 0; answers != NULL && i < u->part_count * u->options.nbest; i++) {
        free(answers[i].ids);
    }
    free(sources);
    free(answers);
    return status;
}

/* Answer the whole lines that were read, at most BATCH_LINES; *any: there was one. */
static pbt_status answer_batch(struct user *u, bool *any, struct pbt_error *err)
{
    uint32_t lines = 0;
    size_t at = 0;
    pbt_status status = PBT_OK, bad = PBT_OK;
    u->ids.count = 0;
    u->part_count = 0;
    while (lines < BATCH_LINES && status == PBT_OK) {
        const char *const end = memchr(u->text + at, '\n', u->size - at);
        if (end == NULL) { break; }
        size_t size = (size_t)(end - u->text) - at;
        const char *const line = u->text + at;
        at += size + 1;
        if (size > 0 && line[size - 1] == '\r') { size--; }
        if (!pbti_utf8_valid(line, size)) {
            bad = pbti_nn_fail(err, PBT_EINVAL, "line %u of the input is not UTF-8",
                               u->done + lines + 1);
            break; /* those before it are answered */
        }
        status = add_line(u, lines++, line, size, err);
    }
    *any = lines > 0;
    struct pbt_error *const why = bad == PBT_OK ? err : NULL;
    if (status == PBT_OK && lines > 0) { status = translate_parts(u, lines, why); }
    if (status == PBT_OK && fflush(u->use->out) != 0) {
        status = pbti_nn_fail(why, PBT_EIO, "could not write: %s", strerror(errno));
    }
    u->done += lines;
    memmove(u->text, u->text + at, u->size - at);
    u->size -= at;
    return bad == PBT_OK ? status : bad;
}

static pbt_status answer_all(struct user *u, struct pbt_error *err)
{
    pbt_status status = PBT_OK;
    while (status == PBT_OK && !u->ended) {
        status = read_more(u, err);
        bool any = true;
        while (status == PBT_OK && any) {
            status = answer_batch(u, &any, err);
        }
    }
    return status;
}

static pbt_status print_scores(const struct user *u, struct pbt_error *err)
{
    if (u->done != u->references.count) {
        return pbti_nn_fail(err, PBT_EINVAL, "the input has %u lines and \"%s\" has %u", u->done,
                            u->reference_path, u->references.count);
    }
    double penalty;
    double const bleu = pbti_bleu_score(&u->bleu, PBTI_BLEU_EXP, 0.0, false, &penalty);
    (void)fprintf(stderr, "BLEU %.2f (%s, brevity penalty %.3f), chrF2 %.2f\n", bleu,
                  PBTI_BLEU_SIGNATURE, penalty, pbti_chrf_score(&u->chrf));
    return PBT_OK;
}

pbt_status pbti_translate_use(void *state, const void *settings, struct pbti_builtin_use *use,
                              struct pbt_error *err)
{
    struct pbti_translate *const t = state;
    const struct pbti_translate_settings *const s = settings;
    struct user u = {.t = t, .use = use, .options = {.beam = 4, .alpha = s->alpha, .nbest = 1}};
    u.options.max_length = t->corpus.max_length;
    pbt_status status = take_options(&u, err);
    if (status == PBT_OK) { status = answer_all(&u, err); }
    if (status == PBT_OK && u.reference_path != NULL) { status = print_scores(&u, err); }
    pbti_lines_deinit(&u.references);
    free(u.text);
    free(u.ids.ids);
    free(u.parts);
    return status;
}
