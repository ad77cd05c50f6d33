/* SPDX-License-Identifier: Apache-2.0 */
/* spec/spec.c - the room's doors: parse, load, amend, render, destroy; see spec.h. */
#include "spec/spec.h"

#include "spec/spec_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STUDY_LENGTH_MAX 64

void pbti_spec_destroy(struct pbti_spec *spec)
{
    if (spec == NULL) { return; }
    for (size_t i = 0; spec->trainer.argv != NULL && spec->trainer.argv[i] != NULL; i++) {
        free(spec->trainer.argv[i]);
    }
    free(spec->trainer.argv);
    free(spec->trainer.directory);
    json_decref(spec->trainer.environment);
    free(spec->study);
    free(spec->score_name);
    free(spec->initial_checkpoint);
    json_decref(spec->fixed);
    json_decref(spec->final_evaluation);
    free(spec);
}

char *pbti_spec_render(const struct pbti_spec *spec)
{
    struct pbti_out out = {0};
    pbti_write_section(&out, PBTI_SECTION_SPEC, spec, spec);
    pbti_out_put(&out, "\n");
    if (out.failed) {
        free(out.data);
        return NULL;
    }
    return out.data;
}

/* -------- what follows from the file's name -------- */

/* The absolute folder of a file. Owned by the caller. */
static pbt_status folder_of(const char *file, char **out, struct pbt_error *err)
{
    *out = NULL;
    const char *const slash = strrchr(file, '/');
    errno = 0;
    char *const here = file[0] == '/' ? strdup("/") : getcwd(NULL, 0);
    int const reason = errno;
    char *const part = slash == NULL ? strdup("") : strndup(file, (size_t)(slash - file) + 1);
    bool const no_folder = here == NULL && reason != ENOMEM;
    if (here != NULL && part != NULL) { *out = pbti_path_join(here, part); }
    free(here);
    free(part);
    if (*out != NULL) { return PBT_OK; }
    if (no_folder) {
        return PBTI_FAIL(err, PBT_EIO, reason, "could not find the current folder: %s",
                         strerror(reason));
    }
    return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory while reading a spec");
}

/* The file's name without its ending, in the characters that a study's name may have. */
static void study_of(const char *file, char study[STUDY_LENGTH_MAX + 1])
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const char *const slash = strrchr(file, '/');
    const char *name = slash == NULL ? file : slash + 1;
    name += strspn(name, "._-");
    const char *const ending = strrchr(name, '.');
    size_t const length = ending == NULL ? strlen(name) : (size_t)(ending - name);
    size_t size = 0;
    for (; size < length && size < STUDY_LENGTH_MAX; size++) {
        bool const good = strchr(allowed, name[size]) != NULL;
        study[size] = good ? name[size] : size == 0 ? 'x' : '-';
    }
    study[size] = '\0';
    if (size == 0) { memcpy(study, "study", sizeof "study"); }
}

/* -------- reading -------- */

struct request {
    const char *text;
    size_t size;
    const char *file;
    const struct pbti_override *overrides;
    size_t overrides_count;
    bool resolved; /* the text is a rendering */
};

static bool is_overridden(const struct request *request, const char *key)
{
    for (size_t i = 0; i < request->overrides_count; i++) {
        if (strcmp(request->overrides[i].key, key) == 0) { return true; }
    }
    return false;
}

/* In a resolved spec: max_age goes on following steps when it agrees with them. */
static void release_max_age(const struct request *request, struct pbti_node *root)
{
    if (root->kind != PBTI_NODE_MAP || is_overridden(request, "max_age")) { return; }
    struct pbti_node *const steps = pbti_node_find(root, "steps");
    struct pbti_node *const max_age = pbti_node_find(root, "max_age");
    if (steps == NULL || max_age == NULL) { return; }
    uint64_t a = 0;
    uint64_t b = 0;
    if (pbti_node_whole(steps, &a) && pbti_node_whole(max_age, &b) && a == b) {
        pbti_node_remove(root, max_age);
    }
}

static pbt_status read_tree(const struct request *request, struct pbti_tree *tree,
                            const char *folder, struct pbti_spec *spec, struct pbt_error *err)
{
    struct pbti_node *root = NULL;
    PBTI_TRY(pbti_tree_read(tree, request->text, request->size, request->file, true, &root, err));
    if (request->resolved) { release_max_age(request, root); }
    PBTI_TRY(pbti_set(tree, root, request->overrides, request->overrides_count, err));
    char study[STUDY_LENGTH_MAX + 1];
    study_of(request->file, study);
    struct pbti_read read = {.tree = tree, .spec = spec, .folder = folder, .err = err};
    pbti_config_default(&spec->config);
    return pbti_read_spec(&read, root, study);
}

static pbt_status parse(const struct request *request, struct pbti_spec **out,
                        struct pbt_error *err)
{
    *out = NULL;
    if (request->size > PBTI_SPEC_TEXT_MAX) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "spec \"%s\" has %zu bytes, but may have at most %u",
                         request->file, request->size, PBTI_SPEC_TEXT_MAX);
    }
    char *folder = NULL;
    PBTI_TRY(folder_of(request->file, &folder, err));
    struct pbti_spec *const spec = calloc(1, sizeof *spec);
    struct pbti_tree tree;
    pbti_tree_init(&tree);
    pbt_status const status =
        spec == NULL ? PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory while reading a spec")
                     : read_tree(request, &tree, folder, spec, err);
    pbti_tree_deinit(&tree);
    free(folder);
    if (status != PBT_OK) {
        pbti_spec_destroy(spec);
        return status;
    }
    *out = spec;
    return PBT_OK;
}

pbt_status pbti_spec_parse(const char *text, size_t size, const char *file,
                           const struct pbti_override *overrides, size_t overrides_count,
                           struct pbti_spec **out, struct pbt_error *err)
{
    struct request const request = {
        .text = text,
        .size = size,
        .file = file,
        .overrides = overrides,
        .overrides_count = overrides_count,
    };
    return parse(&request, out, err);
}

pbt_status pbti_spec_amend(const char *resolved, size_t size, const struct pbti_override *overrides,
                           size_t overrides_count, struct pbti_spec **out, struct pbt_error *err)
{
    struct request const request = {
        .text = resolved,
        .size = size,
        .file = "study.yaml",
        .overrides = overrides,
        .overrides_count = overrides_count,
        .resolved = true,
    };
    return parse(&request, out, err);
}

/* -------- files -------- */

static pbt_status read_file(FILE *file, const char *path, char *text, size_t *size,
                            struct pbt_error *err)
{
    *size = fread(text, 1, PBTI_SPEC_FILE_MAX + 1, file);
    if (ferror(file) != 0) {
        int const reason = errno;
        return PBTI_FAIL(err, PBT_EIO, reason, "could not read spec \"%s\": %s", path,
                         strerror(reason));
    }
    if (*size > PBTI_SPEC_FILE_MAX) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "spec \"%s\" has more than %u bytes", path,
                         PBTI_SPEC_FILE_MAX);
    }
    return PBT_OK;
}

pbt_status pbti_spec_load(const char *path, const struct pbti_override *overrides,
                          size_t overrides_count, struct pbti_spec **out, struct pbt_error *err)
{
    *out = NULL;
    FILE *const file = fopen(path, "rbe");
    if (file == NULL) {
        int const reason = errno;
        bool const missing = reason == ENOENT || reason == ENOTDIR;
        if (missing) {
            return PBTI_FAIL(err, PBT_ENOENT, reason, "spec \"%s\" does not exist", path);
        }
        return PBTI_FAIL(err, PBT_EIO, reason, "could not open spec \"%s\": %s", path,
                         strerror(reason));
    }
    char *const text = malloc(PBTI_SPEC_FILE_MAX + 1);
    size_t size = 0;
    pbt_status status =
        text == NULL ? PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory while reading \"%s\"", path)
                     : read_file(file, path, text, &size, err);
    (void)fclose(file);
    if (status == PBT_OK) {
        status = pbti_spec_parse(text, size, path, overrides, overrides_count, out, err);
    }
    free(text);
    return status;
}
