/* SPDX-License-Identifier: Apache-2.0 */
/* env_field.c - what follows from a table of fields: memory, bytes and checks; see env_kind.h. */
#include "env/env_kind.h"
#include "nn/nn_base.h"

#include <assert.h>
#include <string.h>

/* Values are copied as they stand in memory, which is the format on this kind of machine. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "saved states are little-endian: convert the values here"
#endif

static size_t type_size(enum pbti_env_type type)
{
    switch (type) {
    case PBTI_ENV_U8: return sizeof(uint8_t);
    case PBTI_ENV_I8: return sizeof(int8_t);
    case PBTI_ENV_U32: return sizeof(uint32_t);
    case PBTI_ENV_I32: return sizeof(int32_t);
    case PBTI_ENV_U64: return sizeof(uint64_t);
    case PBTI_ENV_F64: return sizeof(double);
    }
    assert(!"a type of field");
    return 0;
}

static size_t field_size(const struct pbti_env_field *field, uint32_t count)
{
    return type_size(field->type) * field->width * count;
}

/* All pointers to objects have one representation on the machines we run on. */
static unsigned char *field_array(const struct pbti_env_field *field, const void *state)
{
    unsigned char *array = NULL;
    memcpy(&array, (const unsigned char *)state + field->offset, sizeof array);
    return array;
}

size_t pbti_env_layout(const struct pbti_env_table *table, uint32_t count, void *state,
                       unsigned char *memory)
{
    size_t size = 0;
    for (size_t f = 0; f < table->count; f++) {
        const struct pbti_env_field *const field = &table->fields[f];
        if (state != NULL) {
            unsigned char *const array = memory + size;
            memcpy((unsigned char *)state + field->offset, &array, sizeof array);
        }
        size_t const padded = field_size(field, count) + PBTI_NN_ALIGN_BYTES - 1;
        size += padded / PBTI_NN_ALIGN_BYTES * PBTI_NN_ALIGN_BYTES;
    }
    return size;
}

size_t pbti_env_packed_size(const struct pbti_env_table *table, uint32_t count)
{
    size_t size = 0;
    for (size_t f = 0; f < table->count; f++) {
        size += field_size(&table->fields[f], count);
    }
    return size;
}

unsigned char *pbti_env_pack(const struct pbti_env_table *table, uint32_t count, const void *state,
                             unsigned char *at)
{
    for (size_t f = 0; f < table->count; f++) {
        size_t const size = field_size(&table->fields[f], count);
        memcpy(at, field_array(&table->fields[f], state), size);
        at += size;
    }
    return at;
}

const unsigned char *pbti_env_unpack(const struct pbti_env_table *table, uint32_t count,
                                     void *state, const unsigned char *at)
{
    for (size_t f = 0; f < table->count; f++) {
        size_t const size = field_size(&table->fields[f], count);
        memcpy(field_array(&table->fields[f], state), at, size);
        at += size;
    }
    return at;
}

/* Value `index` of an array. Every value of a state is exact in a double: masks have 50 bits. */
static double value_at(const struct pbti_env_field *field, const unsigned char *array, size_t index)
{
    switch (field->type) {
    case PBTI_ENV_U8: return array[index];
    case PBTI_ENV_I8: return ((const int8_t *)array)[index];
    case PBTI_ENV_U32: return ((const uint32_t *)(const void *)array)[index];
    case PBTI_ENV_I32: return ((const int32_t *)(const void *)array)[index];
    case PBTI_ENV_U64: return (double)((const uint64_t *)(const void *)array)[index];
    case PBTI_ENV_F64: return ((const double *)(const void *)array)[index];
    }
    assert(!"a type of field");
    return 0.0;
}

static pbt_status check_field(const struct pbti_env_field *field, uint32_t count, const void *state,
                              struct pbt_error *err)
{
    const unsigned char *const array = field_array(field, state);
    size_t const values = (size_t)count * field->width;
    for (size_t i = 0; i < values; i++) {
        double const value = value_at(field, array, i);
        if (!(value >= field->low && value <= field->high)) { /* NaN, too */
            return pbti_nn_fail(err, PBT_ECORRUPT,
                                "the saved state is damaged: \"%s\" of copy %zu is %.17g; "
                                "%.17g to %.17g are possible",
                                field->name, i / field->width, value, field->low, field->high);
        }
    }
    return PBT_OK;
}

pbt_status pbti_env_check(const struct pbti_env_table *table, uint32_t count, const void *state,
                          struct pbt_error *err)
{
    pbt_status status = PBT_OK;
    for (size_t f = 0; f < table->count && status == PBT_OK; f++) {
        status = check_field(&table->fields[f], count, state, err);
    }
    return status;
}
