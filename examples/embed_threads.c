/* SPDX-License-Identifier: Apache-2.0 */
/*
 * examples/embed_threads.c - the same descent as embed.c, run by the library on two threads.
 *
 * The program gives a table of five functions; the library calls them, keeps checkpoints as
 * folders, deletes those that nothing needs, and goes on where it stopped when the program is
 * started again with the same folder. Use it where training is a function and nothing else in the
 * program has to own the loop. Build it with:
 *
 *     cc embed_threads.c $(pkg-config --cflags --libs pbt) -o embed_threads && ./embed_threads
 */
#include <pbt/pbt.h>

#include <stdio.h>
#include <stdlib.h>

static const char spec[] = "population: 8\nsteps: 400\nready: 80\n"
                           "score: {name: height, goal: minimize}\n"
                           "space: {lr: {type: log, low: 1e-6, high: 1}}\n";

struct point {
    double x, y;
};

static int create(void *context, uint32_t slot, void **model)
{
    (void)context, (void)slot;
    *model = malloc(sizeof(struct point));
    return *model == NULL;
}

static int train(void *context, void *model, const struct pbt_task *task, double *score)
{
    struct point *const p = model;
    (void)context;
    if (task->from[0] == '\0') { *p = (struct point){.x = 1, .y = 1}; }
    double const lr = pbt_task_number(task, "lr");
    for (uint64_t i = 0; i < task->steps; i++) {
        p->x -= lr * 2 * p->x;
        p->y -= lr * 200 * p->y;
    }
    *score = p->x * p->x + 100 * p->y * p->y;
    return 0;
}

/* The one file of a checkpoint. */
static FILE *open_point(const char *directory, const char *mode)
{
    char path[4096];
    int const size = snprintf(path, sizeof path, "%s/point", directory);
    return size < (int)sizeof path ? fopen(path, mode) : NULL;
}

static int save(void *context, void *model, const char *directory)
{
    FILE *const file = open_point(directory, "wb");
    (void)context;
    if (file == NULL) { return 1; }
    size_t const written = fwrite(model, sizeof(struct point), 1, file);
    return fclose(file) != 0 || written != 1;
}

static int load(void *context, void *model, const char *directory)
{
    FILE *const file = open_point(directory, "rb");
    (void)context;
    if (file == NULL) { return 1; }
    size_t const read = fread(model, sizeof(struct point), 1, file);
    return fclose(file) != 0 || read != 1;
}

static void destroy(void *context, void *model)
{
    (void)context;
    free(model);
}

int main(int argc, char **argv)
{
    static const struct pbt_trainer_vtab trainer = {.version = 1,
                                                    .create = create,
                                                    .train = train,
                                                    .save = save,
                                                    .load = load,
                                                    .destroy = destroy};
    const char *const folder = argc > 1 ? argv[1] : "valley";
    struct pbt_error err;
    struct pbt_study *study;
    struct pbt_study_opts opts = pbt_study_opts_default();
    opts.slots = 2;
    if (pbt_study_open(folder, spec, &opts, &study, &err) != PBT_OK) {
        return puts(err.message), 1;
    }
    pbt_status const status = pbt_study_run(study, &trainer, NULL, &err);
    if (status != PBT_OK) { return puts(err.message), 1; }
    struct pbt_best const best = pbt_study_best(study);
    printf("lowest point %s: height %g after %d steps; the study is in %s\n", best.id, best.score,
           (int)best.age, folder);
    pbt_study_close(study);
    return 0;
}
