/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zoo_toy.c - the plain and the deceptive toy of PBT-Zoo ("To Be Greedy, or Not to Be", TMLR 2025,
 * section 5.2), a trainer.
 *
 * The "network" is one number, theta, 0.9 at first; the score is 1.2 - theta^2. A step is
 *
 *     theta <- theta - 0.001 * 2 * max(2 - h - penalty * deviation, 0) * theta
 *
 * where deviation sums |h - (1 - age / total)| over the weights' ages 0, 20, 40, ... so far. With
 * penalty 0 (plain) h = 0 is best at every age. With penalty 0.2 (deceptive) it still is for the
 * next steps, but what it adds to the deviation is held against the weights for ever: the best
 * end is reached by letting h fall from 1 to 0 in a straight line.
 *
 * Difference to PBT-Zoo: the deviation grows every 20 steps, not once a segment, so that the task
 * stays the same when members are judged less often; the score is that after the last step.
 *
 *     cc -O2 -I$CLIENT zoo_toy.c $CLIENT/pbt_client.c -ljansson -lm -o zoo_toy
 */
#include "pbt_client.h"

#include <math.h>
#include <stdio.h>

#define EVERY 20 /* steps between two looks at h */

struct weights {
    double theta, deviation;
};

/* Open DIRECTORY/weights; NULL when it cannot. */
static FILE *open_checkpoint(const char *directory, const char *mode)
{
    char path[4096];
    const int size = snprintf(path, sizeof path, "%s/weights", directory);
    return size < 0 || (size_t)size >= sizeof path ? NULL : fopen(path, mode);
}

static bool save(const struct weights *weights, const char *directory)
{
    FILE *const file = open_checkpoint(directory, "wb");
    if (file == NULL) { return false; }
    const bool written = fwrite(weights, sizeof *weights, 1, file) == 1;
    return fclose(file) == 0 && written;
}

static bool load(struct weights *weights, const char *directory)
{
    FILE *const file = open_checkpoint(directory, "rb");
    if (file == NULL) { return false; }
    const bool whole = fread(weights, sizeof *weights, 1, file) == 1;
    (void)fclose(file);
    return whole;
}

static void train(struct pbt_client *client, const struct pbt_client_task *task,
                  struct weights *weights)
{
    const double h = pbt_client_number(client, "h");
    const double total = pbt_client_fixed_number(client, "total", 1000);
    const double penalty = pbt_client_fixed_number(client, "penalty", 0);
    for (uint64_t step = 0; step < task->steps; step++) {
        const uint64_t age = task->age + step;
        if (age % EVERY == 0) { weights->deviation += fabs(h - (1 - (double)age / total)); }
        const double pull = fmax(2 - h - penalty * weights->deviation, 0);
        weights->theta -= 0.001 * 2 * pull * weights->theta;
        (void)pbt_client_progress(client, step + 1, NULL, NULL, 0);
    }
}

static int run_task(struct pbt_client *client, const struct pbt_client_task *task,
                    struct weights *weights)
{
    if (task->start == PBT_CLIENT_FRESH) { *weights = (struct weights){0.9, 0}; }
    if (task->load != NULL && !load(weights, task->load)) {
        return pbt_client_fail(client, "other", "could not read the checkpoint");
    }
    train(client, task, weights);
    if (task->save != NULL && !save(weights, task->save)) {
        return pbt_client_fail(client, "other", "could not write the checkpoint");
    }
    pbt_client_metric(client, "deviation", weights->deviation);
    return pbt_client_report(client, 1.2 - weights->theta * weights->theta);
}

int main(void)
{
    char why[256] = "";
    struct weights weights = {0};
    struct pbt_client_task task;
    struct pbt_client *const client = pbt_client_open("zoo_toy", why, sizeof why);
    if (client == NULL) {
        (void)fprintf(stderr, "zoo_toy: %s\n", why);
        return 1;
    }
    int got;
    while ((got = pbt_client_next(client, &task)) == 1) {
        (void)run_task(client, &task, &weights);
    }
    pbt_client_close(client);
    return got < 0 ? 1 : 0;
}
