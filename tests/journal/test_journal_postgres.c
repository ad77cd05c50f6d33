/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/journal/test_journal_postgres.c - what is particular to the journal in PostgreSQL:
 * connections cut at any moment of a commit, a server that is away, damage, versions.
 *
 * Protects rule 12. Connections go over TCP, with a password, through a proxy in this program that
 * can cut them. Skipped where the server is not installed.
 */
#include "journal_fixture.h"

#include "support/postgres_server.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PASSWORD "correct horse" /* that of postgres_server.py */

static struct postgres_server server;

/* -------- the proxy -------- */

/* What becomes of the next request, and of its connection. */
enum cut {
    CUT_NOTHING,
    CUT_BEFORE, /* it never arrives */
    CUT_AFTER,  /* it is executed, its answer never arrives */
    CUT_HOLD    /* it arrives, but only when the client has long been told of the cut */
};

static struct {
    int listener, port;
    pthread_t thread;
    atomic_int cut;
    atomic_bool release; /* what is held may go on */
    atomic_int held;     /* connections that hold something */
} proxy;

static void nap_ms(long time_ms)
{
    struct timespec const nap = {time_ms / 1000, time_ms % 1000 * 1000000};
    (void)nanosleep(&nap, NULL);
}

static struct sockaddr_in address(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

static void send_all(int to, const char *bytes, ssize_t size)
{
    for (ssize_t done = 0; done < size;) {
        ssize_t const put = send(to, bytes + done, (size_t)(size - done), MSG_NOSIGNAL);
        if (put <= 0) { return; }
        done += put;
    }
}

/* Pass on what came from the client; false: the connection has ended. */
static bool pass_request(int client, int behind, const char *bytes, ssize_t size)
{
    int const cut = atomic_exchange(&proxy.cut, CUT_NOTHING);
    if (cut == CUT_NOTHING) {
        send_all(behind, bytes, size);
        return true;
    }
    if (cut == CUT_AFTER) {
        struct pollfd answer = {.fd = behind, .events = POLLIN};
        send_all(behind, bytes, size);
        (void)poll(&answer, 1, 10000);
    }
    if (cut == CUT_HOLD) {
        (void)atomic_fetch_add(&proxy.held, 1);
        (void)shutdown(client, SHUT_RDWR);
        while (!atomic_load(&proxy.release)) {
            nap_ms(1);
        }
        send_all(behind, bytes, size);
        nap_ms(50);
        (void)atomic_fetch_sub(&proxy.held, 1);
    }
    return false;
}

static void *serve(void *context)
{
    int const client = (int)(intptr_t)context;
    int const behind = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in const target = address(server.port);
    static _Thread_local char bytes[1 << 16];
    bool open = connect(behind, (const struct sockaddr *)&target, sizeof target) == 0;
    while (open) {
        struct pollfd ends[2] = {{.fd = client, .events = POLLIN},
                                 {.fd = behind, .events = POLLIN}};
        if (poll(ends, 2, -1) < 0) { break; }
        if (ends[0].revents != 0) {
            ssize_t const size = recv(client, bytes, sizeof bytes, 0);
            open = size > 0 && pass_request(client, behind, bytes, size);
        } else if (ends[1].revents != 0) {
            ssize_t const size = recv(behind, bytes, sizeof bytes, 0);
            open = size > 0;
            send_all(client, bytes, size);
        }
    }
    (void)close(client);
    (void)close(behind);
    return NULL;
}

static void *accept_all(void *context)
{
    (void)context;
    for (;;) {
        int const client = accept4(proxy.listener, NULL, NULL, SOCK_CLOEXEC);
        pthread_t thread;
        if (client < 0) { return NULL; }
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)client) == 0) {
            (void)pthread_detach(thread);
        }
    }
}

static void start_proxy(void)
{
    struct sockaddr_in own = address(0);
    socklen_t size = sizeof own;
    proxy.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(proxy.listener, (const struct sockaddr *)&own, sizeof own) != 0 ||
        listen(proxy.listener, 16) != 0 ||
        getsockname(proxy.listener, (struct sockaddr *)&own, &size) != 0 ||
        pthread_create(&proxy.thread, NULL, accept_all, NULL) != 0) {
        abort();
    }
    proxy.port = ntohs(own.sin_port);
}

static void stop_proxy(void)
{
    (void)shutdown(proxy.listener, SHUT_RDWR);
    (void)pthread_join(proxy.thread, NULL);
    (void)close(proxy.listener);
}

/* -------- a journal through it -------- */

struct place {
    char *url, *direct;
    struct pbti_journal *journal;
    struct pbt_error err;
    int64_t id; /* of the study in the database */
};

static struct pbti_journal *open_url(struct place *place, const char *url, bool create)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.create = create;
    struct pbti_journal *journal = NULL;
    if (pbti_journal_open(url, &opts, &journal, &place->err) != PBT_OK) {
        print_error("%s\n", place->err.message);
    }
    assert_non_null(journal);
    return journal;
}

static int set_up(void **state)
{
    static int number;
    struct place *const place = calloc(1, sizeof *place);
    assert_non_null(place);
    char *const through = postgres_url(&server, "127.0.0.1", proxy.port);
    char *const past = postgres_url(&server, NULL, 0);
    number++;
    assert_true(asprintf(&place->url, "%stest-%d", through, number) > 0);
    assert_true(asprintf(&place->direct, "%stest-%d", past, number) > 0);
    free(through);
    free(past);
    atomic_store(&proxy.cut, CUT_NOTHING);
    atomic_store(&proxy.release, false);
    place->journal = open_url(place, place->url, true);
    place->id = strtoll(postgres_command(&server,
                                         "sql SELECT id FROM pbt.study "
                                         "WHERE name = 'test-%d'",
                                         number),
                        NULL, 10);
    assert_true(place->id > 0);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *const place = *state;
    pbti_journal_close(place->journal);
    free(place->url);
    free(place->direct);
    free(place);
    return 0;
}

/* Ask until there is an answer. */
static bool has_landed(struct place *place, uint64_t expected, uint64_t number)
{
    bool landed = false;
    pbt_status status = PBT_EBUSY;
    for (int tries = 0; tries < 200 && status != PBT_OK; tries++) {
        status =
            pbti_journal_landed(place->journal, expected, fixture_id(number), &landed, &place->err);
        if (status != PBT_OK) { nap_ms(50); }
    }
    assert_int_equal(status, PBT_OK);
    return landed;
}

static void cut_next(enum cut cut)
{
    atomic_store(&proxy.cut, (int)cut);
}

/* -------- cuts -------- */

static void test_a_request_that_never_arrived_has_not_landed(void **state)
{
    struct place *const place = *state;
    uint64_t last = fixture_fill(place->journal, 0, 2);
    uint64_t const end = last;
    cut_next(CUT_BEFORE);
    assert_int_equal(fixture_append(place->journal, 2, end, &last, &place->err), PBT_EUNKNOWN);
    assert_false(has_landed(place, end, 2));
    (void)fixture_fill(place->journal, 2, 4);
    fixture_expect(place->direct, 0, 4);
}

static void test_an_answer_that_never_arrived_was_of_a_batch_that_landed(void **state)
{
    struct place *const place = *state;
    uint64_t last = fixture_fill(place->journal, 0, 2);
    uint64_t const end = last;
    cut_next(CUT_AFTER);
    assert_int_equal(fixture_append(place->journal, 2, end, &last, &place->err), PBT_EUNKNOWN);
    assert_true(has_landed(place, end, 2));
    (void)fixture_fill(place->journal, 3, 4);
    fixture_expect(place->direct, 0, 4);
}

/* It was on its way while we asked: whatever the answer was, it stays the truth. */
static void test_a_request_that_comes_late_comes_to_nothing(void **state)
{
    struct place *const place = *state;
    uint64_t last = fixture_fill(place->journal, 0, 2);
    uint64_t const end = last;
    cut_next(CUT_HOLD);
    assert_int_equal(fixture_append(place->journal, 2, end, &last, &place->err), PBT_EUNKNOWN);
    assert_int_equal(atomic_load(&proxy.held), 1);
    assert_false(has_landed(place, end, 2));
    atomic_store(&proxy.release, true);
    while (atomic_load(&proxy.held) > 0) {
        nap_ms(1);
    }
    fixture_expect(place->direct, 0, 2);
    assert_false(has_landed(place, end, 2));
}

static void test_appends_under_random_cuts_are_there_once(void **state)
{
    struct place *const place = *state;
    uint64_t random = fixture_seed("cuts");
    uint64_t last = 0;
    unsigned cuts = 0;
    for (uint64_t number = 0; number < 60;) {
        enum cut const cut = (enum cut)(fixture_random(&random) % 3);
        uint64_t const before = last;
        cut_next(cut);
        pbt_status const status =
            fixture_append(place->journal, number, before, &last, &place->err);
        cuts += status == PBT_EUNKNOWN;
        if (status == PBT_EUNKNOWN && has_landed(place, before, number)) {
            assert_int_equal(pbti_journal_last(place->journal, &last, NULL), PBT_OK);
        } else if (status != PBT_OK) {
            last = before;
            if (status == PBT_EBUSY) { nap_ms(20); }
            continue;
        }
        number++;
    }
    assert_true(cuts > 5);
    fixture_expect(place->direct, 0, 60);
}

static void test_a_reading_is_tried_again_on_a_new_connection(void **state)
{
    struct place *const place = *state;
    (void)fixture_fill(place->journal, 0, 5);
    for (enum cut cut = CUT_BEFORE; cut <= CUT_AFTER; cut++) {
        struct fixture_seen seen = {0};
        cut_next(cut);
        assert_int_equal(pbti_journal_read(place->journal, 0, fixture_see, &seen, &place->err),
                         PBT_OK);
        assert_false(seen.wrong);
        assert_int_equal(seen.count, 5);
    }
}

/* -------- a server that is away -------- */

static void test_a_server_that_comes_back_is_found_again(void **state)
{
    struct place *const place = *state;
    uint64_t last = fixture_fill(place->journal, 0, 3);
    uint64_t const end = last;
    (void)postgres_command(&server, "immediate");
    pbt_status status = fixture_append(place->journal, 3, end, &last, &place->err);
    assert_true(status == PBT_EUNKNOWN || status == PBT_EBUSY);
    assert_int_equal(fixture_append(place->journal, 3, end, &last, &place->err), PBT_EBUSY);
    assert_int_equal(pbti_journal_wait(place->journal, end, 300, &last, &place->err), PBT_EBUSY);
    (void)postgres_command(&server, "start");
    assert_int_equal(pbti_journal_wait(place->journal, 0, 60000, &last, &place->err), PBT_OK);
    assert_int_equal(last, end); /* what was acknowledged survived */
    assert_false(has_landed(place, end, 3));
    (void)fixture_fill(place->journal, 3, 5);
    fixture_expect(place->direct, 0, 5);
}

/* The one may pass, the other will not by itself. */
static void test_a_server_that_is_away_is_told_from_one_that_refuses(void **state)
{
    struct place *const place = *state;
    struct pbti_journal *journal = NULL;
    char *absent = NULL;
    assert_true(asprintf(&absent, "postgresql://pbt@/absent?host=%s&port=%d#test", server.folder,
                         server.port) > 0);
    assert_int_equal(pbti_journal_open(absent, NULL, &journal, &place->err), PBT_EIO);
    (void)setenv("PGPASSWORD", "wrong", 1);
    assert_int_equal(pbti_journal_open(place->url, NULL, &journal, &place->err), PBT_EIO);
    (void)setenv("PGPASSWORD", PASSWORD, 1);
    (void)postgres_command(&server, "immediate");
    assert_int_equal(pbti_journal_open(absent, NULL, &journal, &place->err), PBT_EBUSY);
    assert_int_equal(pbti_journal_open(place->url, NULL, &journal, &place->err), PBT_EBUSY);
    (void)postgres_command(&server, "start");
    free(absent);
}

/* -------- damage and versions -------- */

static void expect_damage(struct place *place, const char *what)
{
    struct pbti_journal *const journal = open_url(place, place->direct, false);
    assert_int_equal(pbti_journal_check(journal, &place->err), PBT_ECORRUPT);
    assert_non_null(strstr(place->err.message, what));
    pbti_journal_close(journal);
}

static void test_changed_rows_are_found(void **state)
{
    struct place *const place = *state;
    static const char *const changes[] = {
        "events = set_byte(events, 5, (get_byte(events, 5) + 1) % 256)",
        "id = set_byte(id, 5, (get_byte(id, 5) + 1) % 256)",
        "hash = hash + 1",
        "count = count + 1",
        "id = '\\x00'",
        "count = 0",
    };
    (void)fixture_fill(place->journal, 0, 4);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        (void)postgres_command(
            &server, "sql CREATE TABLE kept AS SELECT * FROM pbt.batch WHERE study = %lld",
            (long long)place->id);
        (void)postgres_command(&server,
                               "sql UPDATE pbt.batch SET %s WHERE study = %lld AND first = 1",
                               changes[i], (long long)place->id);
        expect_damage(place, "is damaged after event");
        (void)postgres_command(&server, "sql DELETE FROM pbt.batch WHERE study = %lld",
                               (long long)place->id);
        (void)postgres_command(&server,
                               "sql INSERT INTO pbt.batch SELECT * FROM kept; DROP TABLE kept");
        fixture_expect(place->direct, 0, 4);
    }
}

static void test_missing_rows_are_found(void **state)
{
    struct place *const place = *state;
    uint64_t const end = fixture_fill(place->journal, 0, 2);
    (void)fixture_fill(place->journal, 2, 4);
    (void)postgres_command(&server, "sql DELETE FROM pbt.batch WHERE study = %lld AND first = %lld",
                           (long long)place->id, (long long)end + 1);
    expect_damage(place, "events are missing");
}

static void test_other_versions_of_the_schema_are_refused_by_name(void **state)
{
    struct place *const place = *state;
    static const int versions[] = {2, 0};
    for (size_t i = 0; i < 2; i++) {
        struct pbti_journal *journal = NULL;
        (void)postgres_command(&server, "sql UPDATE pbt.format SET version = %d", versions[i]);
        assert_int_equal(pbti_journal_open(place->direct, NULL, &journal, &place->err),
                         i == 0 ? PBT_EVERSION : PBT_ECORRUPT);
        assert_non_null(strstr(place->err.message, i == 0 ? "has format 2" : "no version"));
    }
    (void)postgres_command(&server, "sql UPDATE pbt.format SET version = 1");
    pbti_journal_close(open_url(place, place->direct, false));
}

static void test_studies_of_one_database_are_apart(void **state)
{
    struct place *const place = *state;
    char *other = NULL;
    assert_true(asprintf(&other, "%s-beside", place->direct) > 0);
    struct pbti_journal *const journal = open_url(place, other, true);
    (void)fixture_fill(place->journal, 0, 3);
    (void)fixture_fill(journal, 10, 15);
    (void)fixture_fill(place->journal, 3, 5);
    pbti_journal_close(journal);
    fixture_expect(place->direct, 0, 5);
    fixture_expect(other, 10, 15);
    free(other);
}

int main(void)
{
    if (!PBT_HAVE_POSTGRES || !postgres_start(&server, false)) { return 77; }
    (void)setenv("PGPASSWORD", PASSWORD, 1);
    start_proxy();
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_request_that_never_arrived_has_not_landed),
        TEST(test_an_answer_that_never_arrived_was_of_a_batch_that_landed),
        TEST(test_a_request_that_comes_late_comes_to_nothing),
        TEST(test_appends_under_random_cuts_are_there_once),
        TEST(test_a_reading_is_tried_again_on_a_new_connection),
        TEST(test_a_server_that_comes_back_is_found_again),
        TEST(test_a_server_that_is_away_is_told_from_one_that_refuses),
        TEST(test_changed_rows_are_found),
        TEST(test_missing_rows_are_found),
        TEST(test_other_versions_of_the_schema_are_refused_by_name),
        TEST(test_studies_of_one_database_are_apart),
    };
#undef TEST
    int const failures = cmocka_run_group_tests_name("postgres", tests, NULL, NULL);
    stop_proxy();
    postgres_stop(&server);
    return failures;
}
