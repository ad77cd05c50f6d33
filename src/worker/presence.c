/* SPDX-License-Identifier: Apache-2.0 */
/* worker/presence.c - liveness by file locks; see presence.h. */
#include "worker/presence.h"

#include "base/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

struct pbti_presence {
    char folder[PATH_MAX];
    char file[PATH_MAX];
    char host[PBTI_NAME_MAX];
    int lock;
};

static bool lock_path(const char *folder, uint64_t worker, char path[PATH_MAX])
{
    int const length = snprintf(path, PATH_MAX, "%s/%016" PRIx64 ".lock", folder, worker);
    return length > 0 && length < PATH_MAX;
}

static pbt_status take_lock(struct pbti_presence *presence, const char *study_dir, uint64_t *worker,
                            struct pbt_error *err)
{
    int const length = snprintf(presence->folder, PATH_MAX, "%s/workers", study_dir);
    if (length < 0 || length >= PATH_MAX) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "the path of study \"%s\" is too long", study_dir);
    }
    if (mkdir(presence->folder, 0777) != 0 && errno != EEXIST) {
        return PBTI_FAIL(err, PBT_EIO, errno, "could not make folder \"%s\": %s", presence->folder,
                         strerror(errno));
    }
    do {
        if (getrandom(worker, sizeof *worker, 0) != (ssize_t)sizeof *worker) {
            return PBTI_FAIL(err, PBT_EIO, errno, "no random numbers: %s", strerror(errno));
        }
    } while (*worker == 0);
    if (!lock_path(presence->folder, *worker, presence->file)) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "the path of study \"%s\" is too long", study_dir);
    }
    presence->lock = open(presence->file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (presence->lock < 0 || flock(presence->lock, LOCK_EX | LOCK_NB) != 0) {
        return PBTI_FAIL(err, PBT_EIO, errno, "could not lock \"%s\": %s", presence->file,
                         strerror(errno));
    }
    return PBT_OK;
}

pbt_status pbti_presence_open(const char *study_dir, uint64_t *worker, struct pbti_presence **out,
                              struct pbt_error *err)
{
    *out = NULL;
    struct pbti_presence *const presence = calloc(1, sizeof *presence);
    if (presence == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    presence->lock = -1;
    if (gethostname(presence->host, sizeof presence->host - 1) != 0) { presence->host[0] = '\0'; }
    pbt_status const status = take_lock(presence, study_dir, worker, err);
    if (status != PBT_OK) {
        pbti_presence_close(presence);
        return status;
    }
    *out = presence;
    return PBT_OK;
}

void pbti_presence_close(struct pbti_presence *presence)
{
    if (presence == NULL) { return; }
    if (presence->lock >= 0) {
        (void)unlink(presence->file);
        (void)close(presence->lock);
    }
    free(presence);
}

bool pbti_presence_dead(const struct pbti_presence *presence,
                        const struct pbti_event_worker *worker)
{
    bool const here = worker->host.size == strlen(presence->host) &&
                      memcmp(worker->host.data, presence->host, worker->host.size) == 0;
    char path[PATH_MAX];
    if (!here || !lock_path(presence->folder, worker->worker, path)) { return false; }
    int const lock = open(path, O_RDWR | O_CLOEXEC);
    if (lock < 0) { return errno == ENOENT; } /* it left in order, or was found dead before */
    bool const dead = flock(lock, LOCK_EX | LOCK_NB) == 0;
    if (dead) { (void)unlink(path); }
    (void)close(lock);
    return dead;
}

const char *pbti_presence_host(const struct pbti_presence *presence)
{
    return presence->host;
}
