/* SPDX-License-Identifier: Apache-2.0 */
/* translate_corpus.c - pairs of sentences, see translate_corpus.h. */
#include "translate/translate_corpus.h"
#include "nn/nn_base.h"
#include "translate/translate_made.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 4096 };

static const char *const names[] = {
    [PBTI_CORPUS_TRAIN] = "train", [PBTI_CORPUS_DEV] = "dev", [PBTI_CORPUS_TEST] = "test"};

void pbti_corpus_default(char *path, size_t size)
{
    const char *const chosen = getenv("PBT_CORPUS");
    const char *const data = getenv("XDG_DATA_HOME");
    const char *const home = getenv("HOME");
    if (chosen != NULL && chosen[0] != '\0') {
        (void)snprintf(path, size, "%s", chosen);
    } else if (data != NULL && data[0] != '\0') {
        (void)snprintf(path, size, "%s/pbt/corpus", data);
    } else {
        (void)snprintf(path, size, "%s/.local/share/pbt/corpus", home == NULL ? "" : home);
    }
}

/* -------- reading -------- */

static void drop_ids(struct pbti_corpus_part *part)
{
    for (size_t side = 0; side < 2; side++) {
        free(part->ids[side].ids);
        free(part->starts[side]);
        part->ids[side] = (struct pbti_subword_ids){0};
        part->starts[side] = NULL;
    }
}

static void drop_part(struct pbti_corpus_part *part)
{
    drop_ids(part);
    pbti_lines_deinit(&part->text[0]);
    pbti_lines_deinit(&part->text[1]);
    part->read = false;
}

static pbt_status missing(const struct pbti_corpus *corpus, const char *why, struct pbt_error *err)
{
    return pbti_nn_fail(err, PBT_ENOENT,
                        "%s; `pbt corpus` makes English and German text (downloads 5 MB), other "
                        "text: name its folder as `data`, its endings as `source` and `target` "
                        "(%s, %s) in the spec's `fixed`",
                        why, corpus->languages[0], corpus->languages[1]);
}

static pbt_status read_files(struct pbti_corpus *corpus, enum pbti_corpus_split split,
                             struct pbt_error *err)
{
    struct pbti_corpus_part *const part = &corpus->parts[split];
    char paths[2][PATH_SIZE];
    for (size_t side = 0; side < 2; side++) {
        (void)snprintf(paths[side], PATH_SIZE, "%s/%s.%s", corpus->folder, names[split],
                       corpus->languages[side]);
        struct pbt_error why = {0};
        pbt_status const status = pbti_lines_read(&part->text[side], paths[side], &why);
        if (status == PBT_ENOENT) { return missing(corpus, why.message, err); }
        if (status != PBT_OK) {
            if (err != NULL) { *err = why; }
            return status;
        }
    }
    uint32_t const counts[2] = {part->text[0].count, part->text[1].count};
    if (counts[0] != counts[1]) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "\"%s\" has %u lines and \"%s\" has %u; line n of one is to "
                            "translate line n of the other",
                            paths[0], counts[0], paths[1], counts[1]);
    }
    if (counts[0] == 0) { return pbti_nn_fail(err, PBT_EINVAL, "\"%s\" has no lines", paths[0]); }
    return PBT_OK;
}

static pbt_status read_part(struct pbti_corpus *corpus, enum pbti_corpus_split split,
                            struct pbt_error *err)
{
    struct pbti_corpus_part *const part = &corpus->parts[split];
    pbt_status const status = strcmp(corpus->folder, PBTI_TRANSLATE_MADE) == 0
                                  ? pbti_translate_made(split, part->text, err)
                                  : read_files(corpus, split, err);
    part->read = status == PBT_OK;
    if (status != PBT_OK) { drop_part(part); }
    return status;
}

pbt_status pbti_corpus_load(struct pbti_corpus *corpus, const char *folder, const char *source,
                            const char *target, struct pbt_error *err)
{
    memset(corpus, 0, sizeof *corpus);
    corpus->folder = strdup(folder);
    corpus->languages[0] = strdup(source);
    corpus->languages[1] = strdup(target);
    bool const all =
        corpus->folder != NULL && corpus->languages[0] != NULL && corpus->languages[1] != NULL;
    pbt_status status =
        all ? PBT_OK : pbti_nn_fail(err, PBT_ENOMEM, "no memory for the name of a folder");
    if (status == PBT_OK) { status = read_part(corpus, PBTI_CORPUS_TRAIN, err); }
    if (status == PBT_OK) { status = read_part(corpus, PBTI_CORPUS_DEV, err); }
    if (status != PBT_OK) { pbti_corpus_deinit(corpus); }
    return status;
}

void pbti_corpus_deinit(struct pbti_corpus *corpus)
{
    for (size_t split = 0; split < PBTI_CORPUS_SPLITS; split++) {
        drop_part(&corpus->parts[split]);
    }
    if (corpus->has_subwords) { pbti_subwords_deinit(&corpus->subwords); }
    free(corpus->folder);
    free(corpus->languages[0]);
    free(corpus->languages[1]);
    free(corpus->pairs);
    memset(corpus, 0, sizeof *corpus);
}

/* -------- subwords -------- */

static pbt_status encode_part(struct pbti_corpus *corpus, struct pbti_corpus_part *part,
                              struct pbt_error *err)
{
    drop_ids(part);
    for (size_t side = 0; side < 2; side++) {
        uint32_t const count = part->text[side].count;
        part->starts[side] = calloc((size_t)count + 1, sizeof part->starts[side][0]);
        if (part->starts[side] == NULL) {
            return pbti_nn_fail(err, PBT_ENOMEM, "no memory for the subwords of a text");
        }
        for (uint32_t i = 0; i < count; i++) {
            size_t size;
            const char *const line = pbti_line(&part->text[side], i, &size);
            pbt_status const status =
                pbti_subwords_encode(&corpus->subwords, line, size, &part->ids[side], err);
            if (status != PBT_OK) { return status; }
            part->starts[side][i + 1] = part->ids[side].count;
        }
    }
    return PBT_OK;
}

static pbt_status choose_pairs(struct pbti_corpus *corpus, uint32_t max_length,
                               struct pbt_error *err)
{
    const struct pbti_corpus_part *const part = &corpus->parts[PBTI_CORPUS_TRAIN];
    uint32_t const count = part->text[0].count;
    free(corpus->pairs);
    corpus->pairs = calloc(count, sizeof corpus->pairs[0]);
    corpus->pair_count = corpus->skipped_empty = corpus->skipped_long = 0;
    corpus->max_length = max_length;
    if (corpus->pairs == NULL) { return pbti_nn_fail(err, PBT_ENOMEM, "no memory for pairs"); }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t source, target;
        (void)pbti_corpus_ids(part, 0, i, &source);
        (void)pbti_corpus_ids(part, 1, i, &target);
        if (source == 0 || target == 0) {
            corpus->skipped_empty++;
        } else if (source > max_length || target > max_length) {
            corpus->skipped_long++;
        } else {
            corpus->pairs[corpus->pair_count++] = i;
        }
    }
    if (corpus->pair_count > 0) { return PBT_OK; }
    return pbti_nn_fail(err, PBT_EINVAL,
                        "none of %u training pairs can be used: %u have an empty side, %u are "
                        "longer than `max_length`, %u subwords",
                        count, corpus->skipped_empty, corpus->skipped_long, max_length);
}

pbt_status pbti_corpus_adopt(struct pbti_corpus *corpus, struct pbti_subwords *subwords,
                             uint32_t max_length, struct pbt_error *err)
{
    if (corpus->has_subwords) { pbti_subwords_deinit(&corpus->subwords); }
    corpus->subwords = *subwords;
    corpus->has_subwords = true;
    pbt_status status = PBT_OK;
    for (size_t split = 0; split < PBTI_CORPUS_SPLITS && status == PBT_OK; split++) {
        if (corpus->parts[split].read) { status = encode_part(corpus, &corpus->parts[split], err); }
    }
    return status == PBT_OK ? choose_pairs(corpus, max_length, err) : status;
}

pbt_status pbti_corpus_learn(struct pbti_corpus *corpus, uint32_t vocabulary, uint32_t max_length,
                             struct pbt_error *err)
{
    const struct pbti_corpus_part *const part = &corpus->parts[PBTI_CORPUS_TRAIN];
    const struct pbti_lines *const texts[] = {&part->text[0], &part->text[1]};
    struct pbti_subwords subwords;
    pbt_status const status = pbti_subwords_learn(&subwords, texts, 2, vocabulary, err);
    return status == PBT_OK ? pbti_corpus_adopt(corpus, &subwords, max_length, err) : status;
}

pbt_status pbti_corpus_need_test(struct pbti_corpus *corpus, struct pbt_error *err)
{
    struct pbti_corpus_part *const part = &corpus->parts[PBTI_CORPUS_TEST];
    if (part->read) { return PBT_OK; }
    pbt_status status = read_part(corpus, PBTI_CORPUS_TEST, err);
    if (status == PBT_OK && corpus->has_subwords) { status = encode_part(corpus, part, err); }
    if (status != PBT_OK) { drop_part(part); }
    return status;
}
