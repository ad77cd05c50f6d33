/* SPDX-License-Identifier: Apache-2.0 */
/* trainers.c - the table of builtin trainers, see trainers.h. */
#include "trainers.h"
#include "host/builtin.h"

#include <string.h>

/* A line here is all that a new trainer's folder needs; its struct is pbti_builtin_NAME. */
#define TRAINERS(X)                                                                                \
    X(classify)                                                                                    \
    X(a2c)                                                                                         \
    X(gan)                                                                                         \
    X(translate)

#define DECLARE(name) extern const struct pbti_builtin pbti_builtin_##name;
TRAINERS(DECLARE)
#undef DECLARE

#define ENTRY(name) &pbti_builtin_##name.about,
static const struct pbt_trainer *const table[] = {TRAINERS(ENTRY) NULL};
#undef ENTRY

const struct pbt_trainer *pbt_trainer_at(size_t index)
{
    return index < sizeof table / sizeof table[0] ? table[index] : NULL;
}

const struct pbt_trainer *pbt_trainer_find(const char *name)
{
    size_t i = 0;
    while (table[i] != NULL && strcmp(table[i]->name, name) != 0) {
        i++;
    }
    return table[i];
}

const struct pbt_trainers pbt_trainers = {
    .find = pbt_trainer_find,
    .at = pbt_trainer_at,
    .run = pbt_trainer_run,
};
