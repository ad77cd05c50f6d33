/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_best.c - pbt best DIR: the best network, its schedule, a copy of it. */
#include "cli/cli_work.h"

#include "base/fail.h"
#include "study/store.h"
#include "view/format.h"
#include "view/summary.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_CSV, FORMAT_PYTHON };

struct best {
    const struct pbti_call *call;
    struct pbti_study_reader *reader;
    struct pbti_winner winner;
    enum format format;
    bool schedule;
    char path[PATH_MAX]; /* of the checkpoint; "" when it is not there */
};

static int read_format(struct best *best)
{
    static const char *const names[] = {"table", "json", "csv", "python"};
    const char *const given = best->call->value[PBTI_OPT_FORMAT];
    best->schedule = pbti_cli_has(best->call, PBTI_OPT_SCHEDULE) || given != NULL;
    best->format = pbti_cli_has(best->call, PBTI_OPT_JSON) ? FORMAT_JSON : FORMAT_TABLE;
    if (given == NULL) { return -1; }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(given, names[i]) == 0) {
            best->format = (enum format)i;
            return -1;
        }
    }
    return pbti_cli_complain(best->call, PBTI_EXIT_USAGE, "there are table, json, csv and python",
                             "unknown format \"%s\"", given);
}

/* -------- printing -------- */

static const struct pbti_space *space_of(const struct best *best)
{
    return &pbti_state_config(pbti_study_reader_state(best->reader))->space;
}

static json_t *best_json(const struct best *best)
{
    const struct pbti_history *const history = pbti_study_reader_history(best->reader);
    const double *const values = pbti_history_values(history, best->winner.record);
    json_t *const json = json_pack(
        "{s:i, s:s, s:o, s:o, s:o}", "version", PBTI_JSON_VERSION, "study",
        pbti_study_reader_spec(best->reader)->study, "best", pbti_json_best(&best->winner.best),
        "path",
        best->path[0] == '\0' ? json_null() : pbti_json_text(best->path, strlen(best->path)),
        "hyperparameters", pbti_values_json(space_of(best), values));
    if (json == NULL) { return NULL; }
    (void)json_object_set_new(json, "lineage", pbti_winner_lineage_json(&best->winner, history));
    (void)json_object_set_new(json, "schedule",
                              pbti_winner_schedule_json(&best->winner, space_of(best)));
    return json;
}

/* A field of a CSV line: quoted when it holds a comma, a quote or a blank. */
static void add_field(struct pbti_str *str, const char *text)
{
    bool const quoted = strpbrk(text, ",\" \n\r") != NULL;
    pbti_str_add(str, quoted ? ",\"" : ",");
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"') { pbti_str_add(str, "\""); }
        pbti_str_add_bytes(str, at, 1);
    }
    if (quoted) { pbti_str_add(str, "\""); }
}

static void schedule_csv(struct pbti_str *str, const struct best *best)
{
    const struct pbti_space *const space = space_of(best);
    pbti_str_add(str, "from,to");
    for (uint32_t i = 0; i < space->count; i++) {
        add_field(str, space->hp[i].name);
    }
    pbti_str_add(str, "\n");
    for (uint32_t k = 0; k < best->winner.schedule_count; k++) {
        const struct pbti_stretch *const stretch = &best->winner.schedule[k];
        pbti_str_addf(str, "%" PRIu64 ",%" PRIu64, stretch->from, stretch->to);
        for (uint32_t i = 0; i < space->count; i++) {
            char text[PBTI_HP_NAME_MAX];
            add_field(str, pbti_value_text(space, i, stretch->values[i], text, sizeof text));
        }
        pbti_str_add(str, "\n");
    }
}

/* A Python literal: JSON but for true and false, and reals with the fewest digits. */
static void add_python(struct pbti_str *str, const struct pbti_space *space, uint32_t hp,
                       double value)
{
    json_t *const json = pbti_value_json(space, hp, value);
    char digits[PBTI_HP_NAME_MAX];
    if (json_is_boolean(json)) {
        pbti_str_add(str, json_is_true(json) ? "True" : "False");
    } else if (json_is_real(json)) {
        pbti_str_add(str, pbti_value_text(space, hp, value, digits, sizeof digits));
    } else {
        char *const text =
            json_dumps(json, JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17));
        pbti_str_add(str, text == NULL ? "None" : text);
        free(text);
    }
    json_decref(json);
}

static void schedule_python(struct pbti_str *str, const struct best *best)
{
    const struct pbti_space *const space = space_of(best);
    pbti_str_add(str, "# Hyperparameters by age: (from this age on, values).\nschedule = [\n");
    for (uint32_t k = 0; k < best->winner.schedule_count; k++) {
        const struct pbti_stretch *const stretch = &best->winner.schedule[k];
        pbti_str_addf(str, "    (%" PRIu64 ", {", stretch->from);
        for (uint32_t i = 0; i < space->count; i++) {
            pbti_str_addf(str, "%s\"%s\": ", i > 0 ? ", " : "", space->hp[i].name);
            add_python(str, space, i, stretch->values[i]);
        }
        pbti_str_add(str, "}),\n");
    }
    pbti_str_add(str, "]\n\n\ndef hyperparameters(age):\n"
                      "    \"\"\"Those in force at an age of the weights.\"\"\"\n"
                      "    return [values for begin, values in schedule if begin <= age][-1]\n");
}

static void best_text(struct pbti_str *str, const struct best *best)
{
    const struct pbti_winner *const winner = &best->winner;
    pbti_str_score(str, winner->best.score);
    pbti_str_addf(str, "  member %" PRIu32 " at age ", winner->best.checkpoint.member);
    pbti_str_count(str, winner->best.age);
    pbti_str_add(str, "\n");
    if (best->path[0] == '\0') {
        pbti_str_add(str, "the checkpoint ");
        pbti_str_checkpoint(str, winner->best.checkpoint);
        pbti_str_add(str, " was not kept");
    } else {
        pbti_str_escape(str, best->path, strlen(best->path));
    }
    pbti_str_add(str, "\n");
    pbti_str_values(str, space_of(best),
                    pbti_history_values(pbti_study_reader_history(best->reader), winner->record));
    pbti_str_add(str, "\n");
}

static int print(const struct best *best)
{
    const struct pbti_call *const call = best->call;
    if (best->format == FORMAT_JSON) {
        return pbti_cli_print_json(call, best_json(best), PBTI_EXIT_DONE);
    }
    struct pbti_str str = {0};
    if (best->format == FORMAT_CSV) {
        schedule_csv(&str, best);
    } else if (best->format == FORMAT_PYTHON) {
        schedule_python(&str, best);
    } else {
        best_text(&str, best);
        if (best->schedule) {
            pbti_str_add(&str, "\nschedule\n");
            pbti_winner_schedule_text(&str, &best->winner, space_of(best), 0, pbti_cli_width());
            pbti_str_add(&str, "\nlineage\n  ");
            pbti_winner_lineage_text(&str, &best->winner, pbti_study_reader_history(best->reader));
            pbti_str_add(&str, "\n");
        }
    }
    return pbti_cli_print(call, &str, PBTI_EXIT_DONE);
}

/* -------- the checkpoint -------- */

/* Find where the checkpoint is, and copy it when that is asked for. */
static pbt_status find_checkpoint(struct best *best, struct pbt_error *err)
{
    const char *const target = best->call->value[PBTI_OPT_COPY_TO];
    struct pbti_store *store = NULL;
    struct pbti_checkpoint const checkpoint = best->winner.best.checkpoint;
    struct pbt_error ignored;
    pbt_status status = pbti_store_open(pbti_study_reader_dir(best->reader), false, false, &store,
                                        target != NULL ? err : &ignored);
    if (status == PBT_OK && target != NULL) {
        status = pbti_study_reader_check(best->reader, store, checkpoint, best->path, err);
    }
    if (status == PBT_OK && target != NULL) {
        status = pbti_store_export(store, checkpoint, target, err);
    }
    if (status == PBT_OK && pbti_store_path(store, checkpoint, best->path, &ignored) != PBT_OK) {
        best->path[0] = '\0';
    }
    pbti_store_close(store);
    return target == NULL ? PBT_OK : status;
}

int pbti_verb_best(const struct pbti_call *call)
{
    struct best best = {.call = call};
    struct pbti_study_reader_opts opts = pbti_cli_reader_opts(call);
    opts.history = true;
    struct pbt_error err;
    int code = read_format(&best);
    if (code >= 0) { return code; }
    if (pbti_study_reader_open(call->argument[0], &opts, &best.reader, &err) != PBT_OK) {
        return pbti_cli_fail(call, &err);
    }
    if (!pbti_winner_find(&best.winner, best.reader, pbti_cli_has(call, PBTI_OPT_AT_END))) {
        code = best.winner.record == PBTI_NO_MEMBER
                   ? pbti_cli_complain(call, PBTI_EXIT_FAILED, NULL, "nobody has a score yet")
                   : pbti_cli_no_memory(call);
    } else if (find_checkpoint(&best, &err) != PBT_OK) {
        code = pbti_cli_fail(call, &err);
    } else {
        code = print(&best);
    }
    pbti_winner_deinit(&best.winner);
    pbti_study_reader_close(best.reader);
    return code;
}
