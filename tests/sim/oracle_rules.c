/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/oracle_rules.c - what a decision must be: rules 2 to 10, 18 and 19, worked out anew by
 * sorting.
 *
 * Which of several donors or opponents was drawn, and Welch's p, are left to core: the judge makes
 * each decision anew. Everything else is settled here: from it follows what the decision has to be.
 */
#include "sim/oracle.h"

#include <math.h>
#include <string.h>

/* -------- small questions -------- */

double pbti_oracle_rules_key(const struct pbti_config *config, double score)
{
    if (!isfinite(score)) { return -INFINITY; } /* rule 4, in both directions */
    return config->maximize ? score : -score;
}

bool pbti_oracle_rules_better(const struct pbti_config *config, double a, double b)
{
    return pbti_oracle_rules_key(config, a) > pbti_oracle_rules_key(config, b);
}

bool pbti_oracle_rules_through(const struct pbti_config *config, const struct pbti_seen *seen)
{
    return seen->steps >= config->steps || seen->age >= config->max_age;
}

double pbti_oracle_rules_left(const struct pbti_config *config, const struct pbti_seen *seen,
                              uint32_t hp)
{
    static const double pi = 3.14159265358979323846;
    const struct pbti_decay *const decay = &config->decay[hp];
    double const x = fmin((double)seen->age / (double)seen->claimed_span, 1.0);
    switch ((enum pbti_decay_shape)decay->shape) {
    case PBTI_DECAY_NONE: return 1.0;
    case PBTI_DECAY_COSINE: return decay->to + (1.0 - decay->to) * (1.0 + cos(pi * x)) / 2.0;
    case PBTI_DECAY_LINEAR: return 1.0 - x * (1.0 - decay->to);
    }
    return NAN;
}

static bool is_out(const struct pbti_seen *seen)
{
    return seen->phase == PBTI_FAILED || seen->phase == PBTI_GONE || seen->phase == PBTI_OUT;
}

/* Rules 4, 5, 9 and 19. */
bool pbti_oracle_rules_donor(const struct pbti_config *config, const struct pbti_seen *seen)
{
    return !is_out(seen) && seen->source == PBTI_SCORE_OWN && isfinite(seen->score) &&
           seen->start.segment > 0 && seen->age < config->max_age;
}

static bool exploits(const struct pbti_config *config, uint8_t group)
{
    return config->exploit != PBTI_EXPLOIT_NONE && group != PBTI_GROUP_INDEPENDENT;
}

/* -------- the ranking that a member is judged by -------- */

struct ranking {
    uint32_t member[PBTI_SEEN_MEMBERS_MAX]; /* best first */
    double key[PBTI_SEEN_MEMBERS_MAX];      /* by member: what is compared; larger is better */
    uint32_t count;
    uint32_t size; /* of the top and of the bottom group: rule 2 */
};

/* Is the member compared by what others scored at its age? */
static bool is_equal_age(const struct pbti_oracle *w, uint32_t member)
{
    return w->config->compare == PBTI_COMPARE_EQUAL_AGE &&
           w->config->exploit != PBTI_EXPLOIT_TTEST && w->member[member].phase != PBTI_FAILED;
}

/* What `other` has to show when `member` is judged; false: nothing. */
static bool shows(const struct pbti_oracle *w, uint32_t member, uint32_t other, double *key)
{
    const struct pbti_seen *const seen = &w->member[other];
    if (seen->group != w->member[member].group || is_out(seen)) { return false; }
    *key = pbti_oracle_rules_key(w->config, seen->score);
    if (!is_equal_age(w, member)) { return seen->source != PBTI_SCORE_NONE; }
    uint64_t const row = w->member[member].age / w->config->ready_every;
    if (row >= w->rows) { return false; }
    *key = w->at_age[row][other];
    return !isnan(*key);
}

static void rank(const struct pbti_oracle *w, uint32_t member, struct ranking *ranking)
{
    ranking->count = 0;
    for (uint32_t i = 0; i < w->members; i++) {
        if (!shows(w, member, i, &ranking->key[i])) { continue; }
        uint32_t at = ranking->count++;
        /* rule 3: ties by index, and whoever is there already has a lower one */
        while (at > 0 && ranking->key[i] > ranking->key[ranking->member[at - 1]]) {
            ranking->member[at] = ranking->member[at - 1];
            at--;
        }
        ranking->member[at] = i;
    }
    double const wanted = ceil(w->config->quantile * (double)ranking->count - 1e-9);
    double const half = floor((double)ranking->count / 2.0);
    ranking->size = (uint32_t)fmin(wanted, half);
}

static uint32_t place_of(const struct ranking *ranking, uint32_t member)
{
    for (uint32_t i = 0; i < ranking->count; i++) {
        if (ranking->member[i] == member) { return i; }
    }
    return PBTI_NO_MEMBER;
}

/* Those among the first `places` that may be copied from, `member` left out; a set of bits. */
static uint32_t donors_among(const struct pbti_oracle *w, const struct ranking *ranking,
                             uint32_t places, uint32_t member)
{
    uint32_t donors = 0;
    for (uint32_t i = 0; i < places && i < ranking->count; i++) {
        uint32_t const other = ranking->member[i];
        bool const shown = isfinite(ranking->key[other]);
        if (other != member && shown && pbti_oracle_rules_donor(w->config, &w->member[other])) {
            donors |= 1u << other;
        }
    }
    return donors;
}

/* -------- what must become of a member -------- */

struct verdict {
    uint8_t kind;    /* enum pbti_decision_kind */
    bool either;     /* keep and replace are both allowed: the test decides */
    uint32_t donors; /* whom it may copy: bits */
};

static struct verdict verdict_failed(const struct pbti_oracle *w, uint32_t member,
                                     const struct ranking *ranking)
{
    const struct pbti_seen *const seen = &w->member[member];
    uint32_t const all = donors_among(w, ranking, ranking->count, member);
    bool const hopeless =
        !exploits(w->config, seen->group) || seen->revivals >= w->config->revivals;
    if (hopeless || all == 0) { return (struct verdict){PBTI_GIVE_UP, false, 0}; }
    if (w->config->exploit != PBTI_EXPLOIT_TRUNCATION) {
        return (struct verdict){PBTI_REPLACE, false, all};
    }
    uint32_t donors = donors_among(w, ranking, ranking->size, member);
    for (uint32_t places = 1; donors == 0; places++) { /* nobody on top: the best there is */
        donors = donors_among(w, ranking, places, member);
    }
    return (struct verdict){PBTI_REPLACE, false, donors};
}

/* Rules 2, 3 and 10. */
static struct verdict verdict_truncation(const struct pbti_oracle *w, uint32_t member,
                                         const struct ranking *ranking)
{
    uint32_t const donors = donors_among(w, ranking, ranking->size, member);
    uint32_t const place = place_of(ranking, member);
    bool const bottom = place != PBTI_NO_MEMBER && place >= ranking->count - ranking->size;
    uint8_t const kind = bottom && donors != 0 ? PBTI_REPLACE : PBTI_KEEP;
    return (struct verdict){kind, false, donors};
}

/* The opponent is drawn; what follows from it is not. */
static struct verdict verdict_opponent(const struct pbti_oracle *w, uint32_t member,
                                       uint32_t opponent, const struct ranking *ranking)
{
    struct verdict verdict = {PBTI_KEEP, false, donors_among(w, ranking, ranking->count, member)};
    bool const alone = verdict.donors == 0 || place_of(ranking, member) == PBTI_NO_MEMBER;
    if (alone) { return verdict; }
    verdict.kind = PBTI_REPLACE;
    if (opponent >= w->members || (verdict.donors & (1u << opponent)) == 0) {
        verdict.donors = 0; /* one had to be drawn: check_verdict() will say so */
        return verdict;
    }
    if (ranking->key[opponent] <= ranking->key[member]) { verdict.kind = PBTI_KEEP; }
    bool const tests = w->config->exploit == PBTI_EXPLOIT_TTEST && isfinite(ranking->key[member]);
    if (verdict.kind == PBTI_KEEP || !tests) { return verdict; }
    bool const few = w->member[member].scores_count < w->config->scores_min ||
                     w->member[opponent].scores_count < w->config->scores_min;
    if (few) { verdict.kind = PBTI_KEEP; }
    verdict.either = !few;
    return verdict;
}

static struct verdict verdict_on(const struct pbti_oracle *w,
                                 const struct pbti_event_decision *decision,
                                 const struct ranking *ranking)
{
    const struct pbti_config *const config = w->config;
    uint32_t const member = decision->member;
    const struct pbti_seen *const seen = &w->member[member];
    if (seen->phase == PBTI_FAILED) { return verdict_failed(w, member, ranking); }
    if (pbti_oracle_rules_through(config, seen)) { return (struct verdict){PBTI_FINISH, false, 0}; }
    if (config->rungs != PBTI_RUNGS_NONE) {
        return (struct verdict){pbti_oracle_rungs_verdict(w, decision), false, 0};
    }
    if (seen->steps < config->burn_in || !exploits(config, seen->group)) {
        return (struct verdict){PBTI_KEEP, false, 0};
    }
    if (config->exploit == PBTI_EXPLOIT_TRUNCATION) {
        return verdict_truncation(w, member, ranking);
    }
    return verdict_opponent(w, member, decision->opponent, ranking);
}

/* -------- who is copied -------- */

static void check_donor(struct pbti_oracle *w, const struct pbti_event_decision *decision,
                        struct verdict verdict)
{
    uint32_t const donor = decision->opponent;
    const struct pbti_config *const config = w->config;
    if (donor >= w->members || donor == decision->member ||
        w->member[donor].group != w->member[decision->member].group) {
        pbti_oracle_blame(w, "5: member %u copies from member %u", decision->member, donor);
        return;
    }
    const struct pbti_seen *const seen = &w->member[donor];
    if (!pbti_oracle_rules_donor(config, seen)) {
        pbti_oracle_blame(w, "%s: member %u may not be copied",
                          !isfinite(seen->score)                 ? "4"
                          : is_out(seen)                         ? "5"
                          : seen->source == PBTI_SCORE_INHERITED ? "9"
                                                                 : "19",
                          donor);
    }
    if ((verdict.donors & (1u << donor)) == 0) {
        pbti_oracle_blame(w, "3: donor %u of member %u is not of the top group", donor,
                          decision->member);
    }
    bool const worse =
        pbti_oracle_rules_better(config, decision->score, decision->opponent_score); /* rule 10 */
    if (worse && decision->why != PBTI_WHY_REVIVED) {
        pbti_oracle_blame(w, "10: member %u copies the worse member %u", decision->member, donor);
    }
}

/* -------- the floor under the founders -------- */

/* The founder of the weights that a member will have after the decisions that are recorded;
 * PBTI_NO_MEMBER: it is no longer there. */
static uint32_t founder_of(const struct pbti_oracle *w, uint32_t member)
{
    const struct pbti_seen *const seen = &w->member[member];
    if (seen->phase == PBTI_GONE || seen->phase == PBTI_OUT) { return PBTI_NO_MEMBER; }
    for (uint32_t i = 0; i < w->pending_count; i++) {
        const struct pbti_seen_decision *const decision = &w->pending[i];
        if (decision->member != member) { continue; }
        if (decision->kind == PBTI_GIVE_UP) { return PBTI_NO_MEMBER; }
        bool const copies = decision->kind == PBTI_REPLACE && (decision->copied & 1u) != 0;
        if (copies) { return decision->donor.founder; }
    }
    return seen->founder;
}

/* Must this member of the population be spared, because it is the last of its line while there are
 * no more lines than the floor asks for? */
static bool is_spared(const struct pbti_oracle *w, uint32_t member)
{
    const struct pbti_config *const config = w->config;
    const struct pbti_seen *const seen = &w->member[member];
    bool lives[PBTI_SEEN_MEMBERS_MAX] = {false};
    uint32_t lines = 0;
    uint32_t alive = 0;
    uint32_t own = 0;
    if (config->founders_keep <= 0.0 || seen->group != PBTI_GROUP_POPULATION) { return false; }
    for (uint32_t i = 0; i < w->members; i++) {
        uint32_t const founder = founder_of(w, i);
        if (w->member[i].group != seen->group || founder == PBTI_NO_MEMBER) { continue; }
        alive++;
        if (founder == seen->founder) { own++; }
        if (!lives[founder]) { lines++; }
        lives[founder] = true;
    }
    double const done = (double)seen->steps / (config->founders_until * (double)config->steps);
    double const wanted = config->founders_keep * alive * (1.0 - done);
    uint32_t floor_now = 0;
    while ((double)floor_now < wanted - 1e-9) {
        floor_now++;
    }
    return own == 1 && lines <= floor_now;
}

/* With a floor, a generation is judged from its worst member on. */
static void check_turn(struct pbti_oracle *w, const struct pbti_event_decision *decision,
                       const struct ranking *ranking)
{
    uint32_t const own = place_of(ranking, decision->member);
    bool const matters = w->config->mode == PBTI_GENERATIONAL && w->config->founders_keep > 0.0 &&
                         w->config->compare == PBTI_COMPARE_LATEST;
    if (!matters || own == PBTI_NO_MEMBER) { return; }
    for (uint32_t place = own + 1; place < ranking->count; place++) {
        uint32_t const worse = ranking->member[place];
        bool recorded = w->member[worse].phase != PBTI_REPORTED;
        for (uint32_t i = 0; i < w->pending_count; i++) {
            recorded = recorded || w->pending[i].member == worse;
        }
        if (!recorded) {
            pbti_oracle_blame(w, "2: member %u is judged before the worse member %u",
                              decision->member, worse);
        }
    }
}

static void check_verdict(struct pbti_oracle *w, const struct pbti_event_decision *decision)
{
    struct ranking ranking;
    rank(w, decision->member, &ranking);
    struct verdict const verdict = verdict_on(w, decision, &ranking);
    uint8_t kind = verdict.kind;
    uint32_t const donor = decision->opponent;
    bool const judged = kind == PBTI_REPLACE && decision->why != PBTI_WHY_REVIVED &&
                        w->config->gap_min > 0.0 && donor < w->members &&
                        (verdict.donors & (1u << donor)) != 0;
    bool const close =
        judged && ranking.key[donor] - ranking.key[decision->member] < w->config->gap_min;
    if (close) { kind = PBTI_KEEP; }
    bool const drawn = kind == PBTI_REPLACE && decision->why != PBTI_WHY_REVIVED &&
                       donor < w->members && (verdict.donors & (1u << donor)) != 0;
    bool const strict = w->config->rules >= 2 && !w->config->ties_copy;
    if (drawn && strict && ranking.key[donor] <= ranking.key[decision->member]) {
        kind = PBTI_KEEP; /* equal is not better */
    }
    bool const spared = drawn && kind == PBTI_REPLACE && is_spared(w, decision->member);
    if (spared) { kind = PBTI_KEEP; }
    if (spared != (decision->why == PBTI_WHY_LAST_OF_LINE) && !verdict.either) {
        pbti_oracle_blame(w, "2: member %u is %s the last of its line", decision->member,
                          spared ? "not kept as" : "called");
    }
    check_turn(w, decision, &ranking);
    bool const either = verdict.either && !spared &&
                        (decision->kind == PBTI_KEEP || decision->kind == PBTI_REPLACE);
    if (decision->kind != kind && !either) {
        const char *const rule = kind == PBTI_FINISH || decision->kind == PBTI_FINISH ? "18" : "2";
        pbti_oracle_blame(w, "%s: the decision on member %u is to %s, and should be to %s", rule,
                          decision->member, pbti_decision_name(decision->kind),
                          pbti_decision_name(kind));
    }
    if (decision->kind == PBTI_REPLACE) { check_donor(w, decision, verdict); }
}

/* A failed member is given up for want of a donor only when nobody can become one (rule 15). */
static void check_patience(struct pbti_oracle *w, const struct pbti_event_decision *decision)
{
    if (decision->kind != PBTI_GIVE_UP || decision->why != PBTI_WHY_NO_DONOR) { return; }
    for (uint32_t i = 0; i < w->members; i++) {
        const struct pbti_seen *const seen = &w->member[i];
        bool const hope = seen->group == w->member[decision->member].group &&
                          (seen->phase == PBTI_WAITING || seen->phase == PBTI_RUNNING);
        if (hope && w->pending_count == 0) {
            pbti_oracle_blame(w, "5: member %u is given up while member %u trains",
                              decision->member, i);
        }
    }
}

/* -------- hyperparameters -------- */

static double clipped(const struct pbti_hp *hp, double value)
{
    return fmin(fmax(value, hp->low), hp->high);
}

static bool is_near(double a, double b)
{
    return fabs(a - b) <= 1e-9 * fmax(1e-300, fmax(fabs(a), fabs(b)));
}

/* Rule 7: is `value` what `factor` makes of `base`? */
static bool is_perturbed(const struct pbti_hp *hp, double base, double factor, double value)
{
    double const range = hp->high - hp->low;
    double const times = base == 0.0 ? (factor - 1.0) * range : base * factor;
    double const odds = base / (1.0 - base) * factor;
    double const up = factor > 1.0 ? 1.0 : factor < 1.0 ? -1.0 : 0.0;
    switch ((enum pbti_hp_kind)hp->kind) {
    case PBTI_HP_LINEAR:
    case PBTI_HP_LOG: return is_near(value, clipped(hp, times));
    case PBTI_HP_LOGIT: return is_near(value, clipped(hp, odds / (1.0 + odds)));
    case PBTI_HP_INTEGER:
        if (value == base) { /* only where it cannot move */
            double const next = times > base ? base + 1.0 : base - 1.0;
            return factor == 1.0 || clipped(hp, next) == base;
        }
        return fabs(value - clipped(hp, times)) <= 1.0 && (value > base) == (times > base);
    case PBTI_HP_ORDINAL: return value == clipped(hp, base + up);
    case PBTI_HP_CATEGORICAL:
    case PBTI_HP_BOOLEAN: break;
    }
    return value == base;
}

static bool is_factor(const struct pbti_config *config, double amount)
{
    for (uint32_t i = 0; i < config->factors_count; i++) {
        if (config->factors[i] == amount) { return true; }
    }
    return false;
}

/* May this hyperparameter be left alone although its member explores? */
static bool may_stay(const struct pbti_config *config, const struct pbti_hp *hp)
{
    bool const by_draw = hp->kind == PBTI_HP_CATEGORICAL || hp->kind == PBTI_HP_BOOLEAN;
    return hp->frozen || by_draw || config->explore == PBTI_EXPLORE_RESAMPLE;
}

/* Rules 6, 7 and 8 for one hyperparameter of a member that explores. */
static const char *check_explored(const struct pbti_config *config, const struct pbti_hp *hp,
                                  double base, double value, struct pbti_move move)
{
    uint8_t const explore = config->explore;
    bool const perturbs = explore == PBTI_EXPLORE_PERTURB || explore == PBTI_EXPLORE_BOTH;
    bool const resamples = explore == PBTI_EXPLORE_RESAMPLE || explore == PBTI_EXPLORE_BOTH;
    if (hp->frozen && move.kind != PBTI_MOVE_KEPT) { return "8: a frozen hyperparameter moved"; }
    switch ((enum pbti_move_kind)move.kind) {
    case PBTI_MOVE_KEPT:
        if (value != base) { return "6: a hyperparameter changed without a move"; }
        return may_stay(config, hp) ? NULL : "6: a hyperparameter was not explored";
    case PBTI_MOVE_FACTOR:
        if (!perturbs || !is_factor(config, move.amount)) { return "6: a factor from nowhere"; }
        return is_perturbed(hp, base, move.amount, value) ? NULL : "7: a wrong perturbation";
    case PBTI_MOVE_NOISE: return perturbs && config->noise > 0.0 ? NULL : "6: noise from nowhere";
    case PBTI_MOVE_RESAMPLED:
        if (!resamples || move.amount >= config->resample + 1.0) {
            return "6: a draw from nowhere";
        }
        return value == pbti_hp_sample(hp, move.amount) ? NULL : "7: a wrong draw from the prior";
    case PBTI_MOVE_SCHEDULED: break;
    }
    return "6: a schedule from nowhere";
}

/* The row of the schedule for an age. */
static const double *row_for(const struct pbti_config *config, uint64_t age)
{
    uint32_t row = 0;
    while (row + 1 < config->schedule_count && config->schedule_age[row + 1] <= age) {
        row++;
    }
    return config->schedule + row * config->space.count;
}

static void check_values(struct pbti_oracle *w, const struct pbti_event_decision *decision)
{
    const struct pbti_config *const config = w->config;
    const struct pbti_seen *const own = &w->member[decision->member];
    bool const replaced = decision->kind == PBTI_REPLACE;
    const struct pbti_seen *const donor = replaced ? &w->member[decision->opponent] : own;
    bool const goes_on = replaced || decision->kind == PBTI_KEEP;
    bool const population = own->group == PBTI_GROUP_POPULATION;
    bool const scheduled = population && config->explore == PBTI_EXPLORE_SCHEDULE;
    bool const always = config->explore_always && decision->why != PBTI_WHY_BURN_IN;
    bool const in_place = config->founders_explore && decision->why == PBTI_WHY_LAST_OF_LINE;
    bool const explores = population && goes_on && !scheduled &&
                          config->explore != PBTI_EXPLORE_NONE && (replaced || always || in_place);
    if ((replaced || explores) && decision->values_count != config->space.count) {
        pbti_oracle_blame(w, "6: member %u goes on without hyperparameters", decision->member);
        return;
    }
    if (decision->values_count > 0 && !replaced && !explores && !scheduled) {
        pbti_oracle_blame(w, "6: member %u explores without reason", decision->member);
    }
    uint8_t const copied = replaced ? decision->copied : 0;
    if (replaced && copied != config->copy) {
        pbti_oracle_blame(w, "6: member %u copies something else than asked", decision->member);
    }
    uint64_t const age = (copied & PBTI_COPY_WEIGHTS) != 0 ? donor->age : own->age;
    for (uint32_t i = 0; i < decision->values_count; i++) {
        const struct pbti_hp *const hp = &config->space.hp[i];
        uint8_t const part = hp->frozen ? PBTI_COPY_WEIGHTS : PBTI_COPY_HYPERPARAMETERS;
        double base = (copied & part) != 0 ? donor->values[i] : own->values[i];
        if (scheduled && !hp->frozen) { base = row_for(config, age)[i]; }
        double const value = decision->values[i];
        const char *broken = value != base ? "6: a hyperparameter is not what was copied" : NULL;
        if (explores) { broken = check_explored(config, hp, base, value, decision->moves[i]); }
        if (!pbti_hp_valid(hp, value)) { broken = "7: a hyperparameter is out of bounds"; }
        if (broken != NULL) {
            pbti_oracle_blame(w, "%s (member %u, \"%s\")", broken, decision->member, hp->name);
        }
    }
}

/* -------- all of it -------- */

void pbti_oracle_rules_check(struct pbti_oracle *w, const struct pbti_event_decision *decision)
{
    uint32_t const member = decision->member;
    uint8_t const phase = member < w->members ? w->member[member].phase : PBTI_GONE;
    bool const fits = member < w->members && decision->segment == w->member[member].segment &&
                      (phase == PBTI_REPORTED || phase == PBTI_FAILED || phase == PBTI_PAUSED);
    if (!fits) {
        pbti_oracle_blame(w, "12: a decision on member %u, which has not reported", member);
        return;
    }
    check_verdict(w, decision);
    check_patience(w, decision);
    if (w->broken[0] == '\0') { check_values(w, decision); }
}
