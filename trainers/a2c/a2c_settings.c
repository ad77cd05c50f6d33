/* SPDX-License-Identifier: Apache-2.0 */
/* a2c_settings.c - what a task of `a2c` can be told, see a2c_settings.h. */
#include "a2c/a2c_settings.h"
#include "nn/nn_base.h"
#include "trainer_setting.h"

#include <stdio.h>

enum { FILTERS_MULTIPLE = 16, NAMES_SIZE = 256 };

struct pbti_a2c_settings pbti_a2c_settings_default(void)
{
    return (struct pbti_a2c_settings){
#define SETTING_DEFAULT(name, otherwise, low, high) .name = (otherwise),
#define SETTING_SWITCH(name, otherwise) .name = (otherwise),
        PBTI_A2C_NUMBERS(SETTING_DEFAULT) PBTI_A2C_COUNTS(SETTING_DEFAULT)
            PBTI_A2C_SWITCHES(SETTING_SWITCH)
#undef SETTING_DEFAULT
#undef SETTING_SWITCH
                .game = pbti_env_find("breakout"),
    };
}

static pbt_status read_values(struct pbt_client *client, struct pbti_a2c_settings *s,
                              struct pbt_error *err)
{
    pbt_status status = PBT_OK;
#define READ_NUMBER(name, otherwise, low, high)                                                    \
    if (status == PBT_OK) { status = pbti_setting_number(client, #name, low, high, &s->name, err); }
#define READ_COUNT(name, otherwise, low, high)                                                     \
    if (status == PBT_OK) { status = pbti_setting_count(client, #name, low, high, &s->name, err); }
#define READ_SWITCH(name, otherwise)                                                               \
    if (status == PBT_OK) { status = pbti_setting_switch(client, #name, &s->name, err); }
    PBTI_A2C_NUMBERS(READ_NUMBER)
    PBTI_A2C_COUNTS(READ_COUNT)
    PBTI_A2C_SWITCHES(READ_SWITCH)
#undef READ_NUMBER
#undef READ_COUNT
#undef READ_SWITCH
    if (status == PBT_OK && s->filters % FILTERS_MULTIPLE != 0) {
        return pbti_nn_fail(err, PBT_EINVAL, "\"filters\" is %u; allowed are multiples of %d",
                            s->filters, FILTERS_MULTIPLE);
    }
    return status;
}

static pbt_status read_game(struct pbt_client *client, struct pbti_a2c_settings *s,
                            struct pbt_error *err)
{
    const char *const name = pbti_setting_text(client, "game", s->game->name);
    s->game = pbti_env_find(name);
    if (s->game != NULL) { return PBT_OK; }
    char names[NAMES_SIZE] = "";
    size_t used = 0;
    for (size_t i = 0; pbti_env_at(i) != NULL && used < sizeof names; i++) {
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? ", " : "",
                                 pbti_env_at(i)->name);
    }
    return pbti_nn_fail(err, PBT_EINVAL, "\"game\" is \"%.64s\"; allowed are %s", name, names);
}

pbt_status pbti_a2c_settings_read(struct pbt_client *client, struct pbti_a2c_settings *settings,
                                  struct pbt_error *err)
{
    *settings = pbti_a2c_settings_default();
    pbt_status status = read_values(client, settings, err);
    if (status == PBT_OK) { status = read_game(client, settings, err); }
    if (status == PBT_OK) {
        status = pbti_setting_choice(client, "report", "mean", "list", &settings->list, err);
    }
    return pbti_setting_end(client, status, err);
}
