/* SPDX-License-Identifier: Apache-2.0 */
/* study/liveness.c - liveness by file locks and beats; see liveness.h. */
#include "study/liveness.h"

#include "base/fail.h"
#include "study/heartbeat.h"

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
#include <time.h>
#include <unistd.h>

/* A worker of another host. */
struct peer {
    uint64_t worker;
    struct pbti_pulse pulse;
};

struct pbti_liveness {
    char folder[PATH_MAX];
    char file[PATH_MAX];
    char host[PBTI_NAME_MAX];
    int lock;
    struct pbti_heart *heart;
    struct peer *peers; /* that were asked for; owned */
    size_t peers_count;
};

static bool worker_path(const char *folder, uint64_t worker, const char *kind, char path[PATH_MAX])
{
    int const length = snprintf(path, PATH_MAX, "%s/%016" PRIx64 ".%s", folder, worker, kind);
    return length > 0 && length < PATH_MAX;
}

/* After flock() failed: is it a file system that has locks? Where there are none, as with some NFS
 * mounts, beats tell of this host's workers, too. */
static bool can_lock(int cause)
{
    return cause != ENOLCK && cause != ENOSYS && cause != EOPNOTSUPP && cause != EINVAL;
}

/* -------- our own -------- */

static pbt_status take_lock(struct pbti_liveness *liveness, const char *study_dir, uint64_t *worker,
                            struct pbt_error *err)
{
    int const length = snprintf(liveness->folder, PATH_MAX, "%s/workers", study_dir);
    if (length < 0 || length >= PATH_MAX) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "the path of study \"%s\" is too long", study_dir);
    }
    if (mkdir(liveness->folder, 0777) != 0 && errno != EEXIST) {
        return PBTI_FAIL(err, PBT_EIO, errno, "could not make folder \"%s\": %s", liveness->folder,
                         strerror(errno));
    }
    do {
        if (getrandom(worker, sizeof *worker, 0) != (ssize_t)sizeof *worker) {
            return PBTI_FAIL(err, PBT_EIO, errno, "no random numbers: %s", strerror(errno));
        }
    } while (*worker == 0);
    if (!worker_path(liveness->folder, *worker, "lock", liveness->file)) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "the path of study \"%s\" is too long", study_dir);
    }
    liveness->lock = open(liveness->file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (liveness->lock < 0 || (flock(liveness->lock, LOCK_EX | LOCK_NB) != 0 && can_lock(errno))) {
        return PBTI_FAIL(err, PBT_EIO, errno, "could not lock \"%s\": %s", liveness->file,
                         strerror(errno));
    }
    return PBT_OK;
}

/* PBT_BEAT of the environment, in seconds. */
static pbt_status read_beat(uint32_t *beat_ms, struct pbt_error *err)
{
    const char *const text = getenv("PBT_BEAT");
    *beat_ms = PBTI_BEAT_MS;
    if (text == NULL || text[0] == '\0') { return PBT_OK; }
    char *end;
    double const seconds = strtod(text, &end);
    if (*end != '\0' || !(seconds >= 0.05 && seconds <= 3600.0)) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "PBT_BEAT is \"%s\", but must be 0.05 to 3600 seconds",
                         text);
    }
    *beat_ms = (uint32_t)(seconds * 1000.0);
    return PBT_OK;
}

static pbt_status start_heart(struct pbti_liveness *liveness, uint64_t worker,
                              struct pbt_error *err)
{
    char path[PATH_MAX];
    uint32_t beat_ms;
    PBTI_TRY(read_beat(&beat_ms, err));
    if (!worker_path(liveness->folder, worker, "beat", path)) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "the path \"%s\" is too long", liveness->folder);
    }
    return pbti_heart_start(path, beat_ms, &liveness->heart, err);
}

pbt_status pbti_liveness_open(const char *study_dir, uint64_t *worker, struct pbti_liveness **out,
                              struct pbt_error *err)
{
    *out = NULL;
    struct pbti_liveness *const liveness = calloc(1, sizeof *liveness);
    if (liveness == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    liveness->lock = -1;
    if (gethostname(liveness->host, sizeof liveness->host - 1) != 0) { liveness->host[0] = '\0'; }
    pbt_status status = take_lock(liveness, study_dir, worker, err);
    if (status == PBT_OK) { status = start_heart(liveness, *worker, err); }
    if (status != PBT_OK) {
        pbti_liveness_close(liveness);
        return status;
    }
    *out = liveness;
    return PBT_OK;
}

void pbti_liveness_close(struct pbti_liveness *liveness)
{
    if (liveness == NULL) { return; }
    pbti_heart_stop(liveness->heart);
    if (liveness->lock >= 0) {
        (void)unlink(liveness->file);
        (void)close(liveness->lock);
    }
    free(liveness->peers);
    free(liveness);
}

/* -------- others -------- */

enum lock_says { LOCK_ALIVE, LOCK_DEAD, LOCK_NOTHING };

/* Of this host: known for certain, unless there are no locks. */
static enum lock_says ask_lock(const char *path)
{
    int const lock = open(path, O_RDWR | O_CLOEXEC);
    if (lock < 0) { /* it left in order, or was found dead before */
        return errno == ENOENT ? LOCK_DEAD : LOCK_ALIVE;
    }
    bool const got = flock(lock, LOCK_EX | LOCK_NB) == 0;
    enum lock_says const says = got ? LOCK_DEAD : can_lock(errno) ? LOCK_ALIVE : LOCK_NOTHING;
    if (got) { (void)unlink(path); }
    (void)close(lock);
    return says;
}

/* What is known of a worker; NULL without memory. */
static struct pbti_pulse *pulse_of(struct pbti_liveness *liveness, uint64_t worker)
{
    for (size_t i = 0; i < liveness->peers_count; i++) {
        if (liveness->peers[i].worker == worker) { return &liveness->peers[i].pulse; }
    }
    struct peer *const peers =
        realloc(liveness->peers, (liveness->peers_count + 1) * sizeof *peers);
    if (peers == NULL) { return NULL; }
    liveness->peers = peers;
    peers[liveness->peers_count] = (struct peer){.worker = worker};
    return &peers[liveness->peers_count++].pulse;
}

static int64_t steady_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool pbti_liveness_dead(struct pbti_liveness *liveness, const struct pbti_event_worker *worker)
{
    bool const here = worker->host.size == strlen(liveness->host) &&
                      memcmp(worker->host.data, liveness->host, worker->host.size) == 0;
    char lock[PATH_MAX];
    char beat[PATH_MAX];
    if (!worker_path(liveness->folder, worker->worker, "lock", lock) ||
        !worker_path(liveness->folder, worker->worker, "beat", beat)) {
        return false;
    }
    enum lock_says const says = here ? ask_lock(lock) : LOCK_NOTHING;
    if (says == LOCK_DEAD) { (void)unlink(beat); }
    if (says == LOCK_DEAD) { return true; }
    /* a process that holds its lock and does not beat is stopped or stuck: others get its claims,
     * and what it reports later is refused; its files stay, it may go on with them */
    struct pbti_pulse *const pulse = pulse_of(liveness, worker->worker);
    return pulse != NULL && pbti_pulse_gone(pulse, beat, steady_ms());
}

bool pbti_liveness_left(const struct pbti_liveness *liveness, uint64_t worker)
{
    char lock[PATH_MAX];
    return worker_path(liveness->folder, worker, "lock", lock) && access(lock, F_OK) != 0 &&
           errno == ENOENT;
}

const char *pbti_liveness_host(const struct pbti_liveness *liveness)
{
    return liveness->host;
}
