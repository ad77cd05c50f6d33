/* SPDX-License-Identifier: Apache-2.0 */
/* tests/journal/faulty_vfs.c - see faulty_vfs.h. The shape of a VFS is SQLite's (sqlite3.h). */
#include "faulty_vfs.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct faulty_file {
    sqlite3_file base;
    sqlite3_file *real; /* in the bytes behind this struct */
};

struct faulty_plan faulty_plan;
static sqlite3_vfs *real_vfs;

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct faulty_file *)file)->real;
}

/* Is this operation one that fails? */
static bool is_hit(void)
{
    faulty_plan.count++;
    bool const hit =
        faulty_plan.at > 0 && (faulty_plan.forever ? faulty_plan.count >= faulty_plan.at
                                                   : faulty_plan.count == faulty_plan.at);
    faulty_plan.hits += hit ? 1 : 0;
    return hit;
}

static int told(int io_error)
{
    return faulty_plan.kind == FAULTY_FULL ? SQLITE_FULL : io_error;
}

/* -------- operations that fail -------- */

static int faulty_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    sqlite3_file *const real = real_of(file);
    if (!is_hit()) { return real->pMethods->xWrite(real, bytes, size, at); }
    if (faulty_plan.kind != FAULTY_ERROR) {
        int const part = faulty_plan.kind == FAULTY_LATE ? size : size / 2;
        (void)real->pMethods->xWrite(real, bytes, part, at);
    }
    return told(SQLITE_IOERR_WRITE);
}

static int faulty_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    sqlite3_file *const real = real_of(file);
    if (!is_hit()) { return real->pMethods->xTruncate(real, size); }
    if (faulty_plan.kind == FAULTY_LATE) { (void)real->pMethods->xTruncate(real, size); }
    return SQLITE_IOERR_TRUNCATE;
}

static int faulty_sync(sqlite3_file *file, int flags)
{
    (void)file, (void)flags;
    return is_hit() ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int faulty_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    sqlite3_file *const real = real_of(file);
    if (extend != 0 && is_hit()) { return SQLITE_IOERR_SHMSIZE; }
    return real->pMethods->xShmMap(real, page, size, extend, out);
}

/* -------- operations that do not -------- */

static int faulty_close(sqlite3_file *file)
{
    sqlite3_file *const real = real_of(file);
    return real->pMethods != NULL ? real->pMethods->xClose(real) : SQLITE_OK;
}

static int faulty_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 at)
{
    sqlite3_file *const real = real_of(file);
    return real->pMethods->xRead(real, bytes, size, at);
}

static int faulty_size(sqlite3_file *file, sqlite3_int64 *size)
{
    sqlite3_file *const real = real_of(file);
    return real->pMethods->xFileSize(real, size);
}

static int faulty_lock(sqlite3_file *file, int level)
{
    sqlite3_file *const real = real_of(file);
    return real->pMethods->xLock(real, level);
}

static int faulty_unlock(sqlite3_file *file, int level)
{
    sqlite3_file *const real = real_of(file);
    return real->pMethods->xUnlock(real, level);
}

static int faulty_reserved(sqlite3_file *file, int *out)
{
    sqlite3_file *const real = real_of(file);
    return real->pMethods->xCheckReservedLock(real, out);
}

static int faulty_control(sqlite3_file *file, int operation, void *argument)
{
    sqlite3_file *const real = real_of(file);
    return real->pMethods->xFileControl(real, operation, argument);
}

static int faulty_sector(sqlite3_file *file)
{
    sqlite3_file *const real = real_of(file);
    return real->pMethods->xSectorSize(real);
}

static int faulty_characteristics(sqlite3_file *file)
{
    sqlite3_file *const real = real_of(file);
    return real->pMethods->xDeviceCharacteristics(real);
}

static int faulty_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    sqlite3_file *const real = real_of(file);
    return real->pMethods->xShmLock(real, offset, count, flags);
}

static void faulty_shm_barrier(sqlite3_file *file)
{
    sqlite3_file *const real = real_of(file);
    real->pMethods->xShmBarrier(real);
}

static int faulty_shm_unmap(sqlite3_file *file, int remove)
{
    sqlite3_file *const real = real_of(file);
    return real->pMethods->xShmUnmap(real, remove);
}

static const sqlite3_io_methods faulty_methods = {
    .iVersion = 2,
    .xClose = faulty_close,
    .xRead = faulty_read,
    .xWrite = faulty_write,
    .xTruncate = faulty_truncate,
    .xSync = faulty_sync,
    .xFileSize = faulty_size,
    .xLock = faulty_lock,
    .xUnlock = faulty_unlock,
    .xCheckReservedLock = faulty_reserved,
    .xFileControl = faulty_control,
    .xSectorSize = faulty_sector,
    .xDeviceCharacteristics = faulty_characteristics,
    .xShmMap = faulty_shm_map,
    .xShmLock = faulty_shm_lock,
    .xShmBarrier = faulty_shm_barrier,
    .xShmUnmap = faulty_shm_unmap,
};

static int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    (void)vfs;
    struct faulty_file *const faulty = (struct faulty_file *)file;
    faulty->real = (sqlite3_file *)(faulty + 1);
    int const code = real_vfs->xOpen(real_vfs, name, faulty->real, flags, out);
    faulty->base.pMethods = code == SQLITE_OK ? &faulty_methods : NULL;
    return code;
}

int faulty_vfs_install(void)
{
    static sqlite3_vfs faulty_vfs; /* the other slots do not look at which VFS they belong to */
    real_vfs = sqlite3_vfs_find(NULL);
    if (real_vfs == NULL) { return SQLITE_ERROR; }
    faulty_vfs = *real_vfs;
    faulty_vfs.zName = "faulty";
    faulty_vfs.pNext = NULL;
    faulty_vfs.szOsFile = (int)sizeof(struct faulty_file) + real_vfs->szOsFile;
    faulty_vfs.xOpen = faulty_open;
    return sqlite3_vfs_register(&faulty_vfs, 1);
}
