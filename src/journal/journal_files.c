/* SPDX-License-Identifier: Apache-2.0 */
/* journal/journal_files.c - see journal_files.h. */
#include "journal/journal_files.h"

#include "base/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1U /* of linux/fs.h, which clashes with the C library's headers */
#endif

pbt_status pbti_fail_copy(const char *path, int cause, struct pbt_error *err)
{
    char buffer[128];
    return PBTI_FAIL(err, cause == EEXIST ? PBT_EEXIST : PBT_EIO, cause,
                     "could not make copy \"%s\": %s", path,
                     cause == EEXIST   ? "it exists already"
                     : cause == ENOSPC ? "disk is full"
                                       : pbti_error_text(cause, buffer, sizeof buffer));
}

int pbti_sync_path(const char *path)
{
    int const descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) { return errno; }
    int const cause = fsync(descriptor) == 0 ? 0 : errno;
    (void)close(descriptor);
    return cause;
}

int pbti_sync_folder_of(const char *path)
{
    const char *const slash = strrchr(path, '/');
    char *const folder =
        slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (folder == NULL) { return ENOMEM; }
    int const cause = pbti_sync_path(folder);
    free(folder);
    return cause;
}

int pbti_give_name(const char *temporary, const char *path)
{
    /* musl has no function of that name before 1.2.6 */
    if (syscall(SYS_renameat2, AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) { return errno; }
    if (access(path, F_OK) == 0) { return EEXIST; } /* a file system without that: nearly as good */
    return rename(temporary, path) == 0 ? 0 : errno;
}
