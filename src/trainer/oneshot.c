/* SPDX-License-Identifier: Apache-2.0 */
/* trainer/oneshot.c - what goes into a one_shot trainer and what comes out. See oneshot.h. */
#include "trainer/oneshot.h"

#include "base/fail.h"
#include "study/store.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -------- the names an argument may hold -------- */

#define NUMBER_MAX 32

/* {name} is one of these, in the order of docs/protocol.md; `text` has room for a number. NULL: not
 * one. */
static const char *task_value(const char *name, const struct pbti_task *task, const char *result,
                              char text[NUMBER_MAX])
{
    const struct {
        const char *name;
        uint64_t number;
    } numbers[] = {{"steps", task->steps},     {"seed", task->seed},
                   {"age", task->age},         {"member", task->member},
                   {"segment", task->segment}, {"attempt", task->attempt}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(name, numbers[i].name) != 0) { continue; }
        (void)snprintf(text, NUMBER_MAX, "%llu", (unsigned long long)numbers[i].number);
        return text;
    }
    if (strcmp(name, "load") == 0) { return task->load != NULL ? task->load : ""; }
    if (strcmp(name, "save") == 0) { return task->save != NULL ? task->save : ""; }
    if (strcmp(name, "start") == 0) { return pbti_task_start(task); }
    if (strcmp(name, "result") == 0) { return result; }
    return NULL;
}

/* A value as an argument: text as it is, a number as JSON writes it. Owned by the caller. */
static char *plain_text(const json_t *value)
{
    return json_is_string(value) ? strdup(json_string_value(value))
                                 : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
}

/* A hyperparameter as an argument: the fewest digits that read back the same. Owned by the caller.
 * */
static char *hp_text(const struct pbti_task *task, uint32_t hp)
{
    char text[PBTI_HP_NAME_MAX];
    return strdup(pbti_value_text(task->space, hp, task->values[hp], text, sizeof text));
}

/* Owned by the caller; NULL with PBT_OK: out of memory. */
static pbt_status lookup(const char *name, const struct pbti_task *task, const char *result,
                         char **text, struct pbt_error *err)
{
    char number[NUMBER_MAX];
    *text = NULL;
    int const hp = pbti_space_find(task->space, name);
    if (hp >= 0) {
        *text = hp_text(task, (uint32_t)hp);
        return PBT_OK;
    }
    const char *const known = task_value(name, task, result, number);
    if (known != NULL) {
        *text = strdup(known);
        return PBT_OK;
    }
    const json_t *const fixed = json_object_get(task->fixed, name);
    if (fixed == NULL) {
        return PBTI_FAIL(err, PBT_EINVAL, 0,
                         "argument {%s}: there is no hyperparameter and no key of fixed of this "
                         "name; allowed are these and steps, seed, age, load, save, member, "
                         "segment, attempt, start, result",
                         name);
    }
    *text = plain_text(fixed);
    return PBT_OK;
}

pbt_status pbti_oneshot_argument(const char *pattern, const struct pbti_task *task,
                                 const char *result, struct pbti_strings *out,
                                 struct pbt_error *err)
{
    char *made = NULL;
    size_t size = 0;
    FILE *const stream = open_memstream(&made, &size);
    if (stream == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    pbt_status status = PBT_OK;
    for (const char *at = pattern; status == PBT_OK && *at != '\0'; at++) {
        if ((at[0] == '{' || at[0] == '}') && at[1] == at[0]) {
            (void)fputc(*at++, stream);
        } else if (*at == '{') {
            char name[PBTI_HP_NAME_MAX];
            size_t const length = strcspn(at + 1, "{}");
            char *text = NULL;
            if (at[1 + length] != '}' || length >= sizeof name) {
                status = PBTI_FAIL(err, PBT_EINVAL, 0,
                                   "argument \"%s\": \"{\" without \"}\"; a brace is written {{",
                                   pattern);
                break;
            }
            memcpy(name, at + 1, length);
            name[length] = '\0';
            status = lookup(name, task, result, &text, err);
            if (text != NULL) { (void)fputs(text, stream); }
            free(text);
            at += length + 1;
        } else if (*at == '}') {
            status =
                PBTI_FAIL(err, PBT_EINVAL, 0,
                          "argument \"%s\": \"}\" without \"{\"; a brace is written }}", pattern);
        } else {
            (void)fputc(*at, stream);
        }
    }
    bool const complete = fclose(stream) == 0;
    if (status == PBT_OK && complete) { pbti_strings_add(out, "%s", made); }
    if (!complete) { out->failed = true; }
    free(made);
    return status;
}

pbt_status pbti_oneshot_command(const struct pbti_launch *launch, const struct pbti_task *task,
                                const char *result, struct pbti_strings *command,
                                struct pbt_error *err)
{
    for (char *const *pattern = launch->spec->trainer.argv; *pattern != NULL; pattern++) {
        PBTI_TRY(pbti_oneshot_argument(*pattern, task, result, command, err));
    }
    return PBT_OK;
}

void pbti_oneshot_environment(const struct pbti_task *task, const char *result,
                              struct pbti_strings *environment)
{
    static const char *const names[] = {"steps",  "seed",    "age",     "load",  "save",
                                        "member", "segment", "attempt", "start", "result"};
    char text[NUMBER_MAX], variable[PBTI_HP_NAME_MAX + 16];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *const value = task_value(names[i], task, result, text);
        (void)snprintf(variable, sizeof variable, "PBT_%s", names[i]);
        for (char *c = variable; *c != '\0'; c++) {
            *c = (char)toupper((unsigned char)*c);
        }
        pbti_strings_set(environment, variable, value != NULL ? value : "");
    }
    for (uint32_t hp = 0; hp < task->space->count; hp++) {
        (void)snprintf(variable, sizeof variable, "PBT_HP_%s", task->space->hp[hp].name);
        for (char *c = variable; *c != '\0'; c++) {
            *c = *c == '-' || *c == '.' ? '_' : (char)toupper((unsigned char)*c);
        }
        char *const value = hp_text(task, hp);
        pbti_strings_set(environment, variable, value != NULL ? value : "");
        free(value);
    }
    size_t size;
    char *const message = pbti_message_train(task, &size);
    if (message == NULL) {
        environment->failed = true;
        return;
    }
    pbti_strings_set(environment, "PBT_TASK", message);
    free(message);
}

/* -------- the result -------- */

/* A line has ended: it is the last one if there is something in it. */
static void finish_line(struct pbti_last_line *line)
{
    bool blank = true;
    for (size_t i = 0; i < line->now_size && blank; i++) {
        blank = isspace((unsigned char)line->now[i]) != 0;
    }
    if (!blank) {
        char *const last = line->last;
        line->last = line->now;
        line->last_size = line->now_size;
        line->now = last;
    }
    line->now_size = 0;
}

void pbti_last_line_add(struct pbti_last_line *line, const char *data, size_t size)
{
    if (line->now == NULL) { line->now = malloc(PBTI_RESULT_LINE_MAX); }
    if (line->last == NULL) { line->last = malloc(PBTI_RESULT_LINE_MAX); }
    if (line->now == NULL || line->last == NULL) { return; }
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n') {
            finish_line(line);
        } else if (line->now_size < PBTI_RESULT_LINE_MAX) {
            line->now[line->now_size++] = data[i];
        }
    }
}

struct pbti_text pbti_last_line_end(struct pbti_last_line *line)
{
    if (line->now != NULL && line->last != NULL) { finish_line(line); }
    return (struct pbti_text){line->last, line->last_size};
}

void pbti_last_line_free(struct pbti_last_line *line)
{
    free(line->now);
    free(line->last);
    *line = (struct pbti_last_line){0};
}

/* A small file as a whole; size 0 when there is none. Owned by the caller. */
static pbt_status read_result_file(const char *path, char **data, size_t *size,
                                   struct pbt_error *err)
{
    *data = NULL;
    *size = 0;
    FILE *const file = fopen(path, "re");
    if (file == NULL) { return PBT_OK; }
    *data = malloc(PBTI_LINE_MAX);
    if (*data != NULL) { *size = fread(*data, 1, PBTI_LINE_MAX, file); }
    bool const whole = *data != NULL && ferror(file) == 0 && fgetc(file) == EOF;
    (void)fclose(file);
    return whole ? PBT_OK
                 : PBTI_FAIL(err, PBT_EINVAL, 0,
                             "the result file could not be read, or has more than 4 MiB");
}

pbt_status pbti_oneshot_result(const char *path, struct pbti_text line,
                               struct pbti_message *message, struct pbt_error *err)
{
    *message = (struct pbti_message){0};
    char *data;
    size_t size;
    pbt_status status = read_result_file(path, &data, &size, err);
    if (status == PBT_OK && size > 0) {
        status = pbti_message_parse_result(data, size, message, err);
        if (status != PBT_OK) { (void)pbti_fail_context(err, status, "the result file"); }
    } else if (status == PBT_OK && line.size > 0) {
        status = pbti_message_parse_result(line.data, line.size, message, err);
        if (status != PBT_OK) {
            (void)pbti_fail_context(err, status, "the last line of standard output");
            pbti_fail_hint(err, "print the score, or a JSON object with \"score\", last");
        }
    } else if (status == PBT_OK) {
        status = PBTI_FAIL(err, PBT_EINVAL, 0,
                           "no result: neither the file PBT_RESULT nor a line on standard output");
    }
    free(data);
    return status;
}
