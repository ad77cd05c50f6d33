/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_translate_run.c - rules of `builtin: translate`, on a made language: a->b->c without a break
 * equals a->b, reload, b->c, bit for bit, in the middle of an epoch; a clone is its donor; over all
 * segments as many target tokens are trained with as there were steps, but for the last pair; each
 * pair comes once an epoch; it learns, and a bad learning rate loses without NaN everywhere; wrong
 * text, settings and checkpoints are refused by name; the test text is for evaluations only; rates
 * follow the schedule; the process reports what is in force, and a list of shards.
 */
#include "gradient_check.h"
#include "trainer_fixture.h"
#include "trainer_worker.h"
#include "translate/translate.h"
#include "translate/translate_made.h"

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
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_remove(folder);
    return 0;
}

static struct pbti_translate_settings small(void)
{
    struct pbti_translate_settings s;
    pbti_settings_default(pbti_builtin_translate.settings, &s);
    (void)snprintf(s.data, sizeof s.data, "%s", PBTI_TRANSLATE_MADE);
    s.vocab = 300;
    s.width = 16;
    s.ffn = 24;
    s.heads = 2;
    s.layers = 1;
    s.batch = 100;
    s.warmup = 5;
    s.sentences = 20;
    return s;
}

static const char *place(const char *name)
{
    const char *const path = fixture_path(folder, name);
    (void)mkdir(path, 0700);
    return path;
}

static void run(struct pbti_translate *t, const struct pbti_translate_settings *s,
                const struct pbti_builtin_task *task)
{
    struct pbt_error err = {0};
    if (pbti_builtin_run(&pbti_builtin_translate, t, s, task, &err) != PBT_OK) {
        fail_msg("%s", err.message);
    }
}

static void refused(const struct pbti_translate_settings *s, const struct pbti_builtin_task *task,
                    pbt_status status, const char *words)
{
    struct pbti_translate t;
    struct pbt_error err = {0};
    pbti_builtin_init(&pbti_builtin_translate, &t);
    pbt_status const got = pbti_builtin_run(&pbti_builtin_translate, &t, s, task, &err);
    if (got != status || strstr(err.message, words) == NULL) {
        fail_msg("\"%s\" is not in \"%s\", status %d", words, err.message, (int)got);
    }
    pbti_builtin_deinit(&pbti_builtin_translate, &t);
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

/* Everything that draws or shapes is on, and differs from segment to segment. */
static struct pbti_translate_settings stage(uint32_t segment)
{
    static const uint32_t batches[] = {100, 37, 300};
    struct pbti_translate_settings s = small();
    s.batch = batches[segment];
    s.lr = 0.002 * (segment + 1);
    s.attention_dropout = 0.1;
    s.relu_dropout = 0.2 - 0.1 * segment;
    s.layer_dropout = 0.1;
    return s;
}

static void test_reloaded_equals_unbroken(void **state)
{
    (void)state;
    struct pbti_translate hot;
    double losses[3], bleus[3];
    const char *const hot_places[] = {place("hot0"), place("hot1"), place("hot2")};
    pbti_builtin_init(&pbti_builtin_translate, &hot);
    for (uint32_t i = 0; i < 3; i++) {
        struct pbti_translate_settings const s = stage(i);
        struct pbti_builtin_task const task = {.seed = 100 + i,
                                               .steps = 1003,
                                               .start = i == 0 ? PBT_CLIENT_FRESH : PBT_CLIENT_KEEP,
                                               .save = hot_places[i]};
        run(&hot, &s, &task);
        losses[i] = hot.evaluation.loss;
        bleus[i] = hot.evaluation.bleu;
    }
    pbti_builtin_deinit(&pbti_builtin_translate, &hot);
    char hot1[512], hot2[512];
    (void)snprintf(hot1, sizeof hot1, "%s/hot1", folder);
    (void)snprintf(hot2, sizeof hot2, "%s/hot2", folder);
    for (int used = 0; used < 2; used++) { /* a new process, and one that did something else */
        struct pbti_translate cold;
        pbti_builtin_init(&pbti_builtin_translate, &cold);
        struct pbti_translate_settings const other = stage(1), s = stage(2);
        struct pbti_builtin_task const elsewhere = {.seed = 9, .steps = 700};
        if (used) { run(&cold, &other, &elsewhere); }
        const char *const to = place(used ? "cold1" : "cold0");
        struct pbti_builtin_task const task = {
            .seed = 102, .steps = 1003, .start = PBT_CLIENT_LOAD, .load = hot1, .save = to};
        run(&cold, &s, &task);
        assert_true(cold.evaluation.loss == losses[2]);
        assert_true(cold.evaluation.bleu == bleus[2]);
        assert_same_file(to, hot2);
        /* a clone that trains nothing is its donor */
        struct pbti_builtin_task const clone = {.seed = 5, .start = PBT_CLIENT_LOAD, .load = hot1};
        run(&cold, &s, &clone);
        assert_true(cold.evaluation.loss == losses[1]);
        pbti_builtin_deinit(&pbti_builtin_translate, &cold);
    }
}

static void test_another_seed_goes_another_way(void **state)
{
    (void)state;
    double losses[2];
    for (uint64_t i = 0; i < 2; i++) {
        struct pbti_translate t;
        struct pbti_translate_settings const s = small();
        struct pbti_builtin_task const task = {.seed = 1 + i, .steps = 300};
        pbti_builtin_init(&pbti_builtin_translate, &t);
        run(&t, &s, &task);
        losses[i] = t.evaluation.loss;
        pbti_builtin_deinit(&pbti_builtin_translate, &t);
    }
    assert_true(losses[0] != losses[1]);
}

/* -------- steps are target tokens -------- */

static void test_tokens_add_up_over_segments(void **state)
{
    (void)state;
    struct pbti_translate t;
    struct pbti_translate_settings s = small();
    pbti_builtin_init(&pbti_builtin_translate, &t);
    struct pbti_builtin_task task = {.seed = 1, .steps = 0};
    s.lr = 0.0;
    s.sentences = 1;
    s.max_length = 24; /* what an untrained network says has no end */
    run(&t, &s, &task);
    uint64_t trained = 0, asked = 0;
    for (uint32_t i = 0; i < 12; i++) { /* segments of less than a sentence too */
        task = (struct pbti_builtin_task){.seed = i, .steps = 1 + 9 * i, .start = PBT_CLIENT_KEEP};
        uint64_t const before = t.batches.excess;
        run(&t, &s, &task);
        asked += task.steps;
        trained += task.steps - before + t.batches.excess;
        assert_true(t.batches.excess < 64);
        assert_int_equal(trained, asked + t.batches.excess);
    }
    pbti_builtin_deinit(&pbti_builtin_translate, &t);
}

static void test_each_pair_comes_once_an_epoch(void **state)
{
    (void)state;
    struct pbti_corpus corpus;
    struct pbti_batches batches;
    assert_int_equal(pbti_corpus_load(&corpus, PBTI_TRANSLATE_MADE, "en", "de", NULL), PBT_OK);
    assert_int_equal(pbti_corpus_learn(&corpus, 300, 64, NULL), PBT_OK);
    assert_int_equal(pbti_batches_init(&batches, &corpus, NULL), PBT_OK);
    pbti_batches_begin(&batches, 7, 500);
    uint64_t tokens = 0, pairs = 0;
    uint32_t biggest = 0;
    while (pairs < corpus.pair_count) {
        struct pbti_translate_batch batch;
        assert_int_equal(batches.epoch, 0);
        assert_int_equal(pbti_batches_next(&batches, &corpus, 1000000, &batch, NULL), PBT_OK);
        uint32_t const rows = batch.target_starts[batch.sentences];
        biggest = rows > biggest ? rows : biggest;
        tokens += rows;
        pairs += batch.sentences;
    }
    assert_true(biggest <= 500 && biggest > 400);
    assert_int_equal(pairs, corpus.pair_count);
    assert_int_equal(tokens, corpus.parts[PBTI_CORPUS_TRAIN].ids[1].count + pairs);
    for (uint32_t i = 0; i < corpus.pair_count; i++) {
        assert_true((batches.used[i / 8] >> (i % 8) & 1) == 1);
    }
    pbti_batches_deinit(&batches);
    pbti_corpus_deinit(&corpus);
}

/* -------- learning -------- */

static void test_it_learns_and_a_bad_rate_loses(void **state)
{
    (void)state;
    struct pbti_translate t;
    struct pbti_translate_settings s = small();
    struct pbti_builtin_task task = {.seed = 1, .steps = 40000};
    pbti_builtin_init(&pbti_builtin_translate, &t);
    s.width = 32;
    s.ffn = 64;
    s.batch = 200;
    s.layer_dropout = 0.0;
    s.lr = 0.01;
    run(&t, &s, &task);
    assert_true(t.evaluation.loss < 2.0); /* log 300 is 5.7 */
    assert_true(t.evaluation.chrf > 20.0);
    assert_true(t.train_loss < 4.0);
    assert_false(t.diverged);
    s.lr = 10.0;
    task.steps = 5000;
    run(&t, &s, &task);
    assert_true(t.diverged || t.evaluation.bleu < 3.0);
    pbti_builtin_deinit(&pbti_builtin_translate, &t);
}

static void test_rates_follow_the_schedule(void **state)
{
    (void)state;
    static const uint64_t at[] = {1, 10, 100, 200, 400, 800};
    static const double paper[] = {4.41941738242e-05, 4.41941738242e-04, 4.41941738242e-03,
                                   8.83883476483e-03, 6.25e-03,          4.41941738242e-03};
    static const double rsqrt[] = {2.5e-05, 2.5e-04, 2.5e-03, 5e-03, 3.53553390593e-03, 2.5e-03};
    double const peak = 1.0 / sqrt(64.0 * 200.0); /* of the paper's factor */
    for (size_t i = 0; i < 6; i++) {
        check_close(pbti_translate_rate(PBTI_TRANSLATE_RSQRT, peak, 200, at[i]), paper[i], 1e-12);
        check_close(pbti_translate_rate(PBTI_TRANSLATE_RSQRT, 0.005, 200, at[i]), rsqrt[i], 1e-12);
        double const constant = at[i] < 200 ? 0.005 * (double)at[i] / 200 : 0.005;
        check_close(pbti_translate_rate(PBTI_TRANSLATE_CONSTANT, 0.005, 200, at[i]), constant,
                    1e-15);
    }
    check_close(pbti_translate_rate(PBTI_TRANSLATE_CONSTANT, 0.005, 0, 1), 0.005, 0.0);
}

/* -------- refusals -------- */

static void write_pair(const char *name, const char *source, const char *target)
{
    char path[64];
    (void)snprintf(path, sizeof path, "%s.en", name);
    fixture_write(fixture_path(folder, path), source, strlen(source));
    (void)snprintf(path, sizeof path, "%s.de", name);
    fixture_write(fixture_path(folder, path), target, strlen(target));
}

static void test_wrong_text_is_refused_by_name(void **state)
{
    (void)state;
    struct pbti_translate_settings s = small();
    struct pbti_builtin_task const task = {.seed = 1, .steps = 10};
    (void)snprintf(s.data, sizeof s.data, "%s", folder);
    s.vocab = 260;
    refused(&s, &task, PBT_ENOENT, "`pbt corpus`");
    write_pair("train", "a b\nc\n", "x y\n");
    refused(&s, &task, PBT_EINVAL, "train.en\" has 2 lines and \"");
    write_pair("train", "", "");
    refused(&s, &task, PBT_EINVAL, "train.en\" has no lines");
    write_pair("train", "a b\nc\n", "x y\n\xff\n");
    refused(&s, &task, PBT_ECORRUPT, "train.de\", line 2: not UTF-8");
    write_pair("train", "a b\nc\n", "x y\nz\n");
    refused(&s, &task, PBT_ENOENT, "dev.en");
    write_pair("dev", "a\n", "x\n");
    (void)snprintf(s.target, sizeof s.target, "fr");
    refused(&s, &task, PBT_ENOENT, "train.fr");
    (void)snprintf(s.target, sizeof s.target, "de");
    s.vocab = 2000;
    refused(&s, &task, PBT_EINVAL, "\"vocab\" is 2000; the texts allow at most 260");
    s.vocab = 260;
    s.max_length = 1;
    refused(&s, &task, PBT_EINVAL, "none of 2 training pairs can be used");
    s.max_length = 64;
    struct pbti_translate t;
    pbti_builtin_init(&pbti_builtin_translate, &t);
    run(&t, &s, &task);
    pbti_builtin_deinit(&pbti_builtin_translate, &t);
}

static void test_wrong_settings_and_checkpoints_are_refused(void **state)
{
    (void)state;
    struct pbti_translate t;
    struct pbti_translate_settings s = small();
    struct pbti_builtin_task const first = {.seed = 1, .steps = 50, .save = place("right")};
    pbti_builtin_init(&pbti_builtin_translate, &t);
    run(&t, &s, &first);
    pbti_builtin_deinit(&pbti_builtin_translate, &t);
    char right[512];
    (void)snprintf(right, sizeof right, "%s/right", folder);
    struct pbti_builtin_task const load = {
        .seed = 1, .steps = 50, .start = PBT_CLIENT_LOAD, .load = right};
    s.heads = 3;
    refused(&s, &first, PBT_EINVAL, "\"heads\" is 3");
    s.heads = 4;
    refused(&s, &load, PBT_EINVAL, "2 heads");
    s = small();
    s.width = 32;
    refused(&s, &load, PBT_EINVAL, "shape");
    s = small();
    s.vocab = 301;
    refused(&s, &load, PBT_EINVAL, "shape");
    s = small();
    s.split = PBTI_TRANSLATE_SPLIT_TEST;
    refused(&s, &first, PBT_EINVAL, "\"split\" is \"test\" with 50 steps");
}

static void test_the_test_text_is_for_evaluations(void **state)
{
    (void)state;
    struct pbti_translate t;
    struct pbti_translate_settings s = small();
    struct pbti_builtin_task task = {.seed = 1, .steps = 50};
    pbti_builtin_init(&pbti_builtin_translate, &t);
    run(&t, &s, &task);
    double const dev = t.evaluation.loss;
    s.split = PBTI_TRANSLATE_SPLIT_TEST;
    s.beam = 2;
    s.sentences = 0;
    task = (struct pbti_builtin_task){.seed = 1, .start = PBT_CLIENT_KEEP};
    run(&t, &s, &task);
    assert_true(t.evaluation.loss != dev);
    assert_int_equal(t.evaluation.shown[0], PBTI_MADE_TEST / 6);
    pbti_builtin_deinit(&pbti_builtin_translate, &t);
}

/* -------- the process -------- */

static void test_a_process_reports_what_is_in_force_and_shards(void **state)
{
    (void)state;
    assert_true(worker_start("translate", folder));
    static const char fixed[] = "\"data\": \"made\", \"vocab\": 300, \"width\": 16, \"ffn\": 24, "
                                "\"heads\": 2, \"layers\": 1, \"batch\": 100, \"sentences\": 20";
    char more[400];
    worker_train(200, "fresh", "null", "null", "\"lr\": 0.004, \"relu_dropout\": 0.25", fixed);
    json_t *done = worker_receive();
    worker_assert_type(done, "done");
    assert_true(worker_number(done, "in_force", "lr") == 0.004);
    assert_true(worker_number(done, "in_force", "relu_dropout") == 0.25);
    assert_true(worker_number(done, "metrics", "loss") > 0.0);
    assert_true(worker_number(done, "metrics", "bleu") == worker_number(done, NULL, "score"));
    json_decref(done);
    (void)snprintf(more, sizeof more, "%s, \"shards\": 4, \"score\": \"cross_entropy\"", fixed);
    worker_train(0, "keep", "null", "null", "\"lr\": 0.004, \"relu_dropout\": 0.25", more);
    done = worker_receive();
    worker_assert_type(done, "done");
    assert_int_equal(json_array_size(json_object_get(done, "scores")), 4);
    json_decref(done);
    worker_train(10, "fresh", "null", "null", "\"lr\": 11", fixed);
    worker_assert_config_error("\"lr\" is 11; allowed are numbers from 0 to 10");
    assert_true(worker_stop());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reloaded_equals_unbroken, setup, teardown),
        cmocka_unit_test(test_another_seed_goes_another_way),
        cmocka_unit_test(test_tokens_add_up_over_segments),
        cmocka_unit_test(test_each_pair_comes_once_an_epoch),
        cmocka_unit_test(test_it_learns_and_a_bad_rate_loses),
        cmocka_unit_test(test_rates_follow_the_schedule),
        cmocka_unit_test_setup_teardown(test_wrong_text_is_refused_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_settings_and_checkpoints_are_refused, setup,
                                        teardown),
        cmocka_unit_test(test_the_test_text_is_for_evaluations),
        cmocka_unit_test_setup_teardown(test_a_process_reports_what_is_in_force_and_shards, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
