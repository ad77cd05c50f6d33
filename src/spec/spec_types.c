/* SPDX-License-Identifier: Apache-2.0 */
/* spec/spec_types.c - types of keys that are one value: numbers, words, durations, sizes, texts. */
#include "spec/spec_number.h"
#include "spec/spec_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *field(void *base, const struct pbti_key *key)
{
    return (char *)base + key->offset;
}

static const void *const_field(const void *base, const struct pbti_key *key)
{
    return (const char *)base + key->offset;
}

/* -------- whole numbers -------- */

static bool is_zero_word(const struct pbti_key *key, const struct pbti_node *node)
{
    return key->allowed.word != NULL && pbti_node_is(node, key->allowed.word);
}

static pbt_status read_whole(struct pbti_read *read, const struct pbti_key *key,
                             const struct pbti_node *node, uint64_t *out)
{
    uint64_t value = 0;
    if (!is_zero_word(key, node)) {
        bool const whole = pbti_node_whole(node, &value);
        if (!whole || value < key->allowed.whole_low || value > key->allowed.whole_high) {
            return pbti_read_wrong(read, key, node);
        }
    }
    *out = value;
    return PBT_OK;
}

static pbt_status whole32_read(struct pbti_read *read, const struct pbti_key *key,
                               const struct pbti_node *node, void *base)
{
    uint64_t value = 0;
    PBTI_TRY(read_whole(read, key, node, &value));
    *(uint32_t *)field(base, key) = (uint32_t)value;
    return PBT_OK;
}

static pbt_status whole64_read(struct pbti_read *read, const struct pbti_key *key,
                               const struct pbti_node *node, void *base)
{
    return read_whole(read, key, node, field(base, key));
}

static void write_whole(struct pbti_out *out, const struct pbti_key *key, uint64_t value)
{
    if (value == 0 && key->allowed.word != NULL) {
        pbti_out_put(out, key->allowed.word);
    } else {
        pbti_out_format(out, "%llu", (unsigned long long)value);
    }
}

static void whole32_write(struct pbti_out *out, const struct pbti_key *key,
                          const struct pbti_spec *spec, const void *base)
{
    (void)spec;
    write_whole(out, key, *(const uint32_t *)const_field(base, key));
}

static void whole64_write(struct pbti_out *out, const struct pbti_key *key,
                          const struct pbti_spec *spec, const void *base)
{
    (void)spec;
    write_whole(out, key, *(const uint64_t *)const_field(base, key));
}

static void describe_word(struct pbti_out *out, const struct pbti_key *key)
{
    if (key->allowed.word != NULL) { pbti_out_format(out, "%s, or ", key->allowed.word); }
}

static void whole_describe(struct pbti_out *out, const struct pbti_key *key)
{
    describe_word(out, key);
    pbti_out_format(out, "a whole number from %llu to %llu",
                    (unsigned long long)key->allowed.whole_low,
                    (unsigned long long)key->allowed.whole_high);
}

const struct pbti_type_info pbti_whole32_type = {whole32_read, whole32_write, whole_describe};
const struct pbti_type_info pbti_whole64_type = {whole64_read, whole64_write, whole_describe};

/* -------- whole numbers, or shares of the budget -------- */

/* "25%": in parts of a hundred; false when it is no share of 0 to 100 %. */
static bool read_share(const struct pbti_node *node, double *percent)
{
    char text[32];
    size_t const size = node->kind == PBTI_NODE_SCALAR ? strlen(node->text) : 0;
    if (size < 2 || size > sizeof text || node->text[size - 1] != '%') { return false; }
    memcpy(text, node->text, size - 1);
    text[size - 1] = '\0';
    return pbti_number_is(text) && pbti_number_read(text, percent) && *percent >= 0.0 &&
           *percent <= 100.0;
}

/* The manifest has `steps` before every key of this type. */
static pbt_status share_read(struct pbti_read *read, const struct pbti_key *key,
                             const struct pbti_node *node, void *base)
{
    double percent = 0.0;
    if (!read_share(node, &percent)) { return read_whole(read, key, node, field(base, key)); }
    double const steps = ceil((double)read->spec->config.steps * percent / 100.0 - 1e-9);
    uint64_t const value = (uint64_t)steps;
    if (value < key->allowed.whole_low) { return pbti_read_wrong(read, key, node); }
    *(uint64_t *)field(base, key) = value;
    return PBT_OK;
}

static void share_describe(struct pbti_out *out, const struct pbti_key *key)
{
    whole_describe(out, key);
    pbti_out_put(out, ", or a share of steps such as 10%");
}

const struct pbti_type_info pbti_share_type = {share_read, whole64_write, share_describe};

/* -------- numbers -------- */

static bool is_in_range(const struct pbti_allowed *allowed, double value)
{
    return (allowed->above ? value > allowed->low : value >= allowed->low) &&
           value <= allowed->high;
}

static pbt_status number_read(struct pbti_read *read, const struct pbti_key *key,
                              const struct pbti_node *node, void *base)
{
    double value = 0.0;
    if (!is_zero_word(key, node)) {
        bool const number = pbti_node_number(node, &value);
        if (!number || !is_in_range(&key->allowed, value)) {
            return pbti_read_wrong(read, key, node);
        }
    }
    *(double *)field(base, key) = value;
    return PBT_OK;
}

static void number_write(struct pbti_out *out, const struct pbti_key *key,
                         const struct pbti_spec *spec, const void *base)
{
    (void)spec;
    double const value = *(const double *)const_field(base, key);
    if (key->allowed.word != NULL && !(value > 0.0)) {
        pbti_out_put(out, key->allowed.word);
    } else {
        pbti_out_number(out, value);
    }
}

static void number_describe(struct pbti_out *out, const struct pbti_key *key)
{
    const struct pbti_allowed *const allowed = &key->allowed;
    bool const has_low = allowed->low > -PBTI_UNBOUNDED;
    bool const has_high = allowed->high < PBTI_UNBOUNDED;
    describe_word(out, key);
    pbti_out_put(out, "a number");
    if (has_low && has_high && !allowed->above) {
        pbti_out_put(out, " from ");
        pbti_out_number(out, allowed->low);
        pbti_out_put(out, " to ");
        pbti_out_number(out, allowed->high);
        return;
    }
    if (has_low) {
        pbti_out_put(out, allowed->above ? " above " : " of at least ");
        pbti_out_number(out, allowed->low);
    }
    if (has_high) {
        pbti_out_put(out, " and at most ");
        pbti_out_number(out, allowed->high);
    }
}

const struct pbti_type_info pbti_number_type = {number_read, number_write, number_describe};

static pbt_status optional_read(struct pbti_read *read, const struct pbti_key *key,
                                const struct pbti_node *node, void *base)
{
    read->spec->config.has_target = false;
    if (pbti_node_is(node, "none")) {
        *(double *)field(base, key) = 0.0;
        return PBT_OK;
    }
    PBTI_TRY(number_read(read, key, node, base));
    read->spec->config.has_target = true;
    return PBT_OK;
}

static void optional_write(struct pbti_out *out, const struct pbti_key *key,
                           const struct pbti_spec *spec, const void *base)
{
    if (spec->config.has_target) {
        number_write(out, key, spec, base);
    } else {
        pbti_out_put(out, "none");
    }
}

static void optional_describe(struct pbti_out *out, const struct pbti_key *key)
{
    pbti_out_put(out, "none, or ");
    number_describe(out, key);
}

const struct pbti_type_info pbti_optional_type = {optional_read, optional_write, optional_describe};

/* -------- GPUs -------- */

#define GPUS_UNSET (-1.0)

/* Several GPUs are whole ones; less than one is shared by as many members as fit. */
static bool is_gpus(double value)
{
    return value < 1.0 ? value == 0.0 || value >= 1.0 / 64.0 : value == floor(value);
}

static pbt_status gpus_read(struct pbti_read *read, const struct pbti_key *key,
                            const struct pbti_node *node, void *base)
{
    double *const gpus = field(base, key);
    if (pbti_node_is(node, "unset")) {
        *gpus = GPUS_UNSET;
        return PBT_OK;
    }
    PBTI_TRY(number_read(read, key, node, base));
    return is_gpus(*gpus) ? PBT_OK : pbti_read_wrong(read, key, node);
}

static void gpus_write(struct pbti_out *out, const struct pbti_key *key,
                       const struct pbti_spec *spec, const void *base)
{
    if (*(const double *)const_field(base, key) < 0.0) {
        pbti_out_put(out, "unset");
    } else {
        number_write(out, key, spec, base);
    }
}

static void gpus_describe(struct pbti_out *out, const struct pbti_key *key)
{
    pbti_out_format(out, "unset, a whole number from 0 to %g, or a share of one GPU from 1/64 on",
                    key->allowed.high);
}

const struct pbti_type_info pbti_gpus_type = {gpus_read, gpus_write, gpus_describe};

/* -------- words -------- */

_Static_assert(sizeof(bool) == 1, "a word is read into a bool or a uint8_t");

static pbt_status word_read(struct pbti_read *read, const struct pbti_key *key,
                            const struct pbti_node *node, void *base)
{
    uint32_t value = 0;
    bool const plain_only = key->allowed.list == PBTI_WORDS_SWITCH;
    if (!pbti_node_is_text(node) || (plain_only && !node->plain) ||
        !pbti_word_value(key->allowed.list, node->text, &value)) {
        return pbti_read_wrong(read, key, node);
    }
    *(uint8_t *)field(base, key) = (uint8_t)value;
    return PBT_OK;
}

static void word_write(struct pbti_out *out, const struct pbti_key *key,
                       const struct pbti_spec *spec, const void *base)
{
    (void)spec;
    pbti_out_put(out, pbti_word_text(key->allowed.list, *(const uint8_t *)const_field(base, key)));
}

static void word_describe(struct pbti_out *out, const struct pbti_key *key)
{
    if (key->allowed.list == PBTI_WORDS_SWITCH) {
        pbti_out_put(out, "true or false");
        return;
    }
    pbti_out_put(out, "one of: ");
    pbti_describe_words(out, key->allowed.list);
}

const struct pbti_type_info pbti_word_type = {word_read, word_write, word_describe};

/* -------- numbers with units -------- */

struct unit {
    const char *name;
    uint64_t factor;
};

/* Largest first; a value is written in the largest unit that holds it exactly. */
static const struct unit durations[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
static const struct unit sizes[] = {
    {"TiB", 1ull << 40}, {"GiB", 1u << 30},  {"MiB", 1u << 20},
    {"KiB", 1u << 10},   {"GB", 1000000000}, {"MB", 1000000},
    {"kB", 1000},        {"B", 1},           {"", 1},
};
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static pbt_status read_units(struct pbti_read *read, const struct pbti_key *key,
                             const struct pbti_node *node, const struct unit *units, size_t count,
                             uint64_t *out)
{
    uint64_t value = 0;
    bool good = false;
    if (node->kind == PBTI_NODE_SCALAR) { /* quoted, too: so JSON writers have it */
        size_t const span = pbti_number_span(node->text);
        for (size_t i = 0; i < count && span > 0; i++) {
            if (strcmp(node->text + span, units[i].name) != 0) { continue; }
            good = pbti_number_whole(node->text, span, units[i].factor, &value);
        }
    }
    if (!good || value < key->allowed.whole_low || value > key->allowed.whole_high) {
        return pbti_read_wrong(read, key, node);
    }
    *out = value;
    return PBT_OK;
}

static void write_units(struct pbti_out *out, const struct unit *units, size_t count,
                        uint64_t value)
{
    size_t i = 0;
    while (i + 1 < count && value % units[i].factor != 0) {
        i++;
    }
    pbti_out_format(out, "%llu%s", (unsigned long long)(value / units[i].factor), units[i].name);
}

static pbt_status duration_read(struct pbti_read *read, const struct pbti_key *key,
                                const struct pbti_node *node, void *base)
{
    uint64_t *const out = field(base, key);
    if (is_zero_word(key, node)) {
        *out = 0;
        return PBT_OK;
    }
    pbt_status const status = read_units(read, key, node, durations, COUNT(durations), out);
    uint64_t seconds = 0;
    if (status != PBT_OK && pbti_node_whole(node, &seconds) && seconds > 0) {
        pbti_fail_hint(read->err, "a unit is missing: %llus for seconds",
                       (unsigned long long)seconds);
    }
    return status;
}

static void duration_write(struct pbti_out *out, const struct pbti_key *key,
                           const struct pbti_spec *spec, const void *base)
{
    (void)spec;
    uint64_t const value = *(const uint64_t *)const_field(base, key);
    if (value == 0) {
        pbti_out_put(out, key->allowed.word);
    } else {
        write_units(out, durations, COUNT(durations), value);
    }
}

static void duration_describe(struct pbti_out *out, const struct pbti_key *key)
{
    describe_word(out, key);
    pbti_out_put(out, "a time such as 500ms, 30s, 5m, 1h or 2d, at most 3650d");
}

const struct pbti_type_info pbti_duration_type = {duration_read, duration_write, duration_describe};

static pbt_status size_read(struct pbti_read *read, const struct pbti_key *key,
                            const struct pbti_node *node, void *base)
{
    return read_units(read, key, node, sizes, COUNT(sizes), field(base, key));
}

static void size_write(struct pbti_out *out, const struct pbti_key *key,
                       const struct pbti_spec *spec, const void *base)
{
    (void)spec;
    write_units(out, sizes, COUNT(sizes), *(const uint64_t *)const_field(base, key));
}

static void size_describe(struct pbti_out *out, const struct pbti_key *key)
{
    pbti_out_put(out, "a size such as 512KiB, 10MiB or 1GB, from ");
    write_units(out, sizes, COUNT(sizes), key->allowed.whole_low);
    pbti_out_put(out, " to ");
    write_units(out, sizes, COUNT(sizes), key->allowed.whole_high);
}

const struct pbti_type_info pbti_size_type = {size_read, size_write, size_describe};

/* -------- texts -------- */

#define NAME_LENGTH_MAX 64
#define TEXT_LENGTH_MAX 128

static pbt_status set_text(struct pbti_read *read, const char *text, void *at)
{
    char *const copy = strdup(text);
    if (copy == NULL) { return pbti_read_no_memory(read); }
    char **const out = at;
    free(*out);
    *out = copy;
    return PBT_OK;
}

static void text_write(struct pbti_out *out, const struct pbti_key *key,
                       const struct pbti_spec *spec, const void *base)
{
    (void)spec;
    pbti_out_yaml(out, *(char *const *)const_field(base, key));
}

static pbt_status name_read(struct pbti_read *read, const struct pbti_key *key,
                            const struct pbti_node *node, void *base)
{
    bool good = pbti_node_is_text(node) && node->size >= 1 && node->size <= NAME_LENGTH_MAX &&
                strchr("._-", node->text[0]) == NULL;
    for (size_t i = 0; good && i < node->size; i++) {
        good = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-",
                      node->text[i]) != NULL;
    }
    if (!good) { return pbti_read_wrong(read, key, node); }
    return set_text(read, node->text, field(base, key));
}

static void name_describe(struct pbti_out *out, const struct pbti_key *key)
{
    (void)key;
    pbti_out_format(out,
                    "1 to %d letters, digits, \".\", \"_\" or \"-\", the first a letter or a digit",
                    NAME_LENGTH_MAX);
}

const struct pbti_type_info pbti_name_type = {name_read, text_write, name_describe};

static pbt_status text_read(struct pbti_read *read, const struct pbti_key *key,
                            const struct pbti_node *node, void *base)
{
    bool good = pbti_node_is_text(node) && node->size >= 1 && node->size <= TEXT_LENGTH_MAX;
    for (size_t i = 0; good && i < node->size; i++) {
        good = (unsigned char)node->text[i] >= 0x20 && node->text[i] != 0x7F;
    }
    if (!good) { return pbti_read_wrong(read, key, node); }
    return set_text(read, node->text, field(base, key));
}

static void text_describe(struct pbti_out *out, const struct pbti_key *key)
{
    (void)key;
    pbti_out_format(out, "text of 1 to %d bytes on one line", TEXT_LENGTH_MAX);
}

const struct pbti_type_info pbti_text_type = {text_read, text_write, text_describe};

/* -------- paths -------- */

char *pbti_path_join(const char *folder, const char *path)
{
    struct pbti_out out = {0};
    const char *const parts[] = {path[0] == '/' ? "" : folder, path};
    for (size_t i = 0; i < 2; i++) {
        for (const char *at = parts[i]; *at != '\0';) {
            size_t const size = strcspn(at, "/");
            bool const skipped = size == 0 || (size == 1 && at[0] == '.');
            if (!skipped) {
                pbti_out_put(&out, "/");
                pbti_out_bytes(&out, at, size);
            }
            at += size + (at[size] == '/' ? 1 : 0);
        }
    }
    if (out.size == 0) { pbti_out_put(&out, "/"); }
    if (out.failed) {
        free(out.data);
        return NULL;
    }
    return out.data;
}

static pbt_status path_read(struct pbti_read *read, const struct pbti_key *key,
                            const struct pbti_node *node, void *base)
{
    char **const out = field(base, key);
    if (is_zero_word(key, node)) {
        free(*out);
        *out = NULL;
        return PBT_OK;
    }
    if (!pbti_node_is_text(node) || node->size == 0) { return pbti_read_wrong(read, key, node); }
    char *const path = pbti_path_join(read->folder, node->text);
    if (path == NULL) { return pbti_read_no_memory(read); }
    free(*out);
    *out = path;
    return PBT_OK;
}

static void path_write(struct pbti_out *out, const struct pbti_key *key,
                       const struct pbti_spec *spec, const void *base)
{
    (void)spec;
    const char *const path = *(char *const *)const_field(base, key);
    if (path == NULL) {
        pbti_out_put(out, "none");
    } else {
        pbti_out_yaml(out, path);
    }
}

static void path_describe(struct pbti_out *out, const struct pbti_key *key)
{
    describe_word(out, key);
    pbti_out_put(out, "the path of a folder");
}

const struct pbti_type_info pbti_path_type = {path_read, path_write, path_describe};

/* -------- maps with keys of their own -------- */

static pbt_status section_read(struct pbti_read *read, const struct pbti_key *key,
                               const struct pbti_node *node, void *base)
{
    return pbti_read_section(read, key->allowed.section, node, base);
}

static void section_write(struct pbti_out *out, const struct pbti_key *key,
                          const struct pbti_spec *spec, const void *base)
{
    pbti_write_section(out, key->allowed.section, spec, base);
}

static void section_describe(struct pbti_out *out, const struct pbti_key *key)
{
    pbti_out_put(out, "a map of: ");
    pbti_describe_keys(out, key->allowed.section, 0);
}

const struct pbti_type_info pbti_section_type = {section_read, section_write, section_describe};
