/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_classify.c - how much a training step of `builtin: classify` costs beyond its matrix
 * products.
 *
 * The network is 784-256-128-10 and the batch 128, on one thread. Measured in the same run, turn by
 * turn, so that the noise of the machine meets both alike:
 *
 *     step      pbti_classify_step(): gather and normalise a batch, forward, loss, backward, update
 *     products  the eight matrix products of that step, as oneDNN's own matmul primitives made
 *               beforehand for exactly these shapes, on buffers of their own
 *
 * Medians are printed, and the ratio, whose goal is 1.5. Then the evaluation of 10,000 images, and
 * the same step in PyTorch (bench/classify_torch.py) where python3-torch is installed.
 *
 * Needs Fashion-MNIST where Debian's dataset-fashion-mnist puts it.
 */
#include "classify/classify.h"
#include "measure.h"

#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 128, LAYERS = 3, PRODUCTS = 8, WARM_UP = 50, ROUNDS = 1500 };

static const uint32_t sizes[LAYERS + 1] = {784, 256, 128, 10};

/* -------- measuring -------- */

/* -------- bare products -------- */

struct product {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[3];
};

struct products {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct product list[PRODUCTS];
    size_t count;
    double flops;
};

static dnnl_memory_t memory(struct products *p, int64_t rows, int64_t columns, bool transposed,
                            dnnl_memory_desc_t *desc)
{
    dnnl_dims_t const dims = {rows, columns};
    dnnl_memory_t made = NULL;
    need(dnnl_memory_desc_init_by_tag(desc, 2, dims, dnnl_f32, transposed ? dnnl_ba : dnnl_ab) ==
                 dnnl_success &&
             dnnl_memory_create(&made, desc, p->engine, DNNL_MEMORY_ALLOCATE) == dnnl_success,
         "oneDNN memory");
    void *values = NULL;
    need(dnnl_memory_get_data_handle(made, &values) == dnnl_success, "oneDNN memory");
    for (int64_t i = 0; i < rows * columns; i++) {
        ((float *)values)[i] = (float)(i % 17) * 0.01f - 0.08f;
    }
    return made;
}

/* Add c (rows, columns) = op(a) op(b). */
static void add_product(struct products *p, bool a_transposed, bool b_transposed, uint32_t rows,
                        uint32_t columns, uint32_t inner)
{
    struct product *const product = &p->list[p->count++];
    dnnl_memory_desc_t a, b, c;
    product->args[0] = (dnnl_exec_arg_t){DNNL_ARG_SRC, memory(p, rows, inner, a_transposed, &a)};
    product->args[1] =
        (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, memory(p, inner, columns, b_transposed, &b)};
    product->args[2] = (dnnl_exec_arg_t){DNNL_ARG_DST, memory(p, rows, columns, false, &c)};
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t chosen = NULL;
    need(dnnl_matmul_desc_init(&desc, &a, &b, NULL, &c) == dnnl_success &&
             dnnl_primitive_desc_create(&chosen, &desc, NULL, p->engine, NULL) == dnnl_success &&
             dnnl_primitive_create(&product->primitive, chosen) == dnnl_success,
         "oneDNN matmul");
    (void)dnnl_primitive_desc_destroy(chosen);
    p->flops += 2.0 * rows * columns * inner;
}

/* Forward and gradient of the weights of each layer; gradient of the input of all but the first. */
static void products_init(struct products *p)
{
    memset(p, 0, sizeof *p);
    need(dnnl_engine_create(&p->engine, dnnl_cpu, 0) == dnnl_success &&
             dnnl_stream_create(&p->stream, p->engine, dnnl_stream_default_flags) == dnnl_success,
         "oneDNN engine");
    for (size_t l = 0; l < LAYERS; l++) {
        add_product(p, false, true, BATCH, sizes[l + 1], sizes[l]);
    }
    for (size_t l = LAYERS; l-- > 0;) {
        add_product(p, true, false, sizes[l + 1], sizes[l], BATCH);
        if (l > 0) { add_product(p, false, false, BATCH, sizes[l], sizes[l + 1]); }
    }
}

static void products_run(const struct products *p)
{
    for (size_t i = 0; i < p->count; i++) {
        need(dnnl_primitive_execute(p->list[i].primitive, p->stream, 3, p->list[i].args) ==
                 dnnl_success,
             "oneDNN execute");
    }
    need(dnnl_stream_wait(p->stream) == dnnl_success, "oneDNN wait");
}

static void products_deinit(struct products *p)
{
    for (size_t i = 0; i < p->count; i++) {
        (void)dnnl_primitive_destroy(p->list[i].primitive);
        for (size_t a = 0; a < 3; a++) {
            (void)dnnl_memory_destroy(p->list[i].args[a].memory);
        }
    }
    (void)dnnl_stream_destroy(p->stream);
    (void)dnnl_engine_destroy(p->engine);
}

/* -------- the rows of the table -------- */

/* A network after its first segment of 0 steps: data loaded, ready for pbti_classify_step(). */
static void prepare(struct pbti_classify *c, const struct pbti_classify_settings *s)
{
    struct pbt_error err = {0};
    struct pbti_builtin_task const task = {.seed = 1, .start = PBT_CLIENT_FRESH};
    need(pbti_builtin_run(&pbti_builtin_classify, c, s, &task, &err) == PBT_OK, err.message);
    pbti_data_order_begin(&c->order, 1);
}

static double step_row(struct pbti_classify *c, const struct products *p, const char *name,
                       const struct pbti_classify_settings *s)
{
    static double steps[ROUNDS];
    static double bare[ROUNDS];
    prepare(c, s);
    for (size_t i = 0; i < WARM_UP; i++) {
        (void)pbti_classify_step(c, BATCH, s->shift);
        products_run(p);
    }
    for (size_t i = 0; i < ROUNDS; i++) {
        double const start = seconds();
        (void)pbti_classify_step(c, BATCH, s->shift);
        double const between = seconds();
        products_run(p);
        steps[i] = between - start;
        bare[i] = seconds() - between;
    }
    double const step = median(steps, ROUNDS);
    double const products = median(bare, ROUNDS);
    (void)printf("%-24s %8.0f us %8.0f us (%3.0f GFLOP/s)  ratio %.2f  %7.0f images/s\n", name,
                 1e6 * step, 1e6 * products, 1e-9 * p->flops / products, step / products,
                 BATCH / step);
    return step;
}

static void evaluation_row(struct pbti_classify *c, const struct pbti_classify_settings *s)
{
    enum { EVALUATIONS = 15 };
    double times[EVALUATIONS];
    struct pbti_builtin_task const task = {.seed = 1, .start = PBT_CLIENT_KEEP};
    for (size_t i = 0; i < EVALUATIONS; i++) {
        struct pbt_error err = {0};
        double const start = seconds();
        need(pbti_builtin_run(&pbti_builtin_classify, c, s, &task, &err) == PBT_OK, err.message);
        times[i] = seconds() - start;
    }
    (void)printf("%-24s %8.1f ms\n", "evaluate 10,000 images", 1e3 * median(times, EVALUATIONS));
}

/* -------- the peer -------- */

/* The script prints "step_seconds X"; nothing when PyTorch is not installed. */
static void torch_row(double step)
{
    const char *const root = getenv("PBT_SOURCE_DIR");
    char command[4096];
    (void)snprintf(command, sizeof command,
                   "/usr/bin/python3 '%s/bench/classify_torch.py' 2>/dev/null",
                   root == NULL ? "." : root);
    FILE *const pipe = popen(command, "r");
    if (pipe == NULL) { return; }
    char line[256];
    double torch = 0.0;
    while (fgets(line, sizeof line, pipe) != NULL) {
        if (strncmp(line, "step_seconds ", 13) == 0) { torch = strtod(line + 13, NULL); }
    }
    (void)pclose(pipe);
    if (torch > 0.0) {
        (void)printf("%-24s %8.0f us   PyTorch takes %.1f times as long (%.0f images/s)\n",
                     "PyTorch, relu", 1e6 * torch, torch / step, BATCH / torch);
    } else {
        (void)printf("PyTorch: not measured (python3-torch is not installed, or this is not run "
                     "from the source folder)\n");
    }
}

int main(void)
{
    struct pbti_classify_settings s;
    pbti_settings_default(pbti_builtin_classify.settings, &s);
    if (access(s.data, R_OK) != 0) {
        (void)printf("bench_classify: skipped, %s is missing (apt-get install "
                     "dataset-fashion-mnist)\n",
                     s.data);
        return 0;
    }
    pbti_nn_setup(1);
    struct products products;
    products_init(&products);
    struct pbti_classify classify;
    pbti_builtin_init(&pbti_builtin_classify, &classify);
    s.weight_decay = 1e-4;

    (void)printf("training step, 784-256-128-10, batch %d, 1 thread; medians of %d\n", (int)BATCH,
                 (int)ROUNDS);
    (void)printf("%-24s %11s %11s\n", "", "step", "products");
    double const step = step_row(&classify, &products, "relu (goal: 1.5)", &s);
    evaluation_row(&classify, &s);
    s.dropout = 0.2;
    s.label_smoothing = 0.1;
    (void)step_row(&classify, &products, "relu, dropout", &s);
    s.act = PBTI_NN_TANH;
    (void)step_row(&classify, &products, "tanh, dropout", &s);
    s.act = PBTI_NN_GELU;
    (void)step_row(&classify, &products, "gelu, dropout", &s);
    s.shift = 2;
    (void)step_row(&classify, &products, "gelu, dropout, shift 2", &s);
    torch_row(step);

    pbti_builtin_deinit(&pbti_builtin_classify, &classify);
    products_deinit(&products);
    return 0;
}
