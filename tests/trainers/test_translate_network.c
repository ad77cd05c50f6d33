/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_translate_network.c - rules: a small Transformer with given weights has the outputs, losses
 * and gradients that PyTorch and numpy give it in double, pre-norm and post-norm; with the masks of
 * all three dropouts its gradients are the derivative; a sentence is not changed by its neighbours;
 * the same seed and step give the same bits, another step others.
 */
#include "gradient_check.h"
#include "translate/translate_network.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t source[] = {4, 5, 6, 7, 3, 8, 9, 3}, source_starts[] = {0, 5, 8};
static const uint32_t input[] = {2, 5, 10, 4, 2, 6, 8, 7, 9, 10}, target_starts[] = {0, 4, 10};
static const uint32_t labels[] = {5, 10, 4, 3, 6, 8, 7, 9, 10, 3};
static const struct pbti_translate_batch pairs = {2,     source, source_starts,
                                                  input, labels, target_starts};

/* -------- given weights -------- */

/* Tensor i of the list has the value sin(1 + 1.3 i + 0.37 j) at j. */
struct filler {
    struct pbti_translate_network *network;
    uint32_t tensor, part;
};

enum filling { WEIGHT, BIAS, GAIN };

static void fill(struct filler *f, float *to, size_t count, enum filling kind)
{
    for (size_t j = 0; j < count; j++) {
        double const w = sin(1.0 + 1.3 * f->tensor + 0.37 * (double)j);
        to[j] = (float)(kind == WEIGHT ? 0.3 * w : kind == BIAS ? 0.1 * w : 1.0 + 0.1 * w);
    }
    f->tensor++;
}

/* The next part, which holds `tensors` of the list behind each other. */
static void fill_part(struct filler *f, uint32_t tensors, enum filling kind)
{
    struct pbti_nn_block *const block = &f->network->block;
    const struct pbti_nn_part *const part = &block->parts[f->part];
    float *const at = pbti_nn_block_part(block, block->weights, f->part++);
    size_t const count = (size_t)part->rows * part->columns / tensors;
    uint32_t const first = f->tensor;
    for (uint32_t t = 0; t < tensors; t++) {
        f->tensor = first + 2 * t; /* weights and biases take turns in the list */
        fill(f, at + t * count, count, kind);
    }
    f->tensor = first + 1;
}

static void fill_linear(struct filler *f, uint32_t tensors)
{
    fill_part(f, tensors, WEIGHT);
    fill_part(f, tensors, BIAS);
    f->tensor += 2 * (tensors - 1);
}

static void fill_norm(struct filler *f)
{
    fill_part(f, 1, GAIN);
    fill_part(f, 1, BIAS);
}

static void fill_sublayer(struct filler *f, enum pbti_translate_kind kind)
{
    fill_norm(f);
    if (kind == PBTI_TRANSLATE_CROSS) { fill_linear(f, 1); }
    fill_linear(f, kind == PBTI_TRANSLATE_SELF ? 3 : kind == PBTI_TRANSLATE_CROSS ? 2 : 1);
    fill_linear(f, 1);
}

static void make(struct pbti_translate_network *network, bool post_norm)
{
    struct pbti_translate_shape const shape = {
        .vocabulary = 11, .width = 8, .ffn = 12, .heads = 2, .layers = 1, .post_norm = post_norm};
    assert_int_equal(pbti_translate_network_init(network, &shape, 0, NULL), PBT_OK);
    struct filler f = {network, 0, 0};
    fill_part(&f, 1, WEIGHT);
    fill_sublayer(&f, PBTI_TRANSLATE_SELF);
    fill_sublayer(&f, PBTI_TRANSLATE_FEED);
    if (!post_norm) { fill_norm(&f); }
    fill_sublayer(&f, PBTI_TRANSLATE_SELF);
    fill_sublayer(&f, PBTI_TRANSLATE_CROSS);
    fill_sublayer(&f, PBTI_TRANSLATE_FEED);
    if (!post_norm) { fill_norm(&f); }
    fill_part(&f, 1, BIAS);
    assert_int_equal(f.tensor, post_norm ? 44 : 48);
    assert_int_equal(f.part, network->block.part_count);
}

static double norm_of(const float *x, size_t count)
{
    return sqrt(check_dot(x, x, count));
}

/* Rows first .. first + rows of the gradient of a part. */
static double part_norm(const struct pbti_translate_network *n, const char *name, uint32_t first,
                        uint32_t rows)
{
    for (uint32_t p = 0; p < n->block.part_count; p++) {
        const struct pbti_nn_part *const part = &n->block.parts[p];
        if (strcmp(part->name, name) != 0) { continue; }
        float *const at = pbti_nn_block_part(&n->block, n->block.gradients, p);
        return norm_of(at + (size_t)first * part->columns,
                       (size_t)(rows == 0 ? part->rows : rows) * part->columns);
    }
    fail_msg("no part %s", name);
    return NAN;
}

static struct pbti_translate_loss run(struct pbti_translate_network *n,
                                      const struct pbti_translate_pass *pass)
{
    struct pbti_translate_loss loss;
    assert_int_equal(pbti_translate_network_run(n, &pairs, pass, &loss, NULL), PBT_OK);
    assert_int_equal(loss.rows, 10);
    return loss;
}

static void test_the_network_gives_known_numbers(void **state)
{
    (void)state;
    static const double memory[] = {-1.22280513,    1.041595545,  -0.5904956027, 1.253697668,
                                    -0.08281359207, 0.9883539138, -1.310730163,  0.1315695334};
    static const double logits[] = {0.3415394874,  -0.4085366587,  0.326451284,  -0.2305087562,
                                    0.2684543832,  -0.03690352583, 0.1487268577, 0.1262096993,
                                    -0.0295298498, 0.2352070632,   -0.2350130735};
    static const struct {
        const char *name;
        uint32_t first, rows;
        double norm;
    } known[] = {{"shared0.embedding", 0, 0, 0.8339541487},
                 {"encoder0.self.qkv.weight", 0, 8, 2.851381974e-4},
                 {"encoder0.self.qkv.weight", 8, 8, 2.590898581e-4},
                 {"encoder0.self.qkv.weight", 16, 8, 8.48163192e-3},
                 {"encoder0.self.out.weight", 0, 0, 7.277783188e-3},
                 {"encoder0.ffn.w1.weight", 0, 0, 1.094158907e-2},
                 {"encoder0.ffn.w2.weight", 0, 0, 2.091053827e-2},
                 {"encoder1.norm.gain", 0, 0, 1.585531012e-2},
                 {"decoder0.self.qkv.weight", 0, 8, 1.303189593e-2},
                 {"decoder0.self.qkv.weight", 8, 8, 6.314661146e-3},
                 {"decoder0.self.qkv.weight", 16, 8, 0.279966487},
                 {"decoder0.self.out.weight", 0, 0, 0.1497684491},
                 {"decoder0.cross.q.weight", 0, 0, 1.87886335e-2},
                 {"decoder0.cross.kv.weight", 0, 8, 4.199561354e-3},
                 {"decoder0.cross.kv.weight", 8, 8, 0.2283269052},
                 {"decoder0.cross.out.weight", 0, 0, 6.73141088e-2},
                 {"decoder0.ffn.w1.weight", 0, 0, 0.12094739},
                 {"decoder0.ffn.w2.weight", 0, 0, 0.1751856999},
                 {"decoder1.norm.gain", 0, 0, 0.1432440612},
                 {"decoder1.norm.bias", 0, 0, 0.1099513618},
                 {"shared0.output.bias", 0, 0, 0.1772155552}};
    struct pbti_translate_network n;
    make(&n, false);
    struct pbti_translate_loss loss = run(&n, NULL);
    for (size_t j = 0; j < 11; j++) {
        check_close((double)n.logits[j], logits[j], 1e-6);
        if (j < 8) { check_close((double)n.memory[j], memory[j], 2e-6); }
    }
    check_close(loss.plain / 10, 2.57976149654, 1e-6);
    struct pbti_translate_pass const pass = {.label_smoothing = 0.1};
    loss = run(&n, &pass);
    check_close(loss.smoothed / 10, 2.57135684565, 1e-6);
    check_close(loss.plain / 10, 2.57976149654, 1e-6);
    check_close(norm_of(n.block.gradients, n.block.plane_floats), 1.03390846698, 1e-5);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        double const got = part_norm(&n, known[i].name, known[i].first, known[i].rows);
        if (!(fabs(got - known[i].norm) <= 1e-4 * known[i].norm)) {
            fail_msg("norm of %s from %u is %.9g, expected %.9g", known[i].name, known[i].first,
                     got, known[i].norm);
        }
    }
    check_close((double)n.block.gradients[0], -0.024266299, 1e-6);
    pbti_translate_network_deinit(&n);

    make(&n, true);
    loss = run(&n, &pass);
    check_close(loss.smoothed / 10, 2.62064348699, 1e-6);
    check_close(loss.plain / 10, 2.62733468477, 1e-6);
    check_close(norm_of(n.block.gradients, n.block.plane_floats), 1.08007387852, 1e-5);
    pbti_translate_network_deinit(&n);
}

/* -------- with dropout -------- */

struct trial {
    struct pbti_translate_network network;
    struct pbti_translate_pass pass;
};

static double objective(void *context)
{
    struct trial *const t = context;
    return run(&t->network, &t->pass).smoothed / 10;
}

static void check_derivative(bool post_norm)
{
    struct trial t = {.pass = {.attention_dropout = 0.3,
                               .relu_dropout = 0.2,
                               .layer_dropout = 0.25,
                               .label_smoothing = 0.1,
                               .seed = 5,
                               .step = 2}};
    make(&t.network, post_norm);
    const struct pbti_nn_block *const block = &t.network.block;
    (void)objective(&t);
    float *const gradients = pbti_nn_floats(block->plane_floats);
    memcpy(gradients, block->gradients, block->plane_floats * sizeof gradients[0]);
    for (uint32_t p = 0; p < block->part_count; p++) {
        /* relu has kinks: a bound on the step, and a few values of each part are enough */
        const struct pbti_nn_part *const part = &block->parts[p];
        size_t const count = (size_t)part->rows * part->columns;
        size_t const step = count > 24 ? count / 5 : 7;
        for (size_t i = 0; i < count; i += step) {
            float *const value = block->weights + part->offset + i;
            float const kept = *value;
            double const h = 1e-3;
            *value = (float)((double)kept + h);
            double const up = objective(&t);
            *value = (float)((double)kept - h);
            double const down = objective(&t);
            *value = kept;
            double const slope = (up - down) / (2 * h);
            double const got = (double)gradients[part->offset + i];
            if (!(fabs(got - slope) <= 1e-3)) {
                fail_msg("gradient of %s[%zu] is %.9g, the differences say %.9g", part->name, i,
                         got, slope);
            }
        }
    }
    free(gradients);
    pbti_translate_network_deinit(&t.network);
}

static void test_gradients_with_dropout_are_the_derivative(void **state)
{
    (void)state;
    check_derivative(false);
    check_derivative(true);
}

static void test_masks_follow_from_seed_and_step(void **state)
{
    (void)state;
    struct trial t = {.pass = {.layer_dropout = 0.2, .seed = 1}};
    make(&t.network, false);
    double const first = objective(&t);
    t.pass.step = 1;
    double const second = objective(&t);
    t.pass.step = 0;
    assert_true(objective(&t) == first);
    assert_true(second != first);
    t.pass.seed = 2;
    assert_true(objective(&t) != first);
    pbti_translate_network_deinit(&t.network);
}

static void test_a_sentence_does_not_see_its_neighbour(void **state)
{
    (void)state;
    struct pbti_translate_network n;
    make(&n, false);
    double const together = run(&n, NULL).plain;
    double alone = 0.0;
    for (uint32_t s = 0; s < 2; s++) {
        uint32_t const source_rows[] = {0, source_starts[s + 1] - source_starts[s]};
        uint32_t const target_rows[] = {0, target_starts[s + 1] - target_starts[s]};
        struct pbti_translate_batch const one = {1,
                                                 source + source_starts[s],
                                                 source_rows,
                                                 input + target_starts[s],
                                                 labels + target_starts[s],
                                                 target_rows};
        struct pbti_translate_loss loss;
        assert_int_equal(pbti_translate_network_run(&n, &one, NULL, &loss, NULL), PBT_OK);
        alone += loss.plain;
    }
    check_close(alone, together, 1e-5);
    pbti_translate_network_deinit(&n);
}

/* -------- shapes -------- */

static void test_shapes_that_cannot_be_are_refused(void **state)
{
    (void)state;
    struct pbti_translate_network n;
    struct pbti_translate_shape shape = {100, 10, 16, 3, 1, false};
    struct pbt_error err = {0};
    assert_int_equal(pbti_translate_network_init(&n, &shape, 2, &err), PBT_EINVAL);
    assert_non_null(strstr(err.message, "\"heads\" is 3"));
    shape.heads = 2;
    shape.layers = PBTI_TRANSLATE_LAYERS_MAX + 1;
    assert_int_equal(pbti_translate_network_init(&n, &shape, 2, &err), PBT_EINVAL);
    assert_non_null(strstr(err.message, "\"layers\" is 8"));
    shape.layers = PBTI_TRANSLATE_LAYERS_MAX;
    assert_int_equal(pbti_translate_network_init(&n, &shape, 2, &err), PBT_OK);
    pbti_translate_network_deinit(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_network_gives_known_numbers),
        cmocka_unit_test(test_gradients_with_dropout_are_the_derivative),
        cmocka_unit_test(test_masks_follow_from_seed_and_step),
        cmocka_unit_test(test_a_sentence_does_not_see_its_neighbour),
        cmocka_unit_test(test_shapes_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
