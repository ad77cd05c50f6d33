/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_init.c - pbt init [FILE]: a spec to start from, and a trainer to go with it. */
#include "cli/cli.h"
#include "cli/init_templates.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct pbti_template *find_template(const char *kind)
{
    for (unsigned i = 0; pbti_template_at(i) != NULL; i++) {
        if (strcmp(pbti_template_at(i)->kind, kind) == 0) { return pbti_template_at(i); }
    }
    return NULL;
}

/* Complain unless nothing is at `path`. Returns -1 when it is free. */
static int check_free(const struct pbti_call *call, const char *path)
{
    struct stat info;
    if (lstat(path, &info) != 0 && errno == ENOENT) { return -1; }
    return pbti_cli_complain(call, PBTI_EXIT_USAGE,
                             "init never overwrites: give another name, or move it away",
                             "\"%s\" exists already", path);
}

/* Write a new file. Returns -1 when that went well. */
static int write_new(const struct pbti_call *call, const char *path, const char *text, mode_t mode)
{
    int const file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    size_t const size = strlen(text);
    bool good = file >= 0 && write(file, text, size) == (ssize_t)size;
    int const code = errno;
    if (file >= 0) { good = close(file) == 0 && good; }
    if (good) { return -1; }
    return pbti_cli_complain(call, PBTI_EXIT_STORAGE, NULL, "could not write \"%s\": %s", path,
                             strerror(code));
}

/* The trainer's file, in the folder of the spec. */
static bool skeleton_path(char path[PATH_MAX], const char *spec, const char *name)
{
    const char *const slash = strrchr(spec, '/');
    int const folder = slash == NULL ? 0 : (int)(slash - spec + 1);
    return snprintf(path, PATH_MAX, "%.*s%s", folder, spec, name) < PATH_MAX;
}

static int print(const struct pbti_call *call, const struct pbti_template *template,
                 const char *spec, const char *skeleton)
{
    struct pbti_str str = {0};
    pbti_str_add(&str, "wrote ");
    pbti_str_quote(&str, spec);
    if (template->skeleton != NULL) {
        pbti_str_add(&str, " and ");
        pbti_str_quote(&str, skeleton);
    }
    pbti_str_add(&str, "\nnext\n");
    if (template->next != NULL) {
        const char *const clients = pbti_cli_clients();
        const char *const folder = clients == NULL ? "CLIENTS" : clients;
        const char *rest = template->next;
        pbti_str_add(&str, "  ");
        for (const char *at = strstr(rest, "%s"); at != NULL; at = strstr(rest, "%s")) {
            pbti_str_add_bytes(&str, rest, (size_t)(at - rest));
            pbti_str_quote(&str, folder);
            rest = at + 2;
        }
        pbti_str_add(&str, rest);
        pbti_str_add(&str, "\n");
    }
    static const char *const verbs[] = {"check", "run"};
    for (size_t i = 0; i < 2; i++) {
        pbti_str_addf(&str, "  pbt %s ", verbs[i]);
        pbti_str_quote(&str, spec);
        pbti_str_add(&str, "\n");
    }
    return pbti_cli_print(call, &str, PBTI_EXIT_DONE);
}

static int unknown_kind(const struct pbti_call *call, const char *kind)
{
    char known[256] = "";
    size_t size = 0;
    for (unsigned i = 0; pbti_template_at(i) != NULL; i++) {
        int const more = snprintf(known + size, sizeof known - size, "%s%s", i == 0 ? "" : ", ",
                                  pbti_template_at(i)->kind);
        size += more > 0 && (size_t)more < sizeof known - size ? (size_t)more : 0;
    }
    return pbti_cli_complain(call, PBTI_EXIT_USAGE, known, "unknown kind of trainer \"%s\"", kind);
}

static void add_spec(struct pbti_str *text, const struct pbti_template *template)
{
    if (template->spec != NULL) {
        pbti_str_add(text, template->spec);
        return;
    }
    pbti_str_add(text, pbti_template_head);
    pbti_str_add(text, template->trainer);
    pbti_str_add(text, template->steps);
    pbti_str_add(text, template->space);
    pbti_str_add(text, template->rest);
    pbti_str_add(text, pbti_template_tail);
}

int pbti_verb_init(const struct pbti_call *call)
{
    const char *const kind =
        pbti_cli_has(call, PBTI_OPT_TRAINER) ? call->value[PBTI_OPT_TRAINER] : "python";
    const char *const spec = call->argument[0] != NULL ? call->argument[0] : "study.yaml";
    const struct pbti_template *const template = find_template(kind);
    if (template == NULL) { return unknown_kind(call, kind); }
    char skeleton[PATH_MAX] = "";
    if (template->skeleton != NULL && !skeleton_path(skeleton, spec, template->skeleton)) {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE, NULL, "the path \"%s\" is too long", spec);
    }
    int code = check_free(call, spec);
    if (code < 0 && template->skeleton != NULL) { code = check_free(call, skeleton); }
    if (code >= 0) { return code; }
    struct pbti_str text = {0};
    add_spec(&text, template);
    code =
        text.failed ? pbti_cli_no_memory(call) : write_new(call, spec, pbti_str_text(&text), 0666);
    pbti_str_deinit(&text);
    if (code < 0 && template->skeleton != NULL) {
        code =
            write_new(call, skeleton, template->skeleton_text, template->executable ? 0777 : 0666);
    }
    return code >= 0 ? code : print(call, template, spec, skeleton);
}
