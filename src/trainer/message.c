/* SPDX-License-Identifier: Apache-2.0 */
/* trainer/message.c - checking and making messages of the trainer protocol. See message.h. */
#include "trainer/message.h"

#include "base/fail.h"
#include "spec/spec.h"
#include "study/store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -------- values -------- */

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "a list";
    case JSON_STRING: return "a string";
    case JSON_INTEGER:
    case JSON_REAL: return "a number";
    case JSON_TRUE:
    case JSON_FALSE: return "a boolean";
    case JSON_NULL: return "null";
    }
    return "something else";
}

/* A number, or one of the strings that stand for those JSON does not have. */
static bool get_number(const json_t *value, double *number)
{
    if (json_is_number(value)) {
        *number = json_number_value(value);
        return true;
    }
    const char *const text = json_string_value(value);
    if (text == NULL) { return false; }
    if (strcmp(text, "NaN") == 0) {
        *number = (double)NAN;
    } else if (strcmp(text, "Infinity") == 0) {
        *number = (double)INFINITY;
    } else if (strcmp(text, "-Infinity") == 0) {
        *number = -(double)INFINITY;
    } else {
        return false;
    }
    return true;
}

/* A whole number from 0 to `max`; absent: `otherwise`. */
static pbt_status get_whole(const json_t *root, const char *name, uint64_t max, uint64_t otherwise,
                            uint64_t *number, struct pbt_error *err)
{
    const json_t *const value = json_object_get(root, name);
    *number = otherwise;
    if (value == NULL) { return PBT_OK; }
    double const real = json_is_number(value) ? json_number_value(value) : -1.0;
    if (!(real >= 0.0 && real <= (double)max) || real != floor(real)) {
        char *const text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        pbt_status const status = PBTI_FAIL(
            err, PBT_EINVAL, 0, "\"%s\" is %.60s, allowed is a whole number from 0 to %llu", name,
            text != NULL ? text : "wrong", (unsigned long long)max);
        free(text);
        return status;
    }
    *number = (uint64_t)real;
    return PBT_OK;
}

/* -------- the kinds of message -------- */

static pbt_status parse_hello(struct pbti_message *message, struct pbt_error *err)
{
    uint64_t protocol, rank, ranks;
    const json_t *const root = message->root;
    if (json_object_get(root, "protocol") == NULL) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "hello without \"protocol\"");
    }
    PBTI_TRY(get_whole(root, "protocol", PBTI_STEPS_MAX, 0, &protocol, err));
    if (protocol != PBTI_PROTOCOL) {
        return PBTI_FAIL(err, PBT_EINVAL, 0,
                         "the trainer speaks protocol %llu, this worker speaks protocol %d",
                         (unsigned long long)protocol, PBTI_PROTOCOL);
    }
    PBTI_TRY(get_whole(root, "rank", PBTI_RANKS_MAX - 1, 0, &rank, err));
    PBTI_TRY(get_whole(root, "ranks", PBTI_RANKS_MAX, 1, &ranks, err));
    if (rank >= ranks) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "rank %llu of %llu ranks: ranks count from 0",
                         (unsigned long long)rank, (unsigned long long)ranks);
    }
    const json_t *const keep = json_object_get(root, "keep");
    if (keep != NULL && !json_is_boolean(keep)) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "\"keep\" is %s, allowed are true and false",
                         type_name(keep));
    }
    message->loads_only = json_is_false(keep);
    message->rank = (uint32_t)rank;
    message->ranks = (uint32_t)ranks;
    return PBT_OK;
}

static pbt_status parse_metrics(struct pbti_message *message, struct pbt_error *err)
{
    json_t *const metrics = json_object_get(message->root, "metrics");
    if (metrics == NULL || json_is_null(metrics)) { return PBT_OK; }
    if (!json_is_object(metrics)) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "\"metrics\" is %s, allowed is an object of numbers",
                         type_name(metrics));
    }
    const char *name;
    json_t *value;
    json_object_foreach (metrics, name, value) {
        double number;
        if (!get_number(value, &number)) {
            return PBTI_FAIL(err, PBT_EINVAL, 0,
                             "metric \"%.100s\" is %s, allowed is a number, \"NaN\", \"Infinity\" "
                             "or \"-Infinity\"",
                             name, type_name(value));
        }
    }
    message->metrics = metrics;
    return PBT_OK;
}

static pbt_status parse_progress(struct pbti_message *message, struct pbt_error *err)
{
    if (json_object_get(message->root, "step") == NULL) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "progress without \"step\"");
    }
    PBTI_TRY(get_whole(message->root, "step", PBTI_STEPS_MAX, 0, &message->step, err));
    return parse_metrics(message, err);
}

static pbt_status parse_scores(struct pbti_message *message, struct pbt_error *err)
{
    const json_t *const score = json_object_get(message->root, "score");
    const json_t *const scores = json_object_get(message->root, "scores");
    bool const one = score != NULL && !json_is_null(score);
    bool const several = scores != NULL && !json_is_null(scores);
    if (one && several) {
        return PBTI_FAIL(err, PBT_EINVAL, 0,
                         "both \"score\" and \"scores\"; only one may be there");
    }
    if (one) {
        if (!get_number(score, &message->score)) {
            return PBTI_FAIL(err, PBT_EINVAL, 0,
                             "\"score\" is %s, allowed is a number, \"NaN\", \"Infinity\" or "
                             "\"-Infinity\"",
                             type_name(score));
        }
        message->scores_count = 1;
        message->scores = &message->score;
        return PBT_OK;
    }
    if (!several) { return PBT_OK; }
    size_t const count = json_array_size(scores);
    if (!json_is_array(scores) || count < 1 || count > PBTI_SCORES_MAX) {
        return PBTI_FAIL(err, PBT_EINVAL, 0,
                         "\"scores\" is %s of %zu, allowed is a list of 1 to %d numbers",
                         type_name(scores), count, PBTI_SCORES_MAX);
    }
    message->list = malloc(count * sizeof *message->list);
    if (message->list == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    for (size_t i = 0; i < count; i++) {
        const json_t *const value = json_array_get(scores, i);
        if (!get_number(value, &message->list[i])) {
            return PBTI_FAIL(err, PBT_EINVAL, 0, "\"scores\" holds %s, allowed are numbers",
                             type_name(value));
        }
    }
    message->scores_count = (uint32_t)count;
    message->scores = message->list;
    return PBT_OK;
}

static pbt_status parse_done(struct pbti_message *message, struct pbt_error *err)
{
    PBTI_TRY(parse_scores(message, err));
    PBTI_TRY(parse_metrics(message, err));
    json_t *const in_force = json_object_get(message->root, "in_force");
    if (in_force != NULL && !json_is_null(in_force)) {
        if (!json_is_object(in_force)) {
            return PBTI_FAIL(err, PBT_EINVAL, 0, "\"in_force\" is %s, allowed is an object",
                             type_name(in_force));
        }
        message->in_force = in_force;
    }
    json_t *const read = json_object_get(message->root, "read");
    if (read == NULL || json_is_null(read)) { return PBT_OK; }
    if (!json_is_array(read)) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "\"read\" is %s, allowed is a list of names",
                         type_name(read));
    }
    for (size_t i = 0; i < json_array_size(read); i++) {
        if (!json_is_string(json_array_get(read, i))) {
            return PBTI_FAIL(err, PBT_EINVAL, 0, "\"read\" holds %s, allowed are names",
                             type_name(json_array_get(read, i)));
        }
    }
    message->read = read;
    return PBT_OK;
}

static pbt_status parse_error(struct pbti_message *message, struct pbt_error *err)
{
    static const struct {
        const char *kind;
        uint8_t outcome;
    } kinds[] = {{"nan", PBTI_OUTCOME_NAN},
                 {"oom", PBTI_OUTCOME_OOM},
                 {"config", PBTI_OUTCOME_CONFIG},
                 {"other", PBTI_OUTCOME_ERROR}};
    const json_t *const kind = json_object_get(message->root, "kind");
    const json_t *const text = json_object_get(message->root, "message");
    if (text != NULL && !json_is_null(text) && !json_is_string(text)) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "\"message\" is %s, allowed is a string",
                         type_name(text));
    }
    message->text = json_is_string(text) ? json_string_value(text) : "";
    message->outcome = PBTI_OUTCOME_ERROR;
    if (kind == NULL) { return PBT_OK; }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (json_is_string(kind) && strcmp(json_string_value(kind), kinds[i].kind) == 0) {
            message->outcome = kinds[i].outcome;
            return PBT_OK;
        }
    }
    return PBTI_FAIL(err, PBT_EINVAL, 0,
                     "\"kind\" is \"%.60s\", allowed are nan, oom, config and other",
                     json_is_string(kind) ? json_string_value(kind) : type_name(kind));
}

static const struct {
    const char *type;
    enum pbti_message_kind kind;
    pbt_status (*parse)(struct pbti_message *message, struct pbt_error *err);
} kinds[] = {{"hello", PBTI_SAYS_HELLO, parse_hello},
             {"progress", PBTI_SAYS_PROGRESS, parse_progress},
             {"done", PBTI_SAYS_DONE, parse_done},
             {"error", PBTI_SAYS_ERROR, parse_error}};

static pbt_status parse_root(struct pbti_message *message, struct pbt_error *err)
{
    const char *const type = json_string_value(json_object_get(message->root, "type"));
    if (type == NULL) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "a message without a string \"type\"");
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(type, kinds[i].type) != 0) { continue; }
        message->kind = kinds[i].kind;
        if (message->kind != PBTI_SAYS_HELLO) {
            message->task = json_string_value(json_object_get(message->root, "task"));
            if (message->task == NULL) {
                return PBTI_FAIL(err, PBT_EINVAL, 0, "%s without a string \"task\"", type);
            }
        }
        return kinds[i].parse(message, err);
    }
    return PBTI_FAIL(err, PBT_EINVAL, 0,
                     "a message of type \"%.60s\", allowed are hello, progress, done and error",
                     type);
}

/* The first characters of a line, for people; what is not printable becomes a dot. */
static void excerpt(const char *line, size_t size, char text[80])
{
    size_t const count = size < 60 ? size : 60;
    for (size_t i = 0; i < count; i++) {
        text[i] = line[i] >= ' ' && line[i] <= '~' ? line[i] : '.';
    }
    (void)snprintf(text + count, 80 - count, "%s", count < size ? "..." : "");
}

static json_t *load(const char *line, size_t size, size_t flags, struct pbt_error *err)
{
    json_error_t error;
    json_t *const root = json_loadb(line, size, flags | JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        char text[80];
        excerpt(line, size, text);
        pbt_status const status =
            PBTI_FAIL(err, PBT_EINVAL, 0, "\"%s\" is not JSON: %.100s", text, error.text);
        (void)status;
    }
    return root;
}

pbt_status pbti_message_parse(const char *line, size_t size, struct pbti_message *message,
                              struct pbt_error *err)
{
    *message = (struct pbti_message){0};
    message->root = load(line, size, 0, err);
    if (message->root == NULL) { return PBT_EINVAL; }
    pbt_status status = PBT_OK;
    if (!json_is_object(message->root)) {
        status = PBTI_FAIL(err, PBT_EINVAL, 0, "a message is %s, allowed is an object",
                           type_name(message->root));
    } else {
        status = parse_root(message, err);
    }
    if (status != PBT_OK) { pbti_message_release(message); }
    return status;
}

pbt_status pbti_message_parse_result(const char *text, size_t size, struct pbti_message *message,
                                     struct pbt_error *err)
{
    *message = (struct pbti_message){.kind = PBTI_SAYS_DONE};
    json_t *const root = load(text, size, JSON_DECODE_ANY, err);
    if (root == NULL) { return PBT_EINVAL; }
    if (json_is_object(root)) {
        message->root = root;
    } else {
        message->root = json_object();
        if (json_object_set_new(message->root, "score", root) != 0) {
            pbti_message_release(message);
            return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
        }
    }
    pbt_status const status = parse_done(message, err);
    if (status != PBT_OK) { pbti_message_release(message); }
    return status;
}

void pbti_message_move(struct pbti_message *to, struct pbti_message *from)
{
    *to = *from;
    if (from->scores == &from->score) { to->scores = &to->score; }
    *from = (struct pbti_message){0};
}

void pbti_message_release(struct pbti_message *message)
{
    free(message->list);
    json_decref(message->root);
    *message = (struct pbti_message){0};
}

/* -------- to the trainer -------- */

const char *pbti_task_name(const struct pbti_task *task, char name[PBTI_TASK_NAME_MAX])
{
    (void)snprintf(name, PBTI_TASK_NAME_MAX, "%u.%u.%u", task->member, task->segment,
                   task->attempt);
    return name;
}

const char *pbti_task_start(const struct pbti_task *task)
{
    return task->keep ? "keep" : task->from.segment != 0 ? "load" : "fresh";
}

static json_t *path_json(const char *path)
{
    return path != NULL ? json_string_nocheck(path) : json_null();
}

static json_t *checkpoint_json(struct pbti_checkpoint checkpoint)
{
    char name[PBTI_CHECKPOINT_NAME_MAX];
    return checkpoint.segment != 0 ? json_string(pbti_checkpoint_name(checkpoint, name))
                                   : json_null();
}

/* A number of steps; 0: there is none. */
static json_t *bound_json(uint64_t steps)
{
    return steps > 0 ? json_integer((json_int_t)steps) : json_null();
}

static json_t *train_json(const struct pbti_task *task)
{
    char name[PBTI_TASK_NAME_MAX], seed[24];
    (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)task->seed);
    const struct {
        const char *name;
        json_t *value;
    } members[] = {
        {"type", json_string("train")},
        {"task", json_string(pbti_task_name(task, name))},
        {"member", json_integer((json_int_t)task->member)},
        {"segment", json_integer((json_int_t)task->segment)},
        {"attempt", json_integer((json_int_t)task->attempt)},
        {"seed", json_string(seed)},
        {"age", json_integer((json_int_t)task->age)},
        {"steps", json_integer((json_int_t)task->steps)},
        {"max_age", bound_json(task->max_age)},
        {"budget", bound_json(task->budget)},
        {"start", json_string(pbti_task_start(task))},
        {"from", checkpoint_json(task->from)},
        {"load", path_json(task->keep ? NULL : task->load)},
        {"save", path_json(task->save)},
        {"checkpoint", task->save != NULL ? checkpoint_json(task->checkpoint) : json_null()},
        {"hyperparameters", pbti_values_json(task->space, task->values)},
        {"fixed", task->fixed != NULL ? json_deep_copy(task->fixed) : json_object()},
    };
    json_t *const root = json_object();
    bool complete = root != NULL;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        /* takes the value over also when it fails */
        if (json_object_set_new_nocheck(root, members[i].name, members[i].value) != 0) {
            complete = false;
        }
    }
    if (complete) { return root; }
    json_decref(root);
    return NULL;
}

char *pbti_message_train(const struct pbti_task *task, size_t *size)
{
    json_t *const root = train_json(task);
    char *const text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    *size = text != NULL ? strlen(text) : 0;
    return text;
}

/* -------- hyperparameters in force -------- */

static bool numbers_differ(double handed, double found)
{
    double const scale = fmax(fabs(handed), fabs(found));
    return !(fabs(handed - found) <= PBTI_IN_FORCE_TOLERANCE * scale);
}

/* Does the value found differ from the one handed over? Numbers compare as numbers, and a boolean
 * may be told as 0 or 1. */
static bool value_differs(const json_t *handed, const json_t *found)
{
    double number = json_is_true(handed) ? 1.0 : 0.0, other;
    bool const numeric = json_is_boolean(handed) || get_number(handed, &number);
    if (json_is_boolean(handed) && json_is_boolean(found)) {
        return json_is_true(handed) != json_is_true(found);
    }
    if (numeric) { return !get_number(found, &other) || numbers_differ(number, other); }
    return !json_equal(handed, found);
}

static void value_text(const json_t *value, char *text, size_t size)
{
    if (json_is_real(value)) {
        (void)snprintf(text, size, "%.9g", json_real_value(value));
        return;
    }
    char *const dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    (void)snprintf(text, size, "%s", dumped != NULL ? dumped : "?");
    free(dumped);
}

uint32_t pbti_in_force_differs(const struct pbti_space *space, const double *values,
                               const json_t *in_force, const char **unknown, char *text,
                               size_t size)
{
    if (unknown != NULL) { *unknown = NULL; }
    void *item = json_object_iter((json_t *)(uintptr_t)in_force);
    for (; item != NULL; item = json_object_iter_next((json_t *)(uintptr_t)in_force, item)) {
        const char *const name = json_object_iter_key(item);
        const json_t *const found = json_object_iter_value(item);
        int const hp = pbti_space_find(space, name);
        if (hp < 0) {
            if (unknown != NULL && *unknown == NULL) { *unknown = name; }
            continue;
        }
        json_t *const handed = pbti_value_json(space, (uint32_t)hp, values[hp]);
        bool const differs = handed != NULL && value_differs(handed, found);
        if (differs) {
            char was[100], is[100];
            value_text(handed, was, sizeof was);
            value_text(found, is, sizeof is);
            (void)snprintf(text, size, "hyperparameter \"%s\": handed over %s, in force %s", name,
                           was, is);
        }
        json_decref(handed);
        if (differs) { return (uint32_t)hp + 1; }
    }
    return 0;
}
