/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_translate_search.c - rules: beam search finds what an exhaustive search over a toy model
 * finds, with its scores; greedy search is a beam of one; a batch gives each sentence what it gets
 * alone; what the search says of an answer, with keys and values kept, the network says too; the
 * limit holds.
 */
#include "gradient_check.h"
#include "translate/translate_search.h"
#include "translate/translate_subwords.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -------- a toy: tokens A, B, C behind the end, each depending on the last alone -------- */

enum { END = 3, A = 4, B, C, TOKENS };

static void toy_logits(float *to, uint32_t last)
{
    static const double start[] = {.05, .50, .40, .05}, a[] = {.25, .10, .35, .30};
    static const double b[] = {.10, .05, .05, .80}, c[] = {.90, .02, .03, .05};
    const double *const p = last == A ? a : last == B ? b : last == C ? c : start;
    for (uint32_t t = 0; t < TOKENS; t++) {
        to[t] = t < END ? -80.0f : (float)log(p[t - END]) + 2.5f; /* any constant may be added */
    }
}

static void toy_search(struct pbti_beam *beam, uint32_t width, double alpha)
{
    assert_int_equal(pbti_beam_init(beam, width, 8, alpha, END, NULL), PBT_OK);
    float logits[PBTI_BEAM_MAX * TOKENS];
    while (!beam->done) {
        for (uint32_t i = 0; i < beam->alive_count; i++) {
            const struct pbti_beam_hypothesis *const h = &beam->alive[i];
            toy_logits(logits + (size_t)i * TOKENS, h->count == 0 ? 0 : h->ids[h->count - 1]);
        }
        pbti_beam_step(beam, logits, TOKENS, TOKENS);
    }
}

static void check_text(const struct pbti_beam *beam, uint32_t place, const char *text)
{
    assert_true(place < beam->finished_count);
    const struct pbti_beam_hypothesis *const h = &beam->finished[place];
    assert_int_equal(h->count, strlen(text));
    for (size_t i = 0; i < h->count; i++) {
        assert_int_equal(h->ids[i], A + (uint32_t)(text[i] - 'A'));
    }
}

static void test_length_penalties_are_known_numbers(void **state)
{
    (void)state;
    static const uint32_t n[] = {2, 5, 10, 20};
    static const double known[] = {1.09690261991, 1.35865518268, 1.73286210789, 2.35436208375};
    for (size_t i = 0; i < 4; i++) {
        check_close(pbti_beam_penalty(n[i], 0.6), known[i], 1e-10);
        check_close(pbti_beam_penalty(n[i], 1.0), (5.0 + n[i]) / 6.0, 1e-12);
    }
}

static void test_greedy_takes_the_best_token_each_time(void **state)
{
    (void)state;
    static const double alphas[] = {0, 0.6, 1, 3};
    for (size_t i = 0; i < 4; i++) {
        struct pbti_beam beam;
        toy_search(&beam, 1, alphas[i]);
        check_text(&beam, 0, "ABC");
        check_close(beam.finished[0].log_p, -2.07147337203, 1e-6);
        assert_int_equal(beam.rounds, 4);
        pbti_beam_deinit(&beam);
    }
}

static void test_beams_find_what_an_exhaustive_search_finds(void **state)
{
    (void)state;
    static const struct {
        double alpha;
        const char *texts[3];
        double scores[3];
    } known[] = {{0, {"BC", "AC", "ABC"}, {-1.24479479885, -2.00248050054, -2.07147337203}},
                 {0.6, {"BC", "ABC", "AC"}, {-1.04745294719, -1.62414425238, -1.68501997593}},
                 {1, {"BC", "ABC", "AC"}, {-0.933596099135, -1.38098224802, -1.50186037541}}};
    for (size_t i = 0; i < 3; i++) {
        static const uint32_t widths[] = {2, 4, 64};
        for (size_t w = 0; w < 3; w++) {
            struct pbti_beam beam;
            toy_search(&beam, widths[w], known[i].alpha);
            check_text(&beam, 0, known[i].texts[0]);
            check_close(beam.finished[0].score, known[i].scores[0], 1e-6);
            pbti_beam_deinit(&beam);
        }
    }
    struct pbti_beam beam;
    toy_search(&beam, 64, 3); /* nothing that is alive can be given up early here */
    check_text(&beam, 0, "BC");
    check_close(beam.finished[0].score, -0.525147805763, 1e-6);
    check_text(&beam, 1, "ABC");
    check_close(beam.finished[1].score, -0.613769888009, 1e-6);
    pbti_beam_deinit(&beam);
}

static void test_a_beam_stops_when_nothing_better_can_come(void **state)
{
    (void)state;
    struct pbti_beam beam;
    static const char *const early[] = {"BC", "AC", "A", "C"}, *const late[] = {"BC", "ABC", "AC",
                                                                                "A"};
    toy_search(&beam, 4, 0.6);
    assert_int_equal(beam.rounds, 3);
    assert_int_equal(beam.finished_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        check_text(&beam, i, early[i]);
    }
    pbti_beam_deinit(&beam);
    toy_search(&beam, 4, 1);
    assert_int_equal(beam.rounds, 4);
    for (uint32_t i = 0; i < 4; i++) {
        check_text(&beam, i, late[i]);
    }
    pbti_beam_deinit(&beam);
}

static void test_at_the_limit_what_is_alive_is_the_answer(void **state)
{
    (void)state;
    struct pbti_beam beam;
    assert_int_equal(pbti_beam_init(&beam, 1, 2, 1.0, END, NULL), PBT_OK);
    float logits[TOKENS];
    toy_logits(logits, 0);
    pbti_beam_step(&beam, logits, TOKENS, TOKENS);
    assert_false(beam.done);
    toy_logits(logits, A);
    pbti_beam_step(&beam, logits, TOKENS, TOKENS);
    assert_true(beam.done);
    check_text(&beam, 0, "AB");
    pbti_beam_deinit(&beam);
}

/* -------- a network -------- */

enum { VOCABULARY = 37, SENTENCES = 9 };

static void make(struct pbti_translate_network *network, uint32_t width, bool post_norm)
{
    struct pbti_translate_shape const shape = {VOCABULARY, width, 20, 2, 2, post_norm};
    assert_int_equal(pbti_translate_network_init(network, &shape, 0, NULL), PBT_OK);
    pbti_translate_network_randomise(network, 3);
    /* let the end be likely enough to come */
    float *const bias =
        pbti_nn_block_part(&network->block, network->block.weights, network->output_bias);
    bias[PBTI_SUBWORDS_END] = 1.5f;
}

struct sentences {
    uint32_t ids[SENTENCES][16];
    struct pbti_search_source sources[SENTENCES];
};

static void make_sentences(struct sentences *s)
{
    static const uint32_t lengths[SENTENCES] = {5, 1, 12, 3, 0, 16, 5, 7, 2};
    for (uint32_t i = 0; i < SENTENCES; i++) {
        for (uint32_t k = 0; k < lengths[i]; k++) {
            s->ids[i][k] = 4 + (i * 7 + k * 5) % (VOCABULARY - 4);
        }
        s->sources[i] = (struct pbti_search_source){s->ids[i], lengths[i]};
    }
}

static void search(struct pbti_translate_network *network, uint32_t beam, uint32_t nbest,
                   const struct pbti_search_source *sources, uint32_t count,
                   struct pbti_search_answer *answers)
{
    struct pbti_search_options const options = {beam, 1.0, 30, nbest};
    assert_int_equal(pbti_search(network, &options, sources, count, answers, NULL), PBT_OK);
}

static void drop(struct pbti_search_answer *answers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(answers[i].ids);
    }
}

static void check_alone_and_together(uint32_t width, bool post_norm, uint32_t beam)
{
    struct pbti_translate_network network;
    struct sentences s;
    struct pbti_search_answer together[SENTENCES], alone;
    make(&network, width, post_norm);
    make_sentences(&s);
    search(&network, beam, 1, s.sources, SENTENCES, together);
    for (uint32_t i = 0; i < SENTENCES; i++) {
        search(&network, beam, 1, &s.sources[i], 1, &alone);
        assert_non_null(together[i].ids);
        assert_int_equal(alone.count, together[i].count);
        assert_memory_equal(alone.ids, together[i].ids, alone.count * sizeof alone.ids[0]);
        assert_true(alone.log_p == together[i].log_p);
        assert_true(alone.count <=
                    (s.sources[i].count + 20 < 30 ? s.sources[i].count + 20 : 30) + 1);
        drop(&alone, 1);
    }
    drop(together, SENTENCES);
    pbti_translate_network_deinit(&network);
}

static void test_a_sentence_gets_the_same_alone_and_in_a_batch(void **state)
{
    (void)state;
    check_alone_and_together(16, false, 1);
    check_alone_and_together(16, false, 4);
    check_alone_and_together(10, true, 3);
}

/* What the network says of a source and its answer, by the pass that trains. */
static double log_p_of(struct pbti_translate_network *network,
                       const struct pbti_search_source *from,
                       const struct pbti_search_answer *answer)
{
    uint32_t source[32], input[64], labels[64];
    memcpy(source, from->ids, from->count * sizeof source[0]);
    source[from->count] = PBTI_SUBWORDS_END;
    input[0] = PBTI_SUBWORDS_BEGIN;
    memcpy(input + 1, answer->ids, answer->count * sizeof input[0]);
    memcpy(labels, answer->ids, answer->count * sizeof labels[0]);
    labels[answer->count] = PBTI_SUBWORDS_END;
    uint32_t const source_starts[] = {0, from->count + 1}, target_starts[] = {0, answer->count + 1};
    struct pbti_translate_batch const batch = {1,     source, source_starts,
                                               input, labels, target_starts};
    struct pbti_translate_loss loss;
    assert_int_equal(pbti_translate_network_run(network, &batch, NULL, &loss, NULL), PBT_OK);
    return -loss.plain;
}

static void test_answers_are_as_likely_as_the_network_says(void **state)
{
    (void)state;
    for (unsigned post_norm = 0; post_norm < 2; post_norm++) {
        struct pbti_translate_network network;
        struct sentences s;
        struct pbti_search_answer answers[SENTENCES * 4];
        make(&network, 16, post_norm == 1);
        make_sentences(&s);
        search(&network, 4, 4, s.sources, SENTENCES, answers);
        for (uint32_t i = 0; i < SENTENCES * 4; i++) {
            uint32_t const room = s.sources[i / 4].count + 20;
            bool const ended = answers[i].count <= (room < 30 ? room : 30);
            if (answers[i].ids == NULL || !ended) { continue; }
            check_close(answers[i].log_p, log_p_of(&network, &s.sources[i / 4], &answers[i]), 1e-3);
            if (i % 4 > 0) { assert_true(answers[i].score <= answers[i - 1].score); }
        }
        drop(answers, SENTENCES * 4);
        pbti_translate_network_deinit(&network);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_length_penalties_are_known_numbers),
        cmocka_unit_test(test_greedy_takes_the_best_token_each_time),
        cmocka_unit_test(test_beams_find_what_an_exhaustive_search_finds),
        cmocka_unit_test(test_a_beam_stops_when_nothing_better_can_come),
        cmocka_unit_test(test_at_the_limit_what_is_alive_is_the_answer),
        cmocka_unit_test(test_a_sentence_gets_the_same_alone_and_in_a_batch),
        cmocka_unit_test(test_answers_are_as_likely_as_the_network_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
