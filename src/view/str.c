/* SPDX-License-Identifier: Apache-2.0 */
/* view/str.c - growing texts, escaping, measuring and cutting in columns. */
#include "view/str.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -------- growing -------- */

/* Make room for `more` bytes and a NUL. */
static bool reserve(struct pbti_str *str, size_t more)
{
    if (str->failed) { return false; }
    size_t const wanted = str->size + more + 1;
    if (wanted <= str->capacity) { return true; }
    size_t capacity = str->capacity < 64 ? 64 : str->capacity;
    while (capacity < wanted) {
        capacity += capacity / 2;
    }
    char *const data = realloc(str->data, capacity);
    if (data == NULL) {
        str->failed = true;
        return false;
    }
    str->data = data;
    str->capacity = capacity;
    return true;
}

void pbti_str_add_bytes(struct pbti_str *str, const char *data, size_t size)
{
    if (size == 0 || !reserve(str, size)) { return; }
    memcpy(str->data + str->size, data, size);
    str->size += size;
    str->data[str->size] = '\0';
}

void pbti_str_add(struct pbti_str *str, const char *text)
{
    pbti_str_add_bytes(str, text, strlen(text));
}

void pbti_str_addf(struct pbti_str *str, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int const size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size > 0 && reserve(str, (size_t)size)) {
        (void)vsnprintf(str->data + str->size, (size_t)size + 1, format, again);
        str->size += (size_t)size;
    }
    va_end(again);
}

void pbti_str_fill(struct pbti_str *str, char byte, size_t count)
{
    if (count == 0 || !reserve(str, count)) { return; }
    memset(str->data + str->size, byte, count);
    str->size += count;
    str->data[str->size] = '\0';
}

void pbti_str_clear(struct pbti_str *str)
{
    str->size = 0;
    str->failed = false;
    if (str->data != NULL) { str->data[0] = '\0'; }
}

void pbti_str_deinit(struct pbti_str *str)
{
    free(str->data);
    memset(str, 0, sizeof *str);
}

const char *pbti_str_text(const struct pbti_str *str)
{
    return str->data == NULL ? "" : str->data;
}

/* -------- characters -------- */

/*
 * Decode one UTF-8 character. Returns its bytes, or 0 when they are not well-formed: over-long,
 * a surrogate, past U+10FFFF or cut short.
 */
static size_t decode(const unsigned char *data, size_t size, uint32_t *code)
{
    unsigned char const lead = data[0];
    if (lead < 0x80) {
        *code = lead;
        return 1;
    }
    size_t const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || length > size) { return 0; }
    uint32_t value = lead & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((data[i] & 0xc0) != 0x80) { return 0; }
        value = value << 6 | (data[i] & 0x3fu);
    }
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
        return 0;
    }
    *code = value;
    return length;
}

struct range {
    uint32_t first, last;
};

static bool in_ranges(uint32_t code, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (code >= ranges[i].first && code <= ranges[i].last) { return true; }
    }
    return false;
}

/* Controls (C0, DEL, C1), line separators, direction marks, tags, and the end of the planes. */
static bool harmful(uint32_t code)
{
    static const struct range ranges[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},
        {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfe00, 0xfe0f},
        {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0x10ffff},
    };
    return in_ranges(code, ranges, sizeof ranges / sizeof ranges[0]);
}

static uint32_t width(uint32_t code)
{
    static const struct range combining[] = {
        {0x300, 0x36f},   {0x483, 0x489},   {0x1ab0, 0x1aff},
        {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe20, 0xfe2f},
    };
    static const struct range wide[] = {
        {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97f},
        {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
        {0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
        {0x20000, 0x3fffd},
    };
    if (code < 0x300) { return 1; }
    if (in_ranges(code, combining, sizeof combining / sizeof combining[0])) { return 0; }
    return in_ranges(code, wide, sizeof wide / sizeof wide[0]) ? 2 : 1;
}

void pbti_str_escape(struct pbti_str *str, const char *data, size_t size)
{
    const unsigned char *const bytes = (const unsigned char *)data;
    size_t at = 0;
    while (at < size) {
        uint32_t code = 0;
        size_t const length = decode(bytes + at, size - at, &code);
        if (length > 0 && !harmful(code)) {
            pbti_str_add_bytes(str, data + at, length);
            at += length;
            continue;
        }
        size_t const escaped = length > 0 ? length : 1;
        for (size_t i = 0; i < escaped; i++) {
            pbti_str_addf(str, "\\x%02x", (unsigned)bytes[at + i]);
        }
        at += escaped;
    }
}

/* Bytes of `text` that fit into `columns`, and how many columns those take. */
static size_t fitting(const char *text, size_t size, uint32_t columns, uint32_t *taken)
{
    size_t at = 0;
    *taken = 0;
    while (at < size) {
        uint32_t code = 0;
        size_t length = decode((const unsigned char *)text + at, size - at, &code);
        uint32_t const wide = length == 0 ? 1 : width(code);
        if (length == 0) { length = 1; }
        if (*taken + wide > columns) { break; }
        *taken += wide;
        at += length;
    }
    return at;
}

uint32_t pbti_columns(const char *text, size_t size)
{
    uint32_t taken = 0;
    (void)fitting(text, size, UINT32_MAX / 2, &taken);
    return taken;
}

void pbti_str_cut(struct pbti_str *str, size_t from)
{
    if (from >= str->size) { return; }
    str->size = from;
    str->data[from] = '\0';
}

void pbti_str_clip(struct pbti_str *str, size_t from, uint32_t columns)
{
    if (str->failed || from >= str->size) { return; }
    uint32_t taken = 0;
    size_t keep = fitting(str->data + from, str->size - from, columns, &taken);
    if (from + keep == str->size) { return; }
    if (columns > 0) { keep = fitting(str->data + from, str->size - from, columns - 1, &taken); }
    pbti_str_cut(str, from + keep);
    if (columns > 0) { pbti_str_add(str, "~"); }
}

void pbti_str_pad(struct pbti_str *str, size_t from, uint32_t columns, bool right)
{
    assert(from <= str->size);
    uint32_t const taken = pbti_columns(pbti_str_text(str) + from, str->size - from);
    if (taken >= columns) { return; }
    size_t const spaces = columns - taken;
    size_t const added = str->size - from;
    pbti_str_fill(str, ' ', spaces);
    if (right && !str->failed) {
        memmove(str->data + from + spaces, str->data + from, added);
        memset(str->data + from, ' ', spaces);
    }
}
