/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/bytes.h - writing and reading little-endian bytes without allocating.
 *
 * A writer that runs out of room, and a reader that runs out of bytes, remember it in `failed` and
 * do nothing from then on; whoever uses them checks once, at the end. Lengths are checked before
 * use.
 */
#ifndef PBTI_BASE_BYTES_H
#define PBTI_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that belong to somebody else. Not NUL-terminated. */
struct pbti_text {
    const char *data;
    size_t size;
};

struct pbti_writer {
    uint8_t *data; /* caller's; NULL with capacity 0 only counts */
    size_t capacity;
    size_t size; /* bytes written, or wanted when failed */
    bool failed; /* capacity was too small */
};

struct pbti_reader {
    const uint8_t *data;
    size_t size;
    size_t at;
    bool failed; /* the bytes ended early or were not well-formed */
};

void pbti_put_u8(struct pbti_writer *writer, uint8_t value);
void pbti_put_bool(struct pbti_writer *writer, bool value);       /* one byte, 0 or 1 */
void pbti_put_u64(struct pbti_writer *writer, uint64_t value);    /* fixed, 8 bytes */
void pbti_put_varint(struct pbti_writer *writer, uint64_t value); /* LEB128, 1 to 10 bytes */
void pbti_put_signed(struct pbti_writer *writer, int64_t value);  /* zigzag, then LEB128 */
void pbti_put_double(struct pbti_writer *writer, double value);   /* IEEE 754 bits, 8 bytes */
void pbti_put_bytes(struct pbti_writer *writer, const void *data, size_t size);
void pbti_put_text(struct pbti_writer *writer, struct pbti_text text); /* varint length, bytes */

uint8_t pbti_get_u8(struct pbti_reader *reader);
bool pbti_get_bool(struct pbti_reader *reader); /* another byte than 0 or 1 is refused */
uint64_t pbti_get_u64(struct pbti_reader *reader);
uint64_t pbti_get_varint(struct pbti_reader *reader); /* over-long encodings are refused */
uint32_t pbti_get_u32(struct pbti_reader *reader);    /* a varint that must fit */
int64_t pbti_get_signed(struct pbti_reader *reader);
double pbti_get_double(struct pbti_reader *reader);
/* Borrowed from the reader's bytes; longer than `size_max` is refused. */
struct pbti_text pbti_get_text(struct pbti_reader *reader, size_t size_max);

#endif
