/* SPDX-License-Identifier: Apache-2.0 */
/* classify_settings.c - what a task of `classify` can be told, see classify_settings.h. */
#include "classify/classify_settings.h"
#include "nn/nn_base.h"
#include "trainer_setting.h"

#include <stddef.h>
#include <string.h>

struct pbti_classify_settings pbti_classify_settings_default(void)
{
    return (struct pbti_classify_settings){
#define SETTING_DEFAULT(name, otherwise, low, high) .name = (otherwise),
        PBTI_CLASSIFY_NUMBERS(SETTING_DEFAULT) PBTI_CLASSIFY_COUNTS(SETTING_DEFAULT)
#undef SETTING_DEFAULT
            .activation = PBTI_NN_RELU,
        .score = PBTI_CLASSIFY_ACCURACY,
        .test = false,
        .data = PBTI_CLASSIFY_DATA_DEFAULT,
    };
}

static pbt_status read_numbers(struct pbt_client *client, struct pbti_classify_settings *s,
                               struct pbt_error *err)
{
    pbt_status status = PBT_OK;
#define READ_NUMBER(name, otherwise, low, high)                                                    \
    if (status == PBT_OK) { status = pbti_setting_number(client, #name, low, high, &s->name, err); }
#define READ_COUNT(name, otherwise, low, high)                                                     \
    if (status == PBT_OK) { status = pbti_setting_count(client, #name, low, high, &s->name, err); }
    PBTI_CLASSIFY_NUMBERS(READ_NUMBER)
    PBTI_CLASSIFY_COUNTS(READ_COUNT)
#undef READ_NUMBER
#undef READ_COUNT
    return status;
}

static pbt_status read_score(struct pbt_client *client, enum pbti_classify_score *score,
                             struct pbt_error *err)
{
    static const char *const words[] = {[PBTI_CLASSIFY_ACCURACY] = "accuracy",
                                        [PBTI_CLASSIFY_CROSS_ENTROPY] = "cross_entropy",
                                        [PBTI_CLASSIFY_ERROR] = "error"};
    const char *const text = pbti_setting_text(client, "score", words[*score]);
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i]) == 0) {
            *score = (enum pbti_classify_score)i;
            return PBT_OK;
        }
    }
    return pbti_nn_fail(err, PBT_EINVAL,
                        "\"score\" is \"%.64s\"; allowed are accuracy, cross_entropy, error", text);
}

static pbt_status read_words(struct pbt_client *client, struct pbti_classify_settings *s,
                             struct pbt_error *err)
{
    const char *const act =
        pbti_setting_text(client, "act", pbti_nn_activation_name(s->activation));
    if (!pbti_nn_activation_find(act, &s->activation)) {
        return pbti_nn_fail(err, PBT_EINVAL, "\"act\" is \"%.64s\"; allowed are %s", act,
                            PBTI_NN_ACTIVATION_NAMES);
    }
    pbt_status status = read_score(client, &s->score, err);
    if (status == PBT_OK) {
        status = pbti_setting_choice(client, "split", "held_out", "test", &s->test, err);
    }
    s->data = pbti_setting_text(client, "data", s->data);
    return status;
}

pbt_status pbti_classify_settings_read(struct pbt_client *client,
                                       struct pbti_classify_settings *settings,
                                       struct pbt_error *err)
{
    *settings = pbti_classify_settings_default();
    pbt_status status = read_numbers(client, settings, err);
    if (status == PBT_OK) { status = read_words(client, settings, err); }
    return pbti_setting_end(client, status, err);
}
