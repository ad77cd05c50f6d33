/* SPDX-License-Identifier: Apache-2.0 */
/* study/folder_identity.c - see folder_identity.h. */
#include "study/folder_identity.h"

#include "base/fail.h"
#include "base/file_tree.h"
#include "study/study_append.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define TOPIC "folder"

/* File systems that may make up their inode numbers, each client its own: FUSE, CIFS, SMB2. */
static const uint32_t inventing[] = {0x65735546, 0xff534d42, 0xfe534d42};

static pbt_status join(char path[PATH_MAX], const char *dir, const char *name,
                       struct pbt_error *err)
{
    if (snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_ELIMIT, 0, "path \"%.60s...\" is too long", dir);
}

static bool is_id(const char *text)
{
    return strlen(text) == PBTI_FOLDER_ID && strspn(text, "0123456789abcdef") == PBTI_FOLDER_ID;
}

void pbti_folder_identity_fold(struct pbti_folder_identity *recorded,
                               const struct pbti_event *event)
{
    if (event->type != PBTI_NOTE) { return; }
    const struct pbti_text topic = event->note.topic;
    if (topic.size != sizeof TOPIC - 1 || memcmp(topic.data, TOPIC, topic.size) != 0) { return; }
    json_t *const detail = json_loadb(event->note.detail.data, event->note.detail.size, 0, NULL);
    const char *const id = json_string_value(json_object_get(detail, "id"));
    const char *const inode = json_string_value(json_object_get(detail, "inode"));
    if (id != NULL && inode != NULL && is_id(id)) {
        recorded->set = true;
        (void)snprintf(recorded->id, sizeof recorded->id, "%s", id);
        recorded->inode = strtoull(inode, NULL, 10);
    }
    json_decref(detail);
}

bool pbti_folder_identity_is_needed(const char *dir)
{
    char path[PATH_MAX];
    struct stat info;
    struct pbt_error ignored;
    return join(path, dir, "journal.url", &ignored) == PBT_OK && lstat(path, &info) == 0;
}

/* What the folder itself has; set: false when it has no id. */
static pbt_status look(const char *dir, struct pbti_folder_identity *found, bool *invents,
                       struct pbt_error *err)
{
    char path[PATH_MAX];
    char text[PBTI_FOLDER_ID + 2] = "";
    struct stat info;
    struct statfs system;
    *found = (struct pbti_folder_identity){.set = false};
    *invents = false;
    if (statfs(dir, &system) == 0) {
        for (size_t i = 0; i < sizeof inventing / sizeof inventing[0]; i++) {
            *invents = *invents || (uint32_t)system.f_type == inventing[i];
        }
    }
    PBTI_TRY(join(path, dir, "folder.id", err));
    int const file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0 && errno == ENOENT) { return PBT_OK; }
    bool const read_it = file >= 0 && fstat(file, &info) == 0 && S_ISREG(info.st_mode) &&
                         read(file, text, sizeof text - 1) >= 0;
    int const cause = errno;
    if (file >= 0) { (void)close(file); }
    if (!read_it) {
        return PBTI_FAIL(err, PBT_EIO, cause, "could not read \"%s\": %s", path, strerror(cause));
    }
    text[strcspn(text, "\n")] = '\0';
    found->set = is_id(text);
    found->inode = (uint64_t)info.st_ino;
    (void)snprintf(found->id, sizeof found->id, "%s", found->set ? text : "");
    return PBT_OK;
}

pbt_status pbti_folder_identity_check(const char *dir, const struct pbti_folder_identity *recorded,
                                      struct pbt_error *err)
{
    struct pbti_folder_identity found;
    bool invents;
    if (!recorded->set || !pbti_folder_identity_is_needed(dir)) { return PBT_OK; }
    PBTI_TRY(look(dir, &found, &invents, err));
    bool const same = found.set && strcmp(found.id, recorded->id) == 0;
    if (same && (invents || found.inode == recorded->inode)) { return PBT_OK; }
    (void)PBTI_FAIL(err, PBT_EINVAL, 0, "\"%s\" is %s of the study, whose journal is elsewhere",
                    dir, same ? "a copy of the folder" : "not the folder");
    pbti_fail_hint(err, "go on in the study's own folder; or, if that is gone and its checkpoints "
                        "are here: pbt resume --take-over");
    return PBT_EINVAL;
}

static pbt_status write_id(const char *dir, const struct pbti_folder_identity *identity,
                           struct pbt_error *err)
{
    char path[PATH_MAX];
    char text[PBTI_FOLDER_ID + 2];
    PBTI_TRY(join(path, dir, "folder.id", err));
    (void)snprintf(text, sizeof text, "%s\n", identity->id);
    return pbti_file_write(path, text, err);
}

static pbt_status append_note(const char *dir, const char *named,
                              const struct pbti_folder_identity *identity, struct pbt_error *err)
{
    struct timespec now;
    char detail[128];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)snprintf(detail, sizeof detail, "{\"id\":\"%s\",\"inode\":\"%" PRIu64 "\"}", identity->id,
                   identity->inode);
    struct pbti_event const event = {
        .type = PBTI_NOTE,
        .time_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
        .note = {.topic = {TOPIC, sizeof TOPIC - 1}, .detail = {detail, strlen(detail)}}};
    return pbti_study_append(dir, named, &event, err);
}

pbt_status pbti_folder_identity_take(const char *dir, const char *named,
                                     struct pbti_folder_identity *recorded, struct pbt_error *err)
{
    struct pbti_folder_identity found;
    bool invents;
    PBTI_TRY(look(dir, &found, &invents, err));
    if (recorded->set && (!found.set || strcmp(found.id, recorded->id) != 0)) {
        PBTI_TRY(write_id(dir, recorded, err));
        PBTI_TRY(look(dir, &found, &invents, err));
    } else if (!found.set) {
        uint64_t bits[2];
        while (getrandom(bits, sizeof bits, 0) != (ssize_t)sizeof bits) { /* EINTR */
        }
        (void)snprintf(found.id, sizeof found.id, "%016" PRIx64 "%016" PRIx64, bits[0], bits[1]);
        PBTI_TRY(write_id(dir, &found, err));
        PBTI_TRY(look(dir, &found, &invents, err));
    }
    *recorded = found;
    return append_note(dir, named, &found, err);
}
