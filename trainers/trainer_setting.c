/* SPDX-License-Identifier: Apache-2.0 */
/* trainer_setting.c - reading the settings of a task, see trainer_setting.h. */
#include "trainer_setting.h"
#include "nn/nn_base.h"

#include <math.h>
#include <string.h>

static double read_number(struct pbt_client *client, const char *name, double otherwise)
{
    return pbt_client_has(client, name) ? pbt_client_number(client, name)
                                        : pbt_client_fixed_number(client, name, otherwise);
}

pbt_status pbti_setting_number(struct pbt_client *client, const char *name, double low, double high,
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

pbt_status pbti_setting_count(struct pbt_client *client, const char *name, uint32_t low,
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

pbt_status pbti_setting_switch(struct pbt_client *client, const char *name, bool *value,
                               struct pbt_error *err)
{
    if (pbt_client_has(client, name)) {
        *value = pbt_client_boolean(client, name);
        return PBT_OK;
    }
    double const number = pbt_client_fixed_number(client, name, *value ? 1.0 : 0.0);
    if (number != 0.0 && number != 1.0) {
        return pbti_nn_fail(err, PBT_EINVAL, "\"%s\" is %.9g; allowed are true and false", name,
                            number);
    }
    *value = number == 1.0;
    return PBT_OK;
}

const char *pbti_setting_text(struct pbt_client *client, const char *name, const char *otherwise)
{
    return pbt_client_has(client, name) ? pbt_client_text(client, name)
                                        : pbt_client_fixed_text(client, name, otherwise);
}

pbt_status pbti_setting_choice(struct pbt_client *client, const char *name, const char *first,
                               const char *second, bool *is_second, struct pbt_error *err)
{
    const char *const text = pbti_setting_text(client, name, first);
    bool const matches = strcmp(text, second) == 0;
    if (!matches && strcmp(text, first) != 0) {
        return pbti_nn_fail(err, PBT_EINVAL, "\"%s\" is \"%.64s\"; allowed are %s and %s", name,
                            text, first, second);
    }
    *is_second = matches;
    return PBT_OK;
}

pbt_status pbti_setting_end(struct pbt_client *client, pbt_status status, struct pbt_error *err)
{
    const char *const trouble = pbt_client_error(client);
    return trouble == NULL ? status : pbti_nn_fail(err, PBT_EINVAL, "%s", trouble);
}
