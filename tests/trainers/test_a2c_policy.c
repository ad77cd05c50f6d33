/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_a2c_policy.c - rules: probabilities are a softmax that does not overflow, and leave the
 * value alone; actions are drawn as often as their probabilities say and are a pure function of
 * stream and row; returns agree with their definition, written out in double; the gradient is the
 * derivative of the loss that the header states.
 */
#include "a2c/a2c_policy.h"
#include "gradient_check.h"
#include "nn/nn_base.h"
#include "trainer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -------- probabilities -------- */

static void test_probabilities_are_a_softmax(void **state)
{
    (void)state;
    enum { COUNT = 9, ACTIONS = 5 };
    float *const logits = check_noise(COUNT * (ACTIONS + 1), 3, 8.0f);
    float *const heads = check_noise(COUNT * (ACTIONS + 1), 3, 8.0f);
    pbti_a2c_probabilities(heads, COUNT, ACTIONS);
    for (size_t i = 0; i < COUNT; i++) {
        const float *const z = logits + i * (ACTIONS + 1);
        const float *const p = heads + i * (ACTIONS + 1);
        double sum = 0.0, all = 0.0;
        for (size_t k = 0; k < ACTIONS; k++) {
            sum += exp((double)z[k]);
        }
        for (size_t k = 0; k < ACTIONS; k++) {
            check_close((double)p[k], exp((double)z[k]) / sum, 1e-6);
            all += (double)p[k];
        }
        check_close(all, 1.0, 1e-6);
        assert_true(p[ACTIONS] == z[ACTIONS]); /* the value */
    }
    free(logits);
    free(heads);
}

static void test_large_logits_do_not_overflow(void **state)
{
    (void)state;
    float heads[][4] = {
        {3e38f, 3e38f, -3e38f, 7.0f},
        {-1e30f, -1e30f, -1e30f, -7.0f},
        {1000.0f, 1001.0f, 999.0f, 0.5f},
    };
    pbti_a2c_probabilities(heads[0], 3, 3);
    assert_true(heads[0][0] == 0.5f && heads[0][1] == 0.5f && heads[0][2] == 0.0f);
    for (size_t k = 0; k < 3; k++) {
        check_close((double)heads[1][k], 1.0 / 3.0, 1e-7);
    }
    check_close((double)heads[2][1], 1.0 / (1.0 + exp(-1.0) + exp(-2.0)), 1e-6);
    assert_true(heads[0][3] == 7.0f && heads[1][3] == -7.0f && heads[2][3] == 0.5f);
}

/* -------- drawing -------- */

/* `count` rows of the same probabilities and a value that is none. */
static float *rows_of(const float *probabilities, uint32_t count, uint32_t actions)
{
    float *const heads = pbti_nn_floats((size_t)count * (actions + 1));
    assert_non_null(heads);
    for (size_t i = 0; i < count; i++) {
        memcpy(heads + i * (actions + 1), probabilities, actions * sizeof heads[0]);
        heads[i * (actions + 1) + actions] = 1e9f;
    }
    return heads;
}

static void test_actions_are_as_frequent_as_probable(void **state)
{
    (void)state;
    enum { COUNT = 100000, ACTIONS = 5 };
    static const float p[ACTIONS] = {0.5f, 0.0f, 0.25f, 0.05f, 0.2f};
    static uint8_t chosen[COUNT];
    float *const heads = rows_of(p, COUNT, ACTIONS);
    struct pbti_nn_stream const stream = {.seed = 5, .purpose = PBTI_NN_PURPOSE_ACTION};
    pbti_a2c_draw(chosen, heads, &stream, COUNT, ACTIONS);
    uint32_t seen[ACTIONS] = {0};
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(chosen[i] < ACTIONS);
        seen[chosen[i]]++;
    }
    assert_int_equal(seen[1], 0);
    for (size_t k = 0; k < ACTIONS; k++) { /* within 5 standard deviations */
        double const right = (double)p[k];
        check_close(seen[k] / (double)COUNT, right, 5.0 * sqrt(right * (1.0 - right) / COUNT));
    }
    free(heads);
}

/* What the sum lacks belongs to the last action; it takes all of a row of zeros. */
static void test_rounding_goes_to_the_last(void **state)
{
    (void)state;
    enum { COUNT = 1000, ACTIONS = 3 };
    static const float nothing[ACTIONS] = {0}, half[ACTIONS] = {0.25f, 0.25f, 0.0f};
    static const float first[ACTIONS] = {1.0f, 0.0f, 0.0f};
    uint8_t chosen[COUNT];
    struct pbti_nn_stream const stream = {.seed = 6, .purpose = PBTI_NN_PURPOSE_ACTION};
    float *heads = rows_of(nothing, COUNT, ACTIONS);
    pbti_a2c_draw(chosen, heads, &stream, COUNT, ACTIONS);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(chosen[i], ACTIONS - 1);
    }
    free(heads);
    heads = rows_of(half, COUNT, ACTIONS);
    pbti_a2c_draw(chosen, heads, &stream, COUNT, ACTIONS);
    uint32_t last = 0;
    for (size_t i = 0; i < COUNT; i++) {
        last += chosen[i] == ACTIONS - 1;
    }
    check_close(last / (double)COUNT, 0.5, 5.0 * sqrt(0.25 / COUNT));
    free(heads);
    heads = rows_of(first, COUNT, ACTIONS);
    pbti_a2c_draw(chosen, heads, &stream, COUNT, ACTIONS);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(chosen[i], 0);
    }
    free(heads);
}

static void test_a_draw_is_a_function_of_stream_and_row(void **state)
{
    (void)state;
    enum { COUNT = 67, ACTIONS = 6 };
    float *const heads = check_noise(COUNT * (ACTIONS + 1), 7, 1.0f);
    pbti_a2c_probabilities(heads, COUNT, ACTIONS);
    uint8_t all[COUNT], again[COUNT];
    struct pbti_nn_stream stream = {.seed = 7, .purpose = PBTI_NN_PURPOSE_ACTION, .step = 3};
    pbti_a2c_draw(all, heads, &stream, COUNT, ACTIONS);
    for (uint32_t count = 1; count <= COUNT; count++) {
        pbti_a2c_draw(again, heads, &stream, count, ACTIONS);
        assert_memory_equal(again, all, count);
    }
    stream.step = 4;
    pbti_a2c_draw(again, heads, &stream, COUNT, ACTIONS);
    assert_memory_not_equal(again, all, COUNT);
    stream.step = 3;
    stream.seed = 8;
    pbti_a2c_draw(again, heads, &stream, COUNT, ACTIONS);
    assert_memory_not_equal(again, all, COUNT);
    free(heads);
}

/* -------- returns -------- */

enum { ROUNDS = 7, COPIES = 4, ACTIONS = 3 };

/* A rollout. Copy 0 never ends, 1 ends with the last frame, 2 with each, 3 in the middle. */
struct rollout {
    float *heads, *rewards;
    uint8_t ends[ROUNDS * COPIES];
    float advantages[ROUNDS * COPIES], targets[ROUNDS * COPIES];
};

static struct rollout rollout_make(void)
{
    struct rollout r = {.heads = check_noise((ROUNDS + 1) * COPIES * (ACTIONS + 1), 11, 2.0f),
                        .rewards = check_noise(ROUNDS * COPIES, 500, 1.0f)};
    r.ends[(ROUNDS - 1) * COPIES + 1] = 1;
    for (size_t t = 0; t < ROUNDS; t++) {
        r.ends[t * COPIES + 2] = 1;
    }
    r.ends[2 * COPIES + 3] = 2; /* cut off by a limit: counts as ended */
    return r;
}

static void rollout_free(struct rollout *r)
{
    free(r->heads);
    free(r->rewards);
}

static double value_of(const struct rollout *r, size_t t, size_t i)
{
    return (double)r->heads[(t * COPIES + i) * (ACTIONS + 1) + ACTIONS];
}

/* The n-step return from t: n rewards, and then the value of what follows. */
static double n_step(const struct rollout *r, size_t t, size_t i, size_t n, double discount)
{
    double sum = 0.0, weight = 1.0;
    for (size_t k = t; k < t + n; k++) {
        sum += weight * (double)r->rewards[k * COPIES + i];
        if (r->ends[k * COPIES + i] != 0) { return sum; }
        weight *= discount;
    }
    return sum + weight * value_of(r, t + n, i);
}

/* The lambda-return as a mixture of all n-step returns; the longest takes the weight left over. */
static double mixture(const struct rollout *r, size_t t, size_t i, double discount, double lambda)
{
    double sum = 0.0, weight = 1.0;
    size_t n = 1;
    for (; t + n < ROUNDS; n++) {
        sum += weight * (1.0 - lambda) * n_step(r, t, i, n, discount);
        weight *= lambda;
    }
    return sum + weight * n_step(r, t, i, n, discount);
}

static void test_returns_are_lambda_returns(void **state)
{
    (void)state;
    static const double decays[] = {0.0, 0.5, 0.95, 1.0}, discounts[] = {0.0, 0.9, 1.0};
    struct rollout r = rollout_make();
    for (size_t k = 0; k < 12; k++) {
        double const discount = discounts[k % 3], decay = decays[k / 3];
        pbti_a2c_returns(r.advantages, r.targets, r.rewards, r.ends, r.heads, ROUNDS, COPIES,
                         ACTIONS, discount, decay);
        for (size_t at = 0; at < ROUNDS * COPIES; at++) {
            size_t const t = at / COPIES, i = at % COPIES;
            double const target = mixture(&r, t, i, discount, decay);
            check_close((double)r.targets[at], target, 3e-6);
            check_close((double)r.advantages[at], target - value_of(&r, t, i), 3e-6);
        }
    }
    rollout_free(&r);
}

static void test_limits_of_trace_decay(void **state)
{
    (void)state;
    struct rollout r = rollout_make();
    pbti_a2c_returns(r.advantages, r.targets, r.rewards, r.ends, r.heads, ROUNDS, COPIES, ACTIONS,
                     0.9, 0.0);
    for (size_t at = 0; at < ROUNDS * COPIES; at++) { /* 0: one reward and the next value */
        check_close((double)r.targets[at], n_step(&r, at / COPIES, at % COPIES, 1, 0.9), 3e-6);
    }
    pbti_a2c_returns(r.advantages, r.targets, r.rewards, r.ends, r.heads, ROUNDS, COPIES, ACTIONS,
                     0.9, 1.0);
    for (size_t at = 0; at < ROUNDS * COPIES; at++) { /* 1: all rewards to the end */
        size_t const t = at / COPIES;
        check_close((double)r.targets[at], n_step(&r, t, at % COPIES, ROUNDS - t, 0.9), 3e-6);
    }
    rollout_free(&r);
}

/* -------- the loss -------- */

enum { ROWS = 6 };

struct loss {
    float *logits; /* and values: what the objective is differentiated by */
    float *advantages, *targets;
    uint8_t chosen[ROWS];
    double entropy_cost, value_cost;
};

/* The three parts by their definition, from logits, in double. */
static struct pbti_a2c_loss loss_of(const struct loss *l)
{
    struct pbti_a2c_loss loss = {0.0, 0.0, 0.0};
    for (size_t i = 0; i < ROWS; i++) {
        const float *const z = l->logits + i * (ACTIONS + 1);
        double sum = 0.0;
        for (size_t k = 0; k < ACTIONS; k++) {
            sum += exp((double)z[k]);
        }
        for (size_t k = 0; k < ACTIONS; k++) {
            double const log_p = (double)z[k] - log(sum);
            loss.entropy -= exp(log_p) * log_p / ROWS;
            if (k == l->chosen[i]) { loss.policy -= (double)l->advantages[i] * log_p / ROWS; }
        }
        double const error = (double)z[ACTIONS] - (double)l->targets[i];
        loss.value += 0.5 * error * error / ROWS;
    }
    return loss;
}

static double objective(void *context)
{
    const struct loss *const l = context;
    struct pbti_a2c_loss const loss = loss_of(l);
    return loss.policy - l->entropy_cost * loss.entropy + l->value_cost * loss.value;
}

static void test_gradient_is_the_derivative_of_the_loss(void **state)
{
    (void)state;
    size_t const count = ROWS * (ACTIONS + 1);
    struct loss l = {.logits = check_noise(count, 21, 1.5f),
                     .advantages = check_noise(ROWS, 300, 2.0f),
                     .targets = check_noise(ROWS, 400, 2.0f),
                     .chosen = {0, 1, 2, 2, 1, 0}};
    static const double costs[][2] = {{0.0, 0.0}, {0.7, 0.0}, {0.0, 1.3}, {0.3, 0.5}};
    for (size_t k = 0; k < sizeof costs / sizeof costs[0]; k++) {
        l.entropy_cost = costs[k][0];
        l.value_cost = costs[k][1];
        float heads[ROWS * (ACTIONS + 1)], d[ROWS * (ACTIONS + 1)];
        memcpy(heads, l.logits, sizeof heads);
        memset(d, 0xff, sizeof d); /* NaN: nothing old may be read */
        pbti_a2c_probabilities(heads, ROWS, ACTIONS);
        struct pbti_a2c_loss const got =
            pbti_a2c_gradient(d, heads, l.chosen, l.advantages, l.targets, l.entropy_cost,
                              l.value_cost, ROWS, ACTIONS);
        struct pbti_a2c_loss const right = loss_of(&l);
        check_close(got.policy, right.policy, 1e-6);
        check_close(got.entropy, right.entropy, 1e-6);
        check_close(got.value, right.value, 1e-6);
        check_gradient("heads", l.logits, count, d, objective, &l, 2e-6);
    }
    free(l.logits);
    free(l.advantages);
    free(l.targets);
}

static void test_entropy_of_the_uniform_policy(void **state)
{
    (void)state;
    for (uint32_t actions = 1; actions <= 6; actions++) {
        float heads[7] = {0}, d[7];
        uint8_t const chosen = 0;
        float const nothing = 0.0f;
        pbti_a2c_probabilities(heads, 1, actions);
        struct pbti_a2c_loss const loss =
            pbti_a2c_gradient(d, heads, &chosen, &nothing, &nothing, 1.0, 1.0, 1, actions);
        check_close(loss.entropy, log(actions), 1e-6);
        for (uint32_t k = 0; k <= actions; k++) { /* the greatest entropy there is */
            check_close((double)d[k], 0.0, 1e-6);
        }
    }
}

/* A probability of exactly 0 has no logarithm, and no part in the loss. */
static void test_impossible_actions_cost_nothing(void **state)
{
    (void)state;
    float const heads[] = {1.0f, 0.0f, 0.0f, 0.25f};
    float d[4];
    uint8_t const chosen = 0;
    float const advantage = 2.0f, target = 0.25f;
    struct pbti_a2c_loss const loss =
        pbti_a2c_gradient(d, heads, &chosen, &advantage, &target, 0.5, 1.0, 1, 3);
    assert_true(loss.policy == 0.0 && loss.entropy == 0.0 && loss.value == 0.0);
    for (size_t k = 0; k < 4; k++) {
        assert_true(d[k] == 0.0f);
    }
}

int main(void)
{
    pbti_nn_setup(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probabilities_are_a_softmax),
        cmocka_unit_test(test_large_logits_do_not_overflow),
        cmocka_unit_test(test_actions_are_as_frequent_as_probable),
        cmocka_unit_test(test_rounding_goes_to_the_last),
        cmocka_unit_test(test_a_draw_is_a_function_of_stream_and_row),
        cmocka_unit_test(test_returns_are_lambda_returns),
        cmocka_unit_test(test_limits_of_trace_decay),
        cmocka_unit_test(test_gradient_is_the_derivative_of_the_loss),
        cmocka_unit_test(test_entropy_of_the_uniform_policy),
        cmocka_unit_test(test_impossible_actions_cost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
