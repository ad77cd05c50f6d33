/* SPDX-License-Identifier: Apache-2.0 */
/* sim/coverage.c - see coverage.h. */
#include "sim/coverage.h"

#define BIT(entry) (1ull << (entry))

static void see_decision(struct pbti_coverage *coverage, const struct pbti_config *config,
                         const struct pbti_event_decision *decision)
{
    bool const judged = decision->why != PBTI_WHY_BUDGET && decision->why != PBTI_WHY_BURN_IN &&
                        decision->why != PBTI_WHY_FAILURES && decision->why != PBTI_WHY_REVIVED;
    coverage->decision |= BIT(decision->kind);
    coverage->why |= BIT(decision->why);
    coverage->mode |= BIT(config->mode);
    coverage->reduce |= BIT(config->reduce);
    if (judged) { coverage->exploit |= BIT(config->exploit); }
    if (decision->why == PBTI_WHY_TRUNCATED) { coverage->compare |= BIT(config->compare); }
    if (decision->kind != PBTI_REPLACE) { return; }
    coverage->explore |= BIT(config->explore);
    for (uint32_t i = 0; i < decision->values_count; i++) {
        coverage->type |= BIT(config->space.hp[i].kind);
        coverage->move |= BIT(decision->moves[i].kind);
    }
}

void pbti_coverage_event(struct pbti_coverage *coverage, const struct pbti_config *config,
                         const struct pbti_event *event)
{
    if (event->type == PBTI_REPORT) { coverage->outcome |= BIT(event->report.outcome); }
    if (event->type == PBTI_DECISION) { see_decision(coverage, config, &event->decision); }
}

void pbti_coverage_add(struct pbti_coverage *sum, const struct pbti_coverage *more)
{
#define ADD(list, count, name) sum->list |= more->list;
    PBTI_COVERAGE_LIST(ADD)
#undef ADD
}

bool pbti_coverage_lacks(const struct pbti_coverage *coverage, const char **list, const char **name)
{
#define LOOK(field, count, name_of)                                                                \
    for (uint8_t i = 0; i < (count); i++) {                                                        \
        if ((coverage->field & BIT(i)) != 0) { continue; }                                         \
        *list = #field;                                                                            \
        *name = name_of(i);                                                                        \
        return true;                                                                               \
    }
    PBTI_COVERAGE_LIST(LOOK)
#undef LOOK
    return false;
}
