/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/study/test_store.c - the checkpoint store.
 *
 * Protects docs/design.md section 2.4 (checkpoints are immutable and published whole) and rules 1
 * (the same bytes come back) and 13 (the sweep leaves what is in use).
 */
#include "base/file_tree.h"
#include "study/store.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];
static struct pbti_store *store;
static const struct pbti_checkpoint one = {3, 12, 1};
static const char name_of_one[] = "m3.s12.a1";

static int setup(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/pbt-store-XXXXXX");
    return mkdtemp(dir) != NULL && pbti_store_open(dir, true, true, &store, NULL) == PBT_OK ? 0
                                                                                            : -1;
}

static int teardown(void **state)
{
    (void)state;
    pbti_store_close(store);
    return pbti_file_tree_remove(dir, NULL) == PBT_OK ? 0 : -1;
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *const file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void make_folder(const char *folder, const char *name)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0777), 0);
}

static bool exists(const char *suffix)
{
    char path[PATH_MAX];
    struct stat info;
    (void)snprintf(path, sizeof path, "%s/checkpoints/%s%s", dir, name_of_one, suffix);
    return lstat(path, &info) == 0;
}

/* Prepare, fill with two files in two folders, publish. */
static struct pbti_stored publish(struct pbti_checkpoint checkpoint)
{
    char path[PATH_MAX];
    struct pbti_stored stored;
    assert_int_equal(pbti_store_prepare(store, checkpoint, path, NULL), PBT_OK);
    write_file(path, "weights", "0123456789");
    make_folder(path, "opt");
    write_file(path, "opt/state", "abc");
    assert_int_equal(pbti_store_publish(store, checkpoint, &stored, NULL), PBT_OK);
    return stored;
}

static void test_names_go_both_ways(void **state)
{
    char name[PBTI_CHECKPOINT_NAME_MAX];
    struct pbti_checkpoint checkpoint, most = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
    (void)state;
    assert_string_equal(pbti_checkpoint_name(one, name), name_of_one);
    assert_true(pbti_checkpoint_parse("m3.s12.a1", &checkpoint));
    assert_memory_equal(&checkpoint, &one, sizeof one);
    assert_true(pbti_checkpoint_parse(pbti_checkpoint_name(most, name), &checkpoint));
    assert_memory_equal(&checkpoint, &most, sizeof most);
    static const char *const wrong[] = {
        "",          "m",         "m1.s2",     "m1.s2.a",  "m1.s2.a3x",         "m1.s2.a3.part",
        "m01.s2.a3", "m-1.s2.a3", " m1.s2.a3", "m1,s2.a3", "m1.s2.a4294967296", "M1.s2.a3"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(pbti_checkpoint_parse(wrong[i], &checkpoint));
    }
}

static void test_publishing_makes_it_whole_at_once(void **state)
{
    char path[PATH_MAX];
    struct pbt_error err;
    (void)state;
    assert_int_equal(pbti_store_prepare(store, one, path, NULL), PBT_OK);
    assert_true(exists(".part") && !exists(""));
    assert_int_equal(pbti_store_path(store, one, path, &err), PBT_ENOENT);
    struct pbti_stored const stored = publish(one);
    assert_true(!exists(".part") && exists(""));
    assert_int_equal(stored.files, 2);
    assert_int_equal(stored.bytes, 13);
    assert_int_equal(pbti_store_path(store, one, path, NULL), PBT_OK);
    assert_int_equal(path[0], '/');
}

static void test_preparing_removes_what_an_earlier_try_left(void **state)
{
    char path[PATH_MAX];
    struct pbti_stored stored;
    (void)state;
    assert_int_equal(pbti_store_prepare(store, one, path, NULL), PBT_OK);
    write_file(path, "old", "rest of a crash");
    assert_int_equal(pbti_store_prepare(store, one, path, NULL), PBT_OK);
    assert_int_equal(pbti_store_publish(store, one, &stored, NULL), PBT_OK);
    assert_int_equal(stored.files, 0);
}

static void test_rule_1_the_hash_sees_every_change(void **state)
{
    char path[PATH_MAX], file[PATH_MAX + 16];
    struct pbti_stored again;
    (void)state;
    struct pbti_stored const stored = publish(one);
    struct pbti_checkpoint const other = {1, 1, 1};
    struct pbti_stored const twin = publish(other);
    assert_true(stored.hash == twin.hash);
    assert_int_equal(pbti_store_measure(store, one, &again, NULL), PBT_OK);
    assert_memory_equal(&again, &stored, sizeof stored);

    assert_int_equal(pbti_store_path(store, one, path, NULL), PBT_OK);
    write_file(path, "weights", "0123456780"); /* one byte, same size */
    assert_int_equal(pbti_store_measure(store, one, &again, NULL), PBT_OK);
    assert_true(again.hash != stored.hash);
    write_file(path, "weights", "0123456789");
    make_folder(path, "empty");
    assert_int_equal(pbti_store_measure(store, one, &again, NULL), PBT_OK);
    assert_true(again.hash != stored.hash);
    (void)snprintf(file, sizeof file, "%s/empty", path);
    assert_int_equal(rmdir(file), 0);
    assert_int_equal(pbti_store_measure(store, one, &again, NULL), PBT_OK);
    assert_true(again.hash == stored.hash);
    char moved[PATH_MAX + 16];
    (void)snprintf(file, sizeof file, "%s/weights", path);
    (void)snprintf(moved, sizeof moved, "%s/weight", path);
    assert_int_equal(rename(file, moved), 0);
    assert_int_equal(pbti_store_measure(store, one, &again, NULL), PBT_OK);
    assert_true(again.hash != stored.hash);
}

static void refuse(const char *message)
{
    struct pbti_stored stored;
    struct pbt_error err;
    assert_int_equal(pbti_store_publish(store, one, &stored, &err), PBT_EINVAL);
    if (strstr(err.message, message) == NULL) { fail_msg("%s", err.message); }
    assert_false(exists(""));
}

static void test_links_must_stay_inside(void **state)
{
    char path[PATH_MAX], link[PATH_MAX + 16];
    struct pbti_stored stored;
    (void)state;
    static const char *const outside[] = {"/etc/passwd", "../../journal.db", "nowhere", "opt/../..",
                                          ".."};
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        assert_int_equal(pbti_store_prepare(store, one, path, NULL), PBT_OK);
        make_folder(path, "opt");
        (void)snprintf(link, sizeof link, "%s/link", path);
        assert_int_equal(symlink(outside[i], link), 0);
        refuse("does not stay inside the checkpoint");
    }
    assert_int_equal(pbti_store_prepare(store, one, path, NULL), PBT_OK);
    make_folder(path, "opt");
    write_file(path, "opt/state", "abc");
    (void)snprintf(link, sizeof link, "%s/latest", path);
    assert_int_equal(symlink("opt/state", link), 0);
    assert_int_equal(pbti_store_publish(store, one, &stored, NULL), PBT_OK);
    assert_int_equal(stored.files, 2);
}

static void test_links_may_not_use_the_name_before_publishing(void **state)
{
    char path[PATH_MAX], link[PATH_MAX + 16];
    (void)state;
    static const char *const through[] = {"../m3.s12.a1.part/opt", "opt/../../m3.s12.a1.part",
                                          "../../checkpoints/m3.s12.a1.part/opt"};
    for (size_t i = 0; i < sizeof through / sizeof through[0]; i++) {
        assert_int_equal(pbti_store_prepare(store, one, path, NULL), PBT_OK);
        make_folder(path, "opt");
        (void)snprintf(link, sizeof link, "%s/link", path);
        assert_int_equal(symlink(through[i], link), 0);
        refuse("does not stay inside the checkpoint");
    }
}

/* A link up and down again within the tree is fine, also beside a folder of the tree's own name. */
static void test_links_may_go_up_inside(void **state)
{
    char path[PATH_MAX], link[PATH_MAX + 16];
    struct pbti_stored stored, again;
    (void)state;
    assert_int_equal(pbti_store_prepare(store, one, path, NULL), PBT_OK);
    make_folder(path, "opt");
    make_folder(path, name_of_one);
    (void)snprintf(link, sizeof link, "%s/opt/link", path);
    assert_int_equal(symlink("../m3.s12.a1", link), 0);
    assert_int_equal(pbti_store_publish(store, one, &stored, NULL), PBT_OK);
    assert_int_equal(pbti_store_measure(store, one, &again, NULL), PBT_OK);
    assert_memory_equal(&again, &stored, sizeof stored);
}

/* Folders in folders until no path from the top reaches the last one. */
static void make_deep(const char *path)
{
    char name[201];
    memset(name, 'd', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    int at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < 2 * PATH_MAX / (int)sizeof name; i++) {
        assert_true(at >= 0);
        assert_int_equal(mkdirat(at, name, 0777), 0);
        int const below = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(close(at), 0);
        at = below;
    }
    assert_int_equal(close(at), 0);
}

static void test_what_a_trainer_made_of_its_folder_is_no_fault_of_the_storage(void **state)
{
    char path[PATH_MAX];
    (void)state;
    assert_int_equal(pbti_store_prepare(store, one, path, NULL), PBT_OK);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink(".", path), 0);
    refuse("could not publish checkpoint");
    assert_int_equal(pbti_store_prepare(store, one, path, NULL), PBT_OK);
    assert_int_equal(rmdir(path), 0);
    int const file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    assert_true(file >= 0 && close(file) == 0);
    refuse("could not publish checkpoint");
    assert_int_equal(pbti_store_prepare(store, one, path, NULL), PBT_OK);
    make_deep(path);
    refuse("File name too long");
    /* none of them is in the way of the next attempt */
    assert_int_equal(pbti_store_prepare(store, one, path, NULL), PBT_OK);
    write_file(path, "secret", "");
    char secret[PATH_MAX + 16];
    (void)snprintf(secret, sizeof secret, "%s/secret", path);
    assert_int_equal(chmod(secret, 0), 0);
    if (geteuid() != 0) { refuse("Permission denied"); } /* root reads it all the same */
    (void)publish(one);
}

static void test_what_is_loaded_must_have_the_reported_size(void **state)
{
    char path[PATH_MAX], file[PATH_MAX + 16];
    struct pbt_error err;
    (void)state;
    struct pbti_stored const stored = publish(one);
    assert_int_equal(pbti_store_check(store, one, &stored, path, NULL), PBT_OK);
    write_file(path, "weights", "01234"); /* half of it */
    assert_int_equal(pbti_store_check(store, one, &stored, path, &err), PBT_ECORRUPT);
    assert_non_null(strstr(err.message, "has 2 files and 8 bytes, not the 2 and 13"));
    write_file(path, "weights", "0123456789");
    write_file(path, "more", "");
    assert_int_equal(pbti_store_check(store, one, &stored, path, &err), PBT_ECORRUPT);
    (void)snprintf(file, sizeof file, "%s/more", path);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(pbti_store_check(store, one, &stored, path, NULL), PBT_OK);
    pbti_store_drop(store, one);
    assert_int_equal(pbti_store_check(store, one, &stored, path, NULL), PBT_ENOENT);
}

static void test_only_files_folders_and_links_are_published(void **state)
{
    char path[PATH_MAX], pipe[PATH_MAX + 16];
    (void)state;
    assert_int_equal(pbti_store_prepare(store, one, path, NULL), PBT_OK);
    (void)snprintf(pipe, sizeof pipe, "%s/pipe", path);
    assert_int_equal(mkfifo(pipe, 0666), 0);
    refuse("\"pipe\" is a named pipe");
}

static void test_dropping_takes_any_form_and_nothing_is_fine(void **state)
{
    char path[PATH_MAX], folder[PATH_MAX + 16];
    (void)state;
    pbti_store_drop(store, one);
    (void)publish(one);
    pbti_store_drop(store, one);
    assert_false(exists("") || exists(".gone"));
    assert_int_equal(pbti_store_prepare(store, one, path, NULL), PBT_OK);
    make_folder(path, "locked");
    write_file(path, "locked/file", "x");
    (void)snprintf(folder, sizeof folder, "%s/locked", path);
    assert_int_equal(chmod(folder, 0), 0); /* as some tools leave it */
    pbti_store_drop(store, one);
    assert_false(exists(".part"));
}

static void test_a_half_deleted_one_is_listed_and_never_whole(void **state)
{
    char path[PATH_MAX], gone[PATH_MAX + 16];
    struct pbti_store_listing listing;
    (void)state;
    (void)publish(one);
    assert_int_equal(pbti_store_path(store, one, path, NULL), PBT_OK);
    (void)snprintf(gone, sizeof gone, "%s.gone", path);
    assert_int_equal(rename(path, gone), 0); /* as a crash in the middle of drop leaves it */
    assert_int_equal(pbti_store_path(store, one, path, NULL), PBT_ENOENT);
    assert_int_equal(pbti_store_list(store, true, &listing, NULL), PBT_OK);
    assert_int_equal(listing.count, 1);
    assert_int_equal(listing.bytes, 13);
    assert_memory_equal(&listing.items[0], &one, sizeof one);
    free(listing.items);
    (void)publish(one); /* another with the name, then drop both */
    pbti_store_drop(store, one);
    assert_false(exists("") || exists(".gone"));
}

static void test_listing_ignores_strangers(void **state)
{
    char folder[128];
    struct pbti_store_listing listing;
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/checkpoints", dir);
    make_folder(folder, "mine");
    write_file(folder, "m1.s1.a1.bak", "");
    assert_int_equal(pbti_store_list(store, false, &listing, NULL), PBT_OK);
    assert_int_equal(listing.count, 0);
    free(listing.items);
}

/* A study of two members: member 0 has reported segment 1, member 1 is running its first. */
static struct pbti_state *make_state(void **block, struct pbti_config *config)
{
    pbti_config_default(config);
    config->members = 2;
    config->steps = config->max_age = 100;
    config->ready_every = 10;
    config->exploit = PBTI_EXPLOIT_NONE;
    struct pbti_event event = {.type = PBTI_STUDY, .study = {.config = config}};
    *block = malloc(pbti_state_bytes(config));
    assert_non_null(*block);
    struct pbti_state *const state = pbti_state_init(*block, &event);
    uint64_t seq = 2;
    for (uint32_t member = 0; member < 2; member++) {
        event = (struct pbti_event){.type = PBTI_CLAIM, .claim = {member, 1, 1, 7, member}};
        assert_int_equal(pbti_fold(state, seq++, &event, NULL, NULL, NULL), PBT_OK);
    }
    double const score = 1.0;
    event = (struct pbti_event){.type = PBTI_REPORT,
                                .report = {.segment = 1,
                                           .attempt = 1,
                                           .claim = 2,
                                           .steps = 10,
                                           .scores_count = 1,
                                           .scores = &score}};
    assert_int_equal(pbti_fold(state, seq++, &event, NULL, NULL, NULL), PBT_OK);
    while (pbti_decision_due(state)) {
        static struct pbti_scratch scratch;
        pbti_decide(state, &event, &scratch);
        assert_int_equal(pbti_fold(state, seq++, &event, NULL, NULL, NULL), PBT_OK);
    }
    return state;
}

static void test_rule_13_the_sweep_leaves_what_is_in_use(void **state)
{
    static struct pbti_config config;
    void *block;
    char path[PATH_MAX];
    struct pbti_store_listing listing;
    (void)state;
    struct pbti_state *const study = make_state(&block, &config);
    struct pbti_checkpoint const used = {0, 1, 1}, saving = {1, 1, 1}, older = {1, 1, 9},
                                 stray = {0, 7, 1}, nobody = {5, 1, 1};
    (void)publish(used);
    assert_int_equal(pbti_store_prepare(store, saving, path, NULL), PBT_OK);
    assert_int_equal(pbti_store_prepare(store, older, path, NULL), PBT_OK);
    (void)publish(stray);
    (void)publish(nobody);
    assert_int_equal(pbti_store_list(store, false, &listing, NULL), PBT_OK);
    assert_int_equal(listing.count, 5);
    assert_int_equal(pbti_store_sweep(store, &listing, study), 3);
    free(listing.items);
    assert_int_equal(pbti_store_list(store, false, &listing, NULL), PBT_OK);
    assert_int_equal(listing.count, 2);
    assert_memory_equal(&listing.items[0], &used, sizeof used);
    assert_memory_equal(&listing.items[1], &saving, sizeof saving);
    free(listing.items);
    free(block);
}

static void test_exporting_copies_all_of_it(void **state)
{
    char target[128];
    struct pbti_stored copied;
    struct pbt_error err;
    (void)state;
    struct pbti_stored const stored = publish(one);
    (void)snprintf(target, sizeof target, "%s/copy", dir);
    assert_int_equal(pbti_store_export(store, one, target, NULL), PBT_OK);
    assert_int_equal(pbti_file_tree_measure(target, false, &copied, NULL), PBT_OK);
    assert_memory_equal(&copied, &stored, sizeof stored);
    assert_int_equal(pbti_store_export(store, one, target, &err), PBT_EEXIST);
}

int main(void)
{
#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_names_go_both_ways),
        STORE_TEST(test_publishing_makes_it_whole_at_once),
        STORE_TEST(test_preparing_removes_what_an_earlier_try_left),
        STORE_TEST(test_rule_1_the_hash_sees_every_change),
        STORE_TEST(test_links_must_stay_inside),
        STORE_TEST(test_links_may_not_use_the_name_before_publishing),
        STORE_TEST(test_links_may_go_up_inside),
        STORE_TEST(test_what_a_trainer_made_of_its_folder_is_no_fault_of_the_storage),
        STORE_TEST(test_what_is_loaded_must_have_the_reported_size),
        STORE_TEST(test_only_files_folders_and_links_are_published),
        STORE_TEST(test_dropping_takes_any_form_and_nothing_is_fine),
        STORE_TEST(test_a_half_deleted_one_is_listed_and_never_whole),
        STORE_TEST(test_listing_ignores_strangers),
        STORE_TEST(test_rule_13_the_sweep_leaves_what_is_in_use),
        STORE_TEST(test_exporting_copies_all_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
