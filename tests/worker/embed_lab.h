/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/worker/embed_lab.h - what the tests of the C API share: a folder of their own, a shelf that
 * knows which checkpoints exist, and opening that fails the test with the library's message.
 */
#ifndef PBT_TESTS_WORKER_EMBED_LAB_H
#define PBT_TESTS_WORKER_EMBED_LAB_H

#include "pbt/pbt.h"

#define EMBED_SHELF_MAX 4096

/* A new folder below $TMPDIR; and its end, with all that is in it. */
void embed_folder_make(char path[4096]);
void embed_folder_remove(const char *path);

/* Names below `path`/`name`, "." and ".." left out. */
unsigned embed_folder_count(const char *path, const char *name);

struct pbt_study *embed_open(const char *dir, const char *spec, uint32_t slots);

/* Checkpoints that were reported, and those that were forgotten. Not for threads. */
struct embed_shelf {
    struct {
        char id[PBT_ID_MAX];
        double weights;
        unsigned forgotten;
    } item[EMBED_SHELF_MAX];
    unsigned count;
};

/* Place of a checkpoint on the shelf; the test fails when it is not there, or was forgotten. */
unsigned embed_shelf_find(const struct embed_shelf *shelf, const char *id);
void embed_shelf_put(struct embed_shelf *shelf, const char *id, double weights);
/* pbt_study_opts.forget; the context is the shelf. Each name once, and only one that is there. */
void embed_shelf_forget(void *shelf, const char *id);
/* How many are there and not forgotten. */
unsigned embed_shelf_alive(const struct embed_shelf *shelf);

/* A number in [0, 1) that depends on `seed` alone. */
double embed_unit(uint64_t seed);

#endif
