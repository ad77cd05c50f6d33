/* SPDX-License-Identifier: Apache-2.0 */
/* classify_settings.c - what a task of `classify` can be told, see classify_settings.h. */
#include "classify/classify_settings.h"
#include "nn/nn_base.h"

#include <math.h>
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

static double read_number(struct pbt_client *client, const char *name, double otherwise)
{
    return pbt_client_has(client, name) ? pbt_client_number(client, name)
                                        : pbt_client_fixed_number(client, name, otherwise);
}

static const char *read_text(struct pbt_client *client, const char *name, const char *otherwise)
{
    return pbt_client_has(client, name) ? pbt_client_text(client, name)
                                        : pbt_client_fixed_text(client, name, otherwise);
}

static pbt_status set_number(struct pbt_client *client, const char *name, double low, double high,
                             double *value, struct pbt_error *err)
{
    double const number = read_number(client, name, *value);
    if (!(number >= low && number <= high)) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "\"%s\" is %.9g; allowed are numbers from %.9g to %.9g", name, number,
                            low, high);
    }
    *value = number;
    return PBT_OK;
}

static pbt_status set_count(struct pbt_client *client, const char *name, uint32_t low,
                            uint32_t high, uint32_t *value, struct pbt_error *err)
{
    double const number = read_number(client, name, *value);
    if (!(number >= low && number <= high) || number != floor(number)) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "\"%s\" is %.9g; allowed are whole numbers from %u to %u", name, number,
                            low, high);
    }
    *value = (uint32_t)number;
    return PBT_OK;
}

static pbt_status read_numbers(struct pbt_client *client, struct pbti_classify_settings *s,
                               struct pbt_error *err)
{
    pbt_status status = PBT_OK;
#define READ_NUMBER(name, otherwise, low, high)                                                    \
    if (status == PBT_OK) { status = set_number(client, #name, low, high, &s->name, err); }
#define READ_COUNT(name, otherwise, low, high)                                                     \
    if (status == PBT_OK) { status = set_count(client, #name, low, high, &s->name, err); }
    PBTI_CLASSIFY_NUMBERS(READ_NUMBER)
    PBTI_CLASSIFY_COUNTS(READ_COUNT)
#undef READ_NUMBER
#undef READ_COUNT
    return status;
}

/* Which of two words? */
static pbt_status read_choice(struct pbt_client *client, const char *name, const char *first,
                              const char *second, bool *is_second, struct pbt_error *err)
{
    const char *const text = read_text(client, name, first);
    *is_second = strcmp(text, second) == 0;
    if (*is_second || strcmp(text, first) == 0) { return PBT_OK; }
    return pbti_nn_fail(err, PBT_EINVAL, "\"%s\" is \"%.64s\"; allowed are %s and %s", name, text,
                        first, second);
}

static pbt_status read_words(struct pbt_client *client, struct pbti_classify_settings *s,
                             struct pbt_error *err)
{
    const char *const act = read_text(client, "act", pbti_nn_activation_name(s->activation));
    if (!pbti_nn_activation_find(act, &s->activation)) {
        return pbti_nn_fail(err, PBT_EINVAL, "\"act\" is \"%.64s\"; allowed are %s", act,
                            PBTI_NN_ACTIVATION_NAMES);
    }
    bool minimise = false;
    pbt_status status = read_choice(client, "score", "accuracy", "cross_entropy", &minimise, err);
    if (status == PBT_OK) {
        status = read_choice(client, "split", "held_out", "test", &s->test, err);
    }
    s->score = minimise ? PBTI_CLASSIFY_CROSS_ENTROPY : PBTI_CLASSIFY_ACCURACY;
    s->data = read_text(client, "data", s->data);
    return status;
}

pbt_status pbti_classify_settings_read(struct pbt_client *client,
                                       struct pbti_classify_settings *settings,
                                       struct pbt_error *err)
{
    *settings = pbti_classify_settings_default();
    pbt_status status = read_numbers(client, settings, err);
    if (status == PBT_OK) { status = read_words(client, settings, err); }
    /* a value of the wrong type reads as NaN or "": the client's own words are clearer */
    const char *const trouble = pbt_client_error(client);
    if (trouble != NULL) { return pbti_nn_fail(err, PBT_EINVAL, "%s", trouble); }
    return status;
}
