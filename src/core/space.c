/* SPDX-License-Identifier: Apache-2.0 */
/* core/space.c - hyperparameters: validity, priors, perturbation; see space.h. */
#include "core/space.h"

#include <assert.h>
#include <math.h>
#include <string.h>

PBTI_NAME_FUNCTION(pbti_hp_kind_name, PBTI_HP_KIND_LIST)

/* -------- what holds for a type -------- */

static const struct traits {
    bool whole, listed, ordered;
} all_traits[PBTI_HP_KINDS] = {
#define TRAITS_ROW(unused, name, value, text, is_whole, is_listed, is_ordered)                     \
    [value] = {.whole = (is_whole), .listed = (is_listed), .ordered = (is_ordered)},
    PBTI_HP_KINDS_OF(TRAITS_ROW, )
#undef TRAITS_ROW
};

static struct traits traits_of(const struct pbti_hp *hp)
{
    return hp->kind < PBTI_HP_KINDS ? all_traits[hp->kind] : (struct traits){0};
}

bool pbti_hp_is_whole(const struct pbti_hp *hp)
{
    return traits_of(hp).whole;
}

bool pbti_hp_is_listed(const struct pbti_hp *hp)
{
    return traits_of(hp).listed;
}

bool pbti_hp_is_ordered(const struct pbti_hp *hp)
{
    return traits_of(hp).ordered;
}

int pbti_space_find(const struct pbti_space *space, const char *name)
{
    for (uint32_t i = 0; i < space->count; i++) {
        if (strcmp(space->hp[i].name, name) == 0) { return (int)i; }
    }
    return -1;
}

/* -------- validity -------- */

static bool is_text_ended(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static const char *hp_invalid(const struct pbti_space *space, const struct pbti_hp *hp)
{
    if (!is_text_ended(hp->name, sizeof hp->name)) { return "a name is too long"; }
    if (hp->name[0] == '\0') { return "a name is empty"; }
    if (hp->kind >= PBTI_HP_KINDS) { return "a type is not known"; }
    if (!(hp->low <= hp->high)) { return "low is above high"; }
    if (!isfinite(hp->low) || !isfinite(hp->high)) { return "a bound is not finite"; }
    if (!isfinite(hp->high - hp->low)) { return "a range is too wide"; }
    if (hp->kind == PBTI_HP_LOG && !(hp->low > 0.0)) { return "log needs low > 0"; }
    if (hp->kind == PBTI_HP_LOGIT && !(hp->low > 0.0 && hp->high < 1.0)) {
        return "logit needs 0 < low and high < 1";
    }
    if (hp->kind == PBTI_HP_INTEGER && (hp->low != floor(hp->low) || hp->high != floor(hp->high) ||
                                        fabs(hp->low) > 0x1p53 || fabs(hp->high) > 0x1p53)) {
        return "an integer's bounds must be whole and at most 2^53";
    }
    if (hp->log_scale && (hp->kind != PBTI_HP_INTEGER || hp->low < 1.0)) {
        return "scale log needs an integer with low >= 1";
    }
    if (hp->kind == PBTI_HP_BOOLEAN && (hp->low != 0.0 || hp->high != 1.0)) {
        return "a boolean's bounds are 0 and 1";
    }
    if (pbti_hp_is_listed(hp)) {
        if (hp->count < 1 || hp->first > space->values_count ||
            hp->count > space->values_count - hp->first) {
            return "values are missing";
        }
        if (hp->low != 0.0 || hp->high != (double)(hp->count - 1)) {
            return "bounds do not fit the values";
        }
    }
    return NULL;
}

const char *pbti_space_invalid(const struct pbti_space *space)
{
    if (space->count > PBTI_HP_MAX) { return "there are too many hyperparameters"; }
    if (space->values_count > PBTI_SPACE_VALUES_MAX) { return "there are too many values"; }
    for (uint32_t i = 0; i < space->values_count; i++) {
        const struct pbti_hp_value *const value = &space->values[i];
        if (!is_text_ended(value->text, sizeof value->text)) { return "a value is too long"; }
        if (value->numeric && !isfinite(value->number)) { return "a value is not finite"; }
    }
    for (uint32_t i = 0; i < space->count; i++) {
        const char *const reason = hp_invalid(space, &space->hp[i]);
        if (reason != NULL) { return reason; }
        if (pbti_space_find(space, space->hp[i].name) != (int)i) { return "a name is there twice"; }
    }
    return NULL;
}

bool pbti_hp_valid(const struct pbti_hp *hp, double value)
{
    if (!(value >= hp->low && value <= hp->high)) { return false; }
    return !pbti_hp_is_whole(hp) || value == floor(value);
}

double pbti_hp_clip(const struct pbti_hp *hp, double value)
{
    double const whole = pbti_hp_is_whole(hp) ? round(value) : value;
    if (!(whole > hp->low)) { return hp->low; } /* NaN, too */
    return whole < hp->high ? whole : hp->high;
}

/* -------- scales -------- */

static double to_logit(double value)
{
    return log(value / (1.0 - value));
}

static double from_logit(double logit)
{
    return 1.0 / (1.0 + exp(-logit));
}

static double between(double low, double high, double unit)
{
    return low + (high - low) * unit;
}

double pbti_hp_sample(const struct pbti_hp *hp, double unit)
{
    assert(unit >= 0.0 && unit < 1.0);
    double value = hp->low;
    switch ((enum pbti_hp_kind)hp->kind) {
    case PBTI_HP_LINEAR: value = between(hp->low, hp->high, unit); break;
    case PBTI_HP_LOG: value = exp(between(log(hp->low), log(hp->high), unit)); break;
    case PBTI_HP_LOGIT:
        value = from_logit(between(to_logit(hp->low), to_logit(hp->high), unit));
        break;
    case PBTI_HP_INTEGER:
        if (hp->log_scale) {
            /* each whole number owns the half open interval around it */
            value = exp(between(log(hp->low - 0.5), log(hp->high + 0.5), unit));
            break;
        }
        value = hp->low + floor(unit * (hp->high - hp->low + 1.0));
        break;
    case PBTI_HP_ORDINAL:
    case PBTI_HP_CATEGORICAL:
    case PBTI_HP_BOOLEAN: value = floor(unit * (hp->high + 1.0)); break;
    }
    return pbti_hp_clip(hp, value);
}

/* The share of low..high that lies below `value`. */
static double share_of(double low, double high, double value)
{
    return low < high ? fmin(fmax((value - low) / (high - low), 0.0), 1.0) : 0.5;
}

double pbti_hp_unit(const struct pbti_hp *hp, double value)
{
    assert(pbti_hp_valid(hp, value));
    switch ((enum pbti_hp_kind)hp->kind) {
    case PBTI_HP_LINEAR: return share_of(hp->low, hp->high, value);
    case PBTI_HP_LOG: return share_of(log(hp->low), log(hp->high), log(value));
    case PBTI_HP_LOGIT: return share_of(to_logit(hp->low), to_logit(hp->high), to_logit(value));
    case PBTI_HP_INTEGER:
        if (hp->log_scale) { return share_of(log(hp->low - 0.5), log(hp->high + 0.5), log(value)); }
        break;
    case PBTI_HP_ORDINAL:
    case PBTI_HP_CATEGORICAL:
    case PBTI_HP_BOOLEAN: break;
    }
    return share_of(hp->low - 0.5, hp->high + 0.5, value);
}

/* -------- changes -------- */

/* Round `wanted` and move by at least one in its direction: a small integer is not a dead end. */
static double whole_move(double value, double wanted)
{
    double const whole = round(wanted);
    if (whole != value || wanted == value) { return whole; }
    return wanted > value ? value + 1.0 : value - 1.0;
}

double pbti_hp_perturb(const struct pbti_hp *hp, double value, double factor)
{
    assert(pbti_hp_valid(hp, value));
    assert(factor > 0.0);
    double const product = value == 0.0 ? (factor - 1.0) * (hp->high - hp->low) : value * factor;
    switch ((enum pbti_hp_kind)hp->kind) {
    case PBTI_HP_LINEAR:
    case PBTI_HP_LOG: return pbti_hp_clip(hp, product);
    case PBTI_HP_LOGIT: {
        double const odds = factor * value / (1.0 - value);
        return pbti_hp_clip(hp, odds / (1.0 + odds));
    }
    case PBTI_HP_INTEGER: return pbti_hp_clip(hp, whole_move(value, product));
    case PBTI_HP_ORDINAL:
        if (factor == 1.0) { return value; }
        return pbti_hp_clip(hp, factor > 1.0 ? value + 1.0 : value - 1.0);
    case PBTI_HP_CATEGORICAL:
    case PBTI_HP_BOOLEAN: break;
    }
    return value;
}

double pbti_hp_add_noise(const struct pbti_hp *hp, double value, double noise)
{
    assert(pbti_hp_valid(hp, value));
    switch ((enum pbti_hp_kind)hp->kind) {
    case PBTI_HP_LINEAR: return pbti_hp_clip(hp, value + noise);
    case PBTI_HP_LOG: return pbti_hp_clip(hp, value * exp(noise));
    case PBTI_HP_LOGIT: return pbti_hp_clip(hp, from_logit(to_logit(value) + noise));
    case PBTI_HP_INTEGER: {
        double const wanted = hp->log_scale ? value * exp(noise) : value + noise;
        return pbti_hp_clip(hp, whole_move(value, wanted));
    }
    case PBTI_HP_ORDINAL: return pbti_hp_clip(hp, whole_move(value, value + noise));
    case PBTI_HP_CATEGORICAL:
    case PBTI_HP_BOOLEAN: break;
    }
    return value;
}

/* -------- encoding -------- */

static struct pbti_text text_of(const char *text)
{
    return (struct pbti_text){text, strlen(text)};
}

/* Texts are kept NUL-terminated; one with a NUL inside is refused. */
static void get_name(struct pbti_reader *reader, char name[PBTI_HP_NAME_MAX])
{
    struct pbti_text const text = pbti_get_text(reader, PBTI_HP_NAME_MAX - 1);
    memset(name, 0, PBTI_HP_NAME_MAX);
    if (text.size == 0) { return; }
    if (memchr(text.data, '\0', text.size) != NULL) { reader->failed = true; }
    memcpy(name, text.data, text.size);
}

void pbti_space_encode(const struct pbti_space *space, struct pbti_writer *writer)
{
    pbti_put_varint(writer, space->values_count);
    for (uint32_t i = 0; i < space->values_count; i++) {
        const struct pbti_hp_value *const value = &space->values[i];
        pbti_put_bool(writer, value->numeric);
        pbti_put_double(writer, value->number);
        pbti_put_text(writer, text_of(value->text));
    }
    pbti_put_varint(writer, space->count);
    for (uint32_t i = 0; i < space->count; i++) {
        const struct pbti_hp *const hp = &space->hp[i];
        pbti_put_text(writer, text_of(hp->name));
        pbti_put_u8(writer, hp->kind);
        pbti_put_bool(writer, hp->frozen);
        pbti_put_bool(writer, hp->log_scale);
        pbti_put_double(writer, hp->low);
        pbti_put_double(writer, hp->high);
        pbti_put_varint(writer, hp->first);
        pbti_put_varint(writer, hp->count);
    }
}

void pbti_space_decode(struct pbti_space *space, struct pbti_reader *reader)
{
    space->count = 0;
    space->values_count = pbti_get_u32(reader);
    if (space->values_count > PBTI_SPACE_VALUES_MAX) { reader->failed = true; }
    for (uint32_t i = 0; !reader->failed && i < space->values_count; i++) {
        struct pbti_hp_value *const value = &space->values[i];
        value->numeric = pbti_get_bool(reader);
        value->number = pbti_get_double(reader);
        get_name(reader, value->text);
    }
    uint32_t const count = pbti_get_u32(reader);
    if (count > PBTI_HP_MAX) { reader->failed = true; }
    for (uint32_t i = 0; !reader->failed && i < count; i++) {
        struct pbti_hp *const hp = &space->hp[i];
        get_name(reader, hp->name);
        hp->kind = pbti_get_u8(reader);
        hp->frozen = pbti_get_bool(reader);
        hp->log_scale = pbti_get_bool(reader);
        hp->low = pbti_get_double(reader);
        hp->high = pbti_get_double(reader);
        hp->first = pbti_get_u32(reader);
        hp->count = pbti_get_u32(reader);
        space->count = i + 1;
    }
    if (!reader->failed && pbti_space_invalid(space) != NULL) { reader->failed = true; }
    if (reader->failed) { space->count = space->values_count = 0; }
}
