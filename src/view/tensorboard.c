/* SPDX-License-Identifier: Apache-2.0 */
/* view/tensorboard.c - records, checksums, and the few protocol buffers. */
#include "view/tensorboard.h"

#include <assert.h>
#include <string.h>

#define CASTAGNOLI 0x82f63b78u /* the polynomial of CRC-32C, reflected */

/* Fields: number * 8 + wire type (0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes). */
#define EVENT_WALL_TIME 0x09
#define EVENT_STEP 0x10
#define EVENT_FILE_VERSION 0x1a
#define EVENT_SUMMARY 0x2a
#define SUMMARY_VALUE 0x0a
#define VALUE_TAG 0x0a
#define VALUE_SIMPLE 0x15

/* -------- bytes -------- */

static void add_little(struct pbti_str *str, uint64_t value, size_t size)
{
    char bytes[8];
    assert(size <= sizeof bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)(value >> (8 * i) & 0xff);
    }
    pbti_str_add_bytes(str, bytes, size);
}

static void add_varint(struct pbti_str *str, uint64_t value)
{
    while (value >= 0x80) {
        add_little(str, (value & 0x7f) | 0x80, 1);
        value >>= 7;
    }
    add_little(str, value, 1);
}

static void add_bytes(struct pbti_str *str, uint8_t field, const char *data, size_t size)
{
    add_little(str, field, 1);
    add_varint(str, size);
    pbti_str_add_bytes(str, data, size);
}

static void add_double(struct pbti_str *str, uint8_t field, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    add_little(str, field, 1);
    add_little(str, bits, sizeof bits);
}

static void add_float(struct pbti_str *str, uint8_t field, double value)
{
    float const rounded = (float)value;
    uint32_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    add_little(str, field, 1);
    add_little(str, bits, sizeof bits);
}

/* -------- records -------- */

/* A stored checksum is masked, so that the checksum of data that holds checksums is a good one. */
static uint32_t masked_crc(const struct pbti_events *events, const char *data, size_t size)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < size; i++) {
        crc = events->crc[(crc ^ (unsigned char)data[i]) & 0xff] ^ (crc >> 8);
    }
    crc = ~crc;
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

static void add_record(struct pbti_events *events, struct pbti_str *file)
{
    const struct pbti_str *const event = &events->event;
    size_t const length = file->size;
    add_little(file, event->size, 8);
    if (file->failed || event->failed || events->summary.failed || events->scratch.failed) {
        file->failed = true;
        return;
    }
    add_little(file, masked_crc(events, file->data + length, 8), 4);
    pbti_str_add_bytes(file, event->data, event->size);
    add_little(file, masked_crc(events, event->data, event->size), 4);
}

void pbti_events_init(struct pbti_events *events)
{
    memset(events, 0, sizeof *events);
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (crc & 1 ? CASTAGNOLI : 0);
        }
        events->crc[i] = crc;
    }
}

void pbti_events_deinit(struct pbti_events *events)
{
    pbti_str_deinit(&events->summary);
    pbti_str_deinit(&events->scratch);
    pbti_str_deinit(&events->event);
}

/* -------- events -------- */

void pbti_events_begin(struct pbti_events *events, struct pbti_str *file, int64_t time_ms)
{
    static const char version[] = "brain.Event:2";
    pbti_str_clear(&events->event);
    add_double(&events->event, EVENT_WALL_TIME, (double)time_ms / 1000);
    add_bytes(&events->event, EVENT_FILE_VERSION, version, sizeof version - 1);
    add_record(events, file);
}

void pbti_events_scalar(struct pbti_events *events, const char *tag, double value)
{
    struct pbti_str *const scratch = &events->scratch;
    pbti_str_clear(scratch);
    add_bytes(scratch, VALUE_TAG, tag, strlen(tag));
    add_float(scratch, VALUE_SIMPLE, value);
    add_bytes(&events->summary, SUMMARY_VALUE, pbti_str_text(scratch), scratch->size);
}

void pbti_events_end(struct pbti_events *events, struct pbti_str *file, int64_t time_ms,
                     uint64_t step)
{
    struct pbti_str *const event = &events->event;
    pbti_str_clear(event);
    add_double(event, EVENT_WALL_TIME, (double)time_ms / 1000);
    add_little(event, EVENT_STEP, 1);
    add_varint(event, step);
    add_bytes(event, EVENT_SUMMARY, pbti_str_text(&events->summary), events->summary.size);
    add_record(events, file);
    pbti_str_clear(&events->summary);
}

void pbti_events_tag(struct pbti_str *str, const char *group, const char *name)
{
    pbti_str_add(str, group);
    pbti_str_add(str, "/");
    for (const char *at = name; *at != '\0';) {
        size_t const plain = strcspn(at, "/\\");
        pbti_str_escape(str, at, plain);
        at += plain;
        if (*at != '\0') { pbti_str_addf(str, "\\x%02x", (unsigned)(unsigned char)*at++); }
    }
}
