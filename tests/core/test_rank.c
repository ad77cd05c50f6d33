/* SPDX-License-Identifier: Apache-2.0 */
/* tests/core/test_rank.c - the ranking agrees with sorting, after any history of changes. */
#include "core/rank.h"

#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MEMBERS = 200 };

struct plain { /* the reference: who is in, with what */
    bool in[MEMBERS];
    bool donor[MEMBERS];
    double key[MEMBERS];
};

static uint32_t plain_rank(const struct plain *plain, uint32_t member)
{
    uint32_t rank = 0;
    for (uint32_t i = 0; i < MEMBERS; i++) {
        bool const ahead = plain->key[i] > plain->key[member] ||
                           (plain->key[i] == plain->key[member] && i < member);
        if (plain->in[i] && ahead) { rank++; }
    }
    return rank;
}

static void assert_agrees(const struct pbti_rank *rank, const struct pbti_rank_list *list,
                          const struct plain *plain)
{
    uint32_t count = 0;
    uint32_t order[MEMBERS];
    for (uint32_t i = 0; i < MEMBERS; i++) {
        if (!plain->in[i]) { continue; }
        count++;
        uint32_t const place = plain_rank(plain, i);
        order[place] = i;
        assert_int_equal(pbti_rank_of(rank, list, i), place);
        assert_int_equal(pbti_rank_at(rank, list, place), i);
    }
    assert_int_equal(list->count, count);
    assert_int_equal(pbti_rank_at(rank, list, count), PBTI_RANK_END);
    uint32_t donors = 0;
    for (uint32_t place = 0; place < count; place++) {
        assert_int_equal(pbti_rank_donors(rank, list, place), donors);
        if (!plain->donor[order[place]]) { continue; }
        assert_int_equal(pbti_rank_donor_at(rank, list, donors), order[place]);
        donors++;
    }
    assert_int_equal(pbti_rank_donors(rank, list, MEMBERS), donors);
    assert_int_equal(list->donors, donors);
}

static void test_ranking_agrees_with_sorting(void **unused)
{
    (void)unused;
    struct pbti_rank rank;
    struct pbti_rank_list list;
    rank.entry = malloc(MEMBERS * sizeof *rank.entry);
    rank.link = malloc(pbti_rank_links(MEMBERS) * sizeof *rank.link);
    struct plain *const plain = calloc(1, sizeof *plain);
    assert_true(rank.entry != NULL && rank.link != NULL && plain != NULL);
    pbti_rank_init(&rank, MEMBERS, &list, 1);
    struct pbti_stream const stream = {11, PBTI_PURPOSE_SIM, 0, 0};
    for (uint64_t i = 0; i < 4000; i++) {
        uint64_t const bits = pbti_draw_bits(&stream, i);
        uint32_t const member = (uint32_t)(bits % MEMBERS);
        if (plain->in[member]) {
            pbti_rank_remove(&rank, &list, member);
            plain->in[member] = false;
        } else {
            double const key = (bits >> 20) % 9 == 0 ? -INFINITY : (double)((bits >> 32) % 50);
            bool const donor = (bits >> 60) % 2 == 0;
            pbti_rank_insert(&rank, &list, member, key, donor);
            plain->in[member] = true;
            plain->donor[member] = donor;
            plain->key[member] = key;
        }
        if (i % 40 == 0) { assert_agrees(&rank, &list, plain); }
    }
    free(rank.entry);
    free(rank.link);
    free(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ranking_agrees_with_sorting)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
