/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/spec/test_spec_bad.c - every wrong spec of tests/spec/bad gives exactly its message.
 *
 * NNN-name.yaml is a spec with one mistake; lines `# --set key=value` at its beginning are
 * overrides. NNN-name.err has the message and, in a second line, the hint if there is one.
 * Protects: a wrong key, type or value is refused with file:line:column, what was found, what is
 * allowed and the nearest right key (docs/spec.md).
 */
#include "spec_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAD_FEWEST 60

/* The lines `# --set key=value` at the beginning of a file, without the prefix. */
static void read_overrides(const char *text, char *lines, size_t size)
{
    static const char prefix[] = "# --set ";
    lines[0] = '\0';
    size_t used = 0;
    while (strncmp(text, prefix, sizeof prefix - 1) == 0) {
        text += sizeof prefix - 1;
        size_t const length = strcspn(text, "\n");
        int const written = snprintf(lines + used, size - used, "%.*s\n", (int)length, text);
        used += (size_t)written;
        assert_true(used < size);
        text += length + 1;
    }
}

/* False when the message is another one; PBT_UPDATE=1 writes it down instead. */
static bool check_file(const char *name)
{
    char path[512];
    char full[512];
    size_t size = 0;
    (void)snprintf(path, sizeof path, "tests/spec/bad/%s", name);
    char *const text = spec_source_file(path, &size);
    memcpy(strrchr(path, '.'), ".err", sizeof ".err");
    char *const expected = spec_source_file(path, NULL);
    char lines[1024];
    read_overrides(text, lines, sizeof lines);
    struct spec_sets sets;
    spec_sets_read(&sets, lines);

    struct pbti_spec *spec = NULL;
    struct pbt_error err = {0};
    pbt_status const status =
        pbti_spec_parse(text, size, name, sets.overrides, sets.count, &spec, &err);
    if (status == PBT_OK) { fail_msg("%s was accepted", name); }
    assert_int_equal(status, PBT_ESPEC);
    assert_int_equal(err.code, PBT_ESPEC);
    assert_null(spec);
    char found[sizeof err.message + sizeof err.hint + 2];
    (void)snprintf(found, sizeof found, "%s\n%s%s", err.message, err.hint,
                   err.hint[0] == '\0' ? "" : "\n");
    bool const same = strcmp(found, expected) == 0;
    if (!same && getenv("PBT_UPDATE") != NULL) {
        FILE *const file = fopen(spec_source_path(path, full, sizeof full), "wbe");
        assert_non_null(file);
        assert_true(fputs(found, file) >= 0);
        assert_int_equal(fclose(file), 0);
    } else if (!same) {
        print_message("%s:\nfound    %s\nexpected %s", spec_source_path(path, full, sizeof full),
                      found, expected);
    }
    free(text);
    free(expected);
    return same;
}

static void test_bad_specs_are_refused_with_their_message(void **state)
{
    (void)state;
    char folder[512];
    DIR *const dir = opendir(spec_source_path("tests/spec/bad", folder, sizeof folder));
    assert_non_null(dir);
    uint32_t specs = 0;
    uint32_t others = 0;
    uint32_t wrong = 0;
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        const char *const ending = strrchr(entry->d_name, '.');
        if (entry->d_name[0] == '.' || ending == NULL) { continue; }
        if (strcmp(ending, ".yaml") == 0) {
            if (!check_file(entry->d_name)) { wrong++; }
            specs++;
        } else {
            assert_string_equal(ending, ".err");
            others++;
        }
    }
    (void)closedir(dir);
    print_message("%u wrong specs\n", specs);
    assert_true(specs >= BAD_FEWEST);
    assert_int_equal(specs, others);
    assert_int_equal(wrong, 0);
}

static void test_errors_may_be_ignored(void **state)
{
    (void)state;
    struct pbti_spec *spec = NULL;
    assert_int_equal(pbti_spec_parse("a: 1", 4, "x.yaml", NULL, 0, &spec, NULL), PBT_ESPEC);
    assert_null(spec);
}

static void test_file_that_cannot_be_read(void **state)
{
    (void)state;
    struct pbti_spec *spec = NULL;
    struct pbt_error err;
    assert_int_equal(pbti_spec_load("/nowhere/at/all.yaml", NULL, 0, &spec, &err), PBT_ENOENT);
    assert_string_equal(err.message, "spec \"/nowhere/at/all.yaml\" does not exist");
    assert_int_equal(pbti_spec_load("/", NULL, 0, &spec, &err), PBT_EIO);
    assert_string_equal(err.message, "could not read spec \"/\": Is a directory");
    assert_null(spec);
}

static void test_file_that_is_too_large(void **state)
{
    (void)state;
    char path[] = "/tmp/pbt-spec-XXXXXX";
    int const descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    FILE *const file = fdopen(descriptor, "wb");
    assert_non_null(file);
    for (uint32_t i = 0; i <= PBTI_SPEC_FILE_MAX; i++) {
        (void)fputc('#', file);
    }
    assert_int_equal(fclose(file), 0);
    struct pbti_spec *spec = NULL;
    struct pbt_error err;
    assert_int_equal(pbti_spec_load(path, NULL, 0, &spec, &err), PBT_ELIMIT);
    assert_non_null(strstr(err.message, "has more than 1048576 bytes"));
    assert_int_equal(remove(path), 0);
}

static void test_text_that_is_too_large(void **state)
{
    (void)state;
    struct pbti_spec *spec = NULL;
    struct pbt_error err;
    size_t const size = (size_t)PBTI_SPEC_TEXT_MAX + 1;
    char *const text = calloc(1, size);
    assert_non_null(text);
    assert_int_equal(pbti_spec_parse(text, size, "x.yaml", NULL, 0, &spec, &err), PBT_ELIMIT);
    assert_string_equal(err.message,
                        "spec \"x.yaml\" has 16777217 bytes, but may have at most 16777216");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_specs_are_refused_with_their_message),
        cmocka_unit_test(test_errors_may_be_ignored),
        cmocka_unit_test(test_file_that_cannot_be_read),
        cmocka_unit_test(test_file_that_is_too_large),
        cmocka_unit_test(test_text_that_is_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
