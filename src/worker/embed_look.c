/* SPDX-License-Identifier: Apache-2.0 */
/* worker/embed_look.c - what a program sees: a task's hyperparameters, the end, the best. */
#include "worker/embed.h"

#include <math.h>
#include <string.h>

/* For the lock alone. */
static pthread_mutex_t *lock_of(const struct pbt_study *study)
{
    return &((struct pbt_study *)(uintptr_t)study)->lock;
}

/* The hyperparameter of a task that is out, and its value; or NULL. */
static const struct pbti_hp *find_value(const struct pbt_task *task, const char *name,
                                        double *value)
{
    if (task->study == NULL) { return NULL; }
    const struct pbti_space *const space = &task->study->spec->config.space;
    int const hp = pbti_space_find(space, name);
    if (hp < 0) { return NULL; }
    (void)pthread_mutex_lock(lock_of(task->study));
    const struct pbti_embed_slot *const slot = pbti_embed_slot_of(task);
    if (slot != NULL) { *value = slot->values[hp]; }
    (void)pthread_mutex_unlock(lock_of(task->study));
    return slot != NULL ? &space->hp[hp] : NULL;
}

/* The listed value that an ordinal or categorical stands for, or NULL. */
static const struct pbti_hp_value *listed(const struct pbt_task *task, const struct pbti_hp *hp,
                                          double value)
{
    bool const has = pbti_hp_is_listed(hp);
    return has ? &task->study->spec->config.space.values[hp->first + (uint32_t)value] : NULL;
}

double pbt_task_number(const struct pbt_task *task, const char *name)
{
    double value = NAN;
    const struct pbti_hp *const hp = find_value(task, name, &value);
    if (hp == NULL) { return NAN; }
    const struct pbti_hp_value *const item = listed(task, hp, value);
    if (item == NULL) { return value; }
    return item->numeric ? item->number : NAN;
}

const char *pbt_task_text(const struct pbt_task *task, const char *name)
{
    double value = NAN;
    const struct pbti_hp *const hp = find_value(task, name, &value);
    const struct pbti_hp_value *const item = hp == NULL ? NULL : listed(task, hp, value);
    return item == NULL || item->numeric ? NULL : item->text;
}

bool pbt_task_boolean(const struct pbt_task *task, const char *name)
{
    double value = 0.0;
    const struct pbti_hp *const hp = find_value(task, name, &value);
    return hp != NULL && hp->kind == PBTI_HP_BOOLEAN && value == 1.0;
}

bool pbt_study_is_over(const struct pbt_study *study)
{
    (void)pthread_mutex_lock(lock_of(study));
    bool const over = pbti_agent_done(study->agent);
    (void)pthread_mutex_unlock(lock_of(study));
    return over;
}

struct pbt_best pbt_study_best(const struct pbt_study *study)
{
    struct pbt_best best = {.id = "", .score = NAN};
    (void)pthread_mutex_lock(lock_of(study));
    struct pbti_best const found =
        pbti_state_best(pbti_follower_state(study->follower), PBTI_GROUP_POPULATION);
    (void)pthread_mutex_unlock(lock_of(study));
    if (found.checkpoint.segment == 0) { return best; }
    (void)pbti_checkpoint_name(found.checkpoint, best.id);
    best.score = found.score;
    best.age = found.age;
    best.member = found.checkpoint.member;
    return best;
}
