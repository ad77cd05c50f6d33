/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_gan_run.c - rules of `gan`: a->b->c without a break equals a->b, reload, b->c, bit for bit;
 * a clone begins as its donor; a network trains under one judge all its life, and an evaluation may
 * use another; processes that want the same judge at once get the same; a diverged network scores
 * NaN; training helps; wrong data and settings are named.
 */
#include "gan/gan.h"
#include "picture_fixture.h"
#include "trainer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[256];

static int setup(void **state)
{
    (void)state;
    fixture_folder(folder);
    pictures_idx(folder, 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_remove(folder);
    return 0;
}

static struct pbti_gan_settings small(void)
{
    struct pbti_gan_settings s;
    pbti_settings_default(pbti_builtin_gan.settings, &s);
    (void)snprintf(s.data, sizeof s.data, "%s", folder);
    (void)snprintf(s.judges, sizeof s.judges, "%s/judges", folder);
    s.latent = 8;
    s.width = 4;
    s.batch = 16;
    s.samples = 150;
    return s;
}

static const char *place(const char *name)
{
    const char *const path = fixture_path(folder, name);
    (void)mkdir(path, 0700);
    return path;
}

static struct pbti_gan_result run(struct pbti_gan *g, const struct pbti_gan_settings *s,
                                  const struct pbti_builtin_task *task)
{
    struct pbt_error err = {0};
    if (pbti_builtin_run(&pbti_builtin_gan, g, s, task, &err) != PBT_OK) {
        fail_msg("%s", err.message);
    }
    return g->result;
}

static void refused(struct pbti_gan *g, const struct pbti_gan_settings *s,
                    const struct pbti_builtin_task *task, pbt_status status, const char *words)
{
    struct pbt_error err = {0};
    assert_int_equal(pbti_builtin_run(&pbti_builtin_gan, g, s, task, &err), status);
    if (strstr(err.message, words) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", words, err.message);
    }
}

static void same_file(const char *a, const char *b, const char *name)
{
    char path[512];
    size_t size_a = 0, size_b = 0;
    (void)snprintf(path, sizeof path, "%s/%s", a, name);
    uint8_t *const bytes_a = fixture_read(path, &size_a);
    (void)snprintf(path, sizeof path, "%s/%s", b, name);
    uint8_t *const bytes_b = fixture_read(path, &size_b);
    assert_int_equal(size_a, size_b);
    assert_memory_equal(bytes_a, bytes_b, size_a);
    free(bytes_a);
    free(bytes_b);
}

static void same_checkpoint(const char *a, const char *b)
{
    same_file(a, b, "network.safetensors");
    same_file(a, b, "samples.png");
}

/* -------- exact resume -------- */

/* Settings of segment i: everything that draws or shapes is on, segments end between updates. */
static struct pbti_gan_settings stage(uint32_t segment)
{
    static const uint32_t batches[] = {16, 7, 33};
    struct pbti_gan_settings s = small();
    s.batch = batches[segment];
    s.d_updates = 3;
    s.lr_d = 1e-3 + 1e-3 * segment;
    s.lr_g = 2e-3;
    s.smooth = 0.1;
    s.average = 0.9;
    s.d_norm = PBTI_GAN_NORM_SPECTRAL;
    return s;
}

static void test_reloaded_equals_unbroken(void **state)
{
    (void)state;
    struct pbti_gan hot, cold;
    pbti_builtin_init(&pbti_builtin_gan, &hot);
    pbti_builtin_init(&pbti_builtin_gan, &cold);
    char places[3][256];
    struct pbti_gan_result results[3];
    for (uint32_t i = 0; i < 3; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "hot%u", i);
        (void)snprintf(places[i], sizeof places[i], "%s", place(name));
        struct pbti_gan_settings const s = stage(i);
        struct pbti_builtin_task const task = {.seed = 100 + i,
                                               .steps = 211,
                                               .start = i == 0 ? PBT_CLIENT_FRESH : PBT_CLIENT_KEEP,
                                               .save = places[i]};
        results[i] = run(&hot, &s, &task);
    }
    for (int used = 0; used < 2; used++) { /* in a new process, and in one that trained elsewhere */
        struct pbti_gan_settings const s = stage(2), other = stage(0);
        struct pbti_builtin_task const elsewhere = {.seed = 9, .steps = 50};
        if (used) { (void)run(&cold, &other, &elsewhere); }
        struct pbti_builtin_task const task = {.seed = 102,
                                               .steps = 211,
                                               .start = PBT_CLIENT_LOAD,
                                               .load = places[1],
                                               .save = place("cold")};
        struct pbti_gan_result const result = run(&cold, &s, &task);
        assert_true(result.score == results[2].score && result.d_loss == results[2].d_loss);
        assert_true(result.figures.frechet == results[2].figures.frechet);
        same_checkpoint(places[2], fixture_path(folder, "cold"));
    }
    pbti_builtin_deinit(&pbti_builtin_gan, &hot);
    pbti_builtin_deinit(&pbti_builtin_gan, &cold);
}

static void test_a_clone_begins_as_its_donor_and_goes_its_own_way(void **state)
{
    (void)state;
    struct pbti_gan g;
    struct pbti_gan_settings const s = small();
    char donor[256];
    pbti_builtin_init(&pbti_builtin_gan, &g);
    (void)snprintf(donor, sizeof donor, "%s", place("donor"));
    struct pbti_builtin_task task = {.seed = 1, .steps = 160, .save = donor};
    double const score = run(&g, &s, &task).score;
    assert_true(g.result.has_references && g.result.figures.inception >= 1.0);
    task = (struct pbti_builtin_task){
        .seed = 1, .start = PBT_CLIENT_LOAD, .load = donor, .save = place("clone")};
    assert_true(run(&g, &s, &task).score == score); /* the same latents: the same score */
    same_checkpoint(donor, fixture_path(folder, "clone"));
    task = (struct pbti_builtin_task){
        .seed = 1, .steps = 64, .start = PBT_CLIENT_LOAD, .load = donor, .save = place("a")};
    (void)run(&g, &s, &task);
    task.seed = 2;
    task.save = place("b");
    (void)run(&g, &s, &task);
    assert_false(g.result.has_references);
    size_t size = 0, other = 0;
    uint8_t *const a = fixture_read(fixture_path(folder, "a/network.safetensors"), &size);
    uint8_t *const b = fixture_read(fixture_path(folder, "b/network.safetensors"), &other);
    assert_true(size == other && memcmp(a, b, size) != 0);
    free(a);
    free(b);
    pbti_builtin_deinit(&pbti_builtin_gan, &g);
}

/* -------- judges -------- */

static void test_a_network_keeps_its_judge(void **state)
{
    (void)state;
    struct pbti_gan g;
    struct pbti_gan_settings s = small();
    char saved[256];
    pbti_builtin_init(&pbti_builtin_gan, &g);
    (void)snprintf(saved, sizeof saved, "%s", place("saved"));
    struct pbti_builtin_task task = {.seed = 1, .steps = 32, .save = saved};
    (void)run(&g, &s, &task);
    uint64_t const hash = g.judge.hash;
    assert_true(hash != 0 && g.judge.accuracy > 0.9);
    s.judge = 1;
    task = (struct pbti_builtin_task){.seed = 2, .start = PBT_CLIENT_LOAD, .load = saved};
    (void)run(&g, &s, &task); /* an evaluation */
    assert_true(g.judge.number == 1 && g.judge.hash != hash);
    assert_true(g.result.references.test.inception > g.result.references.noise.inception);
    assert_true(g.result.references.test.frechet < g.result.references.noise.frechet);
    task.steps = 32;
    refused(&g, &s, &task, PBT_EINVAL, "has trained under judge 0");
    task.start = PBT_CLIENT_KEEP;
    task.load = NULL;
    refused(&g, &s, &task, PBT_EINVAL, "has trained under judge 0");
    s.judge = 0;
    (void)run(&g, &s, &task);
    assert_true(g.judge.hash == hash); /* from its file */
    g.judged_hash ^= 1;
    refused(&g, &s, &task, PBT_EINVAL, "`judges`");
    pbti_builtin_deinit(&pbti_builtin_gan, &g);
}

static uint64_t hash_of_judge(const struct pbti_pictures *p, const char *judges)
{
    struct pbti_gan_judge judge;
    if (pbti_gan_judge_need(&judge, judges, 3, p, p->count, NULL, NULL) != PBT_OK) { return 0; }
    uint64_t const hash = judge.hash;
    pbti_gan_judge_deinit(&judge);
    return hash;
}

static void test_judges_made_at_once_are_one(void **state)
{
    (void)state;
    struct pbti_pictures p;
    assert_int_equal(pbti_pictures_load(&p, folder, false, NULL), PBT_OK);
    char judges[300];
    (void)snprintf(judges, sizeof judges, "%s/deep/er", folder);
    int ends[2];
    pid_t children[3];
    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i < 3; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            uint64_t const hash = hash_of_judge(&p, judges);
            _exit(write(ends[1], &hash, sizeof hash) == (ssize_t)sizeof hash ? 0 : 1);
        }
    }
    uint64_t hashes[3] = {0};
    for (int i = 0; i < 3; i++) {
        int code = -1;
        assert_int_equal(waitpid(children[i], &code, 0), children[i]);
        assert_int_equal(code, 0);
        assert_int_equal(read(ends[0], &hashes[i], sizeof hashes[i]), sizeof hashes[i]);
        assert_true(hashes[i] != 0 && hashes[i] == hashes[0]);
    }
    (void)close(ends[0]);
    (void)close(ends[1]);
    assert_true(hash_of_judge(&p, judges) == hashes[0]);
    assert_true(hash_of_judge(&p, "/dev/null/nowhere") == hashes[0]); /* made, and not kept */
    pbti_pictures_deinit(&p);
}

static void test_a_damaged_judge_is_made_again(void **state)
{
    (void)state;
    struct pbti_pictures p;
    assert_int_equal(pbti_pictures_load(&p, folder, false, NULL), PBT_OK);
    char judges[300], command[700];
    (void)snprintf(judges, sizeof judges, "%s/judges", folder);
    uint64_t const hash = hash_of_judge(&p, judges);
    (void)snprintf(command, sizeof command, "truncate -s 1000 %s/*-3.safetensors", judges);
    assert_int_equal(system(command), 0);
    assert_true(hash_of_judge(&p, judges) == hash);
    (void)snprintf(command, sizeof command, "test $(stat -c %%s %s/*-3.safetensors) -gt 1000",
                   judges);
    assert_int_equal(system(command), 0);
    pbti_pictures_deinit(&p);
}

/* -------- scores -------- */

static void test_training_helps_and_divergence_is_nan(void **state)
{
    (void)state;
    struct pbti_gan g;
    struct pbti_gan_settings s = small();
    pbti_builtin_init(&pbti_builtin_gan, &g);
    s.lr_d = s.lr_g = 2e-3;
    s.width = 8;
    struct pbti_builtin_task task = {.seed = 3};
    struct pbti_gan_result const before = run(&g, &s, &task);
    task = (struct pbti_builtin_task){.seed = 4, .steps = 9600, .start = PBT_CLIENT_KEEP};
    struct pbti_gan_result const after = run(&g, &s, &task);
    if (!(after.figures.frechet < 0.5 * before.figures.frechet)) {
        fail_msg("distance %.4g before, %.4g after", before.figures.frechet, after.figures.frechet);
    }
    assert_true(after.figures.inception > before.figures.inception + 0.5);
    assert_true(after.d_accuracy > 0.0 && after.d_accuracy <= 1.0 && after.g_loss > 0.0);
    assert_true(after.score == after.figures.inception);
    s.score = PBTI_GAN_FRECHET;
    task.steps = 0;
    assert_true(run(&g, &s, &task).score == g.result.figures.frechet);
    s.lr_d = s.lr_g = 1.0;
    s.beta1 = 0.0;
    for (size_t i = 0; i < 8; i++) {
        g.net.d.weights[i] = NAN;
    }
    task.steps = 64;
    assert_true(isnan(run(&g, &s, &task).score));
    pbti_builtin_deinit(&pbti_builtin_gan, &g);
}

static void test_colour_works_with_every_norm(void **state)
{
    (void)state;
    pictures_idx(folder, 3);
    assert_int_equal(unlink(fixture_path(folder, "train-images-idx3-ubyte")), 0);
    assert_int_equal(unlink(fixture_path(folder, "t10k-images-idx3-ubyte")), 0);
    for (uint32_t i = 0; i < 3; i++) {
        struct pbti_gan g;
        struct pbti_gan_settings s = small();
        pbti_builtin_init(&pbti_builtin_gan, &g);
        s.d_norm = i;
        s.g_norm = i == 2 ? PBTI_GAN_NORM_NONE : PBTI_GAN_NORM_BATCH;
        s.loss = i == 1 ? PBTI_NN_HINGE : PBTI_NN_LOGISTIC;
        struct pbti_builtin_task const task = {.seed = 1, .steps = 160};
        assert_true(run(&g, &s, &task).score >= 1.0);
        assert_int_equal(g.net.shape.channels, 3);
        pbti_builtin_deinit(&pbti_builtin_gan, &g);
    }
}

/* -------- what is wrong is named -------- */

static void test_wrong_settings_and_data_are_named(void **state)
{
    (void)state;
    struct pbti_gan g;
    struct pbti_gan_settings s = small();
    struct pbti_builtin_task const task = {.seed = 1, .steps = 16};
    pbti_builtin_init(&pbti_builtin_gan, &g);
    s.loss = PBTI_NN_HINGE;
    s.smooth = 0.1;
    refused(&g, &s, &task, PBT_EINVAL, "only the logistic loss");
    s = small();
    s.train = 241;
    refused(&g, &s, &task, PBT_EINVAL, "\"train\" is 241");
    uint32_t const images[] = {0x803, 4, 6, 8}, labels[] = {0x801, 4};
    fixture_idx(fixture_path(folder, "train-images-idx3-ubyte"), false, images, 4, 192);
    fixture_idx(fixture_path(folder, "train-labels-idx1-ubyte"), false, labels, 2, 4);
    s = small();
    refused(&g, &s, &task, PBT_EINVAL, "are 8 x 6; allowed are sides");
    (void)snprintf(s.data, sizeof s.data, "%s/nowhere", folder);
    refused(&g, &s, &task, PBT_ENOENT, "dataset-fashion-mnist");
    pbti_builtin_deinit(&pbti_builtin_gan, &g);
}

static void test_a_damaged_checkpoint_is_worth_another_try(void **state)
{
    (void)state;
    struct pbti_gan g;
    struct pbti_gan_settings const s = small();
    char saved[256];
    pbti_builtin_init(&pbti_builtin_gan, &g);
    (void)snprintf(saved, sizeof saved, "%s", place("saved"));
    struct pbti_builtin_task task = {.seed = 1, .steps = 32, .save = saved};
    (void)run(&g, &s, &task);
    const char *const path = fixture_path(folder, "saved/network.safetensors");
    size_t size = 0;
    uint8_t *const bytes = fixture_read(path, &size);
    fixture_write(path, bytes, size - 100);
    task =
        (struct pbti_builtin_task){.seed = 1, .steps = 32, .start = PBT_CLIENT_LOAD, .load = saved};
    refused(&g, &s, &task, PBT_EIO, "network.safetensors");
    free(bytes);
    assert_int_equal(unlink(path), 0);
    refused(&g, &s, &task, PBT_EIO, "network.safetensors");
    pbti_builtin_deinit(&pbti_builtin_gan, &g);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    pbti_nn_setup(1);
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_reloaded_equals_unbroken),
        IN_FOLDER(test_a_clone_begins_as_its_donor_and_goes_its_own_way),
        IN_FOLDER(test_a_network_keeps_its_judge),
        IN_FOLDER(test_judges_made_at_once_are_one),
        IN_FOLDER(test_a_damaged_judge_is_made_again),
        IN_FOLDER(test_training_helps_and_divergence_is_nan),
        IN_FOLDER(test_colour_works_with_every_norm),
        IN_FOLDER(test_wrong_settings_and_data_are_named),
        IN_FOLDER(test_a_damaged_checkpoint_is_worth_another_try),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
