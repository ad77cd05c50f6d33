/* SPDX-License-Identifier: Apache-2.0 */
/* tests/spec/spec_fixture.c - see spec_fixture.h. */
#include "spec_fixture.h"

#include "propose/acquisition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef PBT_SOURCE_DIR
#define PBT_SOURCE_DIR "."
#endif

void spec_sets_read(struct spec_sets *sets, const char *lines)
{
    sets->count = 0;
    assert_true(strlen(lines) < sizeof sets->text);
    (void)snprintf(sets->text, sizeof sets->text, "%s", lines);
    for (char *line = sets->text; *line != '\0';) {
        char *const end = line + strcspn(line, "\n");
        char *const next = *end == '\0' ? end : end + 1;
        *end = '\0';
        char *const equals = strchr(line, '=');
        assert_non_null(equals);
        assert_true(sets->count < SPEC_OVERRIDES_MAX);
        *equals = '\0';
        sets->overrides[sets->count++] = (struct pbti_override){.key = line, .value = equals + 1};
        line = next;
    }
}

static pbt_status parse(const char *text, const char *lines, struct pbti_spec **out,
                        struct pbt_error *err)
{
    struct spec_sets *const sets = calloc(1, sizeof *sets);
    assert_non_null(sets);
    spec_sets_read(sets, lines == NULL ? "" : lines);
    pbt_status const status = pbti_spec_parse(text, strlen(text), "/tmp/folder/fashion.yaml",
                                              sets->overrides, sets->count, out, err);
    free(sets);
    return status;
}

struct pbti_spec *spec_good(const char *text, const char *sets)
{
    struct pbti_spec *spec = NULL;
    struct pbt_error err;
    if (parse(text, sets, &spec, &err) != PBT_OK) {
        fail_msg("%s; with %s", err.message, sets == NULL ? "nothing set" : sets);
    }
    assert_non_null(spec);
    return spec;
}

void spec_refused(const char *text, const char *sets, struct pbt_error *err)
{
    struct pbti_spec *spec = NULL;
    pbt_status const status = parse(text, sets, &spec, err);
    assert_int_equal(status, PBT_ESPEC);
    assert_int_equal(err->code, PBT_ESPEC);
    assert_null(spec);
}

static void assert_same_text(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a != NULL) { assert_string_equal(a, b); }
}

static void assert_same_config(const struct pbti_config *a, const struct pbti_config *b)
{
    size_t const capacity = (size_t)4 << 20;
    uint8_t *const bytes = malloc(2 * capacity);
    assert_non_null(bytes);
    struct pbti_writer left = {.data = bytes, .capacity = capacity};
    struct pbti_writer right = {.data = bytes + capacity, .capacity = capacity};
    pbti_config_encode(a, &left);
    pbti_config_encode(b, &right);
    assert_false(left.failed || right.failed);
    assert_int_equal(left.size, right.size);
    assert_memory_equal(left.data, right.data, left.size);
    free(bytes);
}

static void assert_same_trainer(const struct pbti_trainer *a, const struct pbti_trainer *b)
{
    assert_int_equal(a->kind, b->kind);
    size_t i = 0;
    for (; a->argv[i] != NULL && b->argv[i] != NULL; i++) {
        assert_string_equal(a->argv[i], b->argv[i]);
    }
    assert_true(a->argv[i] == b->argv[i]); /* both end */
    assert_string_equal(a->directory, b->directory);
    assert_int_equal(a->cpus, b->cpus);
    assert_true(a->gpus == b->gpus);
    assert_int_equal(a->threads, b->threads);
    assert_int_equal(a->start_ms, b->start_ms);
    assert_int_equal(a->silence_ms, b->silence_ms);
    assert_int_equal(a->segment_ms, b->segment_ms);
    assert_int_equal(a->grace_ms, b->grace_ms);
    assert_true(json_equal(a->environment, b->environment));
}

/* What does not go with the acquisition function is not written. */
static void assert_same_bayes(const struct pbti_bayes *a, const struct pbti_bayes *b)
{
    bool const bound = a->acquisition == PBTI_ACQUISITION_UCB;
    assert_int_equal(a->initial, b->initial);
    assert_int_equal(a->kernel, b->kernel);
    assert_int_equal(a->acquisition, b->acquisition);
    if (bound) { assert_true(a->kappa == b->kappa); }
    if (!bound) { assert_true(a->xi == b->xi); }
}

void spec_assert_same(const struct pbti_spec *a, const struct pbti_spec *b)
{
    assert_string_equal(a->study, b->study);
    assert_same_trainer(&a->trainer, &b->trainer);
    assert_same_config(&a->config, &b->config);
    assert_string_equal(a->score_name, b->score_name);
    assert_same_text(a->initial_checkpoint, b->initial_checkpoint);
    assert_true(json_equal(a->fixed, b->fixed));
    assert_true(json_equal(a->final_evaluation, b->final_evaluation));
    assert_int_equal(a->slots, b->slots);
    if (a->config.proposals) { assert_same_bayes(&a->bayes, &b->bayes); }
    assert_true(a->stop_hours == b->stop_hours);
    assert_int_equal(a->sync_full, b->sync_full);
    assert_int_equal(a->log_bytes, b->log_bytes);
}

void spec_assert_round_trip(const struct pbti_spec *spec)
{
    char *const text = pbti_spec_render(spec);
    assert_non_null(text);
    struct pbti_spec *again = NULL;
    struct pbt_error err;
    /* a file elsewhere: a resolved spec holds its own name and folder */
    if (pbti_spec_parse(text, strlen(text), "/else/where.yaml", NULL, 0, &again, &err) != PBT_OK) {
        fail_msg("%s in\n%s", err.message, text);
    }
    spec_assert_same(spec, again);
    char *const second = pbti_spec_render(again);
    assert_string_equal(text, second);
    free(second);
    free(text);
    pbti_spec_destroy(again);
}

const char *spec_source_path(const char *path, char *out, size_t size)
{
    const char *const folder = getenv("PBT_SOURCE_DIR");
    (void)snprintf(out, size, "%s/%s", folder == NULL ? PBT_SOURCE_DIR : folder, path);
    return out;
}

char *spec_source_file(const char *path, size_t *size)
{
    char full[4096];
    FILE *const file = fopen(spec_source_path(path, full, sizeof full), "rbe");
    if (file == NULL) { fail_msg("no file %s", full); }
    size_t const capacity = (size_t)1 << 20;
    char *const text = calloc(1, capacity);
    assert_non_null(text);
    size_t const count = fread(text, 1, capacity - 1, file);
    (void)fclose(file);
    if (size != NULL) { *size = count; }
    return text;
}
