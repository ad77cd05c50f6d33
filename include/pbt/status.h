/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pbt/status.h - what a call of the library may answer, and the error that explains it.
 *
 * Four kinds of trouble are kept apart: a programmer's error is an assert; an operational error
 * (disk, file, bad spec) is a negative pbt_status with a pbt_error; an outcome (why a study ended)
 * is an enum of its own; a failed segment or a NaN score is data, an event like any other.
 */
#ifndef PBT_STATUS_H
#define PBT_STATUS_H

#include <stdint.h>

#if defined(__GNUC__)
#define PBT_API __attribute__((visibility("default")))
#define PBT_NODISCARD __attribute__((warn_unused_result))
#define PBT_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#else
#define PBT_API
#define PBT_NODISCARD
#define PBT_PRINTF(format_at, args_at)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Every status: X(name, value, text). Values are fixed for ever; a new one goes at the end.
 */
#define PBT_STATUS_LIST(X)                                                                         \
    X(PBT_OK, 0, "ok")                                                                             \
    X(PBT_EINVAL, -1, "invalid argument")                                                          \
    X(PBT_ENOMEM, -2, "out of memory")                                                             \
    X(PBT_EIO, -3, "input/output error")                                                           \
    X(PBT_ENOENT, -4, "does not exist")                                                            \
    X(PBT_EEXIST, -5, "exists already")                                                            \
    X(PBT_ECONFLICT, -6, "somebody else appended first")                                           \
    X(PBT_ECORRUPT, -7, "damaged data")                                                            \
    X(PBT_EVERSION, -8, "made by a version that is not known")                                     \
    X(PBT_ELIMIT, -9, "larger than allowed")                                                       \
    X(PBT_ESPEC, -10, "wrong spec")                                                                \
    X(PBT_ETRAINER, -11, "the trainer failed")                                                     \
    X(PBT_EBUSY, -12, "in use")                                                                    \
    X(PBT_EUSER, -13, "a callback returned an error")                                              \
    X(PBT_EUNKNOWN, -14, "outcome unknown: the connection was lost during an append")

typedef enum pbt_status {
#define PBT_STATUS_ENUM(name, value, text) name = (value),
    PBT_STATUS_LIST(PBT_STATUS_ENUM)
#undef PBT_STATUS_ENUM
} pbt_status;

/* Plain data owned by the caller. Untouched by a call that succeeds; never allocates. */
struct pbt_error {
    pbt_status code;    /* the same value the call returned */
    int64_t detail;     /* errno, SQLite's extended code or the number of a callback; 0 = none */
    const char *file;   /* static storage: where in the library it was noticed */
    int line;           /* in `file` */
    char message[1024]; /* complete enough to show as is: lower case, no full stop */
    char hint[256];     /* what to do about it; may be empty */
};

/* Name ("PBT_EIO") and text ("input/output error") of a status; static storage, never NULL. */
PBT_API const char *pbt_status_name(pbt_status status);
PBT_API const char *pbt_status_text(pbt_status status);

#ifdef __cplusplus
}
#endif

#endif
