/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_nn_attention.c - rules: attention is what the plain version computes, for packed sequences
 * of any lengths, heads of any width, masked and with dropout, and its way back too; the plain
 * version agrees with known numbers and with finite differences; what is masked weighs exactly 0;
 * small products have rows that do not depend on their neighbours; positions, embeddings and the
 * loss of many classes are what their definitions say.
 */
#include "gradient_check.h"
#include "nn/nn_attention.h"
#include "nn/nn_base.h"
#include "nn/nn_embedding.h"
#include "nn/nn_matmul.h"
#include "nn/nn_small.h"
#include "nn/nn_softmax.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -------- small products -------- */

static void test_small_products_are_products(void **state)
{
    (void)state;
    for (uint32_t rows = 1; rows <= 9; rows++) {
        for (uint32_t columns = 16; columns <= 80; columns += 16) {
            uint32_t const inner = 3 + rows;
            float *const a = check_noise((size_t)rows * inner, 1, 1.0f);
            float *const b = check_noise((size_t)inner * columns, 2, 1.0f);
            float *const c = pbti_nn_floats((size_t)rows * columns);
            float *const one = pbti_nn_floats(columns);
            float *const expected = pbti_nn_floats((size_t)rows * columns);
            struct pbti_nn_small_left const left = {a, inner, 1};
            pbti_nn_small_product(c, columns, left, b, columns, rows, columns, inner);
            pbti_nn_matmul_reference(false, false, rows, columns, inner, a, b, 0.0f, expected);
            check_all_close("c", c, expected, (size_t)rows * columns, 2e-6);
            for (size_t i = 0; i < rows; i++) { /* a row alone: the same bits */
                struct pbti_nn_small_left const row = {a + i * inner, inner, 1};
                pbti_nn_small_product(one, columns, row, b, columns, 1, columns, inner);
                assert_memory_equal(one, c + i * columns, columns * sizeof one[0]);
            }
            pbti_nn_matmul_reference(true, false, inner, columns, rows, a, c, 0.0f, b);
            float *const back = pbti_nn_floats((size_t)inner * columns);
            struct pbti_nn_small_left const transposed = {a, 1, inner};
            pbti_nn_small_product(back, columns, transposed, c, columns, inner, columns, rows);
            check_all_close("back", back, b, (size_t)inner * columns, 2e-6);
            float *const all[] = {a, b, c, one, expected, back};
            for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
                free(all[i]);
            }
        }
    }
}

/* -------- the plain version against known numbers -------- */

enum { QUERIES = 2, KEYS = 3, DEPTH = 4 };

static void sines(double *to, size_t count, double start, double step)
{
    for (size_t k = 0; k < count; k++) {
        to[k] = sin(start + step * (double)k);
    }
}

static void check_numbers(const char *what, const double *got, const double *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!(fabs(got[i] - expected[i]) <= 1e-11)) {
            fail_msg("%s[%zu] is %.12g, expected %.12g", what, i, got[i], expected[i]);
        }
    }
}

/* What an independent program computed in double. */
struct known {
    bool hidden[QUERIES * KEYS];
    double weights[QUERIES * KEYS], o[QUERIES * DEPTH], d_q[QUERIES * DEPTH];
    double d_k[KEYS * DEPTH], d_v[KEYS * DEPTH];
};

static const struct known all_seen = {
    {false},
    {0.57326957318, 0.128314396186, 0.298416030633, 0.164637868856, 0.465213539774, 0.37014859137},
    {0.136332260386, 0.29645937177, 0.132613382005, -0.176153540317, -0.298410211793,
     -0.31295451081, 0.0145003072207, 0.32610907704},
    {0.0017172365494, 0.265411397766, 0.328247504539, 0.142672443997, -0.350331966475,
     -0.370676276707, -0.11050017073, 0.233300261464},
    {0.0495548054788, 0.181114237844, 0.227492814163, 0.166877965308, 0.0324083595094,
     -0.187378715708, -0.319038653054, -0.300649726753, -0.0819631649882, 0.0062644778642,
     0.0915458388919, 0.133771761446},
    {0.119311292945, 0.663724352696, 0.235779680807, -0.537582775838, -0.243705807689,
     0.39634288171, 0.455748320871, -0.152518597749, -0.11745378082, 0.510037340435, 0.390322563062,
     -0.301215683625}};

static const struct known one_hidden = {
    {[2] = true},
    {0.817107571169, 0.182892428831, 0, 0.164637868856, 0.465213539774, 0.37014859137},
    {0.0585934050759, 0.720246214347, 0.594808373522, -0.180640671904, -0.298410211793,
     -0.31295451081, 0.0145003072207, 0.32610907704},
    {0.19726212661, 0.460254063435, 0.374934900927, 0.00587248030244, -0.350331966475,
     -0.370676276707, -0.11050017073, 0.233300261464},
    {0.0436617044789, 0.138769179059, 0.1686113404, 0.119152953726, 0.0222158121652,
     -0.260617578653, -0.420878449968, -0.383193609857, -0.0658775166441, 0.121848399593,
     0.252267109568, 0.264040656131},
    {0.214266281913, 0.905529914753, 0.270190101048, -0.76097884368, -0.22245212069, 0.450465996107,
     0.463450373277, -0.202521132152, -0.233662456787, 0.214108663981, 0.348210090414,
     -0.0278170813788}};

static void check_known(const struct known *known)
{
    double q[QUERIES * DEPTH], k[KEYS * DEPTH], v[KEYS * DEPTH], d_o[QUERIES * DEPTH];
    double o[QUERIES * DEPTH], weights[QUERIES * KEYS];
    double d_q[QUERIES * DEPTH], d_k[KEYS * DEPTH], d_v[KEYS * DEPTH];
    sines(q, QUERIES * DEPTH, 0.1, 0.7);
    sines(k, KEYS * DEPTH, 0.2, 0.9);
    sines(v, KEYS * DEPTH, 0.3, 1.1);
    sines(d_o, QUERIES * DEPTH, 0.4, 1.3);
    struct pbti_nn_attention_head const head = {q, k, v, NULL, QUERIES, KEYS, DEPTH, known->hidden};
    pbti_nn_attention_reference(&head, o, weights, d_o, d_q, d_k, d_v);
    check_numbers("weights", weights, known->weights, QUERIES * KEYS);
    check_numbers("o", o, known->o, QUERIES * DEPTH);
    check_numbers("d_q", d_q, known->d_q, QUERIES * DEPTH);
    check_numbers("d_k", d_k, known->d_k, KEYS * DEPTH);
    check_numbers("d_v", d_v, known->d_v, KEYS * DEPTH);
}

static void test_the_plain_version_gives_known_numbers(void **state)
{
    (void)state;
    check_known(&all_seen);
    check_known(&one_hidden);
}

/* -------- the fast version against the plain one -------- */

struct packed {
    struct pbti_nn_attention attention;
    uint32_t query_starts[8], key_starts[8];
    size_t query_values, key_values;
    float *q, *k, *v, *o, *weights, *mask, *scratch, *r;
    struct pbti_nn_attended in;
};

static void make_packed(struct packed *p, const uint32_t *queries, const uint32_t *keys,
                        uint32_t sequences, uint32_t width, uint32_t heads, bool causal,
                        bool dropout)
{
    *p = (struct packed){
        .attention = {width, heads, sequences, p->query_starts, p->key_starts, causal}};
    for (uint32_t s = 0; s < sequences; s++) {
        p->query_starts[s + 1] = p->query_starts[s] + queries[s];
        p->key_starts[s + 1] = p->key_starts[s] + keys[s];
    }
    p->query_values = (size_t)p->query_starts[sequences] * width;
    p->key_values = (size_t)p->key_starts[sequences] * width;
    size_t const weights = pbti_nn_attention_weights(&p->attention);
    p->q = check_noise(p->query_values, 1, 1.5f);
    p->k = check_noise(p->key_values, 2001, 1.5f);
    p->v = check_noise(p->key_values, 4001, 1.0f);
    p->r = check_noise(p->query_values, 6001, 1.0f);
    p->o = pbti_nn_floats(p->query_values);
    p->weights = pbti_nn_floats(weights);
    p->scratch = pbti_nn_floats(pbti_nn_attention_scratch(&p->attention));
    if (dropout) {
        p->mask = check_noise(weights, 8001, 1.0f);
        for (size_t i = 0; i < weights; i++) {
            p->mask[i] = p->mask[i] < 0.0f ? 0.0f : 2.0f;
        }
    }
    p->in = (struct pbti_nn_attended){p->q, p->k, p->v, width, width, width};
}

static void drop_packed(struct packed *p)
{
    float *const all[] = {p->q, p->k, p->v, p->o, p->weights, p->mask, p->scratch, p->r};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        free(all[i]);
    }
}

enum { SIDE = 40, HEAD_VALUES = SIDE * SIDE };

/* Numbers of one head as the plain version has them. */
struct plain {
    double q[HEAD_VALUES], k[HEAD_VALUES], v[HEAD_VALUES], r[HEAD_VALUES], mask[HEAD_VALUES];
    double o[HEAD_VALUES], weights[HEAD_VALUES], d_q[HEAD_VALUES], d_k[HEAD_VALUES];
    double d_v[HEAD_VALUES];
    bool hidden[HEAD_VALUES];
};

static void widen(double *to, const float *from, size_t row, uint32_t rows, uint32_t depth)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t c = 0; c < depth; c++) {
            to[i * depth + c] = (double)from[i * row + c];
        }
    }
}

static void check_columns(const char *what, const float *got, size_t row, const double *expected,
                          uint32_t rows, uint32_t depth)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t c = 0; c < depth; c++) {
            double const right = expected[i * depth + c];
            if (!(fabs((double)got[i * row + c] - right) <= 4e-6 * (1.0 + fabs(right)))) {
                fail_msg("%s[%zu][%zu] is %.9g, expected %.9g", what, i, c,
                         (double)got[i * row + c], right);
            }
        }
    }
}

/* Head h of sequence s, whose weights are at place `at`; returns the next place. */
static size_t check_head(const struct packed *p, const struct pbti_nn_attended *d, uint32_t s,
                         uint32_t h, size_t at)
{
    static struct plain n;
    size_t const row = p->attention.width;
    uint32_t const depth = p->attention.width / p->attention.heads;
    uint32_t const queries = p->query_starts[s + 1] - p->query_starts[s];
    uint32_t const keys = p->key_starts[s + 1] - p->key_starts[s];
    size_t const wide = pbti_nn_small_padded(keys);
    size_t const q_at = p->query_starts[s] * row + (size_t)h * depth;
    size_t const k_at = p->key_starts[s] * row + (size_t)h * depth;
    widen(n.q, p->q + q_at, row, queries, depth);
    widen(n.k, p->k + k_at, row, keys, depth);
    widen(n.v, p->v + k_at, row, keys, depth);
    widen(n.r, p->r + q_at, row, queries, depth);
    if (p->mask != NULL) { widen(n.mask, p->mask + at, wide, queries, keys); }
    for (size_t i = 0; i < queries; i++) {
        for (size_t j = 0; j < keys; j++) {
            n.hidden[i * keys + j] = p->attention.causal && j > i;
            if (n.hidden[i * keys + j]) { assert_true(p->weights[at + i * wide + j] == 0.0f); }
        }
    }
    struct pbti_nn_attention_head const head = {
        n.q, n.k, n.v, p->mask == NULL ? NULL : n.mask, queries, keys, depth, n.hidden};
    pbti_nn_attention_reference(&head, n.o, n.weights, n.r, n.d_q, n.d_k, n.d_v);
    check_columns("weights", p->weights + at, wide, n.weights, queries, keys);
    check_columns("o", p->o + q_at, row, n.o, queries, depth);
    check_columns("d_q", d->q + q_at, row, n.d_q, queries, depth);
    check_columns("d_k", d->k + k_at, row, n.d_k, keys, depth);
    check_columns("d_v", d->v + k_at, row, n.d_v, keys, depth);
    return at + queries * wide;
}

static void check_packed(const uint32_t *queries, const uint32_t *keys, uint32_t sequences,
                         uint32_t width, uint32_t heads, bool causal, bool dropout)
{
    struct packed p;
    make_packed(&p, queries, keys, sequences, width, heads, causal, dropout);
    float *const d_q = pbti_nn_floats(p.query_values);
    float *const d_k = pbti_nn_floats(p.key_values);
    float *const d_v = pbti_nn_floats(p.key_values);
    struct pbti_nn_attended const d = {d_q, d_k, d_v, width, width, width};
    pbti_nn_attention_forward(&p.attention, p.o, p.weights, &p.in, p.mask, p.scratch);
    pbti_nn_attention_backward(&p.attention, &d, p.r, p.weights, &p.in, p.mask, p.scratch);
    size_t at = 0;
    for (uint32_t s = 0; s < sequences; s++) {
        for (uint32_t h = 0; h < heads; h++) {
            at = check_head(&p, &d, s, h, at);
        }
    }
    assert_int_equal(at, pbti_nn_attention_weights(&p.attention));
    free(d_q);
    free(d_k);
    free(d_v);
    drop_packed(&p);
}

static void test_attention_agrees_with_the_plain_version(void **state)
{
    (void)state;
    static const uint32_t queries[] = {1, 17, 5, 33, 2};
    static const uint32_t keys[] = {3, 1, 16, 40, 20};
    for (unsigned dropout = 0; dropout < 2; dropout++) {
        check_packed(queries, queries, 5, 64, 4, true, dropout == 1);
        check_packed(queries, queries, 5, 12, 2, false, dropout == 1);
        check_packed(queries, keys, 5, 32, 4, false, dropout == 1);
        check_packed(queries, keys, 5, 40, 1, false, dropout == 1);
    }
}

/* -------- finite differences -------- */

static double attention_objective(void *context)
{
    struct packed *const p = context;
    pbti_nn_attention_forward(&p->attention, p->o, p->weights, &p->in, p->mask, p->scratch);
    return check_dot(p->o, p->r, p->query_values);
}

static void test_attention_backward_is_the_derivative(void **state)
{
    (void)state;
    static const uint32_t queries[] = {3, 4}, keys[] = {2, 5};
    struct packed p;
    make_packed(&p, queries, keys, 2, 6, 2, false, true);
    float d_q[64], d_k[64], d_v[64];
    struct pbti_nn_attended const d = {d_q, d_k, d_v, 6, 6, 6};
    (void)attention_objective(&p);
    pbti_nn_attention_backward(&p.attention, &d, p.r, p.weights, &p.in, p.mask, p.scratch);
    check_gradient("q", p.q, p.query_values, d_q, attention_objective, &p, 1e-4);
    check_gradient("k", p.k, p.key_values, d_k, attention_objective, &p, 1e-4);
    check_gradient("v", p.v, p.key_values, d_v, attention_objective, &p, 1e-4);
    drop_packed(&p);
}

/* -------- embeddings -------- */

static void test_positions_are_known_numbers(void **state)
{
    (void)state;
    static const double one[] = {0.841470984808,    0.540302305868,   0.0998334166468,
                                 0.995004165278,    0.00999983333417, 0.999950000417,
                                 0.000999999833333, 0.9999995};
    static const double seven[] = {0.656986598719,   0.753902254343,  0.644217687238,
                                   0.764842187284,   0.0699428473375, 0.997551000253,
                                   0.00699994283347, 0.9999755001};
    float positions[8 * 8];
    pbti_nn_positions(positions, 8, 8);
    for (size_t j = 0; j < 8; j++) {
        check_close((double)positions[8 + j], one[j], 1e-7);
        check_close((double)positions[7 * 8 + j], seven[j], 1e-7);
    }
}

static void test_embeddings_take_rows_and_give_gradients_to_them(void **state)
{
    (void)state;
    static const uint32_t ids[] = {2, 0, 2}, places[] = {0, 1, 3};
    float *const table = check_noise(9, 1, 1.0f);
    float *const positions = check_noise(12, 100, 1.0f);
    float y[9], d_table[9] = {[0] = 10.0f};
    pbti_nn_embedding_forward(y, table, positions, ids, places, 2.0f, 3, 3);
    for (size_t r = 0; r < 3; r++) {
        for (size_t j = 0; j < 3; j++) {
            float const expected = positions[places[r] * 3 + j] + 2.0f * table[ids[r] * 3 + j];
            assert_true(y[r * 3 + j] == expected);
        }
    }
    pbti_nn_embedding_backward(d_table, y, ids, 2.0f, 3, 3);
    check_close((double)d_table[0], 10.0 + 2.0 * (double)y[3], 1e-6); /* added to what is there */
    check_close((double)d_table[4], 0.0, 0.0);
    check_close((double)d_table[7], 2.0 * ((double)y[1] + (double)y[7]), 1e-6);
    free(table);
    free(positions);
}

/* -------- the loss of many classes -------- */

struct loss_case {
    float logits[10];
    double smoothing;
};

static const uint32_t loss_labels[] = {0, 4};

static double loss_objective(void *context)
{
    const struct loss_case *const c = context;
    return 0.5 *
           pbti_nn_softmax_cross_entropy(NULL, c->logits, loss_labels, c->smoothing, 0.5f, 2, 5)
               .smoothed;
}

static void test_the_loss_with_smoothing_is_known_numbers(void **state)
{
    (void)state;
    struct loss_case c = {{2.0f, -1.0f, 0.5f, 0.0f, 1.0f, 0.1f, 0.2f, 0.3f, 0.4f, -3.0f}, 0.0};
    static const double known[3][3] = {{0.0, 0.574437939628, 4.6521226669},
                                       {0.1, 0.724437939628, 4.3921226669},
                                       {0.3, 1.02443793963, 3.8721226669}};
    static const double gradient[] = {-0.356978768186, 0.00803117656089, 0.105627017622,
                                      0.0561966378758, 0.187123936127};
    float d[10];
    for (size_t i = 0; i < 3; i++) {
        for (size_t n = 0; n < 2; n++) {
            struct pbti_nn_softmax_loss const loss = pbti_nn_softmax_cross_entropy(
                d, c.logits + 5 * n, loss_labels + n, known[i][0], 1.0f, 1, 5);
            check_close(loss.smoothed, known[i][1 + n], 2e-6);
            check_close(loss.plain, known[0][1 + n], 2e-6);
            for (size_t j = 0; i == 1 && n == 0 && j < 5; j++) {
                check_close((double)d[j], gradient[j], 1e-6);
            }
        }
        c.smoothing = known[i][0];
        (void)pbti_nn_softmax_cross_entropy(d, c.logits, loss_labels, c.smoothing, 0.5f, 2, 5);
        check_gradient("logits", c.logits, 10, d, loss_objective, &c, 1e-4);
    }
}

static void test_the_loss_of_thousands_of_classes(void **state)
{
    (void)state;
    enum { CLASSES = 2003 };
    float *const x = check_noise(CLASSES, 3, 4.0f);
    double sum = 0.0;
    for (size_t k = 0; k < CLASSES; k++) {
        sum += exp((double)x[k]);
    }
    check_close(pbti_nn_log_sum_exp(x, CLASSES), log(sum), 2e-6);
    uint32_t const label = 2001;
    struct pbti_nn_softmax_loss loss =
        pbti_nn_softmax_cross_entropy(x, x, &label, 0.0, 1.0f, 1, CLASSES); /* in place */
    double rest = 0.0;
    for (size_t k = 0; k < CLASSES; k++) {
        rest += (double)x[k];
    }
    check_close(rest, 0.0, 1e-5);
    check_close((double)x[label] + 1.0, exp(-loss.plain), 1e-6);
    x[7] = NAN;
    loss = pbti_nn_softmax_cross_entropy(x, x, &label, 0.0, 1.0f, 1, CLASSES);
    assert_true(!isfinite(loss.plain));
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_products_are_products),
        cmocka_unit_test(test_the_plain_version_gives_known_numbers),
        cmocka_unit_test(test_attention_agrees_with_the_plain_version),
        cmocka_unit_test(test_attention_backward_is_the_derivative),
        cmocka_unit_test(test_positions_are_known_numbers),
        cmocka_unit_test(test_embeddings_take_rows_and_give_gradients_to_them),
        cmocka_unit_test(test_the_loss_with_smoothing_is_known_numbers),
        cmocka_unit_test(test_the_loss_of_thousands_of_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
