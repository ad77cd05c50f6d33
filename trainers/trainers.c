/* SPDX-License-Identifier: Apache-2.0 */
/* trainers.c - the table of builtin trainers, see trainers.h. */
#include "trainers.h"

#include <string.h>

static const struct pbt_trainer table[] = {
    {"classify", "a multilayer perceptron on images in idx format (Fashion-MNIST)",
     pbt_trainer_classify},
    {"a2c", "an advantage actor-critic on small games (MinAtar, classic control)", pbt_trainer_a2c},
};

const struct pbt_trainer *pbt_trainer_at(size_t index)
{
    return index < sizeof table / sizeof table[0] ? &table[index] : NULL;
}

const struct pbt_trainer *pbt_trainer_find(const char *name)
{
    for (size_t i = 0; pbt_trainer_at(i) != NULL; i++) {
        if (strcmp(pbt_trainer_at(i)->name, name) == 0) { return pbt_trainer_at(i); }
    }
    return NULL;
}
