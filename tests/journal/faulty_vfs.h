/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/journal/faulty_vfs.h - a file system for SQLite that fails when told to.
 *
 * A layer over the default VFS. It counts writes, truncations, syncs and growths of shared memory;
 * the `at`th of them fails, once or from then on. Nothing is really synced, to be fast.
 */
#ifndef PBT_TESTS_JOURNAL_FAULTY_VFS_H
#define PBT_TESTS_JOURNAL_FAULTY_VFS_H

#include <stdbool.h>

enum faulty_kind {
    FAULTY_ERROR, /* nothing is done, an I/O error is told */
    FAULTY_SHORT, /* half of the bytes are written, an I/O error is told */
    FAULTY_LATE,  /* everything is done, yet an I/O error is told */
    FAULTY_FULL,  /* half of the bytes are written, then the disk is full */
    FAULTY_KINDS
};

struct faulty_plan {
    enum faulty_kind kind;
    long at;      /* 1 = the next operation; 0 = never */
    bool forever; /* and every one after it */
    long count;   /* operations so far; reset it to begin */
    long hits;    /* that failed */
};

/* The plan in force; change it at will. */
extern struct faulty_plan faulty_plan;

/* Make it the default VFS of this process. */
int faulty_vfs_install(void);

#endif
