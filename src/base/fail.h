/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/fail.h - filling a pbt_error and handing failures up.
 *
 *     return PBTI_FAIL(err, PBT_ENOENT, 0, "file \"%s\" does not exist", path);
 *     PBTI_TRY(open_it(path, err));
 *     if (status != PBT_OK) return pbti_fail_context(err, status, "could not open journal \"%s\"",
 *     url);
 *
 * The last puts the outer context in front: `could not open journal "run.db": file ... does not
 * exist`. All accept err == NULL.
 */
#ifndef PBTI_BASE_FAIL_H
#define PBTI_BASE_FAIL_H

#include "pbt/status.h"

#include <stddef.h>

#define PBTI_FAIL(err, status, detail, ...)                                                        \
    pbti_fail((err), (status), (detail), __FILE__, __LINE__, __VA_ARGS__)

#define PBTI_TRY(expression)                                                                       \
    do {                                                                                           \
        pbt_status const try_status_ = (expression);                                               \
        if (try_status_ != PBT_OK) { return try_status_; }                                         \
    } while (0)

/* Fill `err` (may be NULL) and return `status`. The hint is emptied. */
pbt_status pbti_fail(struct pbt_error *err, pbt_status status, int64_t detail, const char *file,
                     int line, const char *format, ...) PBT_PRINTF(6, 7);

/* Put "context: " in front of the message of `err` and return `status`. */
pbt_status pbti_fail_context(struct pbt_error *err, pbt_status status, const char *format, ...)
    PBT_PRINTF(3, 4);

/*
 * The text of an errno value, in `buffer` or constant. Thread safe; for the strerror_r of glibc and
 * for that of POSIX, which have one name and two types.
 */
const char *pbti_error_text(int code, char *buffer, size_t size);

/* Set the hint of `err`. */
void pbti_fail_hint(struct pbt_error *err, const char *format, ...) PBT_PRINTF(2, 3);

#endif
