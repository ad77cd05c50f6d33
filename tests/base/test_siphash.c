/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/base/test_siphash.c - SipHash-2-4 gives the tags of its paper; every byte of key and text
 * counts.
 */
#include "base/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void fill(unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)i;
    }
}

/* The paper's appendix: key 00 .. 0f, text 00 .. 0e; the others of its reference vectors. */
static void test_the_tags_of_the_paper(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        uint64_t tag;
    } known[] = {{0, 0x726fdb47dd0e0e31u},
                 {1, 0x74f839c593dc67fdu},
                 {8, 0x93f5f5799a932462u},
                 {15, 0xa129ca6149be45e5u}};
    unsigned char key[PBTI_SIPHASH_KEY];
    unsigned char text[16];
    fill(key, sizeof key);
    fill(text, sizeof text);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_true(pbti_siphash(key, text, known[i].size) == known[i].tag);
    }
}

static void test_every_byte_counts(void **state)
{
    (void)state;
    unsigned char key[PBTI_SIPHASH_KEY];
    unsigned char text[37];
    fill(key, sizeof key);
    fill(text, sizeof text);
    uint64_t const tag = pbti_siphash(key, text, sizeof text);
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] ^= 1;
        assert_true(pbti_siphash(key, text, sizeof text) != tag);
        text[i] ^= 1;
    }
    for (size_t i = 0; i < sizeof key; i++) {
        key[i] ^= 0x80;
        assert_true(pbti_siphash(key, text, sizeof text) != tag);
        key[i] ^= 0x80;
    }
    assert_true(pbti_siphash(key, text, sizeof text - 1) != tag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_tags_of_the_paper),
        cmocka_unit_test(test_every_byte_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
