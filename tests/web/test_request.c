/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/web/test_request.c - who gets what from the dashboard.
 *
 * Rules: a token is right when every byte is; a name in a path is compared decoded, once; what is
 * not a name that was found is nothing.
 */
#include "web/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = {"fashion", "a b", "%41", "..", "x/y"};

static struct pbti_site site_of_many(void)
{
    return (struct pbti_site){.loopback = true,
                              .listen = "127.0.0.1",
                              .host = "here",
                              .port = 8642,
                              .cookie = "pbt",
                              .many = true,
                              .names = names,
                              .count = sizeof names / sizeof names[0]};
}

static struct pbti_verdict ask(const struct pbti_site *site, const char *path)
{
    struct pbti_request const request = {.method = "GET", .path = path, .host = "localhost:8642"};
    return pbti_request_judge(site, &request);
}

static void test_paths(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum pbti_answer answer;
        size_t study;
    } expected[] = {
        {"/", PBTI_ANSWER_LIST, 0},
        {"/fashion", PBTI_ANSWER_SLASH, 0},
        {"/fashion/", PBTI_ANSWER_PAGE, 0},
        {"/f%61shion/", PBTI_ANSWER_PAGE, 0},
        {"/fashion/events", PBTI_ANSWER_EVENTS, 0},
        {"/a%20b/document.json", PBTI_ANSWER_DOCUMENT, 1},
        {"/a b/", PBTI_ANSWER_PAGE, 1},
        {"/%2541/", PBTI_ANSWER_PAGE, 2},
        {"/%41/", PBTI_ANSWER_NOTHING, 0}, /* means "A" */
        {"/../", PBTI_ANSWER_PAGE, 3},     /* a study of that name: no path is made of it */
        {"/x%2Fy/", PBTI_ANSWER_PAGE, 4},
        {"/x/y/", PBTI_ANSWER_NOTHING, 0},
        {"/fashion//", PBTI_ANSWER_NOTHING, 0},
        {"/fashion/journal.db", PBTI_ANSWER_NOTHING, 0},
        {"/fashion%", PBTI_ANSWER_NOTHING, 0},
        {"/fashion%0", PBTI_ANSWER_NOTHING, 0},
        {"/fashion%00", PBTI_ANSWER_NOTHING, 0},
        {"/fashio", PBTI_ANSWER_NOTHING, 0},
        {"", PBTI_ANSWER_NOTHING, 0},
        {"fashion/", PBTI_ANSWER_NOTHING, 0},
    };
    struct pbti_site const site = site_of_many();
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct pbti_verdict const verdict = ask(&site, expected[i].path);
        if (verdict.answer != expected[i].answer || verdict.study != expected[i].study) {
            fail_msg("\"%s\": answer %d, study %zu", expected[i].path, (int)verdict.answer,
                     verdict.study);
        }
    }
}

static void test_a_token_is_right_when_every_byte_is(void **state)
{
    (void)state;
    static const char token[] = "abcdefghijklmnop";
    size_t const size = sizeof token - 1;
    assert_true(pbti_token_equal(token, token, size));
    assert_false(pbti_token_equal(token, token, size - 1));
    assert_false(pbti_token_equal(token, "abcdefghijklmnopabcdefghijklmnop", 2 * size));
    assert_false(pbti_token_equal(token, "", 0));
    assert_false(pbti_token_equal("", "a", 1));
    for (size_t i = 0; i < size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            char other[sizeof token];
            memcpy(other, token, sizeof token);
            other[i] = (char)(other[i] ^ (1 << bit));
            assert_false(pbti_token_equal(token, other, size));
        }
    }
}

static void test_the_token_opens_every_path(void **state)
{
    (void)state;
    struct pbti_site site = site_of_many();
    site.token = "abcdefghijklmnop";
    assert_int_equal(ask(&site, "/").answer, PBTI_ANSWER_TOKEN);
    struct pbti_request request = {.method = "GET",
                                   .path = "/fashion/",
                                   .host = "localhost:8642",
                                   .token = "abcdefghijklmnop"};
    assert_int_equal(pbti_request_judge(&site, &request).answer, PBTI_ANSWER_SIGN_IN);
    request.path = "/fashion/document.json"; /* for programs: no cookie, no second request */
    assert_int_equal(pbti_request_judge(&site, &request).answer, PBTI_ANSWER_DOCUMENT);
    request.token = NULL;
    request.cookie = "x=y;pbt=abcdefghijklmnop";
    assert_int_equal(pbti_request_judge(&site, &request).answer, PBTI_ANSWER_DOCUMENT);
}

static void test_what_a_token_may_be(void **state)
{
    (void)state;
    assert_true(pbti_token_valid("0123456789-_abcABC"));
    assert_false(pbti_token_valid("0123456789-_abc"));
    assert_false(pbti_token_valid("0123456789-_abcABC;"));
    assert_false(pbti_token_valid("0123456789-_abcABC\r\nX: y"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_a_token_is_right_when_every_byte_is),
        cmocka_unit_test(test_the_token_opens_every_path),
        cmocka_unit_test(test_what_a_token_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
