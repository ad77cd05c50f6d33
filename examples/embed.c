/* SPDX-License-Identifier: Apache-2.0 */
/*
 * examples/embed.c - tune a gradient descent while it runs.
 *
 * Eight descents walk down the valley x^2 + 100 y^2. The study says which one walks on, from where
 * and how fast; this program walks, keeps the points under the names it is given, and reports
 * heights. Build it with: cc embed.c $(pkg-config --cflags --libs pbt) -o embed
 */
#include <pbt/pbt.h>

#include <stdio.h>
#include <string.h>

static const char spec[] = "population: 8\nsteps: 400\nready: 20\n"
                           "score: {name: height, goal: minimize}\n"
                           "space: {lr: {type: log, low: 1e-6, high: 1}}\n";

static struct point {
    char id[PBT_ID_MAX]; /* the checkpoint's name; "" = this place is free */
    double x, y;
} shelf[64]; /* about two a member are in use at a time */

static struct point *find(const char *id)
{
    size_t place = 0;
    while (strcmp(shelf[place].id, id) != 0) {
        place++;
    }
    return &shelf[place];
}

static void forget(void *context, const char *id)
{
    (void)context, find(id)->id[0] = '\0';
}

int main(void)
{
    struct pbt_error err;
    struct pbt_study *study;
    struct pbt_task task;
    struct pbt_study_opts opts = pbt_study_opts_default();
    opts.forget = forget;
    if (pbt_study_open(NULL, spec, &opts, &study, &err) != PBT_OK) { return puts(err.message), 1; }
    while (pbt_study_next(study, &task, &err) == PBT_OK && task.id[0] != '\0') {
        struct point p = task.from[0] == '\0' ? (struct point){.x = 1, .y = 1} : *find(task.from);
        for (uint64_t i = 0; i < task.steps; i++) {
            p.x -= pbt_task_number(&task, "lr") * 2 * p.x;
            p.y -= pbt_task_number(&task, "lr") * 200 * p.y;
        }
        memcpy(p.id, task.id, sizeof p.id);
        *find("") = p;
        if (pbt_study_report(study, &task, p.x * p.x + 100 * p.y * p.y, &err) != PBT_OK) { break; }
    }
    if (!pbt_study_is_over(study)) { return puts(err.message), 1; }
    struct pbt_best const best = pbt_study_best(study);
    printf("lowest point %s: height %g after %d steps\n", best.id, best.score, (int)best.age);
    pbt_study_close(study);
}
