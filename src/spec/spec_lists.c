/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec/spec_lists.c - types of keys that hold several values: a command, factors, variables, and
 * `fixed`, which takes anything.
 */
#include "spec/spec_number.h"
#include "spec/spec_read.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* -------- trainer.command, one_shot, builtin -------- */

static void free_arguments(char **arguments)
{
    for (size_t i = 0; arguments != NULL && arguments[i] != NULL; i++) {
        free(arguments[i]);
    }
    free(arguments);
}

static pbt_status set_arguments(struct pbti_read *read, const struct pbti_key *key,
                                const struct pbti_node *first, uint32_t count)
{
    char **const arguments = calloc((size_t)count + 1, sizeof *arguments);
    if (arguments == NULL) { return pbti_read_no_memory(read); }
    const struct pbti_node *node = first;
    for (uint32_t i = 0; i < count; i++, node = node->next) {
        arguments[i] = strdup(node->text);
        if (arguments[i] != NULL) { continue; }
        free_arguments(arguments);
        return pbti_read_no_memory(read);
    }
    struct pbti_trainer *const trainer = &read->spec->trainer;
    free_arguments(trainer->argv);
    trainer->argv = arguments;
    trainer->kind = key->allowed.trainer;
    return PBT_OK;
}

static pbt_status arguments_read(struct pbti_read *read, const struct pbti_key *key,
                                 const struct pbti_node *node, void *base)
{
    (void)base;
    bool const single = key->allowed.trainer == PBTI_TRAINER_BUILTIN;
    bool const fits = single ? pbti_node_is_text(node) && node->size > 0
                             : node->kind == PBTI_NODE_LIST && node->count > 0;
    if (!fits) {
        pbt_status const status = pbti_read_wrong(read, key, node);
        if (!single && pbti_node_is_text(node)) {
            pbti_fail_hint(read->err, "a program and each of its arguments are one element: "
                                      "[python3, train.py]");
        }
        return status;
    }
    if (single) { return set_arguments(read, key, node, 1); }
    uint32_t index = 0;
    for (const struct pbti_node *item = node->first; item != NULL; item = item->next, index++) {
        if (pbti_node_is_text(item) && (index > 0 || item->size > 0)) { continue; }
        (void)pbti_read_enter_at(read, index);
        return pbti_read_refuse(read, item, index == 0 ? "the name of a program" : "text");
    }
    return set_arguments(read, key, node->first, node->count);
}

static void arguments_write(struct pbti_out *out, const struct pbti_key *key,
                            const struct pbti_spec *spec, const void *base)
{
    (void)base;
    if (key->allowed.trainer == PBTI_TRAINER_BUILTIN) {
        pbti_out_yaml(out, spec->trainer.argv[0]);
        return;
    }
    for (size_t i = 0; spec->trainer.argv[i] != NULL; i++) {
        pbti_out_put(out, i == 0 ? "[" : ", ");
        pbti_out_yaml(out, spec->trainer.argv[i]);
    }
    pbti_out_put(out, "]");
}

static void arguments_describe(struct pbti_out *out, const struct pbti_key *key)
{
    pbti_out_put(out, key->allowed.trainer == PBTI_TRAINER_BUILTIN
                          ? "the name of a builtin trainer"
                          : "a list: a program and its arguments");
}

const struct pbti_type_info pbti_arguments_type = {arguments_read, arguments_write,
                                                   arguments_describe};

/* -------- explore.factors -------- */

static pbt_status factors_read(struct pbti_read *read, const struct pbti_key *key,
                               const struct pbti_node *node, void *base)
{
    (void)base;
    struct pbti_config *const config = &read->spec->config;
    if (node->kind != PBTI_NODE_LIST || node->count < 1 || node->count > PBTI_FACTORS_MAX) {
        return pbti_read_wrong(read, key, node);
    }
    uint32_t index = 0;
    memset(config->factors, 0, sizeof config->factors);
    for (const struct pbti_node *item = node->first; item != NULL; item = item->next, index++) {
        double value = 0.0;
        if (!pbti_node_number(item, &value) || !(value > key->allowed.low)) {
            (void)pbti_read_enter_at(read, index);
            return pbti_read_refuse(read, item, "a number above 0");
        }
        config->factors[index] = value;
    }
    config->factors_count = index;
    return PBT_OK;
}

static void factors_write(struct pbti_out *out, const struct pbti_key *key,
                          const struct pbti_spec *spec, const void *base)
{
    (void)key;
    (void)base;
    for (uint32_t i = 0; i < spec->config.factors_count; i++) {
        pbti_out_put(out, i == 0 ? "[" : ", ");
        pbti_out_number(out, spec->config.factors[i]);
    }
    pbti_out_put(out, "]");
}

static void factors_describe(struct pbti_out *out, const struct pbti_key *key)
{
    (void)key;
    pbti_out_format(out, "a list of 1 to %d numbers above 0", PBTI_FACTORS_MAX);
}

const struct pbti_type_info pbti_factors_type = {factors_read, factors_write, factors_describe};

/* -------- trainer.environment -------- */

static bool is_variable(const char *name)
{
    if (!isalpha((unsigned char)name[0]) && name[0] != '_') { return false; }
    for (const char *at = name; *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at) && *at != '_') { return false; }
    }
    return true;
}

static pbt_status read_variable(struct pbti_read *read, const struct pbti_node *node, json_t *into)
{
    const char *const name = node->key->text;
    struct pbti_node quoted = *node->key;
    quoted.plain = false;
    char shown[PBTI_NODE_SHOWN_MAX];
    if (!is_variable(name)) {
        return pbti_node_fail(node->key, read->err,
                              "%s names %s, but a variable has letters, digits and \"_\", the "
                              "first not a digit",
                              read->path, pbti_node_shown(&quoted, shown));
    }
    if (strncmp(name, "PBT_", 4) == 0) {
        return pbti_node_fail(node->key, read->err,
                              "%s names %s, but variables that begin with PBT_ are set by the "
                              "worker",
                              read->path, pbti_node_shown(&quoted, shown));
    }
    if (!pbti_node_is_text(node)) {
        (void)pbti_read_enter(read, name);
        return pbti_read_refuse(read, node, "text");
    }
    bool const set = json_object_set_new(into, name, json_stringn(node->text, node->size)) == 0;
    return set ? PBT_OK : pbti_read_no_memory(read);
}

/* Exchange the JSON object in `slot` for an empty one. */
static json_t *renew_object(json_t **slot)
{
    json_decref(*slot);
    *slot = json_object();
    return *slot;
}

static pbt_status environment_read(struct pbti_read *read, const struct pbti_key *key,
                                   const struct pbti_node *node, void *base)
{
    (void)base;
    if (node->kind != PBTI_NODE_MAP) { return pbti_read_wrong(read, key, node); }
    json_t *const into = renew_object(&read->spec->trainer.environment);
    if (into == NULL) { return pbti_read_no_memory(read); }
    for (const struct pbti_node *item = node->first; item != NULL; item = item->next) {
        PBTI_TRY(read_variable(read, item, into));
    }
    return PBT_OK;
}

static void write_json(struct pbti_out *out, const json_t *json);

static void environment_write(struct pbti_out *out, const struct pbti_key *key,
                              const struct pbti_spec *spec, const void *base)
{
    (void)key;
    (void)base;
    write_json(out, spec->trainer.environment);
}

static void environment_describe(struct pbti_out *out, const struct pbti_key *key)
{
    (void)key;
    pbti_out_put(out, "a map from names to text");
}

const struct pbti_type_info pbti_environment_type = {environment_read, environment_write,
                                                     environment_describe};

/* -------- fixed, final_evaluation -------- */

#define FIXED_DEPTH_MAX 32

/* A plain scalar whose spelling other readers of YAML take for something that JSON has not. */
static bool is_not_finite(const char *text)
{
    const char *const bare = text[0] == '-' || text[0] == '+' ? text + 1 : text;
    return strcasecmp(bare, ".inf") == 0 || strcasecmp(bare, ".nan") == 0;
}

/* Digits only: a whole number, which must fit JSON's 64 bits; otherwise a double. */
static pbt_status read_json_number(struct pbti_read *read, const struct pbti_node *node,
                                   json_t **out)
{
    double value = 0.0;
    size_t const sign = node->text[0] == '-' || node->text[0] == '+' ? 1 : 0;
    if (node->text[sign + strspn(node->text + sign, "0123456789")] == '\0') {
        errno = 0;
        long long const whole = strtoll(node->text, NULL, 10);
        if (errno != 0) {
            pbt_status const status = pbti_read_refuse(read, node, "a number of at most 64 bits");
            pbti_fail_hint(read->err, "quote it to hand it over as text");
            return status;
        }
        *out = json_integer(whole);
        return PBT_OK;
    }
    if (!pbti_number_read(node->text, &value)) {
        return pbti_read_refuse(read, node, "a number that a double can hold");
    }
    *out = json_real(value);
    return PBT_OK;
}

static pbt_status read_json_scalar(struct pbti_read *read, const struct pbti_node *node,
                                   json_t **out)
{
    if (pbti_node_is(node, "true") || pbti_node_is(node, "false")) {
        *out = json_boolean(node->text[0] == 't');
    } else if (pbti_node_is(node, "") || pbti_node_is(node, "null") || pbti_node_is(node, "~")) {
        *out = json_null();
    } else if (node->plain && is_not_finite(node->text)) {
        return pbti_read_refuse(read, node, "finite, or quoted to mean text");
    } else if (node->plain && pbti_number_is(node->text)) {
        PBTI_TRY(read_json_number(read, node, out));
    } else {
        *out = json_stringn(node->text, node->size);
    }
    return *out == NULL ? pbti_read_no_memory(read) : PBT_OK;
}

/* Recursion is bounded by FIXED_DEPTH_MAX. */
static pbt_status read_json(struct pbti_read *read, const struct pbti_node *node, uint32_t depth,
                            json_t **out)
{
    *out = NULL;
    if (node->kind == PBTI_NODE_SCALAR) { return read_json_scalar(read, node, out); }
    if (depth == FIXED_DEPTH_MAX) {
        return pbti_node_fail(node, read->err, "%s is nested more than %d levels deep", read->path,
                              FIXED_DEPTH_MAX);
    }
    bool const list = node->kind == PBTI_NODE_LIST;
    json_t *const into = list ? json_array() : json_object();
    pbt_status status = into == NULL ? pbti_read_no_memory(read) : PBT_OK;
    uint32_t index = 0;
    for (const struct pbti_node *item = node->first; item != NULL && status == PBT_OK;
         item = item->next, index++) {
        size_t const mark =
            list ? pbti_read_enter_at(read, index) : pbti_read_enter(read, item->key->text);
        json_t *value = NULL;
        status = read_json(read, item, depth + 1, &value);
        pbti_read_leave(read, mark);
        if (status != PBT_OK) { break; }
        int const failed = list ? json_array_append_new(into, value)
                                : json_object_set_new(into, item->key->text, value);
        if (failed != 0) { status = pbti_read_no_memory(read); }
    }
    if (status != PBT_OK) {
        json_decref(into);
        return status;
    }
    *out = into;
    return PBT_OK;
}

static pbt_status fixed_read(struct pbti_read *read, const struct pbti_key *key,
                             const struct pbti_node *node, void *base)
{
    if (node->kind != PBTI_NODE_MAP) { return pbti_read_wrong(read, key, node); }
    json_t *json = NULL;
    PBTI_TRY(read_json(read, node, 0, &json));
    json_t **const field = (json_t **)(void *)((char *)base + key->offset);
    json_decref(*field);
    *field = json;
    return PBT_OK;
}

/* A double is written so that it does not read back as a whole number. */
static void write_real(struct pbti_out *out, double value)
{
    char text[PBTI_NUMBER_TEXT_MAX];
    pbti_out_put(out, pbti_number_text(value, text));
    if (strpbrk(text, ".e") == NULL) { pbti_out_put(out, ".0"); }
}

static void write_array(struct pbti_out *out, const json_t *json)
{
    pbti_out_put(out, "[");
    for (size_t i = 0; i < json_array_size(json); i++) {
        if (i > 0) { pbti_out_put(out, ", "); }
        write_json(out, json_array_get(json, i));
    }
    pbti_out_put(out, "]");
}

static void write_object(struct pbti_out *out, const json_t *json)
{
    const char *before = "{";
    json_t *const object = (json_t *)(uintptr_t)json; /* iterating does not change it */
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach (object, name, value) {
        pbti_out_put(out, before);
        pbti_out_yaml(out, name);
        pbti_out_put(out, ": ");
        write_json(out, value);
        before = ", ";
    }
    pbti_out_put(out, json_object_size(json) == 0 ? "{}" : "}");
}

/* Recursion is bounded: reading allows FIXED_DEPTH_MAX levels. */
static void write_json(struct pbti_out *out, const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT: write_object(out, json); break;
    case JSON_ARRAY: write_array(out, json); break;
    case JSON_STRING: pbti_out_yaml(out, json_string_value(json)); break;
    case JSON_INTEGER: pbti_out_format(out, "%lld", (long long)json_integer_value(json)); break;
    case JSON_REAL: write_real(out, json_real_value(json)); break;
    case JSON_TRUE: pbti_out_put(out, "true"); break;
    case JSON_FALSE: pbti_out_put(out, "false"); break;
    case JSON_NULL: pbti_out_put(out, "null"); break;
    }
}

static void fixed_write(struct pbti_out *out, const struct pbti_key *key,
                        const struct pbti_spec *spec, const void *base)
{
    (void)spec;
    write_json(out, *(json_t *const *)(const void *)((const char *)base + key->offset));
}

static void fixed_describe(struct pbti_out *out, const struct pbti_key *key)
{
    (void)key;
    pbti_out_put(out, "a map of anything");
}

const struct pbti_type_info pbti_fixed_type = {fixed_read, fixed_write, fixed_describe};
