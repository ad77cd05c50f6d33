/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/space.h - hyperparameters: their types, priors, and the ways to change a value.
 *
 * Every value is a double. Linear, log and logit: the number itself. Integer: the number, whole.
 * Ordinal and categorical: the index into `values`. Boolean: 0 or 1. What a trainer is handed is
 * made from it at the edge (spec/spec_value.c). Pure: no allocation, no clock, no global.
 */
#ifndef PBTI_CORE_SPACE_H
#define PBTI_CORE_SPACE_H

#include "base/bytes.h"
#include "base/rng.h"
#include "core/names.h"

#include <stdbool.h>
#include <stdint.h>

#define PBTI_HP_MAX 128            /* hyperparameters in a space */
#define PBTI_HP_NAME_MAX 64        /* bytes, with the NUL */
#define PBTI_SPACE_VALUES_MAX 1024 /* values of all ordinals and categoricals together */

/*
 * The types of a hyperparameter: X(Y, name, value, text, whole, listed, ordered). Values are part
 * of the journal's format. Y is handed through.
 *
 * whole       every value is a whole number
 * listed      values are places in a list that the user gives
 * ordered     a value can be moved a little up or down
 */
#define PBTI_HP_KINDS_OF(X, Y)                                                                     \
    X(Y, PBTI_HP_LINEAR, 0, "linear", false, false, true)                                          \
    X(Y, PBTI_HP_LOG, 1, "log", false, false, true)                                                \
    X(Y, PBTI_HP_LOGIT, 2, "logit", false, false, true)                                            \
    X(Y, PBTI_HP_INTEGER, 3, "integer", true, false, true)                                         \
    X(Y, PBTI_HP_ORDINAL, 4, "ordinal", true, true, true)                                          \
    X(Y, PBTI_HP_CATEGORICAL, 5, "categorical", true, true, false)                                 \
    X(Y, PBTI_HP_BOOLEAN, 6, "boolean", true, false, false)

#define PBTI_WORD_OF_KIND(Y, name, value, text, whole, listed, ordered) Y(name, value, text)
#define PBTI_HP_KIND_LIST(Y) PBTI_HP_KINDS_OF(PBTI_WORD_OF_KIND, Y)

enum pbti_hp_kind {
#define PBTI_HP_ENUM(name, value, text) name = (value),
    PBTI_HP_KIND_LIST(PBTI_HP_ENUM)
#undef PBTI_HP_ENUM
};
#define PBTI_HP_KINDS PBTI_COUNT(PBTI_HP_KIND_LIST)

const char *pbti_hp_kind_name(uint8_t kind); /* "log"; "?" when unknown */

/* One value of an ordinal or categorical hyperparameter. */
struct pbti_hp_value {
    bool numeric;  /* hand `number` over; otherwise `text` */
    double number; /* finite */
    char text[PBTI_HP_NAME_MAX];
};

struct pbti_hp {
    char name[PBTI_HP_NAME_MAX];
    uint8_t kind;     /* enum pbti_hp_kind */
    bool frozen;      /* structural: never changed, travels with the weights it shaped */
    bool log_scale;   /* integer only: prior uniform in the logarithm; requires low >= 1 */
    double low, high; /* inclusive; low <= high; log: low > 0; logit: 0 < low, high < 1;
                         ordinal, categorical: 0 and count - 1; boolean: 0 and 1 */
    uint32_t first;   /* ordinal, categorical: index of the first value in the space's `values` */
    uint32_t count;   /* ordinal, categorical: how many, at least 1 */
};

struct pbti_space {
    uint32_t count;        /* hyperparameters, 0 .. PBTI_HP_MAX */
    uint32_t values_count; /* 0 .. PBTI_SPACE_VALUES_MAX */
    struct pbti_hp hp[PBTI_HP_MAX];
    struct pbti_hp_value values[PBTI_SPACE_VALUES_MAX];
};

/* What holds for the type of a hyperparameter; the columns of the list above. A kind that is not
 * known has none of it. */
bool pbti_hp_is_whole(const struct pbti_hp *hp);
bool pbti_hp_is_listed(const struct pbti_hp *hp);
bool pbti_hp_is_ordered(const struct pbti_hp *hp);

/* Index of the hyperparameter of that name, or -1. */
int pbti_space_find(const struct pbti_space *space, const char *name);

/* NULL when every field obeys the comments above, else the rule that is broken (static storage). */
const char *pbti_space_invalid(const struct pbti_space *space);

/* Is `value` of the type and inside the bounds of `hp`? */
bool pbti_hp_valid(const struct pbti_hp *hp, double value);

/* The legal value nearest to `value`: rounded for whole types, clipped; NaN gives `low`. */
double pbti_hp_clip(const struct pbti_hp *hp, double value);

/* Draw from the prior: uniform on the hyperparameter's own scale; 0 <= unit < 1. */
double pbti_hp_sample(const struct pbti_hp *hp, double unit);

/*
 * Where `value` lies in the prior, in [0, 1]: the inverse of pbti_hp_sample(). Whole types give the
 * middle of what is drawn as that value; a range of one value gives 0.5. Requires a valid value.
 */
double pbti_hp_unit(const struct pbti_hp *hp, double value);

/*
 * Multiply by `factor` in the way of the type (docs/rules.md, rule 7): linear and log h*f; logit
 * odds*f; integer rounded and moved by at least 1; ordinal to the neighbour (f > 1 up, f < 1 down,
 * no wrap-around); categorical and boolean unchanged; from exactly 0 by (f-1) of the range; then
 * clipped. Requires a valid value, factor > 0. Frozen is the caller's business.
 */
double pbti_hp_perturb(const struct pbti_hp *hp, double value, double factor);

/*
 * Add `noise` on the type's own scale: linear and integer in its units (integer with log scale: in
 * ln), log in ln, logit in log-odds, ordinal in places; whole types are rounded and moved by at
 * least
 * 1 unless noise is 0; categorical and boolean unchanged; then clipped.
 */
double pbti_hp_add_noise(const struct pbti_hp *hp, double value, double noise);

void pbti_space_encode(const struct pbti_space *space, struct pbti_writer *writer);
/* Reads what encode wrote; sets reader->failed on anything pbti_space_invalid() would refuse. */
void pbti_space_decode(struct pbti_space *space, struct pbti_reader *reader);

#endif
