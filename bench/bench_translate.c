/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_translate.c - what a training step of `builtin: translate` costs beside its matrix
 * products, and how fast it translates; on one thread, in processor time.
 *
 *     step       pbti_translate_network_run() with layer_dropout 0.1, and Adam's step
 *     products   the products of its linear layers and of the softmax, forward and both ways back,
 *                by the same library on buffers of their own
 *     attention  the loops of nn_attention.h of that step alone, forward and backward
 *
 * The network is the default one (width 64, 2,000 subwords), a batch has 52 sentences of 17 source
 * and 16 target rows. Decoding is measured on the made language with a network that has not learnt:
 * every answer has the greatest length. Subwords are learnt from the text that `pbt corpus` has
 * written, if it is there. There is no comparison with PyTorch here.
 */
#include "measure.h"
#include "nn/nn_adam.h"
#include "nn/nn_matmul.h"
#include "translate/translate_corpus.h"
#include "translate/translate_made.h"
#include "translate/translate_search.h"

#include <string.h>

enum { SENTENCES = 52, SOURCE = 17, TARGET = 16, ROUNDS = 31, VOCABULARY = 2000, DECODED = 400 };

static const struct pbti_translate_shape shape = {VOCABULARY, 64, 256, 4, 2, false};

static double processor(void)
{
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

/* -------- the step -------- */

struct data {
    uint32_t source[SENTENCES * SOURCE], input[SENTENCES * TARGET], labels[SENTENCES * TARGET];
    uint32_t source_starts[SENTENCES + 1], target_starts[SENTENCES + 1];
};

static struct pbti_translate_batch fill(struct data *d)
{
    for (uint32_t i = 0; i < SENTENCES * SOURCE; i++) {
        d->source[i] = 4 + i * 7919 % (VOCABULARY - 4);
    }
    for (uint32_t i = 0; i < SENTENCES * TARGET; i++) {
        d->input[i] = 4 + i * 104729 % (VOCABULARY - 4);
        d->labels[i] = 4 + i * 1299709 % (VOCABULARY - 4);
    }
    for (uint32_t s = 0; s <= SENTENCES; s++) {
        d->source_starts[s] = s * SOURCE;
        d->target_starts[s] = s * TARGET;
    }
    return (struct pbti_translate_batch){SENTENCES, d->source, d->source_starts,
                                         d->input,  d->labels, d->target_starts};
}

static double measure_step(void)
{
    static struct data data;
    struct pbti_translate_batch const batch = fill(&data);
    struct pbti_translate_network network;
    struct pbti_nn_adam const adam = {.lr = 1e-4, .beta1 = 0.9, .beta2 = 0.98, .epsilon = 1e-9};
    struct pbti_translate_pass pass = {.layer_dropout = 0.1, .label_smoothing = 0.1, .seed = 1};
    struct pbt_error err = {0};
    double times[ROUNDS];
    must(pbti_translate_network_init(&network, &shape, PBTI_NN_ADAM_SLOTS, &err), &err);
    pbti_translate_network_randomise(&network, 1);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct pbti_translate_loss loss;
        double const start = processor();
        pass.step = i;
        must(pbti_translate_network_run(&network, &batch, &pass, &loss, &err), &err);
        pbti_nn_adam_step(&adam, &network.block, 1.0);
        times[i] = processor() - start;
    }
    pbti_translate_network_deinit(&network);
    return median(times, ROUNDS);
}

/* -------- its products alone -------- */

static float *a, *b, *c;

/* Forward and both ways back of a linear layer. */
static void linear(uint32_t rows, uint32_t inputs, uint32_t outputs)
{
    pbti_nn_matmul(false, true, rows, outputs, inputs, a, b, 0.0f, c);
    pbti_nn_matmul(true, false, outputs, inputs, rows, c, a, 0.0f, b);
    pbti_nn_matmul(false, false, rows, inputs, outputs, c, b, 0.0f, a);
}

static void all_products(void)
{
    uint32_t const d = shape.width, s = SENTENCES * SOURCE, t = SENTENCES * TARGET;
    for (uint32_t l = 0; l < shape.layers; l++) {
        uint32_t const rows[2] = {s, t};
        for (size_t side = 0; side < 2; side++) {
            linear(rows[side], d, 3 * d);
            linear(rows[side], d, d);
            linear(rows[side], d, shape.ffn);
            linear(rows[side], shape.ffn, d);
        }
        linear(t, d, d);
        linear(s, d, 2 * d);
        linear(t, d, d);
    }
    linear(t, d, VOCABULARY);
}

static double measure_products(void)
{
    double times[ROUNDS];
    size_t const floats = (size_t)SENTENCES * SOURCE * VOCABULARY;
    a = pbti_nn_floats(floats);
    b = pbti_nn_floats(floats);
    c = pbti_nn_floats(floats);
    need(a != NULL && b != NULL && c != NULL, "no memory");
    for (uint32_t i = 0; i < ROUNDS; i++) {
        double const start = processor();
        all_products();
        times[i] = processor() - start;
    }
    return median(times, ROUNDS);
}

/* -------- attention alone -------- */

static double measure_attention(void)
{
    static struct data data;
    (void)fill(&data);
    uint32_t const d = shape.width;
    struct pbti_nn_attention const kinds[3] = {
        {d, shape.heads, SENTENCES, data.source_starts, data.source_starts, false},
        {d, shape.heads, SENTENCES, data.target_starts, data.target_starts, true},
        {d, shape.heads, SENTENCES, data.target_starts, data.source_starts, false}};
    struct pbti_nn_attended const in = {a, a + d, a + 2 * d, 3 * d, 3 * d, 3 * d};
    struct pbti_nn_attended const out = {b, b + d, b + 2 * d, 3 * d, 3 * d, 3 * d};
    float *const weights = pbti_nn_floats(pbti_nn_attention_weights(&kinds[0]) * 2);
    float *const scratch = pbti_nn_floats(pbti_nn_attention_scratch(&kinds[0]));
    double times[ROUNDS];
    need(weights != NULL && scratch != NULL, "no memory");
    for (uint32_t i = 0; i < ROUNDS; i++) {
        double const start = processor();
        for (uint32_t l = 0; l < shape.layers; l++) {
            for (size_t k = 0; k < 3; k++) {
                pbti_nn_attention_forward(&kinds[k], c, weights, &in, NULL, scratch);
                pbti_nn_attention_backward(&kinds[k], &out, c, weights, &in, NULL, scratch);
            }
        }
        times[i] = processor() - start;
    }
    free(weights);
    free(scratch);
    return median(times, ROUNDS);
}

/* -------- translating -------- */

static double measure_search(const struct pbti_corpus *corpus, uint32_t beam, uint64_t *subwords)
{
    struct pbti_translate_network network;
    struct pbti_translate_shape mine = shape;
    struct pbti_search_options const options = {beam, 1.0, 64, 1};
    struct pbt_error err = {0};
    static struct pbti_search_source sources[DECODED];
    static struct pbti_search_answer answers[DECODED];
    mine.vocabulary = pbti_subwords_vocabulary(&corpus->subwords);
    must(pbti_translate_network_init(&network, &mine, 0, &err), &err);
    pbti_translate_network_randomise(&network, 1);
    for (uint32_t i = 0; i < DECODED; i++) {
        sources[i].ids =
            pbti_corpus_ids(&corpus->parts[PBTI_CORPUS_TRAIN], 0, i, &sources[i].count);
    }
    double const start = processor();
    must(pbti_search(&network, &options, sources, DECODED, answers, &err), &err);
    double const took = processor() - start;
    *subwords = 0;
    for (uint32_t i = 0; i < DECODED; i++) {
        *subwords += answers[i].count;
        free(answers[i].ids);
    }
    pbti_translate_network_deinit(&network);
    return took;
}

static void translate(void)
{
    struct pbti_corpus corpus;
    struct pbt_error err = {0};
    must(pbti_corpus_load(&corpus, PBTI_TRANSLATE_MADE, "en", "de", &err), &err);
    must(pbti_corpus_learn(&corpus, 320, 64, &err), &err);
    for (uint32_t beam = 1; beam <= 4; beam += 3) {
        uint64_t subwords;
        double const took = measure_search(&corpus, beam, &subwords);
        (void)printf("translate %d sentences, beam %u: %.3f s, %.0f subwords/s\n", DECODED, beam,
                     took, (double)subwords / took);
    }
    pbti_corpus_deinit(&corpus);
}

static void learn(void)
{
    char folder[4096];
    struct pbti_corpus corpus;
    pbti_corpus_default(folder, sizeof folder);
    double start = processor();
    if (pbti_corpus_load(&corpus, folder, "en", "de", NULL) != PBT_OK) {
        (void)printf("subwords: skipped, there is no text in %s\n", folder);
        return;
    }
    double const read = processor() - start;
    struct pbt_error err = {0};
    start = processor();
    must(pbti_corpus_learn(&corpus, VOCABULARY, 64, &err), &err);
    (void)printf("text: %.3f s to read, %.3f s to learn %d subwords and to encode\n", read,
                 processor() - start, (int)VOCABULARY);
    pbti_corpus_deinit(&corpus);
}

int main(void)
{
    pbti_nn_setup(1);
    double const products = measure_products();
    double const attention = measure_attention();
    double const step = measure_step();
    double const rows = SENTENCES * TARGET;
    (void)printf("step %.2f ms, %.0f target subwords/s\n", 1e3 * step, rows / step);
    (void)printf("products alone %.2f ms, attention alone %.2f ms; step / both: %.2f\n",
                 1e3 * products, 1e3 * attention, step / (products + attention));
    translate();
    learn();
    return 0;
}
