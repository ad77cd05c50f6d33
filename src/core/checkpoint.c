/* SPDX-License-Identifier: Apache-2.0 */
/* core/checkpoint.c - names of checkpoints; see checkpoint.h. */
#include "core/checkpoint.h"

#include <stddef.h>
#include <stdio.h>

bool pbti_checkpoint_equal(struct pbti_checkpoint a, struct pbti_checkpoint b)
{
    return a.member == b.member && a.segment == b.segment && a.attempt == b.attempt;
}

const char *pbti_checkpoint_name(struct pbti_checkpoint checkpoint,
                                 char name[PBTI_CHECKPOINT_NAME_MAX])
{
    (void)snprintf(name, PBTI_CHECKPOINT_NAME_MAX, "m%u.s%u.a%u", checkpoint.member,
                   checkpoint.segment, checkpoint.attempt);
    return name;
}

/* Read `letter` and a number without leading zeros; NULL when that is not what is there. */
static const char *parse_part(const char *text, char letter, uint32_t *number)
{
    if (text == NULL || *text++ != letter) { return NULL; }
    if (*text < '0' || *text > '9' || (text[0] == '0' && text[1] >= '0' && text[1] <= '9')) {
        return NULL;
    }
    uint64_t value = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        value = 10 * value + (uint64_t)(*text - '0');
        if (value > UINT32_MAX) { return NULL; }
    }
    *number = (uint32_t)value;
    return text;
}

const char *pbti_checkpoint_parse_first(const char *text, struct pbti_checkpoint *checkpoint)
{
    const char *rest = parse_part(text, 'm', &checkpoint->member);
    if (rest == NULL || *rest++ != '.') { return NULL; }
    rest = parse_part(rest, 's', &checkpoint->segment);
    if (rest == NULL || *rest++ != '.') { return NULL; }
    return parse_part(rest, 'a', &checkpoint->attempt);
}

bool pbti_checkpoint_parse(const char *name, struct pbti_checkpoint *checkpoint)
{
    const char *const rest = pbti_checkpoint_parse_first(name, checkpoint);
    return rest != NULL && *rest == '\0';
}
