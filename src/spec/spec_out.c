/* SPDX-License-Identifier: Apache-2.0 */
/* spec/spec_out.c - growing text; see spec_out.h. */
#include "spec/spec_out.h"

#include "spec/spec_number.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct pbti_out pbti_out_fixed(char *data, size_t capacity)
{
    data[0] = '\0';
    return (struct pbti_out){.data = data, .capacity = capacity, .fixed = true};
}

/* Room for `more` bytes and a NUL; how many fit. */
static size_t reserve(struct pbti_out *out, size_t more)
{
    if (out->failed) { return 0; }
    if (out->capacity - out->size > more) { return more; }
    if (out->fixed) { return out->capacity - out->size - 1; }
    size_t const capacity = (out->size + more + 1) * 2;
    char *const data = realloc(out->data, capacity);
    if (data == NULL) {
        out->failed = true;
        return 0;
    }
    out->data = data;
    out->capacity = capacity;
    return more;
}

/* A text that was cut off ends with "...", between two characters. */
static void mark_cut(struct pbti_out *out)
{
    static const char mark[] = "...";
    size_t at = out->size < sizeof mark - 1 ? 0 : out->size - (sizeof mark - 1);
    while (at > 0 && ((unsigned char)out->data[at] & 0xC0u) == 0x80u) {
        at--;
    }
    size_t const count = out->size - at < sizeof mark - 1 ? out->size - at : sizeof mark - 1;
    memcpy(out->data + at, mark, count);
    out->size = at + count;
    out->data[out->size] = '\0';
}

void pbti_out_bytes(struct pbti_out *out, const char *bytes, size_t size)
{
    size_t const fits = reserve(out, size);
    if (out->failed) { return; }
    memcpy(out->data + out->size, bytes, fits);
    out->size += fits;
    out->data[out->size] = '\0';
    if (fits < size) { mark_cut(out); }
}

void pbti_out_put(struct pbti_out *out, const char *text)
{
    pbti_out_bytes(out, text, strlen(text));
}

void pbti_out_format(struct pbti_out *out, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pbti_out_put(out, text);
}

void pbti_out_number(struct pbti_out *out, double value)
{
    char text[PBTI_NUMBER_TEXT_MAX];
    pbti_out_put(out, pbti_number_text(value, text));
}

void pbti_out_line(struct pbti_out *out)
{
    if (out->size == 0) { return; }
    if (out->data[out->size - 1] == ' ') { out->size--; }
    pbti_out_put(out, "\n");
    for (uint32_t i = 0; i < out->indent; i++) {
        pbti_out_put(out, " ");
    }
}

/* -------- YAML -------- */

/* Plain text that no reader of YAML, ours or another, takes for anything but text. */
static bool is_plain(const char *text)
{
    static const char *const special[] = {"true", "false", "null", "none",
                                          "yes",  "no",    "on",   "off"};
    bool const begins = isalpha((unsigned char)text[0]) || text[0] == '_' || text[0] == '/' ||
                        (text[0] == '.' && text[1] == '/');
    if (!begins) { return false; }
    for (const char *at = text; *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at) && strchr("_./+-", *at) == NULL) { return false; }
    }
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
        if (strcasecmp(text, special[i]) == 0) { return false; }
    }
    return true;
}

/* The code point that valid UTF-8 begins with, and its length. */
static uint32_t code_point(const unsigned char *text, size_t *length)
{
    unsigned char const lead = text[0];
    *length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t code = *length == 1 ? lead : lead & (0xFFu >> (*length + 1));
    for (size_t i = 1; i < *length; i++) {
        code = (code << 6) | (text[i] & 0x3Fu);
    }
    return code;
}

/* Characters that YAML does not print, takes for line breaks, or joins to a byte order mark. */
static bool needs_escape(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code <= 0xA0) || code == 0x2028 || code == 0x2029 ||
           code == 0xFEFF || code == 0xFFFE || code == 0xFFFF;
}

void pbti_out_yaml(struct pbti_out *out, const char *text)
{
    if (is_plain(text)) {
        pbti_out_put(out, text);
        return;
    }
    pbti_out_put(out, "\"");
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0';) {
        size_t length = 1;
        uint32_t const code = code_point(at, &length);
        if (*at == '"' || *at == '\\') {
            pbti_out_format(out, "\\%c", *at);
        } else if (needs_escape(code)) {
            pbti_out_format(out, code < 0x100 ? "\\x%02X" : "\\u%04X", code);
        } else {
            pbti_out_bytes(out, (const char *)at, length);
        }
        at += length;
    }
    pbti_out_put(out, "\"");
}
