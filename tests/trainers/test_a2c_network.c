/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_a2c_network.c - rules: the way back is the derivative of the way forward in every weight,
 * for pictures and features, with an LSTM (over several rounds, episodes ending among them) and
 * without; a copy's rows depend on no other copy, nor on how many rows go forward together; the
 * LSTM's state can be forgotten, rewound and set aside, and each does only that.
 */
#include "a2c/a2c_network.h"
#include "gradient_check.h"
#include "trainer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 4, COPIES = 3, ROWS = ROUNDS * COPIES, ACTIONS = 3, HIDDEN = 6 };

static const struct pbti_a2c_shape shapes[] = {
    {.cells = true,
     .rows = 5,
     .columns = 4,
     .channels = 2,
     .actions = ACTIONS,
     .filters = 16,
     .hidden = HIDDEN},
    {.rows = 1, .columns = 1, .channels = 5, .actions = ACTIONS, .filters = 16, .hidden = HIDDEN},
    {.bytes = true,
     .rows = 12,
     .columns = 14,
     .channels = 2,
     .actions = ACTIONS,
     .filters = 16,
     .hidden = HIDDEN},
    {.cells = true,
     .rows = 5,
     .columns = 4,
     .channels = 2,
     .actions = ACTIONS,
     .filters = 16,
     .hidden = HIDDEN,
     .lstm = true},
    {.rows = 1,
     .columns = 1,
     .channels = 5,
     .actions = ACTIONS,
     .filters = 16,
     .hidden = HIDDEN,
     .lstm = true},
    {.rows = 1,
     .columns = 1,
     .channels = 5,
     .actions = ACTIONS,
     .filters = 16,
     .hidden = HIDDEN,
     .lstm = true,
     .inputs = true},
    {.bytes = true,
     .rows = 12,
     .columns = 14,
     .channels = 2,
     .actions = ACTIONS,
     .filters = 16,
     .hidden = HIDDEN,
     .lstm = true,
     .inputs = true},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0], FIRST_WITH_LSTM = 3 };

/* Where episodes end: copy 1 after round 0, copies 0 and 2 after round 1. */
static const uint8_t ends[ROWS] = {0, 1, 0, 2, 0, 1};

/* What copies do, and get for it. */
static const uint8_t chosen[ROWS] = {0, 1, 2, 2, 1, 0, 1, 2, 0, 0, 2, 1};
static const float rewards[ROWS] = {0.0f, 0.5f, -1.0f, 0.25f, 1.0f, 0.0f,
                                    0.0f, 2.0f, -0.5f, 1.0f,  0.0f, 0.75f};

struct rollout {
    struct pbti_a2c_network net;
    float *first_state; /* (2, COPIES, HIDDEN) */
    float *r;           /* (ROWS, ACTIONS + 1): the objective is heads . r */
};

/* Units of a relu layer are far on one side of its bend or far on the other, in turn: the objective
 * is smooth where the differences are taken. */
static void spread_bias(struct pbti_a2c_network *net, uint32_t index)
{
    float *const b = pbti_nn_block_part(&net->block, net->block.weights, index);
    for (uint32_t k = 0; k < net->block.parts[index].rows; k++) {
        b[k] += k % 2 == 0 ? 3.0f : -3.0f;
    }
}

static void fill_weights(struct pbti_a2c_network *net)
{
    for (uint32_t p = 0; p < net->block.part_count; p++) {
        const struct pbti_nn_part *const part = &net->block.parts[p];
        size_t const count = (size_t)part->rows * part->columns;
        bool const maps = net->shape.cells || net->shape.bytes;
        bool const second = net->shape.bytes && p == net->second_w;
        float const scale = second ? 0.02f : p == net->hidden_w && maps ? 0.03f : 0.2f;
        float *const noise = check_noise(count, 1000 * p, scale);
        memcpy(pbti_nn_block_part(&net->block, net->block.weights, p), noise,
               count * sizeof noise[0]);
        free(noise);
    }
    spread_bias(net, net->first_b);
    spread_bias(net, net->hidden_b);
    if (net->shape.bytes) { spread_bias(net, net->second_b); }
    pbti_a2c_network_ready(net);
}

/* What copy `copy` sees at time t goes to row `row`. */
static void fill_row(struct pbti_a2c_network *net, size_t row, uint32_t t, uint32_t copy)
{
    uint32_t const salt = 20000 + 1000 * (t * COPIES + copy);
    if (!net->shape.cells) {
        float *const x = net->features + row * net->values;
        float const scale = net->shape.bytes ? 0.3f : 1.0f;
        for (uint32_t k = 0; k < net->values; k++) {
            x[k] = scale * fixture_noise(salt + k);
        }
        return;
    }
    uint32_t const cells = net->shape.rows * net->shape.columns;
    for (uint32_t k = 0; k < cells; k++) {
        unsigned const low = fixture_noise(salt + 2 * k) < -0.4f ? 1u : 0u;
        unsigned const high = fixture_noise(salt + 2 * k + 1) < -0.4f ? 2u : 0u;
        net->cells[row * cells + k] = (uint16_t)(low | high);
    }
}

static struct rollout *rollout_make(const struct pbti_a2c_shape *shape)
{
    struct rollout *const r = calloc(1, sizeof *r);
    assert_non_null(r);
    assert_int_equal(pbti_a2c_network_init(&r->net, shape, 1, COPIES, NULL), PBT_OK);
    assert_int_equal(pbti_a2c_network_reserve(&r->net, ROWS, NULL), PBT_OK);
    r->first_state = check_noise(2 * COPIES * HIDDEN, 31, 0.9f);
    r->r = check_noise(ROWS * (ACTIONS + 1), 32, 1.0f);
    fill_weights(&r->net);
    for (uint32_t t = 0; t < ROUNDS; t++) {
        for (uint32_t i = 0; i < COPIES; i++) {
            fill_row(&r->net, t * COPIES + i, t, i);
        }
    }
    return r;
}

static void rollout_free(struct rollout *r)
{
    pbti_a2c_network_deinit(&r->net);
    free(r->first_state);
    free(r->r);
    free(r);
}

static size_t state_size(void)
{
    return 2 * COPIES * HIDDEN * sizeof(float);
}

/* All rounds, one after the other, from the first state. */
static void go_forward(struct rollout *r)
{
    static const uint8_t none[COPIES] = {0};
    if (r->net.shape.lstm) { memcpy(r->net.memory.state, r->first_state, state_size()); }
    pbti_a2c_network_forget(&r->net, none);
    if (r->net.shape.inputs) { /* as if the first actions had been others */
        pbti_a2c_network_note(&r->net, chosen + COPIES, rewards + COPIES, none);
    }
    for (uint32_t t = 0; t < ROUNDS; t++) {
        pbti_a2c_network_forward(&r->net, t * COPIES, COPIES);
        size_t const at = (size_t)t * COPIES;
        pbti_a2c_network_forget(&r->net, ends + at);
        pbti_a2c_network_note(&r->net, chosen + at, rewards + at, ends + at);
    }
}

/* -------- the derivative -------- */

static double objective(void *context)
{
    struct rollout *const r = context;
    pbti_a2c_network_ready(&r->net);
    go_forward(r);
    return check_dot(r->net.heads, r->r, ROWS * (ACTIONS + 1));
}

/* Some units are on and some are off, so that both are tested. */
static void assert_mixed(const float *values, size_t count)
{
    size_t on = 0;
    for (size_t i = 0; i < count; i++) {
        on += values[i] > 0.0f;
    }
    assert_true(on > count / 4 && on < count * 3 / 4);
}

static void test_the_way_back_is_the_derivative(void **state)
{
    (void)state;
    for (size_t s = 0; s < SHAPES; s++) {
        struct rollout *const r = rollout_make(&shapes[s]);
        struct pbti_a2c_network *const net = &r->net;
        (void)objective(r);
        assert_mixed(net->first, (size_t)ROWS * net->sight);
        assert_mixed(net->hidden, (size_t)ROWS * HIDDEN);
        memcpy(net->d_heads, r->r, ROWS * (ACTIONS + 1) * sizeof(float));
        /* NaN: gradients are written, not added to what was there */
        memset(net->block.gradients, 0xff, net->block.plane_floats * sizeof(float));
        pbti_a2c_network_backward(net, ROWS);
        pbti_a2c_network_backward(net, ROWS); /* and nothing is left over from the last time */
        for (uint32_t p = 0; p < net->block.part_count; p++) {
            const struct pbti_nn_part *const part = &net->block.parts[p];
            check_gradient(part->name, pbti_nn_block_part(&net->block, net->block.weights, p),
                           (size_t)part->rows * part->columns,
                           pbti_nn_block_part(&net->block, net->block.gradients, p), objective, r,
                           5e-4);
        }
        rollout_free(r);
    }
}

/* -------- rows -------- */

static void test_without_lstm_rows_may_go_together(void **state)
{
    (void)state;
    for (size_t s = 0; s < FIRST_WITH_LSTM; s++) {
        struct rollout *const r = rollout_make(&shapes[s]);
        go_forward(r);
        float *const by_round = check_noise(ROWS * (ACTIONS + 1), 0, 1.0f);
        memcpy(by_round, r->net.heads, ROWS * (ACTIONS + 1) * sizeof(float));
        pbti_a2c_network_forward(&r->net, 0, ROWS);
        check_all_close("heads", r->net.heads, by_round, ROWS * (ACTIONS + 1), 1e-6);
        free(by_round);
        rollout_free(r);
    }
}

/* Copy `copy` of `r`, played by a network of one copy. */
static void check_alone(const struct rollout *r, uint32_t copy)
{
    struct pbti_a2c_network one;
    assert_int_equal(pbti_a2c_network_init(&one, &r->net.shape, 1, 1, NULL), PBT_OK);
    assert_int_equal(pbti_a2c_network_reserve(&one, ROUNDS, NULL), PBT_OK);
    fill_weights(&one);
    if (one.shape.lstm) {
        for (size_t part = 0; part < 2; part++) {
            memcpy(one.memory.state + part * HIDDEN,
                   r->first_state + (part * COPIES + copy) * HIDDEN, HIDDEN * sizeof(float));
        }
    }
    if (one.shape.inputs) {
        pbti_a2c_network_note(&one, chosen + COPIES + copy, rewards + COPIES + copy, ends);
    }
    for (uint32_t t = 0; t < ROUNDS; t++) {
        fill_row(&one, t, t, copy);
        pbti_a2c_network_forward(&one, t, 1);
        size_t const at = (size_t)t * COPIES + copy;
        pbti_a2c_network_forget(&one, ends + at);
        pbti_a2c_network_note(&one, chosen + at, rewards + at, ends + at);
        check_all_close("heads", one.heads + (size_t)t * (ACTIONS + 1),
                        r->net.heads + ((size_t)t * COPIES + copy) * (ACTIONS + 1), ACTIONS + 1,
                        1e-6);
    }
    pbti_a2c_network_deinit(&one);
}

static void test_copies_do_not_know_of_each_other(void **state)
{
    (void)state;
    for (size_t s = 0; s < SHAPES; s++) {
        struct rollout *const r = rollout_make(&shapes[s]);
        go_forward(r);
        for (uint32_t copy = 0; copy < COPIES; copy++) {
            check_alone(r, copy);
        }
        rollout_free(r);
    }
}

/* -------- the state of the LSTM -------- */

static void test_forget_is_for_those_that_ended(void **state)
{
    (void)state;
    struct rollout *const r = rollout_make(&shapes[FIRST_WITH_LSTM]);
    static const uint8_t some[COPIES] = {0, 2, 0};
    float *const lstm = r->net.memory.state;
    pbti_a2c_network_forward(&r->net, 0, COPIES);
    float before[2 * COPIES * HIDDEN];
    memcpy(before, lstm, sizeof before);
    pbti_a2c_network_forget(&r->net, some);
    for (size_t k = 0; k < 2 * COPIES * HIDDEN; k++) {
        bool const ended = some[k / HIDDEN % COPIES] != 0;
        assert_true(before[k] != 0.0f);
        assert_true(lstm[k] == (ended ? 0.0f : before[k]));
    }
    pbti_a2c_network_forward(&r->net, COPIES, COPIES); /* an end stands between two rows only */
    pbti_a2c_network_forward(&r->net, 2 * COPIES, COPIES);
    for (size_t i = 0; i < COPIES; i++) {
        assert_true(r->net.memory.masks[COPIES + i] == (some[i] != 0 ? 0.0f : 1.0f));
        assert_true(r->net.memory.masks[2 * COPIES + i] == 1.0f);
    }
    rollout_free(r);
}

static void test_rewind_repeats_a_row(void **state)
{
    (void)state;
    for (size_t s = 0; s < SHAPES; s++) {
        struct rollout *const r = rollout_make(&shapes[s]);
        size_t const size = ROWS * (ACTIONS + 1) * sizeof(float);
        float *const heads = check_noise(ROWS * (ACTIONS + 1), 0, 1.0f);
        go_forward(r);
        memcpy(heads, r->net.heads, size);
        memset(r->net.heads, 0xff, size);
        for (uint32_t t = ROUNDS; t-- > 0;) { /* in any order */
            pbti_a2c_network_rewind(&r->net, t * COPIES);
            pbti_a2c_network_forward(&r->net, t * COPIES, COPIES);
        }
        assert_memory_equal(r->net.heads, heads, size);
        if (r->net.shape.lstm) {
            pbti_a2c_network_rewind(&r->net, 0);
            assert_memory_equal(r->net.memory.state, r->first_state, state_size());
        }
        free(heads);
        rollout_free(r);
    }
}

static void test_a_state_set_aside_comes_back(void **state)
{
    (void)state;
    struct rollout *const r = rollout_make(&shapes[FIRST_WITH_LSTM]);
    static const float zeros[2 * COPIES * HIDDEN] = {0};
    float before[2 * COPIES * HIDDEN];
    float *aside = NULL;
    go_forward(r);
    memcpy(before, r->net.memory.state, sizeof before);
    assert_int_equal(pbti_a2c_network_set_aside(&r->net, &aside, NULL), PBT_OK);
    assert_non_null(aside);
    assert_memory_equal(r->net.memory.state, zeros, sizeof zeros);
    pbti_a2c_network_forward(&r->net, 0, COPIES);
    assert_memory_not_equal(r->net.memory.state, zeros, sizeof zeros);
    pbti_a2c_network_put_back(&r->net, aside);
    assert_memory_equal(r->net.memory.state, before, sizeof before);
    rollout_free(r);
}

static void test_without_lstm_there_is_no_state(void **state)
{
    (void)state;
    struct rollout *const r = rollout_make(&shapes[0]);
    float *aside = r->r;
    assert_int_equal(pbti_a2c_network_set_aside(&r->net, &aside, NULL), PBT_OK);
    assert_null(aside);
    pbti_a2c_network_put_back(&r->net, aside);
    assert_null(r->net.memory.state);
    rollout_free(r);
}

/* -------- memory and first weights -------- */

static void test_more_room_keeps_weights_and_state(void **state)
{
    (void)state;
    struct rollout *const r = rollout_make(&shapes[FIRST_WITH_LSTM]);
    struct pbti_a2c_network *const net = &r->net;
    go_forward(r);
    float before[2 * COPIES * HIDDEN];
    memcpy(before, net->memory.state, sizeof before);
    float const weight = net->block.weights[5];
    assert_int_equal(pbti_a2c_network_reserve(net, 1, NULL), PBT_OK); /* enough already */
    assert_int_equal(net->capacity, ROWS);
    assert_int_equal(pbti_a2c_network_reserve(net, 10 * ROWS, NULL), PBT_OK);
    assert_int_equal(net->capacity, 10 * ROWS);
    assert_true(net->block.weights[5] == weight);
    assert_memory_equal(net->memory.state, before, sizeof before);
    pbti_a2c_network_forward(net, 10 * ROWS - COPIES, COPIES);
    rollout_free(r);
}

static void test_first_weights(void **state)
{
    (void)state;
    for (size_t s = 0; s < SHAPES; s++) {
        struct rollout *const r = rollout_make(&shapes[s]);
        struct pbti_a2c_network *const net = &r->net;
        size_t const size = net->block.plane_floats * sizeof(float);
        go_forward(r);
        net->block.slots[0][0] = 1.0f;
        pbti_a2c_network_randomise(net, 3);
        assert_true(net->block.slots[0][0] == 0.0f);
        float *const drawn = check_noise(net->block.plane_floats, 0, 1.0f);
        memcpy(drawn, net->block.weights, size);
        if (net->shape.lstm) {
            static const float zeros[2 * COPIES * HIDDEN] = {0};
            assert_memory_equal(net->memory.state, zeros, sizeof zeros);
        }
        pbti_a2c_network_ready(net);
        pbti_a2c_network_forward(net, 0, COPIES);
        for (size_t k = 0; k < COPIES * (ACTIONS + 1); k++) { /* nearly uniform */
            assert_true(fabs((double)net->heads[k]) < 0.1);
        }
        pbti_a2c_network_randomise(net, 4);
        assert_memory_not_equal(net->block.weights, drawn, size);
        pbti_a2c_network_randomise(net, 3);
        assert_memory_equal(net->block.weights, drawn, size);
        free(drawn);
        rollout_free(r);
    }
}

int main(void)
{
    pbti_nn_setup(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_way_back_is_the_derivative),
        cmocka_unit_test(test_without_lstm_rows_may_go_together),
        cmocka_unit_test(test_copies_do_not_know_of_each_other),
        cmocka_unit_test(test_forget_is_for_those_that_ended),
        cmocka_unit_test(test_rewind_repeats_a_row),
        cmocka_unit_test(test_a_state_set_aside_comes_back),
        cmocka_unit_test(test_without_lstm_there_is_no_state),
        cmocka_unit_test(test_more_room_keeps_weights_and_state),
        cmocka_unit_test(test_first_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
