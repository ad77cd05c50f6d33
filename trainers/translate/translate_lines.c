/* SPDX-License-Identifier: Apache-2.0 */
/* translate_lines.c - a text file in memory, see translate_lines.h. */
#include "translate/translate_lines.h"
#include "nn/nn_base.h"
#include "translate/translate_utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cut lines->text, `size` bytes of which the last is a newline, into lines; compacts it in
 * place. */
static pbt_status cut(struct pbti_lines *lines, size_t size, const char *name,
                      struct pbt_error *err)
{
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < size; i++) {
        count += lines->text[i] == '\n';
    }
    if (count > UINT32_MAX - 1) {
        return pbti_nn_fail(err, PBT_ELIMIT, "\"%s\" has too many lines", name);
    }
    lines->starts = calloc(count + 1, sizeof lines->starts[0]);
    if (lines->starts == NULL) { return pbti_nn_fail(err, PBT_ENOMEM, "no memory for a text"); }
    for (size_t at = 0; at < size;) {
        const char *const line = lines->text + at;
        const char *const end = memchr(line, '\n', size - at);
        size_t const whole = (size_t)(end - line);
        size_t const length = whole > 0 && line[whole - 1] == '\r' ? whole - 1 : whole;
        if (!pbti_utf8_valid(line, length)) {
            return pbti_nn_fail(err, PBT_ECORRUPT, "\"%s\", line %u: not UTF-8", name,
                                lines->count + 1);
        }
        memmove(lines->text + kept, line, length);
        kept += length;
        lines->text[kept++] = '\n';
        lines->starts[++lines->count] = kept;
        at += whole + 1;
    }
    return PBT_OK;
}

pbt_status pbti_lines_copy(struct pbti_lines *lines, const char *text, size_t size,
                           const char *name, struct pbt_error *err)
{
    memset(lines, 0, sizeof *lines);
    lines->text = malloc(size + 1);
    if (lines->text == NULL) { return pbti_nn_fail(err, PBT_ENOMEM, "no memory for a text"); }
    if (size > 0) { memcpy(lines->text, text, size); }
    size_t whole = size;
    if (size > 0 && text[size - 1] != '\n') { lines->text[whole++] = '\n'; }
    pbt_status const status = cut(lines, whole, name, err);
    if (status != PBT_OK) { pbti_lines_deinit(lines); }
    return status;
}

/* The whole of an open file; to be freed. */
static char *whole_file(FILE *file, size_t *size)
{
    size_t capacity = 1 << 16;
    char *text = malloc(capacity);
    *size = 0;
    while (text != NULL) {
        size_t const got = fread(text + *size, 1, capacity - *size, file);
        *size += got;
        if (*size < capacity) { break; }
        capacity *= 2;
        char *const larger = realloc(text, capacity);
        if (larger == NULL) { free(text); }
        text = larger;
    }
    return text;
}

pbt_status pbti_lines_read(struct pbti_lines *lines, const char *path, struct pbt_error *err)
{
    memset(lines, 0, sizeof *lines);
    FILE *const file = fopen(path, "rb");
    if (file == NULL) {
        int const why = errno;
        return pbti_nn_fail(err, why == ENOENT || why == ENOTDIR ? PBT_ENOENT : PBT_EIO,
                            "\"%s\" cannot be read: %s", path, strerror(why));
    }
    size_t size;
    char *const text = whole_file(file, &size);
    bool const failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed || text == NULL) {
        free(text);
        return pbti_nn_fail(err, failed ? PBT_EIO : PBT_ENOMEM, "\"%s\" cannot be read", path);
    }
    pbt_status const status = pbti_lines_copy(lines, text, size, path, err);
    free(text);
    return status;
}

void pbti_lines_deinit(struct pbti_lines *lines)
{
    free(lines->text);
    free(lines->starts);
    memset(lines, 0, sizeof *lines);
}
