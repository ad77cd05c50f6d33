/* SPDX-License-Identifier: Apache-2.0 */
/* base/bytes.c - little-endian writer and reader; see bytes.h. */
#include "base/bytes.h"

#include <string.h>

static inline uint8_t *claim_room(struct pbti_writer *writer, size_t size)
{
    size_t const at = writer->size;
    writer->size = at + size;
    if (writer->size <= writer->capacity) { return writer->data + at; }
    writer->failed = true;
    return NULL;
}

void pbti_put_u8(struct pbti_writer *writer, uint8_t value)
{
    uint8_t *const room = claim_room(writer, 1);
    if (room != NULL) { *room = value; }
}

void pbti_put_bool(struct pbti_writer *writer, bool value)
{
    pbti_put_u8(writer, value ? 1 : 0);
}

void pbti_put_u64(struct pbti_writer *writer, uint64_t value)
{
    uint8_t *const room = claim_room(writer, 8);
    if (room == NULL) { return; }
    /* written out, compilers make one store of it */
    room[0] = (uint8_t)value;
    room[1] = (uint8_t)(value >> 8);
    room[2] = (uint8_t)(value >> 16);
    room[3] = (uint8_t)(value >> 24);
    room[4] = (uint8_t)(value >> 32);
    room[5] = (uint8_t)(value >> 40);
    room[6] = (uint8_t)(value >> 48);
    room[7] = (uint8_t)(value >> 56);
}

void pbti_put_varint(struct pbti_writer *writer, uint64_t value)
{
    if (value < 0x80) { /* by far the most common */
        pbti_put_u8(writer, (uint8_t)value);
        return;
    }
    size_t size = 1;
    for (uint64_t rest = value >> 7; rest != 0; rest >>= 7) {
        size++;
    }
    uint8_t *const room = claim_room(writer, size);
    if (room == NULL) { return; }
    for (size_t i = 0; i + 1 < size; i++) {
        room[i] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    room[size - 1] = (uint8_t)value;
}

void pbti_put_signed(struct pbti_writer *writer, int64_t value)
{
    uint64_t const sign = value < 0 ? UINT64_MAX : 0;
    pbti_put_varint(writer, ((uint64_t)value << 1) ^ sign);
}

void pbti_put_double(struct pbti_writer *writer, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    pbti_put_u64(writer, bits);
}

void pbti_put_bytes(struct pbti_writer *writer, const void *data, size_t size)
{
    uint8_t *const room = claim_room(writer, size);
    if (room != NULL && size > 0) { memcpy(room, data, size); }
}

void pbti_put_text(struct pbti_writer *writer, struct pbti_text text)
{
    pbti_put_varint(writer, text.size);
    pbti_put_bytes(writer, text.data, text.size);
}

static const uint8_t *take(struct pbti_reader *reader, size_t size)
{
    if (reader->failed || size > reader->size - reader->at) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *const data = reader->data + reader->at;
    reader->at += size;
    return data;
}

uint8_t pbti_get_u8(struct pbti_reader *reader)
{
    const uint8_t *const data = take(reader, 1);
    return data == NULL ? 0 : *data;
}

bool pbti_get_bool(struct pbti_reader *reader)
{
    uint8_t const value = pbti_get_u8(reader);
    if (value > 1) { reader->failed = true; }
    return value == 1;
}

uint64_t pbti_get_u64(struct pbti_reader *reader)
{
    const uint8_t *const data = take(reader, 8);
    if (data == NULL) { return 0; }
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++) {
        value |= (uint64_t)data[i] << (8 * i);
    }
    return value;
}

uint64_t pbti_get_varint(struct pbti_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t const byte = pbti_get_u8(reader);
        if (reader->failed) { return 0; }
        uint64_t const bits = byte & 0x7f;
        bool const overflow = shift == 63 && bits > 1;
        bool const overlong = shift > 0 && byte == 0;
        if (overflow || overlong) { break; }
        value |= bits << shift;
        if ((byte & 0x80) == 0) { return value; }
    }
    reader->failed = true;
    return 0;
}

uint32_t pbti_get_u32(struct pbti_reader *reader)
{
    uint64_t const value = pbti_get_varint(reader);
    if (value > UINT32_MAX) { reader->failed = true; }
    return reader->failed ? 0 : (uint32_t)value;
}

int64_t pbti_get_signed(struct pbti_reader *reader)
{
    uint64_t const value = pbti_get_varint(reader);
    return (int64_t)((value >> 1) ^ (~(value & 1) + 1));
}

double pbti_get_double(struct pbti_reader *reader)
{
    uint64_t const bits = pbti_get_u64(reader);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

struct pbti_text pbti_get_text(struct pbti_reader *reader, size_t size_max)
{
    struct pbti_text text = {NULL, 0};
    uint64_t const size = pbti_get_varint(reader);
    if (size > size_max) { reader->failed = true; }
    if (reader->failed) { return text; }
    const uint8_t *const data = take(reader, (size_t)size);
    if (data != NULL) { text = (struct pbti_text){(const char *)data, (size_t)size}; }
    return text;
}
