/* SPDX-License-Identifier: Apache-2.0 */
/* spec/spec_value.c - hyperparameters' values as JSON, as YAML and as people read them. */
#include "spec/spec_number.h"
#include "spec/spec_read.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static bool is_listed(const struct pbti_hp *hp)
{
    return pbti_hp_is_listed(hp);
}

static const struct pbti_hp_value *listed_value(const struct pbti_space *space,
                                                const struct pbti_hp *hp, double value)
{
    assert(value >= 0.0 && value < (double)hp->count);
    return &space->values[hp->first + (uint32_t)value];
}

/*
 * Whole numbers that a double holds exactly become JSON integers, so that 64 is not handed over as
 * 64.0.
 */
static json_t *number_json(double value)
{
    bool const whole = value == floor(value) && fabs(value) <= 0x1p53;
    return whole ? json_integer((json_int_t)value) : json_real(value);
}

json_t *pbti_value_json(const struct pbti_space *space, uint32_t hp_index, double value)
{
    const struct pbti_hp *const hp = &space->hp[hp_index];
    if (hp->kind == PBTI_HP_BOOLEAN) { return json_boolean(value != 0.0); }
    if (hp->kind == PBTI_HP_INTEGER) { return json_integer((json_int_t)value); }
    if (!is_listed(hp)) { return json_real(value); }
    const struct pbti_hp_value *const listed = listed_value(space, hp, value);
    return listed->numeric ? number_json(listed->number) : json_string(listed->text);
}

json_t *pbti_values_json(const struct pbti_space *space, const double *values)
{
    json_t *const object = json_object();
    for (uint32_t i = 0; object != NULL && i < space->count; i++) {
        json_t *const value = pbti_value_json(space, i, values[i]);
        if (json_object_set_new(object, space->hp[i].name, value) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

bool pbti_value_from_json(const struct pbti_space *space, uint32_t hp_index, const json_t *json,
                          double *value)
{
    const struct pbti_hp *const hp = &space->hp[hp_index];
    if (hp->kind == PBTI_HP_BOOLEAN) {
        if (!json_is_boolean(json)) { return false; }
        *value = json_is_true(json) ? 1.0 : 0.0;
        return true;
    }
    if (!is_listed(hp)) {
        double const number = json_number_value(json);
        bool const right = json_is_number(json) && isfinite(number) &&
                           (hp->kind != PBTI_HP_INTEGER || number == floor(number));
        if (right) { *value = number; }
        return right;
    }
    for (uint32_t i = 0; i < hp->count; i++) {
        const struct pbti_hp_value *const listed = &space->values[hp->first + i];
        bool const same =
            listed->numeric
                ? json_is_number(json) && json_number_value(json) == listed->number
                : json_is_string(json) && strcmp(json_string_value(json), listed->text) == 0;
        if (!same) { continue; }
        *value = i;
        return true;
    }
    return false;
}

const char *pbti_value_text(const struct pbti_space *space, uint32_t hp_index, double value,
                            char *text, size_t size)
{
    assert(size >= PBTI_HP_NAME_MAX);
    const struct pbti_hp *const hp = &space->hp[hp_index];
    if (hp->kind == PBTI_HP_BOOLEAN) {
        (void)snprintf(text, size, "%s", value != 0.0 ? "true" : "false");
    } else if (!is_listed(hp)) {
        pbti_number_text(value, text);
    } else {
        const struct pbti_hp_value *const listed = listed_value(space, hp, value);
        if (listed->numeric) {
            pbti_number_text(listed->number, text);
        } else {
            (void)snprintf(text, size, "%s", listed->text);
        }
    }
    return text;
}

void pbti_write_value(struct pbti_out *out, const struct pbti_space *space, uint32_t hp_index,
                      double value)
{
    const struct pbti_hp *const hp = &space->hp[hp_index];
    char text[PBTI_HP_NAME_MAX];
    (void)pbti_value_text(space, hp_index, value, text, sizeof text);
    if (is_listed(hp) && !listed_value(space, hp, value)->numeric) {
        pbti_out_yaml(out, text);
    } else {
        pbti_out_put(out, text);
    }
}
