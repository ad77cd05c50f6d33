/* SPDX-License-Identifier: Apache-2.0 */
/* view/rules_line.c - what decides in a study, in one line; see rules_line.h. */
#include "view/rules_line.h"

#include "core/explore.h"
#include "spec/manifest.h"
#include "spec/spec_read.h"
#include "view/format.h"

#include <inttypes.h>

static void add_number(struct pbti_str *str, const char *name, double value)
{
    pbti_str_addf(str, ", %s %.6g", name, value);
}

static void add_exploit(struct pbti_str *str, const struct pbti_config *config)
{
    pbti_str_addf(str, "; exploit %s", pbti_exploit_name(config->exploit));
    if (config->exploit == PBTI_EXPLOIT_TRUNCATION) {
        add_number(str, "quantile", config->quantile);
    }
    if (config->exploit == PBTI_EXPLOIT_TTEST) { add_number(str, "alpha", config->alpha); }
    if (config->gap_min > 0.0) { add_number(str, "gap", config->gap_min); }
    if (config->ties_copy) { pbti_str_add(str, ", ties are copied"); }
    if (config->founders_keep > 0.0) {
        add_number(str, "founders", config->founders_keep);
        add_number(str, "until", config->founders_until);
    }
    if (config->copy != PBTI_COPY_BOTH) {
        pbti_str_addf(str, ", copies %s only", pbti_word_text(PBTI_WORDS_COPY, config->copy));
    }
}

static void add_explore(struct pbti_str *str, const struct pbti_config *config)
{
    uint32_t const moves = pbti_explore_rule(config->explore)->moves;
    pbti_str_addf(str, "; explore %s", pbti_explore_name(config->explore));
    if ((moves & PBTI_MOVE_BIT(PBTI_MOVE_FACTOR)) != 0 && config->noise > 0.0) {
        add_number(str, "noise", config->noise);
    } else if ((moves & PBTI_MOVE_BIT(PBTI_MOVE_FACTOR)) != 0) {
        for (uint32_t i = 0; i < config->factors_count; i++) {
            pbti_str_addf(str, i == 0 ? ", factors %.6g" : " %.6g", config->factors[i]);
        }
    }
    if ((moves & PBTI_MOVE_BIT(PBTI_MOVE_RESAMPLED)) != 0) {
        add_number(str, "probability", config->resample);
    }
    if (config->explore_always) { pbti_str_add(str, ", at every judgement"); }
}

void pbti_str_rules(struct pbti_str *str, const struct pbti_config *config)
{
    bool const exploits = config->exploit != PBTI_EXPLOIT_NONE;
    bool const explores = config->explore != PBTI_EXPLORE_NONE;
    pbti_str_addf(str, "strategy %s, %s, ready every ",
                  pbti_strategies[pbti_strategy_of(config)].name, pbti_mode_name(config->mode));
    pbti_str_count(str, config->ready_every);
    pbti_str_add(str, config->ready_every == 1 ? " step" : " steps");
    if (config->burn_in > 0) {
        pbti_str_add(str, " after the first ");
        pbti_str_count(str, config->burn_in);
    }
    if (config->rungs != PBTI_RUNGS_NONE) {
        pbti_str_addf(str, "; eta %" PRIu32 ", rungs from ", config->eta);
        pbti_str_count(str, config->rung_min);
        pbti_str_add(str, config->rung_min == 1 ? " step" : " steps");
    }
    if (exploits) { add_exploit(str, config); }
    if (explores) { add_explore(str, config); }
}
