/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec/spec_number.c - numbers as text; see spec_number.h.
 *
 * strtod() and printf() use the decimal point of the process's locale, which belongs to whoever
 * embeds the library. The point in force is found by printing 0.5, and exchanged for ours.
 */
#include "spec/spec_number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPONENT_CAP 100000 /* larger exponents are all the same to us */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t count_digits(const char *text)
{
    size_t count = 0;
    while (is_digit(text[count])) {
        count++;
    }
    return count;
}

static size_t exponent_span(const char *text)
{
    if (text[0] != 'e' && text[0] != 'E') { return 0; }
    size_t const sign = text[1] == '+' || text[1] == '-' ? 1 : 0;
    size_t const digits = count_digits(text + 1 + sign);
    return digits == 0 ? 0 : 1 + sign + digits;
}

size_t pbti_number_span(const char *text)
{
    size_t at = text[0] == '+' || text[0] == '-' ? 1 : 0;
    size_t const whole = count_digits(text + at);
    at += whole;
    size_t fraction = 0;
    if (text[at] == '.') {
        fraction = count_digits(text + at + 1);
        if (whole + fraction > 0) { at += 1 + fraction; }
    }
    if (whole + fraction == 0) { return 0; }
    return at + exponent_span(text + at);
}

bool pbti_number_is(const char *text)
{
    size_t const span = pbti_number_span(text);
    return span > 0 && text[span] == '\0';
}

/* The locale's decimal point, NUL-terminated; it may be several bytes long. */
static void locale_point(char point[16])
{
    char half[16];
    int const size = snprintf(half, sizeof half, "%.1f", 0.5); /* 0, the point, 5 */
    size_t const count = size < 3 || (size_t)size >= sizeof half ? 0 : (size_t)size - 2;
    memcpy(point, half + 1, count);
    point[count] = '\0';
}

bool pbti_number_read(const char *text, double *out)
{
    size_t const span = pbti_number_span(text);
    if (span == 0 || text[span] != '\0' || span > PBTI_NUMBER_LENGTH_MAX) { return false; }
    char point[16];
    locale_point(point);
    char local[PBTI_NUMBER_LENGTH_MAX + sizeof point];
    size_t used = 0;
    for (size_t i = 0; i < span; i++) {
        if (text[i] == '.') {
            memcpy(local + used, point, strlen(point));
            used += strlen(point);
        } else {
            local[used++] = text[i];
        }
    }
    local[used] = '\0';
    double const value = strtod(local, NULL);
    if (!isfinite(value)) { return false; }
    *out = value;
    return true;
}

/* A decimal number taken apart: digits * 10^exponent. */
struct decimal {
    bool negative;
    bool overflow; /* more digits than 64 bits hold */
    uint64_t digits;
    long exponent;
};

/* Zeros wait until a further digit follows, so that trailing ones cost no digits. */
static void decimal_digit(struct decimal *decimal, long *zeros, char digit)
{
    if (digit == '0') {
        if (decimal->digits > 0) { (*zeros)++; }
        return;
    }
    for (long i = 0; i <= *zeros && !decimal->overflow; i++) {
        decimal->overflow = __builtin_mul_overflow(decimal->digits, 10, &decimal->digits);
    }
    *zeros = 0;
    decimal->overflow =
        decimal->overflow ||
        __builtin_add_overflow(decimal->digits, (uint64_t)(digit - '0'), &decimal->digits);
}

static struct decimal decimal_read(const char *text, size_t size)
{
    struct decimal decimal = {.negative = text[0] == '-'};
    long zeros = 0;
    long places = 0;
    bool after_point = false;
    size_t at = text[0] == '+' || text[0] == '-' ? 1 : 0;
    for (; at < size && (is_digit(text[at]) || text[at] == '.'); at++) {
        if (text[at] == '.') {
            after_point = true;
        } else {
            places += after_point ? 1 : 0;
            decimal_digit(&decimal, &zeros, text[at]);
        }
    }
    long exponent = 0;
    if (at < size) {
        at++; /* the e */
        bool const down = text[at] == '-';
        at += text[at] == '+' || text[at] == '-' ? 1 : 0;
        for (; at < size && exponent < EXPONENT_CAP; at++) {
            exponent = exponent * 10 + (text[at] - '0');
        }
        exponent = down ? -exponent : exponent;
    }
    decimal.exponent = exponent - places + zeros;
    return decimal;
}

bool pbti_number_whole(const char *text, size_t size, uint64_t unit, uint64_t *out)
{
    if (size > PBTI_NUMBER_LENGTH_MAX) { return false; }
    struct decimal const decimal = decimal_read(text, size);
    if (decimal.overflow) { return false; }
    uint64_t value = decimal.digits;
    if (value == 0) {
        *out = 0;
        return true;
    }
    if (decimal.negative || __builtin_mul_overflow(value, unit, &value)) { return false; }
    for (long i = 0; i < decimal.exponent; i++) {
        if (__builtin_mul_overflow(value, 10, &value)) { return false; }
    }
    for (long i = 0; i > decimal.exponent; i--) {
        if (value % 10 != 0) { return false; }
        value /= 10;
    }
    *out = value;
    return true;
}

/* What printf() wrote, in our form: a point for the locale's, no + and no zeros in the exponent. */
static void tidy_text(const char *printed, char *text)
{
    size_t used = 0;
    bool in_exponent = false;
    for (const char *at = printed; *at != '\0'; at++) {
        if (*at == 'e') {
            in_exponent = true;
            text[used++] = 'e';
        } else if (in_exponent && *at == '0' && (text[used - 1] == 'e' || text[used - 1] == '-')) {
            continue; /* a leading zero; the exponent itself is never 0 */
        } else if (is_digit(*at) || *at == '-') {
            text[used++] = *at;
        } else if (*at != '+' && (used == 0 || text[used - 1] != '.')) {
            text[used++] = '.';
        }
    }
    text[used] = '\0';
}

char *pbti_number_text(double value, char *text)
{
    for (int digits = 15; digits <= 17; digits++) {
        char printed[64];
        (void)snprintf(printed, sizeof printed, "%.*g", digits, value);
        tidy_text(printed, text);
        double again = 0.0;
        if (pbti_number_read(text, &again) && again == value) { break; }
    }
    return text;
}
