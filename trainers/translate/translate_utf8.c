/* SPDX-License-Identifier: Apache-2.0 */
/* translate_utf8.c - one character of UTF-8 at a time, see translate_utf8.h. */
#include "translate/translate_utf8.h"

#include <string.h>

size_t pbti_utf8_character(const char *text, size_t size, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char const first = (unsigned char)text[0];
    if (first < 0x80) {
        *code = first;
        return 1;
    }
    size_t const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || length > size) { return 0; }
    uint32_t value = first & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        unsigned char const next = (unsigned char)text[i];
        if ((next & 0xc0) != 0x80) { return 0; }
        value = value << 6 | (next & 0x3fu);
    }
    bool const surrogate = value >= 0xd800 && value < 0xe000;
    if (value < least[length] || value > 0x10ffff || surrogate) { return 0; }
    *code = value;
    return length;
}

bool pbti_utf8_valid(const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        uint32_t code;
        size_t const length = pbti_utf8_character(text + at, size - at, &code);
        if (length == 0) { return false; }
        at += length;
    }
    return true;
}

size_t pbti_utf8_clean(char *text, size_t size)
{
    size_t kept = 0;
    for (size_t at = 0; at < size;) {
        uint32_t code;
        size_t const length = pbti_utf8_character(text + at, size - at, &code);
        memmove(text + kept, text + at, length);
        kept += length;
        at += length == 0 ? 1 : length;
    }
    return kept;
}

bool pbti_utf8_space(uint32_t code)
{
    return code == ' ' || (code >= 0x09 && code <= 0x0d) || (code >= 0x1c && code <= 0x1f) ||
           code == 0x85 || code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) ||
           code == 0x2028 || code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}
