/* SPDX-License-Identifier: Apache-2.0 */
/* base/status.c - names and texts of statuses; filling errors. Allocates nothing. */
#include "base/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *pbt_status_name(pbt_status status)
{
    switch (status) {
#define STATUS_NAME(name, value, text)                                                             \
    case name: return #name;
        PBT_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
    }
    return "PBT_?";
}

const char *pbt_status_text(pbt_status status)
{
    switch (status) {
#define STATUS_TEXT(name, value, text)                                                             \
    case name: return text;
        PBT_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
    }
    return "unknown status";
}

pbt_status pbti_fail(struct pbt_error *err, pbt_status status, int64_t detail, const char *file,
                     int line, const char *format, ...)
{
    if (err == NULL) { return status; }
    err->code = status;
    err->detail = detail;
    err->file = file;
    err->line = line;
    err->hint[0] = '\0';
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    return status;
}

pbt_status pbti_fail_context(struct pbt_error *err, pbt_status status, const char *format, ...)
{
    if (err == NULL) { return status; }
    char outer[sizeof err->message];
    va_list args;
    va_start(args, format);
    int const used = vsnprintf(outer, sizeof outer, format, args);
    va_end(args);
    err->code = status;
    if (used < 0 || (size_t)used + 3 > sizeof err->message) { return status; }
    /* what no longer fits of the inner message is cut at its end */
    size_t const front = (size_t)used + 2;
    memmove(err->message + front, err->message, sizeof err->message - front);
    memcpy(err->message, outer, (size_t)used);
    memcpy(err->message + used, ": ", 2);
    err->message[sizeof err->message - 1] = '\0';
    return status;
}

void pbti_fail_hint(struct pbt_error *err, const char *format, ...)
{
    if (err == NULL) { return; }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->hint, sizeof err->hint, format, args);
    va_end(args);
}

/* What either kind of strerror_r left. */
static const char *text_of(const char *text, const char *buffer)
{
    (void)buffer;
    return text;
}

static const char *text_of_status(int status, const char *buffer)
{
    return status == 0 ? buffer : "unknown error";
}

const char *pbti_error_text(int code, char *buffer, size_t size)
{
#define STRERROR strerror_r(code, buffer, size)
    return _Generic(STRERROR, char * : text_of, int : text_of_status)(STRERROR, buffer);
#undef STRERROR
}
