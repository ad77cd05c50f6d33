/* SPDX-License-Identifier: Apache-2.0 */
/* tests/worker/embed_lab.c - see embed_lab.h. */
#include "worker/embed_lab.h"

#include <dirent.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void embed_folder_make(char path[4096])
{
    const char *const parent = getenv("TMPDIR");
    (void)snprintf(path, 4096, "%s/pbt-embed-XXXXXX", parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(path));
}

static int remove_item(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

void embed_folder_remove(const char *path)
{
    assert_int_equal(nftw(path, remove_item, 16, FTW_DEPTH | FTW_PHYS), 0);
}

unsigned embed_folder_count(const char *path, const char *name)
{
    char whole[8192];
    unsigned count = 0;
    (void)snprintf(whole, sizeof whole, "%s/%s", path, name);
    DIR *const dir = opendir(whole);
    assert_non_null(dir);
    for (const struct dirent *item = readdir(dir); item != NULL; item = readdir(dir)) {
        if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0) { count++; }
    }
    (void)closedir(dir);
    return count;
}

struct pbt_study *embed_open(const char *dir, const char *spec, uint32_t slots)
{
    struct pbt_error err;
    struct pbt_study *study = NULL;
    struct pbt_study_opts opts = pbt_study_opts_default();
    opts.slots = slots;
    if (pbt_study_open(dir, spec, &opts, &study, &err) != PBT_OK) { fail_msg("%s", err.message); }
    return study;
}

/* The place, or count. */
static unsigned place_of(const struct embed_shelf *shelf, const char *id)
{
    unsigned place = 0;
    while (place < shelf->count && strcmp(shelf->item[place].id, id) != 0) {
        place++;
    }
    return place;
}

unsigned embed_shelf_find(const struct embed_shelf *shelf, const char *id)
{
    unsigned const place = place_of(shelf, id);
    if (place == shelf->count) { fail_msg("checkpoint %s was never made", id); }
    if (shelf->item[place].forgotten > 0) { fail_msg("checkpoint %s was forgotten", id); }
    return place;
}

void embed_shelf_put(struct embed_shelf *shelf, const char *id, double weights)
{
    assert_true(shelf->count < EMBED_SHELF_MAX);
    assert_int_equal(place_of(shelf, id), shelf->count);
    memcpy(shelf->item[shelf->count].id, id, PBT_ID_MAX);
    shelf->item[shelf->count].weights = weights;
    shelf->item[shelf->count].forgotten = 0;
    shelf->count++;
}

void embed_shelf_forget(void *context, const char *id)
{
    struct embed_shelf *const shelf = context;
    shelf->item[embed_shelf_find(shelf, id)].forgotten++;
}

unsigned embed_shelf_alive(const struct embed_shelf *shelf)
{
    unsigned alive = 0;
    for (unsigned i = 0; i < shelf->count; i++) {
        if (shelf->item[i].forgotten == 0) { alive++; }
    }
    return alive;
}

double embed_unit(uint64_t seed)
{
    uint64_t z = seed + 0x9e3779b97f4a7c15u; /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}
