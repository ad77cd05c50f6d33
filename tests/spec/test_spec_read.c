/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/spec/test_spec_read.c - right specs: defaults, YAML scalars, types, strategies, paths,
 * overrides, amending. A spec with most of its keys is read as it stands.
 */
#include "spec_fixture.h"

#include "spec/manifest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The example of the design, word for word. */
static const char design_example[] =
    "study: fashion                       # a name\n"
    "seed: 1\n"
    "trainer:\n"
    "  command: [python3, train.py]       # speaks the protocol\n"
    "  resources: {cpus: 1, gpus: 0}      # of one member\n"
    "  limits: {start: 5m, silence: 10m, segment: 1h}\n"
    "  retries: 2\n"
    "population: 16\n"
    "steps: 20000                         # each member's budget\n"
    "ready: 500                           # steps between judgements\n"
    "score: {name: accuracy, goal: maximize, target: 0.95}    # target is optional\n"
    "stop: {hours: 12}                    # optional; also plateau\n"
    "space:\n"
    "  lr:       {type: log, low: 1e-5, high: 1e-1}\n"
    "  dropout:  {type: linear, low: 0.0, high: 0.7}\n"
    "  momentum: {type: logit, low: 0.5, high: 0.999}\n"
    "  batch:    {type: ordinal, values: [32, 64, 128, 256]}\n"
    "  width:    {type: integer, low: 32, high: 512, scale: log, frozen: true}\n"
    "  act:      {type: categorical, values: [relu, tanh, gelu]}\n"
    "initial: {checkpoint: ./base, points: [{lr: 3e-4}]}\n"
    "strategy: {name: pbt, mode: async, exploit: {name: truncation, quantile: 0.2}, explore: "
    "{name: "
    "perturb, factors: [0.8, 1.2]}}\n"
    "fixed: {data: ./data}                # handed to the trainer unchanged\n"
    "slots: auto                          # or a number\n";

static void assert_hp(const struct pbti_space *space, uint32_t index, const char *name,
                      uint8_t kind, double low, double high)
{
    assert_string_equal(space->hp[index].name, name);
    assert_int_equal(space->hp[index].kind, kind);
    assert_true(space->hp[index].low == low);
    assert_true(space->hp[index].high == high);
}

static void test_design_example(void **state)
{
    (void)state;
    struct pbti_spec *const spec = spec_good(design_example, NULL);
    const struct pbti_config *const config = &spec->config;
    assert_string_equal(spec->study, "fashion");
    assert_int_equal(spec->trainer.kind, PBTI_TRAINER_COMMAND);
    assert_string_equal(spec->trainer.argv[0], "python3");
    assert_string_equal(spec->trainer.argv[1], "train.py");
    assert_null(spec->trainer.argv[2]);
    assert_int_equal(spec->trainer.start_ms, 300000);
    assert_int_equal(spec->trainer.segment_ms, 3600000);
    assert_int_equal(config->members, 16);
    assert_int_equal(config->steps, 20000);
    assert_int_equal(config->ready_every, 500);
    assert_true(config->has_target && config->target == 0.95);
    assert_true(spec->stop_hours == 12.0);
    assert_int_equal(config->space.count, 6);
    assert_hp(&config->space, 0, "lr", PBTI_HP_LOG, 1e-5, 0.1);
    assert_hp(&config->space, 1, "dropout", PBTI_HP_LINEAR, 0.0, 0.7);
    assert_hp(&config->space, 2, "momentum", PBTI_HP_LOGIT, 0.5, 0.999);
    assert_hp(&config->space, 3, "batch", PBTI_HP_ORDINAL, 0.0, 3.0);
    assert_hp(&config->space, 4, "width", PBTI_HP_INTEGER, 32.0, 512.0);
    assert_true(config->space.hp[4].frozen && config->space.hp[4].log_scale);
    assert_hp(&config->space, 5, "act", PBTI_HP_CATEGORICAL, 0.0, 2.0);
    assert_int_equal(config->space.hp[5].first, 4);
    assert_string_equal(config->space.values[5].text, "tanh");
    assert_string_equal(spec->initial_checkpoint, "/tmp/folder/base");
    assert_int_equal(config->points_count, 1);
    assert_true(config->points[0] == 3e-4 && isnan(config->points[1]));
    assert_string_equal(json_string_value(json_object_get(spec->fixed, "data")), "./data");
    assert_int_equal(spec->slots, 0);
    spec_assert_round_trip(spec);
    pbti_spec_destroy(spec);
}

/* What the manifest says and what the core starts from are the same. */
static void test_defaults_agree_with_the_core(void **state)
{
    (void)state;
    struct pbti_spec *const spec = spec_good(SPEC_MINIMAL, NULL);
    struct pbti_config *const config = calloc(1, sizeof *config);
    assert_non_null(config);
    pbti_config_default(config);
    config->members = 4;
    config->steps = 1000;
    config->ready_every = 50;
    config->max_age = 1000;
    config->space = spec->config.space;
    uint8_t left[4096];
    uint8_t right[4096];
    struct pbti_writer a = {.data = left, .capacity = sizeof left};
    struct pbti_writer b = {.data = right, .capacity = sizeof right};
    pbti_config_encode(config, &a);
    pbti_config_encode(&spec->config, &b);
    assert_false(a.failed || b.failed);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(left, right, a.size);
    free(config);

    assert_string_equal(spec->study, "fashion");
    assert_string_equal(spec->score_name, "score");
    assert_string_equal(spec->trainer.directory, "/tmp/folder");
    assert_int_equal(spec->trainer.cpus, 1);
    assert_true(spec->trainer.gpus < 0.0); /* unset */
    assert_int_equal(spec->trainer.threads, 1);
    assert_int_equal(spec->trainer.grace_ms, 10000);
    assert_int_equal(json_object_size(spec->trainer.environment), 0);
    assert_int_equal(json_object_size(spec->fixed), 0);
    assert_null(spec->initial_checkpoint);
    assert_true(spec->stop_hours == 0.0);
    assert_true(spec->sync_full);
    assert_int_equal(spec->log_bytes, 10u << 20);
    pbti_spec_destroy(spec);
}

/*
 * A key of a repeated section has no default pass of its own: zero must be what the manifest says.
 */
static void test_defaults_of_hyperparameters(void **state)
{
    (void)state;
    assert_string_equal(pbti_keys[PBTI_KEY_HYPERPARAMETER_scale].fallback, "linear");
    assert_string_equal(pbti_keys[PBTI_KEY_HYPERPARAMETER_frozen].fallback, "false");
    struct pbti_spec *const spec =
        spec_good(SPEC_MINIMAL "  n: {type: integer, low: 1, high: 9}\n", NULL);
    assert_false(spec->config.space.hp[1].log_scale);
    assert_false(spec->config.space.hp[1].frozen);
    pbti_spec_destroy(spec);
}

static uint64_t ready_every(const char *sets)
{
    struct pbti_spec *const spec = spec_good(SPEC_MINIMAL, sets);
    uint64_t const every = spec->config.ready_every;
    pbti_spec_destroy(spec);
    return every;
}

static void test_ready_is_a_twentieth_of_the_steps(void **state)
{
    (void)state;
    assert_int_equal(ready_every("steps=1"), 1);
    assert_int_equal(ready_every("steps=19"), 1);
    assert_int_equal(ready_every("steps=20"), 1);
    assert_int_equal(ready_every("steps=21"), 2);
    assert_int_equal(ready_every("steps=20000"), 1000);
    assert_int_equal(ready_every("steps=9007199254740992"), 450359962737050); /* 2^53 */
    assert_int_equal(ready_every("steps=21\nready.burn_in=3"), 2);
}

static void test_whole_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t value;
    } cases[] = {
        {"20000", 20000}, {"2e4", 20000}, {"2E4", 20000},    {"2.5e3", 2500},
        {"+7", 7},        {"1.0", 1},     {"007", 7},        {"1e+2", 100},
        {"100e-2", 1},    {"9.", 9},      {"0.00002e6", 20}, {"9007199254740992", 1ull << 53},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char sets[64];
        (void)snprintf(sets, sizeof sets, "steps=%s", cases[i].text);
        struct pbti_spec *const spec = spec_good(SPEC_MINIMAL, sets);
        assert_int_equal(spec->config.steps, cases[i].value);
        pbti_spec_destroy(spec);
    }
}

/* `no`, `yes`, `on`, `null` and numbers are text where text is expected. */
static void test_text_stays_text(void **state)
{
    (void)state;
    struct pbti_spec *const spec =
        spec_good("trainer: {command: [no, yes, on, off, null, ~, 1e-5, true, 0x1F, '', \"a b\"]}\n"
                  "population: 4\nsteps: 10\n"
                  "space: {a: {type: categorical, values: [no, yes, null, \"1\", \"true\"]}}\n"
                  "score: {name: on}\nstudy: 1e5\n",
                  NULL);
    static const char *const expected[] = {"no",   "yes",  "on",   "off", "null", "~",
                                           "1e-5", "true", "0x1F", "",    "a b"};
    for (size_t i = 0; i < 11; i++) {
        assert_string_equal(spec->trainer.argv[i], expected[i]);
    }
    assert_null(spec->trainer.argv[11]);
    for (uint32_t i = 0; i < 5; i++) {
        assert_false(spec->config.space.values[i].numeric);
    }
    assert_string_equal(spec->config.space.values[0].text, "no");
    assert_string_equal(spec->config.space.values[3].text, "1");
    assert_string_equal(spec->score_name, "on");
    assert_string_equal(spec->study, "1e5");
    spec_assert_round_trip(spec);
    pbti_spec_destroy(spec);
}

static void test_fixed_is_handed_on_as_json(void **state)
{
    (void)state;
    struct pbti_spec *const spec =
        spec_good(SPEC_MINIMAL
                  "fixed:\n  i: 5\n  neg: -12\n  r: 1e-5\n  whole: 2.0\n  half: .5\n  t: true\n"
                  "  f: false\n  n: null\n  n2: ~\n  n3:\n  no: no\n  q: \"5\"\n  e: ''\n"
                  "  big: 9223372036854775807\n  small: -9223372036854775808\n"
                  "  l: [1, [two, {three: 3}]]\n  date: 2001-01-01\n  time: 12:30\n"
                  "  block: |\n    a\n    b\n  hex: 0x1F\n  octal: 010\n  'a: b': \"\\u263a\\t\"\n",
                  NULL);
    json_error_t error;
    json_t *const expected = json_loads(
        "{\"i\": 5, \"neg\": -12, \"r\": 1e-5, \"whole\": 2.0, \"half\": 0.5, \"t\": true,"
        "\"f\": false, \"n\": null, \"n2\": null, \"n3\": null, \"no\": \"no\", \"q\": \"5\","
        "\"e\": \"\", \"big\": 9223372036854775807, \"small\": -9223372036854775808,"
        "\"l\": [1, [\"two\", {\"three\": 3}]], \"date\": \"2001-01-01\", \"time\": \"12:30\","
        "\"block\": \"a\\nb\\n\", \"hex\": \"0x1F\", \"octal\": 10, \"a: b\": \"\\u263a\\t\"}",
        0, &error);
    assert_non_null(expected);
    assert_true(json_equal(spec->fixed, expected));
    json_decref(expected);
    spec_assert_round_trip(spec);
    pbti_spec_destroy(spec);
}

static void test_byte_order_mark_and_line_ends(void **state)
{
    (void)state;
    struct pbti_spec *const spec = spec_good(
        "\xEF\xBB\xBFtrainer: {builtin: x}\r\npopulation: 4\r\nsteps: 10\r\nspace: {}\r\n", NULL);
    assert_int_equal(spec->config.steps, 10);
    pbti_spec_destroy(spec);
}

static void test_strategies(void **state)
{
    (void)state;
    static const struct {
        const char *sets;
        uint8_t exploit, explore;
        bool always;
        const char *rendered;
    } cases[] = {
        {"strategy=pbt", PBTI_EXPLOIT_TRUNCATION, PBTI_EXPLORE_PERTURB, false, "pbt"},
        {"strategy=selection_only", PBTI_EXPLOIT_TRUNCATION, PBTI_EXPLORE_NONE, false,
         "selection_only"},
        {"strategy=explore_only", PBTI_EXPLOIT_NONE, PBTI_EXPLORE_PERTURB, true, "explore_only"},
        {"strategy=random", PBTI_EXPLOIT_NONE, PBTI_EXPLORE_NONE, false, "random"},
        {"strategy={exploit: none}", PBTI_EXPLOIT_NONE, PBTI_EXPLORE_PERTURB, false, "pbt"},
        {"strategy={explore: none}", PBTI_EXPLOIT_TRUNCATION, PBTI_EXPLORE_NONE, false,
         "selection_only"},
        {"strategy={name: selection_only, exploit: ttest}", PBTI_EXPLOIT_TTEST, PBTI_EXPLORE_NONE,
         false, "selection_only"},
        {"strategy={name: explore_only, explore: {name: resample, probability: 1}}",
         PBTI_EXPLOIT_NONE, PBTI_EXPLORE_RESAMPLE, true, "explore_only"},
        {"strategy={exploit: {quantile: 0.5}, explore: {always: true}}", PBTI_EXPLOIT_TRUNCATION,
         PBTI_EXPLORE_PERTURB, true, "pbt"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pbti_spec *const spec = spec_good(SPEC_MINIMAL, cases[i].sets);
        assert_int_equal(spec->config.exploit, cases[i].exploit);
        assert_int_equal(spec->config.explore, cases[i].explore);
        assert_int_equal(spec->config.explore_always, cases[i].always);
        char line[64];
        (void)snprintf(line, sizeof line, "\n  name: %s\n", cases[i].rendered);
        char *const text = pbti_spec_render(spec);
        assert_non_null(strstr(text, line));
        free(text);
        spec_assert_round_trip(spec);
        pbti_spec_destroy(spec);
    }
}

static void test_all_types_of_hyperparameters(void **state)
{
    (void)state;
    struct pbti_spec *const spec =
        spec_good("trainer: {builtin: x}\npopulation: 4\nsteps: 10\nspace:\n"
                  "  a.b-c_1: {type: linear, low: -1, high: -1}\n"
                  "  b: {type: log, low: 1e-300, high: 1e300}\n"
                  "  c: {type: logit, low: 1e-9, high: 0.999999}\n"
                  "  d: {type: integer, low: -9007199254740992, high: 9007199254740992}\n"
                  "  e: {type: integer, low: 1, high: 1e6, scale: log}\n"
                  "  f: {type: ordinal, values: [small, medium, large], frozen: true}\n"
                  "  g: {type: ordinal, values: [256, 128, 0.5]}\n"
                  "  h: {type: categorical, values: [only]}\n"
                  "  i: {type: boolean, frozen: false}\n"
                  "initial:\n  points:\n"
                  "    - {a.b-c_1: -1, b: 1, c: 0.5, d: -3, e: 7, f: medium, g: 128.0, h: only, i: "
                  "true}\n"
                  "    - {i: false, e: 1e6}\n",
                  NULL);
    const struct pbti_config *const config = &spec->config;
    static const double first[] = {-1.0, 1.0, 0.5, -3.0, 7.0, 1.0, 1.0, 0.0, 1.0};
    assert_int_equal(config->space.count, 9);
    for (uint32_t i = 0; i < 9; i++) {
        assert_true(config->points[i] == first[i]);
    }
    assert_true(isnan(config->points[9]));
    assert_true(config->points[9 + 4] == 1e6 && config->points[9 + 8] == 0.0);
    assert_hp(&config->space, 8, "i", PBTI_HP_BOOLEAN, 0.0, 1.0);
    assert_null(pbti_space_invalid(&config->space));
    spec_assert_round_trip(spec);
    pbti_spec_destroy(spec);
}

static void assert_names(const char *file, const char *study, const char *folder)
{
    static const char text[] = SPEC_MINIMAL;
    struct pbti_spec *spec = NULL;
    struct pbt_error err;
    assert_int_equal(pbti_spec_parse(text, sizeof text - 1, file, NULL, 0, &spec, &err), PBT_OK);
    assert_string_equal(spec->study, study);
    assert_string_equal(spec->trainer.directory, folder);
    pbti_spec_destroy(spec);
}

static void test_names_and_folders_follow_the_file(void **state)
{
    (void)state;
    assert_names("/a/b/fashion.yaml", "fashion", "/a/b");
    assert_names("/a//b/./c/../x.y.yml", "x.y", "/a/b/c/..");
    assert_names("/study", "study", "/");
    assert_names("/a/my study (2).yaml", "my-study--2-", "/a");
    assert_names("/a/.hidden", "hidden", "/a");
    assert_names("/a/..yaml", "yaml", "/a");
    assert_names("/a/\xC3\xA9t\xC3\xA9.yaml", "x-t--", "/a");
    char here[4096];
    assert_non_null(getcwd(here, sizeof here));
    assert_names("fashion.yaml", "fashion", here);
    char below[4200];
    (void)snprintf(below, sizeof below, "%s/sub", strcmp(here, "/") == 0 ? "" : here);
    assert_names("./sub/fashion.yaml", "fashion", below);
}

static void test_paths_start_at_the_folder_of_the_spec(void **state)
{
    (void)state;
    struct pbti_spec *const spec =
        spec_good(SPEC_MINIMAL, "trainer.directory=a/./b//c/\ninitial.checkpoint=/abs/../base");
    assert_string_equal(spec->trainer.directory, "/tmp/folder/a/b/c");
    assert_string_equal(spec->initial_checkpoint, "/abs/../base");
    spec_assert_round_trip(spec);
    pbti_spec_destroy(spec);
    struct pbti_spec *const none = spec_good(SPEC_MINIMAL, "initial.checkpoint=\"none\"");
    assert_string_equal(none->initial_checkpoint, "/tmp/folder/none");
    pbti_spec_destroy(none);
}

static void test_noise_takes_the_place_of_factors(void **state)
{
    (void)state;
    struct pbti_spec *const spec =
        spec_good(SPEC_MINIMAL, "strategy.explore={name: both, noise: {normal: 0.5}}");
    assert_int_equal(spec->config.factors_count, 0);
    assert_true(spec->config.noise == 0.5);
    spec_assert_round_trip(spec);
    pbti_spec_destroy(spec);
}

static void test_one_member_may_have_exploit(void **state)
{
    (void)state;
    struct pbti_spec *const spec = spec_good(SPEC_MINIMAL, "population=1");
    assert_int_equal(spec->config.exploit, PBTI_EXPLOIT_TRUNCATION);
    pbti_spec_destroy(spec);
}

static void test_overrides_make_maps_and_write_out_short_forms(void **state)
{
    (void)state;
    static const char base[] = SPEC_MINIMAL "strategy: pbt\nready: 30\nkeep: all\nfixed:\n";
    struct pbti_spec *const spec = spec_good(base, "strategy.exploit.quantile=0.25\n"
                                                   "ready.burn_in=60\n"
                                                   "keep.top=7\n"
                                                   "score.reduce.mean=3\n"
                                                   "fixed.data.train=[1, 2]\n"
                                                   "fixed.data.train.1=5\n"
                                                   "fixed.data.train.2=6\n"
                                                   "initial.points=[{lr: 0.01}]\n"
                                                   "initial.points.1.lr=0.02\n"
                                                   "space.momentum.type=logit\n"
                                                   "space.momentum.low=0.1\n"
                                                   "space.momentum.high=0.9\n"
                                                   "steps=500\n"
                                                   "steps=600");
    const struct pbti_config *const config = &spec->config;
    assert_true(config->quantile == 0.25);
    assert_int_equal(config->ready_every, 30);
    assert_int_equal(config->burn_in, 60);
    assert_int_equal(config->keep_top, 7);
    assert_false(config->keep_all);
    assert_int_equal(config->reduce_last, 3);
    char *const fixed = json_dumps(spec->fixed, JSON_COMPACT);
    assert_string_equal(fixed, "{\"data\":{\"train\":[1,5,6]}}");
    free(fixed);
    assert_int_equal(config->space.count, 2);
    assert_int_equal(config->points_count, 2);
    assert_true(config->points[0] == 0.01 && isnan(config->points[1]) && config->points[2] == 0.02);
    assert_int_equal(config->steps, 600);
    pbti_spec_destroy(spec);
}

/* Names of hyperparameters may have dots; the longest one that fits is meant. */
static void test_overrides_find_names_with_dots(void **state)
{
    (void)state;
    struct pbti_spec *const spec =
        spec_good(SPEC_MINIMAL "  adam.lr: {type: log, low: 1e-5, high: 0.1}\n"
                               "  adam: {type: boolean}\n",
                  "space.adam.lr.high=0.2\nspace.adam.frozen=true");
    assert_true(spec->config.space.hp[1].high == 0.2);
    assert_true(spec->config.space.hp[2].frozen);
    pbti_spec_destroy(spec);
}

/* -------- amending -------- */

static struct pbti_spec *amend(const char *first_sets, const char *sets)
{
    struct pbti_spec *const spec = spec_good(SPEC_MINIMAL, first_sets);
    char *const text = pbti_spec_render(spec);
    struct spec_sets *const read = calloc(1, sizeof *read);
    assert_non_null(read);
    spec_sets_read(read, sets);
    struct pbti_spec *amended = NULL;
    struct pbt_error err;
    if (pbti_spec_amend(text, strlen(text), read->overrides, read->count, &amended, &err) !=
        PBT_OK) {
        fail_msg("%s", err.message);
    }
    free(read);
    free(text);
    pbti_spec_destroy(spec);
    return amended;
}

static void test_12_amending_keeps_what_was_resolved(void **state)
{
    (void)state;
    struct pbti_spec *const amended =
        amend("ready.burn_in=3\ntrainer.directory=x", "population=9\nstop.hours=2");
    assert_string_equal(amended->study, "fashion");
    assert_string_equal(amended->trainer.directory, "/tmp/folder/x");
    assert_int_equal(amended->config.members, 9);
    assert_int_equal(amended->config.ready_every, 50);
    assert_int_equal(amended->config.burn_in, 3);
    assert_true(amended->stop_hours == 2.0);
    pbti_spec_destroy(amended);
}

static void test_12_max_age_follows_steps_while_they_agree(void **state)
{
    (void)state;
    struct pbti_spec *amended = amend(NULL, "steps=3000");
    assert_int_equal(amended->config.max_age, 3000);
    assert_int_equal(amended->config.ready_every, 50); /* stays as it was resolved */
    pbti_spec_destroy(amended);
    amended = amend("max_age=1500", "steps=3000");
    assert_int_equal(amended->config.max_age, 1500);
    pbti_spec_destroy(amended);
    amended = amend(NULL, "steps=3000\nmax_age=2000");
    assert_int_equal(amended->config.max_age, 2000);
    pbti_spec_destroy(amended);
    amended = amend(NULL, "population=2");
    assert_int_equal(amended->config.max_age, 1000);
    pbti_spec_destroy(amended);
}

static void test_12_wrong_amendments_name_the_override(void **state)
{
    (void)state;
    struct pbti_override const override = {.key = "steps", .value = "10"};
    struct pbti_spec *const spec = spec_good(SPEC_MINIMAL, NULL);
    char *const text = pbti_spec_render(spec);
    struct pbti_spec *amended = NULL;
    struct pbt_error err;
    assert_int_equal(pbti_spec_amend(text, strlen(text), &override, 1, &amended, &err), PBT_ESPEC);
    assert_null(amended);
    assert_string_equal(err.message, "study.yaml:13:16: ready.every is 50, but must be at most "
                                     "steps, which is 10");
    free(text);
    pbti_spec_destroy(spec);
}

static void test_load_reads_a_file(void **state)
{
    (void)state;
    char path[4096];
    struct pbti_spec *spec = NULL;
    struct pbt_error err;
    struct pbti_override const override = {.key = "population", .value = "3"};
    spec_source_path("examples/fashion.yaml", path, sizeof path);
    if (pbti_spec_load(path, &override, 1, &spec, &err) != PBT_OK) { fail_msg("%s", err.message); }
    assert_string_equal(spec->study, "fashion");
    assert_int_equal(spec->config.members, 3);
    pbti_spec_destroy(spec);
    pbti_spec_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_design_example),
        cmocka_unit_test(test_defaults_agree_with_the_core),
        cmocka_unit_test(test_defaults_of_hyperparameters),
        cmocka_unit_test(test_ready_is_a_twentieth_of_the_steps),
        cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_text_stays_text),
        cmocka_unit_test(test_fixed_is_handed_on_as_json),
        cmocka_unit_test(test_byte_order_mark_and_line_ends),
        cmocka_unit_test(test_strategies),
        cmocka_unit_test(test_all_types_of_hyperparameters),
        cmocka_unit_test(test_names_and_folders_follow_the_file),
        cmocka_unit_test(test_paths_start_at_the_folder_of_the_spec),
        cmocka_unit_test(test_noise_takes_the_place_of_factors),
        cmocka_unit_test(test_one_member_may_have_exploit),
        cmocka_unit_test(test_overrides_make_maps_and_write_out_short_forms),
        cmocka_unit_test(test_overrides_find_names_with_dots),
        cmocka_unit_test(test_12_amending_keeps_what_was_resolved),
        cmocka_unit_test(test_12_max_age_follows_steps_while_they_agree),
        cmocka_unit_test(test_12_wrong_amendments_name_the_override),
        cmocka_unit_test(test_load_reads_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
