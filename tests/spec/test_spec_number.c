/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/spec/test_spec_number.c - numbers as text: the grammar, the fewest digits, any locale.
 */
#include "spec_fixture.h"

#include "base/rng.h"
#include "spec/spec_number.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* glibc's newlocale() does not free what it makes of LOCPATH. The sanitizer's library looks for
 * this function, so that it must be seen from outside. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:argz_add_sep\n";
}

static void test_grammar(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } numbers[] = {
        {"0", 0.0},    {"5", 5.0},         {"-5", -5.0},  {"+5", 5.0},
        {"1.5", 1.5},  {"1.", 1.0},        {".5", 0.5},   {"-.5", -0.5},
        {"1e5", 1e5},  {"1E5", 1e5},       {"1e+5", 1e5}, {"1e-5", 1e-5},
        {"010", 10.0}, {"1.5e-5", 1.5e-5}, {".5e1", 5.0}, {"1.e3", 1e3},
    };
    static const char *const others[] = {"",     "-",    "+",     ".",       "e5",    "-e5", "1e",
                                         "1e+",  "0x10", "0o17",  "1_0",     ".inf",  "inf", "nan",
                                         ".nan", "1 ",   " 1",    "1,5",     "1.5.2", "--1", "1d5",
                                         "+-1",  "5m",   "1e5.0", "Infinity"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        double value = NAN;
        assert_true(pbti_number_is(numbers[i].text));
        assert_true(pbti_number_read(numbers[i].text, &value));
        assert_true(value == numbers[i].value);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        double value = 42.0;
        if (pbti_number_is(others[i])) { fail_msg("\"%s\" is no number", others[i]); }
        assert_false(pbti_number_read(others[i], &value));
        assert_true(value == 42.0);
    }
    double value = 42.0;
    assert_true(pbti_number_is("1e999"));
    assert_false(pbti_number_read("1e999", &value));
    assert_true(pbti_number_read("1e-999", &value) && value == 0.0);
    char longest[PBTI_NUMBER_LENGTH_MAX + 2];
    memset(longest, '0', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_false(pbti_number_read(longest, &value));
    assert_true(pbti_number_read(longest + 1, &value));
    assert_int_equal(pbti_number_span("10MiB"), 2);
    assert_int_equal(pbti_number_span("2e"), 1);
}

static bool is_whole(const char *text, uint64_t unit, uint64_t *out)
{
    return pbti_number_whole(text, strlen(text), unit, out);
}

static void test_whole_numbers_are_exact(void **state)
{
    (void)state;
    uint64_t value = 0;
    assert_true(is_whole("18446744073709551615", 1, &value) && value == UINT64_MAX);
    assert_true(is_whole("1844674407370955161.5e1", 1, &value) && value == UINT64_MAX);
    assert_true(is_whole("1e19", 1, &value) && value == 10000000000000000000u);
    assert_true(is_whole("1000000000000000000000000e-20", 1, &value) && value == 10000);
    assert_true(is_whole("0.00000000000000000000000005e26", 1, &value) && value == 5);
    assert_true(is_whole("0e99999999999", 1, &value) && value == 0);
    assert_true(is_whole("-0", 1, &value) && value == 0);
    assert_true(is_whole("1.5", 1000, &value) && value == 1500);
    assert_true(is_whole("0.001", 1000, &value) && value == 1);
    static const char *const refused[] = {"18446744073709551616",
                                          "1e20",
                                          "-1",
                                          "0.5",
                                          "1e-1",
                                          "1.0000000001",
                                          "1e99999999999",
                                          "1e-99999999999",
                                          "2e19",
                                          "99999999999999999999"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (is_whole(refused[i], 1, &value)) { fail_msg("%s is not whole", refused[i]); }
    }
    assert_false(is_whole("0.0005", 1000, &value));
    assert_false(is_whole("18446744073709551615", 2, &value));
}

static void assert_text(double value, const char *expected)
{
    char text[PBTI_NUMBER_TEXT_MAX];
    assert_ptr_equal(pbti_number_text(value, text), text);
    assert_string_equal(text, expected);
}

static void test_fewest_digits(void **state)
{
    (void)state;
    assert_text(0.0, "0");
    assert_text(-0.0, "-0");
    assert_text(0.1, "0.1");
    assert_text(1e-5, "1e-5");
    assert_text(-1e-10, "-1e-10");
    assert_text(1e22, "1e22");
    assert_text(1e100, "1e100");
    assert_text(20000.0, "20000");
    assert_text(0.00121, "0.00121");
    assert_text(1.0 / 3.0, "0.3333333333333333");
    assert_text(0.1 + 0.2, "0.30000000000000004");
    assert_text(5e-324, "4.94065645841247e-324");
    assert_text(1.7976931348623157e308, "1.7976931348623157e308");
    assert_text(-2.2250738585072014e-308, "-2.2250738585072014e-308");
    assert_text(9007199254740993.0, "9007199254740992");
}

/* All bit patterns that are numbers read back as they were. */
static void check_random(uint64_t count)
{
    struct pbti_stream const stream = {.seed = 5, .purpose = PBTI_PURPOSE_SIM};
    for (uint64_t i = 0; i < count; i++) {
        uint64_t const bits = pbti_draw_bits(&stream, i);
        double value = 0.0;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) { continue; }
        char text[PBTI_NUMBER_TEXT_MAX];
        double again = 0.0;
        assert_true(strlen(pbti_number_text(value, text)) < sizeof text);
        assert_true(pbti_number_read(text, &again));
        assert_memory_equal(&again, &value, sizeof value);
    }
}

static void test_random_numbers_read_back(void **state)
{
    (void)state;
    check_random(200000);
}

/*
 * The library may live in a process whose locale has another decimal point. Debian's localedef
 * makes one into a folder of its own; where that cannot be done there is nothing to try.
 */
static void test_locale_does_not_matter(void **state)
{
    (void)state;
    char folder[] = "/tmp/pbt-locale-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char command[256];
    (void)snprintf(command, sizeof command,
                   "localedef -c -i de_DE -f UTF-8 %s/de_DE.UTF-8 >%s/log 2>&1", folder, folder);
    bool const made = system(command) == 0;
    (void)setenv("LOCPATH", folder, 1);
    locale_t const german = newlocale(LC_ALL_MASK, "de_DE.UTF-8", NULL);
    (void)unsetenv("LOCPATH");
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    if (!made || german == NULL) {
        skip();
        return;
    }
    locale_t const before = uselocale(german);
    char comma[16];
    (void)snprintf(comma, sizeof comma, "%.1f", 0.5);
    test_grammar(state);
    test_fewest_digits(state);
    check_random(2000);
    double value = 0.0;
    bool const comma_read = pbti_number_read("0,5", &value);
    struct pbti_spec *const spec = spec_good(SPEC_MINIMAL, "score.target=0.25");
    spec_assert_round_trip(spec);
    (void)uselocale(before);
    freelocale(german);
    assert_string_equal(comma, "0,5"); /* the locale was in force */
    assert_false(comma_read);
    assert_true(spec->config.target == 0.25);
    pbti_spec_destroy(spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_whole_numbers_are_exact),
        cmocka_unit_test(test_fewest_digits),
        cmocka_unit_test(test_random_numbers_read_back),
        cmocka_unit_test(test_locale_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
