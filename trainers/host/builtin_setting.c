/* SPDX-License-Identifier: Apache-2.0 */
/* builtin_setting.c - reading the settings of a task, see builtin_setting.h. */
#include "host/builtin_setting.h"
#include "nn/nn_base.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What the struct holds at a setting's place. */
union value {
    double number;
    uint32_t count;
    bool on;
};

static const size_t sizes[] = {[PBTI_SETTING_NUMBER] = sizeof(double),
                               [PBTI_SETTING_COUNT] = sizeof(uint32_t),
                               [PBTI_SETTING_SWITCH] = sizeof(bool),
                               [PBTI_SETTING_CHOICE] = sizeof(uint32_t),
                               [PBTI_SETTING_TEXT] = PBTI_SETTING_TEXT_SIZE};

static void put(const struct pbti_setting *s, void *settings, double value)
{
    union value v = {.number = value};
    if (s->kind == PBTI_SETTING_SWITCH) {
        v.on = value != 0.0;
    } else if (s->kind != PBTI_SETTING_NUMBER) {
        v.count = (uint32_t)value;
    }
    memcpy((char *)settings + s->offset, &v, sizes[s->kind]);
}

void pbti_settings_default(const struct pbti_setting *table, void *settings)
{
    for (const struct pbti_setting *s = table; s->name != NULL; s++) {
        if (s->kind == PBTI_SETTING_TEXT) {
            (void)snprintf((char *)settings + s->offset, PBTI_SETTING_TEXT_SIZE, "%s", s->text);
        } else {
            put(s, settings, s->otherwise);
        }
    }
}

/* A number, a whole number, or a switch, which is 0 or 1. */
static pbt_status read_number(const struct pbti_setting *s, struct pbt_client *client,
                              void *settings, struct pbt_error *err)
{
    bool const is_switch = s->kind == PBTI_SETTING_SWITCH;
    double number;
    if (!pbt_client_has(client, s->name)) {
        number = pbt_client_fixed_number(client, s->name, s->otherwise);
    } else if (is_switch) {
        number = pbt_client_boolean(client, s->name) ? 1.0 : 0.0;
    } else {
        number = pbt_client_number(client, s->name);
    }
    if (number >= s->low && number <= s->high &&
        (s->kind == PBTI_SETTING_NUMBER || number == floor(number))) {
        put(s, settings, number);
        return PBT_OK;
    }
    if (is_switch) {
        return pbti_nn_fail(err, PBT_EINVAL, "\"%s\" is %.9g; allowed are true and false", s->name,
                            number);
    }
    return pbti_nn_fail(err, PBT_EINVAL,
                        "\"%s\" is %.9g; allowed are %snumbers from %.10g to %.10g", s->name,
                        number, s->kind == PBTI_SETTING_COUNT ? "whole " : "", s->low, s->high);
}

static const char *text_of(const struct pbti_setting *s, struct pbt_client *client,
                           const char *otherwise)
{
    return pbt_client_has(client, s->name) ? pbt_client_text(client, s->name)
                                           : pbt_client_fixed_text(client, s->name, otherwise);
}

static pbt_status read_choice(const struct pbti_setting *s, struct pbt_client *client,
                              void *settings, struct pbt_error *err)
{
    const char *const text = text_of(s, client, s->word((uint32_t)s->otherwise));
    char words[512] = "";
    size_t used = 0;
    for (uint32_t i = 0; s->word(i) != NULL; i++) {
        if (strcmp(text, s->word(i)) == 0) {
            put(s, settings, i);
            return PBT_OK;
        }
        const char *const joint = s->word(2) == NULL ? " and " : ", ";
        int const size =
            snprintf(words + used, sizeof words - used, "%s%s", i > 0 ? joint : "", s->word(i));
        used = used + (size_t)size < sizeof words ? used + (size_t)size : sizeof words - 1;
    }
    return pbti_nn_fail(err, PBT_EINVAL, "\"%s\" is \"%.64s\"; allowed are %s", s->name, text,
                        words);
}

static pbt_status read_text(const struct pbti_setting *s, struct pbt_client *client, void *settings,
                            struct pbt_error *err)
{
    const char *const text = text_of(s, client, s->text);
    if (strlen(text) >= PBTI_SETTING_TEXT_SIZE) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "\"%s\" is \"%.64s...\" of %zu bytes; allowed are at most %d", s->name,
                            text, strlen(text), (int)PBTI_SETTING_TEXT_SIZE - 1);
    }
    (void)snprintf((char *)settings + s->offset, PBTI_SETTING_TEXT_SIZE, "%s", text);
    return PBT_OK;
}

pbt_status pbti_settings_read(const struct pbti_setting *table, struct pbt_client *client,
                              void *settings, struct pbt_error *err)
{
    pbt_status status = PBT_OK;
    for (const struct pbti_setting *s = table; s->name != NULL && status == PBT_OK; s++) {
        switch (s->kind) {
        case PBTI_SETTING_NUMBER:
        case PBTI_SETTING_COUNT:
        case PBTI_SETTING_SWITCH: status = read_number(s, client, settings, err); break;
        case PBTI_SETTING_CHOICE: status = read_choice(s, client, settings, err); break;
        case PBTI_SETTING_TEXT: status = read_text(s, client, settings, err); break;
        }
    }
    /* of a value of another type the client's own words are clearer */
    const char *const trouble = pbt_client_error(client);
    return trouble == NULL ? status : pbti_nn_fail(err, PBT_EINVAL, "%s", trouble);
}

const char *pbti_settings_changed(const struct pbti_setting *table, enum pbti_setting_use use,
                                  const void *a, const void *b)
{
    for (const struct pbti_setting *s = table; s->name != NULL; s++) {
        if (s->use != use) { continue; }
        const char *const x = (const char *)a + s->offset;
        const char *const y = (const char *)b + s->offset;
        bool const same =
            s->kind == PBTI_SETTING_TEXT ? strcmp(x, y) == 0 : memcmp(x, y, sizes[s->kind]) == 0;
        if (!same) { return s->name; }
    }
    return NULL;
}
