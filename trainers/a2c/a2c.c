/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a2c.c - `builtin: a2c`, the trainer's side of the protocol; see docs/a2c.md.
 *
 * Reads the settings of a task, runs the segment (a2c_run.c), reports.
 */
#include "a2c/a2c_run.h"
#include "pbt_client.h"
#include "trainer_loop.h"
#include "trainers.h"

/* Values as the agent holds them after training, of those in the space. */
static void report_in_force(struct pbt_client *client, const struct pbti_a2c_agent *agent)
{
    const struct {
        const char *name;
        double value;
    } live[] = {
        {"lr", agent->rmsprop.lr},
        {"entropy_cost", agent->entropy_cost},
        {"unroll", agent->unroll},
        {"discount", agent->discount},
        {"trace_decay", agent->trace_decay},
        {"value_cost", agent->value_cost},
        {"rmsprop_decay", agent->rmsprop.decay},
        {"rmsprop_epsilon", agent->rmsprop.epsilon},
        {"clip", agent->clip},
        {"envs", agent->copies},
        {"filters", agent->net.shape.filters},
        {"hidden", agent->net.shape.hidden},
    };
    for (size_t i = 0; i < sizeof live / sizeof live[0]; i++) {
        if (pbt_client_has(client, live[i].name)) {
            pbt_client_in_force(client, live[i].name, live[i].value);
        }
    }
}

static void report_score(struct pbt_client *client, const struct pbti_a2c_result *result, bool list)
{
    double scores[PBTI_TALLY_LIST_MAX];
    uint32_t const count = list ? pbti_a2c_tally_list(&result->counted, scores) : 0;
    if (count > 0 && result->score == result->score) { /* not NaN */
        (void)pbt_client_report_scores(client, scores, count);
    } else {
        (void)pbt_client_report(client, result->score);
    }
}

static void answer(struct pbt_client *client, const struct pbti_a2c *a2c,
                   const struct pbti_a2c_result *result, bool list)
{
    const struct pbti_a2c_tally *const counted = &result->counted;
    pbt_client_metric(client, "episodes", (double)counted->episodes);
    if (counted->episodes > 0) {
        pbt_client_metric(client, "length", counted->frames / (double)counted->episodes);
    }
    if (result->kept > 0) { pbt_client_metric(client, "episodes_kept", (double)result->kept); }
    if (result->unfinished > 0) {
        pbt_client_metric(client, "episodes_unfinished", (double)result->unfinished);
    }
    if (result->trained) {
        pbt_client_metric(client, "entropy", result->entropy);
        pbt_client_metric(client, "value_loss", result->value_loss);
        pbt_client_metric(client, "gradient_norm", result->norm);
        report_in_force(client, &a2c->agent);
    }
    report_score(client, result, list);
}

static pbt_status train(void *state, struct pbt_client *client,
                        const struct pbti_trainer_task *task, struct pbt_error *err)
{
    struct pbti_a2c *const a2c = state;
    struct pbti_a2c_settings settings;
    struct pbti_a2c_result result;
    pbt_status status = pbti_a2c_settings_read(client, &settings, err);
    if (status == PBT_OK) { status = pbti_a2c_run(a2c, &settings, task, &result, err); }
    if (status == PBT_OK) { answer(client, a2c, &result, settings.list); }
    return status;
}

int pbt_trainer_a2c(int argc, char **argv)
{
    (void)argv;
    struct pbti_a2c a2c;
    pbti_a2c_init(&a2c);
    struct pbti_trainer_job const job = {.name = "a2c", .state = &a2c, .train = train};
    int const code = pbti_trainer_loop(argc, &job);
    pbti_a2c_deinit(&a2c);
    return code;
}
