/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/journal.h - the event journal: an append-only, totally ordered record of one study.
 *
 * The only durable truth of a study. A journal stores *batches*: one or more encoded events that
 * become visible together or not at all. It does not read them. Events are numbered from 1 without
 * gaps; the number of a batch's last event is the journal's `last` after it.
 *
 * A decision may be acted on only after the append that carries it has returned PBT_OK.
 *
 * Backends    memory: (one process), sqlite:PATH (one machine), dir:PATH (a shared folder),
 *             postgresql://USER@HOST/DATABASE#STUDY (where it was built with libpq); one vtable
 *             each, one line in the table of journal.c; all pass tests/journal/contract.h
 * Threads     a handle belongs to one thread at a time; open one handle per thread or process
 * Format      docs/journal-format.md (normative)
 */
#ifndef PBTI_JOURNAL_JOURNAL_H
#define PBTI_JOURNAL_JOURNAL_H

#include "pbt/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PBTI_BATCH_MAX (64u << 20) /* bytes of one batch */

struct pbti_journal; /* opaque */

/* Names one append for ever. Random; made by the appender before its first try. */
struct pbti_batch_id {
    uint8_t bytes[16];
};

struct pbti_journal_opts {
    size_t struct_size; /* set by pbti_journal_opts_default(); do not set */
    bool create;        /* make it when it is not there; default false */
    bool read_only;     /* never write; works in a read-only folder; default false */
    bool sync;          /* true: append returns after the batch would survive power loss (default);
                              false: it survives the death of the process only */
    uint32_t lock_wait_ms; /* how long to wait for another process's write; default 30000 */
    void *context;         /* for backends given to pbti_journal_open_vtab(); default NULL */
};

struct pbti_journal_opts pbti_journal_opts_default(void);

/*
 * Open the journal named by `url`: see above, or a bare PATH (sqlite).
 *
 * out         out, owned by the caller, release with pbti_journal_close(); NULL on error
 * Errors      PBT_EINVAL (scheme not known), PBT_ENOENT (absent and !create), PBT_ECORRUPT (not a
 *             journal, or damaged), PBT_EVERSION, PBT_EIO, PBT_EBUSY (a server is away, or somebody
 *             holds a lock: it may pass), PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_journal_open(const char *url, const struct pbti_journal_opts *opts,
                                           struct pbti_journal **out, struct pbt_error *err);

/*
 * Make the URL of a new study's journal from what a user gave for it: complete, the same from
 * wherever it is read, and fit to be kept in a file.
 *
 * study       the study's name, for journals that are named after it
 * url         out, `size` bytes
 * Errors      PBT_EINVAL (scheme not known; a path that is not absolute), PBT_ELIMIT
 */
PBT_NODISCARD pbt_status pbti_journal_name(const char *given, const char *study, char *url,
                                           size_t size, struct pbt_error *err);

/*
 * Append one batch if and only if the journal's last sequence number is `expected`.
 *
 * bytes       count encoded events, each preceded by its size as a varint (batch.h)
 * count       events in it, at least 1
 * last        out: expected + count on PBT_OK; the journal's actual last on PBT_ECONFLICT
 * Errors      PBT_ECONFLICT (read what was missed, decide again, retry), PBT_ELIMIT, PBT_EINVAL
 *             (read-only handle, impossible count or size), PBT_EBUSY (lock_wait_ms went
 *             by, or a server is away) and PBT_EIO (nothing was appended; the handle stays usable),
 *             PBT_EUNKNOWN (ask pbti_journal_landed)
 * Blocking    yes
 */
PBT_NODISCARD pbt_status pbti_journal_append(struct pbti_journal *journal, const void *bytes,
                                             size_t size, uint32_t count, uint64_t expected,
                                             struct pbti_batch_id id, uint64_t *last,
                                             struct pbt_error *err);

/* Did the append of `id` that expected `expected` happen? For after PBT_EUNKNOWN. */
PBT_NODISCARD pbt_status pbti_journal_landed(struct pbti_journal *journal, uint64_t expected,
                                             struct pbti_batch_id id, bool *landed,
                                             struct pbt_error *err);

/*
 * Called for each batch in order. bytes are borrowed for the call. `first` is the sequence number
 * of its first event. Anything but PBT_OK ends the reading and is returned by it.
 */
typedef pbt_status (*pbti_batch_reader)(void *context, uint64_t first, uint32_t count,
                                        const void *bytes, size_t size, struct pbti_batch_id id,
                                        struct pbt_error *err);

/*
 * Read all batches after sequence number `since`, which must be 0 or the last of some batch.
 * The reader may not call back into the same handle.
 *
 * Errors      PBT_ECORRUPT (checksum, gap, `since` inside a batch), PBT_EBUSY, PBT_EIO, and what
 *             `reader` returns
 */
PBT_NODISCARD pbt_status pbti_journal_read(struct pbti_journal *journal, uint64_t since,
                                           pbti_batch_reader reader, void *context,
                                           struct pbt_error *err);

/* The last sequence number; 0 = empty. */
PBT_NODISCARD pbt_status pbti_journal_last(struct pbti_journal *journal, uint64_t *last,
                                           struct pbt_error *err);

/*
 * Wait until the journal holds something after `since`, at most `timeout_ms`.
 *
 * last        out: the journal's last; equal to `since` when the time ran out
 */
PBT_NODISCARD pbt_status pbti_journal_wait(struct pbti_journal *journal, uint64_t since,
                                           uint32_t timeout_ms, uint64_t *last,
                                           struct pbt_error *err);

/* Verify everything the backend can (checksums, numbering, its own structures). Read-only. `err`
 * names the first damage. */
PBT_NODISCARD pbt_status pbti_journal_check(struct pbti_journal *journal, struct pbt_error *err);

/*
 * Copy the journal, as of now, to a new one of the same backend at `path` (`pbt copy` of a live
 * study). Errors: PBT_EEXIST, PBT_EINVAL (memory), PBT_EIO; nothing is left at `path` after an
 * error.
 */
PBT_NODISCARD pbt_status pbti_journal_copy(struct pbti_journal *journal, const char *path,
                                           struct pbt_error *err);

/* Release the handle; the last clean close leaves a file that opens from a read-only folder.
 * Accepts NULL; never fails. */
void pbti_journal_close(struct pbti_journal *journal);

/*
 * A backend. Slots are called by the functions above only, from the handle's thread, and obey the
 * same contract; arguments are already checked. close is called exactly once after open, whether
 * that succeeded or not.
 */
struct pbti_journal_vtab {
    int version;        /* 1 */
    const char *scheme; /* "sqlite"; static storage */
    size_t state_size;  /* bytes of backend state; the library allocates it zeroed */
    pbt_status (*open)(void *state, const char *path, const struct pbti_journal_opts *opts,
                       struct pbt_error *err);
    pbt_status (*append)(void *state, const void *bytes, size_t size, uint32_t count,
                         uint64_t expected, struct pbti_batch_id id, uint64_t *last,
                         struct pbt_error *err);
    pbt_status (*landed)(void *state, uint64_t expected, struct pbti_batch_id id, bool *landed,
                         struct pbt_error *err);
    pbt_status (*read)(void *state, uint64_t since, pbti_batch_reader reader, void *context,
                       struct pbt_error *err);
    pbt_status (*last)(void *state, uint64_t *last, struct pbt_error *err);
    pbt_status (*wait)(void *state, uint64_t since, uint32_t timeout_ms, uint64_t *last,
                       struct pbt_error *err);
    pbt_status (*check)(void *state, struct pbt_error *err);
    pbt_status (*copy)(void *state, const char *path, struct pbt_error *err);
    /* (optional; NULL = what follows the scheme is a path) See pbti_journal_name(). No state. */
    pbt_status (*name)(const char *path, const char *study, char *url, size_t size,
                       struct pbt_error *err);
    void (*close)(void *state);
};

/* Wrap a backend that is not in the table (the simulator's faulty storage, tests). */
PBT_NODISCARD pbt_status pbti_journal_open_vtab(const struct pbti_journal_vtab *vtab,
                                                const char *path,
                                                const struct pbti_journal_opts *opts,
                                                struct pbti_journal **out, struct pbt_error *err);

#endif
