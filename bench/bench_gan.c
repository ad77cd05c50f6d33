/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_gan.c - how much an update of `builtin: gan` costs beyond its matrix products, what an
 * evaluation costs, and how both scores behave.
 *
 *     bench_gan             updates beside their bare products and beside PyTorch; an evaluation
 *     bench_gan scores      what each judge says of pictures of known kinds
 *
 * An update is one of D with `batch` real and as many generated pictures, and one of G; with K
 * updates of D for each of G it is K of the first. Its products are the same calls of
 * pbti_nn_matmul(), of the same shapes, pieces and buffers, and nothing else. Both are run turn by
 * turn on one thread; medians of processor time are printed, and their ratio, whose goal is 1.8.
 *
 * PyTorch: bench/gan_torch.py, by the Python that PBT_BENCH_PYTHON names, else /usr/bin/python3.
 * Needs Fashion-MNIST where Debian's dataset-fashion-mnist puts it.
 */
#include "gan/gan.h"
#include "measure.h"
#include "nn/nn_init.h"
#include "nn/nn_matmul.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 101, WARM_UP = 10, PIECE_FLOATS = 1 << 17 };

static double processor_seconds(void)
{
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

/* -------- bare products -------- */

static float *area[3]; /* operands and a result, large enough for all */
enum { AREA_FLOATS = 1 << 22 };

/* A convolution's products: as nn_conv.c cuts the batch into pieces. */
static void conv_products(const struct pbti_nn_conv_shape *s, uint32_t batch, bool outputs,
                          bool pictures, bool weights)
{
    uint32_t const windows = pbti_nn_conv_windows(s, s->rows) * pbti_nn_conv_windows(s, s->columns);
    uint32_t const values = s->kernel * s->kernel * s->channels;
    uint32_t const fitting = PIECE_FLOATS / (windows * values);
    uint32_t const piece = fitting == 0 ? 1 : fitting < batch ? fitting : batch;
    for (uint32_t n = 0; n < batch; n += piece) {
        uint32_t const rows = (batch - n < piece ? batch - n : piece) * windows;
        if (outputs) {
            pbti_nn_matmul(false, false, rows, s->outputs, values, area[0], area[1], 0.0f, area[2]);
        }
        if (pictures) {
            pbti_nn_matmul(false, true, rows, values, s->outputs, area[0], area[1], 0.0f, area[2]);
        }
        if (weights) {
            pbti_nn_matmul(true, false, values, s->outputs, rows, area[0], area[1], 0.0f, area[2]);
        }
    }
}

static void d_products(const struct pbti_gan_network *net, uint32_t batch, uint32_t units)
{
    pbti_nn_matmul(false, true, batch, units, net->shape.latent, area[0], area[1], 0.0f, area[2]);
    conv_products(&net->inner, batch, false, true, false); /* G forward */
    conv_products(&net->outer, batch, false, true, false);
    conv_products(&net->outer, 2 * batch, true, false, true); /* D: forward, its weights */
    conv_products(&net->inner, 2 * batch, true, true, true);
    pbti_nn_matmul(false, true, 2 * batch, 1, units, area[0], area[1], 0.0f, area[2]);
    pbti_nn_matmul(true, false, 1, units, 2 * batch, area[0], area[1], 0.0f, area[2]);
    pbti_nn_matmul(false, false, 2 * batch, units, 1, area[0], area[1], 0.0f, area[2]);
}

static void g_products(const struct pbti_gan_network *net, uint32_t batch, uint32_t units)
{
    pbti_nn_matmul(false, true, batch, units, net->shape.latent, area[0], area[1], 0.0f, area[2]);
    conv_products(&net->inner, batch, false, true, false); /* G forward */
    conv_products(&net->outer, batch, false, true, false);
    conv_products(&net->outer, batch, true, true, false); /* D: forward, back to the pictures */
    conv_products(&net->inner, batch, true, true, false);
    pbti_nn_matmul(false, true, batch, 1, units, area[0], area[1], 0.0f, area[2]);
    pbti_nn_matmul(false, false, batch, units, 1, area[0], area[1], 0.0f, area[2]);
    conv_products(&net->outer, batch, true, false, true); /* G backward */
    conv_products(&net->inner, batch, true, false, true);
    pbti_nn_matmul(true, false, units, net->shape.latent, batch, area[0], area[1], 0.0f, area[2]);
}

static void update_products(const struct pbti_gan_network *net, uint32_t batch, uint32_t d_updates)
{
    uint32_t const units = net->shape.rows / 4 * (net->shape.columns / 4) * net->shape.wide;
    for (uint32_t k = 0; k < d_updates; k++) {
        d_products(net, batch, units);
    }
    g_products(net, batch, units);
}

/* -------- updates -------- */

/* A network after a segment of one step: data loaded, ready for pbti_gan_train_batch(). */
static void prepare(struct pbti_gan *g, const struct pbti_gan_settings *s)
{
    struct pbt_error err = {0};
    struct pbti_builtin_task const task = {.seed = 1, .steps = 1, .start = PBT_CLIENT_FRESH};
    must(pbti_builtin_run(&pbti_builtin_gan, g, s, &task, &err), &err);
}

static void update(struct pbti_gan *g, const struct pbti_gan_settings *s)
{
    g->since = 0;
    for (uint32_t k = 0; k < s->d_updates; k++) {
        (void)pbti_gan_train_batch(g, s, 1, s->batch);
    }
}

static double update_row(struct pbti_gan *g, const struct pbti_gan_settings *s)
{
    static double updates[ROUNDS], bare[ROUNDS];
    prepare(g, s);
    for (int i = 0; i < WARM_UP + ROUNDS; i++) {
        int const at = i < WARM_UP ? 0 : i - WARM_UP;
        double const start = processor_seconds();
        update(g, s);
        double const middle = processor_seconds();
        update_products(&g->net, s->batch, s->d_updates);
        bare[at] = processor_seconds() - middle;
        updates[at] = middle - start;
    }
    double const ours = median(updates, ROUNDS), theirs = median(bare, ROUNDS);
    (void)printf("width %2u, batch %2u, K %u   update %8.3f ms   products %8.3f ms   ratio %5.2f\n",
                 s->width, s->batch, s->d_updates, 1e3 * ours, 1e3 * theirs, ours / theirs);
    (void)fflush(stdout);
    return ours;
}

static void torch_row(double ours, const struct pbti_gan_settings *s)
{
    const char *const asked = getenv("PBT_BENCH_PYTHON");
    char command[512], line[256];
    (void)snprintf(command, sizeof command, "%s %s/bench/gan_torch.py %u %u",
                   asked == NULL ? "/usr/bin/python3" : asked,
                   getenv("PBT_SOURCE_DIR") == NULL ? "." : getenv("PBT_SOURCE_DIR"), s->width,
                   s->batch);
    FILE *const peer = popen(command, "r"); /* tidy: allow-call (a benchmark) */
    need(peer != NULL, "popen");
    while (fgets(line, sizeof line, peer) != NULL) {
        double theirs = 0.0;
        if (sscanf(line, "update_seconds %lf", &theirs) == 1) {
            (void)printf("    PyTorch %8.3f ms: %.2f times as long\n", 1e3 * theirs, theirs / ours);
        } else {
            (void)printf("    %s", line);
        }
    }
    (void)pclose(peer);
}

static void evaluation_row(struct pbti_gan *g, struct pbti_gan_settings *s)
{
    enum { TIMES = 5 };
    double took[TIMES];
    struct pbt_error err = {0};
    struct pbti_builtin_task const task = {.seed = 1, .start = PBT_CLIENT_KEEP, .steps = 1};
    s->samples = 2000;
    for (int i = 0; i < TIMES; i++) {
        must(pbti_builtin_ready(&pbti_builtin_gan, g, s, &task, &err), &err);
        double const start = processor_seconds();
        must(pbti_builtin_gan.evaluate(g, s, &task, &err), &err);
        took[i] = processor_seconds() - start;
    }
    (void)printf("evaluation of 2,000 pictures, both scores: %.3f s\n", median(took, TIMES));
}

/* -------- scores -------- */

enum kind { REAL, ONE_EACH, TEN, ONE_CLASS, NOISY, AVERAGES };

/* Pictures of a kind, made from test pictures. */
struct made {
    const struct pbti_pictures *p;
    enum kind kind;
    uint32_t first_of[16], ones[2000]; /* of each class; all of class 0 */
    uint32_t one_count;
};

static uint32_t place_of(const struct made *m, uint32_t i)
{
    switch (m->kind) {
    case ONE_EACH: return m->first_of[i % m->p->classes];
    case TEN: return i % 10;
    case ONE_CLASS: return m->ones[i % m->one_count];
    default: return i % m->p->count;
    }
}

static void make(void *context, float *x, uint32_t first, uint32_t batch)
{
    const struct made *const m = context;
    size_t const size = m->p->size;
    float other[4096];
    for (uint32_t i = 0; i < batch; i++) {
        float *const to = x + i * size;
        pbti_pictures_to_floats(to, m->p->bytes + place_of(m, first + i) * size, size);
        uint32_t const partner = (first + i + m->p->count / 2) % m->p->count;
        pbti_pictures_to_floats(other, m->p->bytes + partner * size, size);
        for (size_t k = 0; m->kind == AVERAGES && k < size; k++) {
            to[k] = 0.5f * (to[k] + other[k]);
        }
        struct pbti_nn_stream const stream = {.seed = 7, .purpose = 1, .step = first + i};
        if (m->kind == NOISY) {
            pbti_nn_init_normal(other, size, 0.3, &stream);
            for (size_t k = 0; k < size; k++) {
                float const sum = to[k] + other[k];
                to[k] = sum < -1.0f ? -1.0f : sum > 1.0f ? 1.0f : sum;
            }
        }
    }
}

static void score_row(struct pbti_gan_judge *judge, struct made *m, const char *what,
                      enum kind kind, uint32_t count)
{
    struct pbti_gan_figures f;
    struct pbt_error err = {0};
    m->kind = kind;
    must(pbti_gan_judge_pictures(judge, make, m, count, &f, &err), &err);
    (void)printf("%-44s %7.3f %9.2f\n", what, f.inception, f.frechet);
}

static void sort_out(struct made *m)
{
    for (uint32_t i = m->p->count; i-- > 0;) {
        m->first_of[m->p->labels[i]] = i;
    }
    for (uint32_t i = 0; i < m->p->count && m->one_count < 2000; i++) {
        if (m->p->labels[i] == 0) { m->ones[m->one_count++] = i; }
    }
}

static void scores_of(struct pbti_gan *g, struct pbti_gan_settings *s, uint32_t number)
{
    struct pbti_gan_references r;
    struct pbt_error err = {0};
    s->judge = number;
    prepare(g, s);
    (void)printf("\njudge %u, test accuracy %.4f; Inception score, Frechet distance\n", number,
                 g->judge.accuracy);
    must(pbti_gan_judge_references(&g->judge, &g->pictures, g->train, &g->test, 10000, &r, &err),
         &err);
    (void)printf("%-44s %7.3f %9.2f\n", "test pictures, 10,000", r.test.inception, r.test.frechet);
    (void)printf("%-44s %7.3f %9.2f\n", "training pictures, 10,000", r.train.inception,
                 r.train.frechet);
    (void)printf("%-44s %7.3f %9.2f\n", "uniform noise, 10,000", r.noise.inception,
                 r.noise.frechet);
    static struct made m;
    m = (struct made){.p = &g->test};
    sort_out(&m);
    score_row(&g->judge, &m, "one test picture of each class, repeated", ONE_EACH, 2000);
    score_row(&g->judge, &m, "ten test pictures, repeated", TEN, 2000);
    score_row(&g->judge, &m, "one class", ONE_CLASS, 1000);
    score_row(&g->judge, &m, "test pictures with normal noise of 0.3", NOISY, 2000);
    score_row(&g->judge, &m, "averages of two test pictures", AVERAGES, 2000);
    uint32_t const counts[] = {100, 500, 1000, 2000, 5000};
    for (size_t i = 0; i < 5; i++) {
        char what[64];
        (void)snprintf(what, sizeof what, "the first %u test pictures", counts[i]);
        score_row(&g->judge, &m, what, REAL, counts[i]);
    }
}

/* -------- the tables -------- */

static void speed(struct pbti_gan *g, struct pbti_gan_settings *s)
{
    double const small = update_row(g, s);
    torch_row(small, s);
    s->d_updates = 5;
    double const five = update_row(g, s);
    (void)printf("    K 5 costs %.2f times as much as K 1\n", five / small);
    s->d_updates = 1;
    s->width = 32;
    s->batch = 64;
    torch_row(update_row(g, s), s);
    s->width = 16;
    s->batch = 32;
    prepare(g, s);
    evaluation_row(g, s);
}

int main(int argc, char **argv)
{
    struct pbti_gan_settings s;
    static struct pbti_gan g;
    pbti_settings_default(pbti_builtin_gan.settings, &s);
    if (access(s.data, R_OK) != 0) {
        (void)printf("bench_gan: skipped, %s is missing (apt-get install dataset-fashion-mnist)\n",
                     s.data);
        return 0;
    }
    pbti_nn_setup(1);
    for (size_t i = 0; i < 3; i++) {
        area[i] = pbti_nn_floats(AREA_FLOATS);
        need(area[i] != NULL, "no memory");
    }
    pbti_builtin_init(&pbti_builtin_gan, &g);
    s.samples = 100;
    if (argc > 1 && strcmp(argv[1], "scores") == 0) {
        for (uint32_t number = 0; number < 3; number++) {
            scores_of(&g, &s, number);
        }
    } else {
        speed(&g, &s);
    }
    pbti_builtin_deinit(&pbti_builtin_gan, &g);
    for (size_t i = 0; i < 3; i++) {
        free(area[i]);
    }
    return 0;
}
