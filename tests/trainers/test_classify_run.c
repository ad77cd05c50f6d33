/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_classify_run.c - rules: a->b->c without a break equals a->b, reload, b->c, bit for bit; the
 * same seed gives the same network and another seed another; a segment uses exactly as many images
 * as it has steps; a diverged network scores NaN; the test images are for evaluations only; what is
 * in force after a restore is what was asked for.
 */
#include "classify/classify.h"
#include "old_checkpoint.h"
#include "trainer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char folder[256];

static int setup(void **state)
{
    (void)state;
    fixture_folder(folder);
    fixture_data(folder, true);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_remove(folder);
    return 0;
}

static struct pbti_classify_settings small(void)
{
    struct pbti_classify_settings s;
    pbti_settings_default(pbti_builtin_classify.settings, &s);
    (void)snprintf(s.data, sizeof s.data, "%s", folder);
    s.held_out = 60;
    s.width = 16;
    s.batch = 16;
    return s;
}

/* A directory for a checkpoint, made when it is new. */
static const char *place(const char *name)
{
    const char *const path = fixture_path(folder, name);
    (void)mkdir(path, 0700);
    return path;
}

static struct pbti_classify_result run(struct pbti_classify *c,
                                       const struct pbti_classify_settings *s,
                                       const struct pbti_builtin_task *task)
{
    struct pbt_error err = {0};
    if (pbti_builtin_run(&pbti_builtin_classify, c, s, task, &err) != PBT_OK) {
        fail_msg("%s", err.message);
    }
    return c->result;
}

static void refused(struct pbti_classify *c, const struct pbti_classify_settings *s,
                    const struct pbti_builtin_task *task, pbt_status status, const char *words)
{
    struct pbt_error err = {0};
    assert_int_equal(pbti_builtin_run(&pbti_builtin_classify, c, s, task, &err), status);
    if (strstr(err.message, words) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", words, err.message);
    }
    assert_int_equal(err.code, status);
}

static void assert_same_file(const char *a, const char *b)
{
    char path[512];
    size_t size_a = 0, size_b = 0;
    (void)snprintf(path, sizeof path, "%s/network.safetensors", a);
    uint8_t *const bytes_a = fixture_read(path, &size_a);
    (void)snprintf(path, sizeof path, "%s/network.safetensors", b);
    uint8_t *const bytes_b = fixture_read(path, &size_b);
    assert_int_equal(size_a, size_b);
    assert_memory_equal(bytes_a, bytes_b, size_a);
    free(bytes_a);
    free(bytes_b);
}

/* Settings of the three segments of the next test: everything that draws or shapes is on. */
static struct pbti_classify_settings stage(uint32_t segment)
{
    static const uint32_t batches[] = {16, 7, 33};
    static const enum pbti_nn_activation activations[] = {PBTI_NN_GELU, PBTI_NN_GELU, PBTI_NN_TANH};
    struct pbti_classify_settings s = small();
    s.batch = batches[segment];
    s.act = activations[segment];
    s.lr = 0.02 + 0.01 * segment;
    s.weight_decay = 1e-3;
    s.dropout = 0.2;
    s.label_smoothing = 0.1;
    s.shift = 1;
    return s;
}

static void test_reloaded_equals_unbroken(void **state)
{
    (void)state;
    struct pbti_classify hot;
    pbti_builtin_init(&pbti_builtin_classify, &hot);
    struct pbti_classify_result results[3];
    const char *const hot_places[] = {place("hot0"), place("hot1"), place("hot2")};
    for (uint32_t i = 0; i < 3; i++) {
        struct pbti_classify_settings const s = stage(i);
        struct pbti_builtin_task const task = {.seed = 100 + i,
                                               .steps = 101,
                                               .start = i == 0 ? PBT_CLIENT_FRESH : PBT_CLIENT_KEEP,
                                               .save = hot_places[i]};
        results[i] = run(&hot, &s, &task);
    }
    char hot1[512], hot2[512];
    (void)snprintf(hot1, sizeof hot1, "%s/hot1", folder);
    (void)snprintf(hot2, sizeof hot2, "%s/hot2", folder);

    /* once in a process that knows nothing, once in one that has trained something else */
    for (int used = 0; used < 2; used++) {
        struct pbti_classify cold;
        pbti_builtin_init(&pbti_builtin_classify, &cold);
        struct pbti_classify_settings const other = stage(1);
        struct pbti_builtin_task const elsewhere = {.seed = 9, .steps = 77};
        if (used) { (void)run(&cold, &other, &elsewhere); }
        struct pbti_classify_settings const s = stage(2);
        struct pbti_builtin_task const task = {.seed = 102,
                                               .steps = 101,
                                               .start = PBT_CLIENT_LOAD,
                                               .load = hot1,
                                               .save = place("cold2")};
        struct pbti_classify_result const result = run(&cold, &s, &task);
        assert_memory_equal(&result, &results[2], sizeof result);
        assert_same_file(hot2, task.save);
        pbti_builtin_deinit(&pbti_builtin_classify, &cold);
    }
    pbti_builtin_deinit(&pbti_builtin_classify, &hot);
}

static void test_seed_decides(void **state)
{
    (void)state;
    static const uint64_t seeds[] = {5, 5, 6, UINT64_C(5) << 32};
    const char *const places[] = {place("p0"), place("p1"), place("p2"), place("p3")};
    double losses[4];
    for (size_t i = 0; i < 4; i++) {
        struct pbti_classify c;
        pbti_builtin_init(&pbti_builtin_classify, &c);
        struct pbti_classify_settings const s = stage(0);
        struct pbti_builtin_task const task = {.seed = seeds[i], .steps = 50, .save = places[i]};
        losses[i] = run(&c, &s, &task).train_loss;
        pbti_builtin_deinit(&pbti_builtin_classify, &c);
    }
    assert_true(losses[0] == losses[1]);
    assert_same_file(places[0], places[1]);
    assert_true(losses[0] != losses[2] && losses[0] != losses[3]);
}

/* Clones of one checkpoint under different seeds see different images, even without dropout. */
static void test_clones_diverge(void **state)
{
    (void)state;
    struct pbti_classify c;
    pbti_builtin_init(&pbti_builtin_classify, &c);
    struct pbti_classify_settings const s = small();
    const char *const donor = place("donor");
    struct pbti_builtin_task task = {.seed = 1, .steps = 20, .save = donor};
    (void)run(&c, &s, &task);
    double losses[2];
    for (uint64_t i = 0; i < 2; i++) {
        task = (struct pbti_builtin_task){
            .seed = 2 + i, .steps = 20, .start = PBT_CLIENT_LOAD, .load = donor};
        losses[i] = run(&c, &s, &task).train_loss;
    }
    assert_true(losses[0] != losses[1]);
    pbti_builtin_deinit(&pbti_builtin_classify, &c);
}

/* A `network.bin` with layers of their old names is as good as the file of today. */
static void test_old_checkpoint_is_read(void **state)
{
    (void)state;
    struct pbti_classify c;
    pbti_builtin_init(&pbti_builtin_classify, &c);
    struct pbti_classify_settings const s = stage(0);
    const char *const saved = place("today");
    struct pbti_builtin_task task = {.seed = 1, .steps = 50, .save = saved};
    (void)run(&c, &s, &task);

    struct pbti_nn_block block = c.mlp.block;
    for (uint32_t p = 0; p < block.part_count; p++) {
        char *const name = block.parts[p].name;
        uint32_t layer = p / 2;
        memset(name, 0, sizeof block.parts[p].name);
        (void)snprintf(name, sizeof block.parts[p].name, "linear%u.%s", layer,
                       p % 2 == 0 ? "weight" : "bias");
    }
    uint8_t extra[256];
    size_t const size = pbti_builtin_classify.encode(&c, extra);
    assert_true(size <= sizeof extra);
    old_checkpoint_write(fixture_path(place("old"), "network.bin"), &block, extra, (uint32_t)size);

    const char *const places[] = {place("from_today"), place("from_old")};
    for (size_t i = 0; i < 2; i++) {
        task = (struct pbti_builtin_task){.seed = 2,
                                          .steps = 50,
                                          .start = PBT_CLIENT_LOAD,
                                          .load = place(i == 0 ? "today" : "old"),
                                          .save = places[i]};
        (void)run(&c, &s, &task);
    }
    assert_same_file(places[0], places[1]);
    pbti_builtin_deinit(&pbti_builtin_classify, &c);
}

/* -------- steps are images -------- */

struct heard {
    uint64_t steps[64];
    size_t count;
};

static bool hear(void *context, uint64_t step, double loss)
{
    struct heard *const heard = context;
    assert_true(isfinite(loss));
    assert_true(heard->count < 64);
    heard->steps[heard->count++] = step;
    return true;
}

static uint32_t used_images(const struct pbti_classify *c)
{
    uint32_t used = c->order.epoch * c->order.count;
    for (uint32_t i = 0; i < c->order.count; i++) {
        used += c->order.used[i / 8] >> (i % 8) & 1;
    }
    return used;
}

static void test_steps_count_images_whatever_the_batch(void **state)
{
    (void)state;
    static const uint32_t batches[] = {1, 7, 16, 50, 51, 8192};
    for (size_t b = 0; b < sizeof batches / sizeof batches[0]; b++) {
        struct pbti_classify c;
        pbti_builtin_init(&pbti_builtin_classify, &c);
        struct pbti_classify_settings s = small();
        s.batch = batches[b];
        struct heard heard = {.count = 0};
        struct pbti_builtin_task const task = {
            .seed = 1, .steps = 50, .progress = hear, .context = &heard};
        struct pbti_classify_result const result = run(&c, &s, &task);
        uint32_t const expected = (50 + s.batch - 1) / s.batch;
        assert_int_equal(heard.count, expected);
        assert_int_equal(heard.steps[heard.count - 1], 50);
        assert_int_equal(heard.steps[0], s.batch < 50 ? s.batch : 50);
        assert_int_equal(used_images(&c), 50);
        assert_true(isfinite(result.train_loss));
        pbti_builtin_deinit(&pbti_builtin_classify, &c);
    }
}

/* One batch of 50 is one batch of 50, asked for as 50 or as the remainder of 64. */
static void test_remainder_batch_is_an_ordinary_batch(void **state)
{
    (void)state;
    const char *const places[] = {place("whole"), place("remainder")};
    for (uint32_t i = 0; i < 2; i++) {
        struct pbti_classify c;
        pbti_builtin_init(&pbti_builtin_classify, &c);
        struct pbti_classify_settings s = small();
        s.batch = i == 0 ? 50 : 64;
        struct pbti_builtin_task const task = {.seed = 1, .steps = 50, .save = places[i]};
        (void)run(&c, &s, &task);
        pbti_builtin_deinit(&pbti_builtin_classify, &c);
    }
    assert_same_file(places[0], places[1]);
}

static bool stop_at_once(void *context, uint64_t step, double loss)
{
    (void)context;
    (void)step;
    (void)loss;
    return false;
}

static void test_lost_worker_stops_the_segment(void **state)
{
    (void)state;
    struct pbti_classify c;
    pbti_builtin_init(&pbti_builtin_classify, &c);
    struct pbti_classify_settings const s = small();
    struct pbti_builtin_task const task = {.seed = 1, .steps = 64, .progress = stop_at_once};
    refused(&c, &s, &task, PBT_EIO, "progress");
    assert_int_equal(used_images(&c), s.batch);
    pbti_builtin_deinit(&pbti_builtin_classify, &c);
}

/* -------- scores -------- */

static void test_it_learns(void **state)
{
    (void)state;
    for (int kind = PBTI_NN_RELU; kind <= PBTI_NN_SILU; kind++) {
        struct pbti_classify c;
        pbti_builtin_init(&pbti_builtin_classify, &c);
        struct pbti_classify_settings s = small();
        s.act = (enum pbti_nn_activation)kind;
        struct pbti_builtin_task task = {.seed = 3, .steps = 140 * 20};
        struct pbti_classify_result const trained = run(&c, &s, &task);
        assert_true(trained.accuracy >= 0.9 && trained.score == trained.accuracy);
        assert_true(trained.train_loss < log(FIXTURE_CLASSES));

        s.score = PBTI_CLASSIFY_CROSS_ENTROPY; /* a keep of 0 steps changes nothing */
        task = (struct pbti_builtin_task){.seed = 4, .start = PBT_CLIENT_KEEP};
        s.batch = 3;
        struct pbti_classify_result const again = run(&c, &s, &task);
        assert_true(again.score == trained.loss && again.accuracy == trained.accuracy);
        assert_true(isnan(again.train_loss));
        pbti_builtin_deinit(&pbti_builtin_classify, &c);
    }
}

static void test_diverged_network_scores_nan(void **state)
{
    (void)state;
    for (int minimise = 0; minimise < 2; minimise++) {
        struct pbti_classify c;
        pbti_builtin_init(&pbti_builtin_classify, &c);
        struct pbti_classify_settings s = small();
        s.lr = 1e6;
        s.weight_decay = 10.0; /* each step multiplies the weights by -1e7: no unit can just die */
        s.score = minimise ? PBTI_CLASSIFY_CROSS_ENTROPY : PBTI_CLASSIFY_ACCURACY;
        struct pbti_builtin_task const task = {.seed = 1, .steps = 2000, .save = place("nan")};
        struct pbti_classify_result const result = run(&c, &s, &task);
        assert_true(isnan(result.score) && isnan(result.accuracy) && isnan(result.loss));
        s.lr = 0.01; /* the process is as good as new afterwards */
        s.weight_decay = 0.0;
        struct pbti_builtin_task const next = {.seed = 1, .steps = 50};
        assert_true(isfinite(run(&c, &s, &next).score));
        pbti_builtin_deinit(&pbti_builtin_classify, &c);
    }
}

static void test_test_images_are_for_evaluation_only(void **state)
{
    (void)state;
    struct pbti_classify c;
    pbti_builtin_init(&pbti_builtin_classify, &c);
    struct pbti_classify_settings s = small();
    const char *const saved = place("saved");
    struct pbti_builtin_task task = {.seed = 3, .steps = 1400, .save = saved};
    struct pbti_classify_result const held_out = run(&c, &s, &task);
    assert_null(c.data.test_images.bytes);

    s.split = 1;
    refused(&c, &s, &task, PBT_EINVAL, "only for an evaluation");
    assert_null(c.data.test_images.bytes);
    task = (struct pbti_builtin_task){.seed = 3, .start = PBT_CLIENT_LOAD, .load = saved};
    struct pbti_classify_result const tested = run(&c, &s, &task);
    assert_true(tested.accuracy > 0.8 && tested.loss != held_out.loss);
    double const images = tested.accuracy * FIXTURE_TEST; /* a share of the 60 test images */
    assert_true(fabs(images - floor(images + 0.5)) < 1e-9);
    pbti_builtin_deinit(&pbti_builtin_classify, &c);
}

/* -------- what was asked for is in force, or refused -------- */

static void test_restored_optimiser_obeys_new_values(void **state)
{
    (void)state;
    struct pbti_classify c;
    pbti_builtin_init(&pbti_builtin_classify, &c);
    struct pbti_classify_settings s = small();
    const char *const saved = place("saved");
    struct pbti_builtin_task task = {.seed = 3, .steps = 50, .save = saved};
    (void)run(&c, &s, &task);
    float const momentum = c.mlp.block.slots[0][3];
    assert_true(momentum != 0.0f);

    s.lr = 0.0; /* nothing may move, though momentum came back */
    s.momentum = 0.5;
    s.dropout = 0.25;
    s.batch = 9;
    task = (struct pbti_builtin_task){.seed = 4, .start = PBT_CLIENT_LOAD, .load = saved};
    (void)run(&c, &s, &task);
    assert_true(c.mlp.block.slots[0][3] == momentum);
    float const weight = c.mlp.block.weights[3];
    task = (struct pbti_builtin_task){.seed = 4, .steps = 50, .start = PBT_CLIENT_KEEP};
    (void)run(&c, &s, &task);
    assert_true(c.mlp.block.weights[3] == weight);
    assert_true(c.mlp.block.slots[0][3] != momentum);
    assert_true(c.sgd.lr == 0.0 && c.sgd.momentum == 0.5);
    assert_true(c.pass.dropout == 0.25 && c.batch == 9);
    pbti_builtin_deinit(&pbti_builtin_classify, &c);
}

static void test_other_shapes_are_refused(void **state)
{
    (void)state;
    struct pbti_classify c;
    pbti_builtin_init(&pbti_builtin_classify, &c);
    struct pbti_classify_settings s = small();
    const char *const saved = place("saved");
    struct pbti_builtin_task task = {.seed = 3, .steps = 50, .save = saved};
    (void)run(&c, &s, &task);
    s.width = 24;
    task = (struct pbti_builtin_task){.seed = 4, .steps = 50, .start = PBT_CLIENT_KEEP};
    refused(&c, &s, &task, PBT_EINVAL, "\"width\" is not what the network in memory was made with");
    task = (struct pbti_builtin_task){.start = PBT_CLIENT_LOAD, .load = saved};
    refused(&c, &s, &task, PBT_EINVAL, "\"layers.0.weight\" has the shape [16, 30]");
    s.width = 1; /* halved below 1, a layer keeps one unit */
    s.layers = 8;
    task = (struct pbti_builtin_task){.seed = 4, .steps = 20};
    assert_true(isfinite(run(&c, &s, &task).score));
    assert_int_equal(c.mlp.shape.sizes[8], 1);
    pbti_builtin_deinit(&pbti_builtin_classify, &c);
}

static void test_damaged_checkpoint_is_worth_another_try(void **state)
{
    (void)state;
    struct pbti_classify c;
    pbti_builtin_init(&pbti_builtin_classify, &c);
    struct pbti_classify_settings const s = small();
    const char *const saved = place("saved");
    struct pbti_builtin_task task = {.seed = 3, .steps = 50, .save = saved};
    (void)run(&c, &s, &task);
    fixture_write(fixture_path(saved, "network.safetensors"), "short", 5);
    task = (struct pbti_builtin_task){.start = PBT_CLIENT_LOAD, .load = saved};
    refused(&c, &s, &task, PBT_EIO, "truncated");
    task.load = place("empty");
    refused(&c, &s, &task, PBT_EIO, "No such file");
    pbti_builtin_deinit(&pbti_builtin_classify, &c);
}

static void test_missing_data_names_the_package(void **state)
{
    (void)state;
    struct pbti_classify c;
    pbti_builtin_init(&pbti_builtin_classify, &c);
    struct pbti_classify_settings s = small();
    (void)snprintf(s.data, sizeof s.data, "/nonexistent/fashion");
    struct pbti_builtin_task const task = {.seed = 3, .steps = 50};
    refused(&c, &s, &task, PBT_ENOENT, "apt-get install dataset-fashion-mnist");
    refused(&c, &s, &task, PBT_ENOENT, "\"/nonexistent/fashion/train-images-idx3-ubyte\"");
    pbti_builtin_deinit(&pbti_builtin_classify, &c);
}

int main(void)
{
    pbti_nn_setup(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reloaded_equals_unbroken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_seed_decides, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clones_diverge, setup, teardown),
        cmocka_unit_test_setup_teardown(test_old_checkpoint_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_steps_count_images_whatever_the_batch, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_remainder_batch_is_an_ordinary_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lost_worker_stops_the_segment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_it_learns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_diverged_network_scores_nan, setup, teardown),
        cmocka_unit_test_setup_teardown(test_test_images_are_for_evaluation_only, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restored_optimiser_obeys_new_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_shapes_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_checkpoint_is_worth_another_try, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_missing_data_names_the_package, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
