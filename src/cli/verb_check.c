/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_check.c - pbt check SPEC: what trying the trainer found, and what a study will cost. */
#include "cli/cli.h"
#include "view/format.h"
#include "view/rules_line.h"
#include "view/summary.h"
#include "worker/check.h"
#include "worker/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What is being tried, to stderr when somebody is looking. */
static void say_doing(void *context, const char *what)
{
    (void)context;
    struct pbti_str str = {0};
    pbti_str_add(&str, "... ");
    pbti_str_escape(&str, what, strlen(what));
    pbti_str_add(&str, "\n");
    (void)fputs(pbti_str_text(&str), stderr);
    pbti_str_deinit(&str);
}

/* -------- as text -------- */

static void add_finding(struct pbti_str *str, const struct pbti_finding *finding)
{
    pbti_str_addf(str, "  %-8s %s", pbti_severity_name(finding->severity), finding->name);
    if (finding->hyperparameter[0] != '\0') {
        pbti_str_add(str, " (");
        pbti_str_escape(str, finding->hyperparameter, strlen(finding->hyperparameter));
        pbti_str_add(str, ")");
    }
    pbti_str_add(str, ": ");
    pbti_str_escape(str, finding->text, strlen(finding->text));
    pbti_str_add(str, "\n");
    if (finding->hint[0] == '\0') { return; }
    pbti_str_add(str, "           hint: ");
    pbti_str_escape(str, finding->hint, strlen(finding->hint));
    pbti_str_add(str, "\n");
}

/* "  start      1.2 s" with as many digits as are useful. */
static void add_seconds(struct pbti_str *str, const char *name, double seconds)
{
    if (seconds < 0.001) {
        pbti_str_addf(str, "  %-10s below 1 ms\n", name);
    } else {
        pbti_str_addf(str, "  %-10s %.3g s\n", name, seconds);
    }
}

static void add_costs(struct pbti_str *str, const struct pbti_check_result *result)
{
    pbti_str_add(str, "\nmeasured\n");
    add_seconds(str, "start", result->start_s);
    add_seconds(str, "step", result->step_s);
    add_seconds(str, "evaluate", result->evaluate_s);
    add_seconds(str, "save", result->save_s);
    add_seconds(str, "load", result->load_s);
    pbti_str_add(str, "  checkpoint ");
    pbti_str_bytes(str, result->bytes);
    pbti_str_addf(str, " in %" PRIu32 " file%s\n", result->files, result->files == 1 ? "" : "s");
    pbti_str_add(str, "\nthe whole study\n  steps      ");
    pbti_str_count(str, result->member_steps);
    pbti_str_add(str, " in ");
    pbti_str_count(str, result->segments);
    pbti_str_addf(str, " segments on %" PRIu32 " slot%s\n  time       about ", result->slots,
                  result->slots == 1 ? "" : "s");
    pbti_str_duration(str, (int64_t)(result->hours * 3600e3));
    pbti_str_add(str, "\n  disk       about ");
    pbti_str_bytes(str, result->disk_bytes);
    pbti_str_add(str, " at any time\n");
}

static bool has_problem(const struct pbti_check_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        if (result->findings[i].severity == PBTI_FINDING_PROBLEM) { return true; }
    }
    return false;
}

static void add_text(struct pbti_str *str, const struct pbti_check_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        add_finding(str, &result->findings[i]);
    }
    if (result->complete) { add_costs(str, result); }
}

/* -------- as JSON -------- */

static json_t *findings_json(const struct pbti_check_result *result)
{
    json_t *const list = json_array();
    for (size_t i = 0; i < result->count; i++) {
        const struct pbti_finding *const finding = &result->findings[i];
        json_t *const row = json_pack(
            "{s:s, s:s, s:o, s:o, s:o}", "severity", pbti_severity_name(finding->severity), "name",
            finding->name, "hyperparameter",
            finding->hyperparameter[0] == '\0'
                ? json_null()
                : pbti_json_text(finding->hyperparameter, strlen(finding->hyperparameter)),
            "text", pbti_json_text(finding->text, strlen(finding->text)), "hint",
            pbti_json_text(finding->hint, strlen(finding->hint)));
        (void)json_array_append_new(list, row);
    }
    return list;
}

static json_t *check_json(const struct pbti_check_result *result)
{
    json_t *const json = json_pack("{s:i, s:b, s:b, s:o}", "version", PBTI_JSON_VERSION, "good",
                                   !has_problem(result), "complete", result->complete, "findings",
                                   findings_json(result));
    if (json == NULL || !result->complete) { return json; }
    json_t *const measured = json_pack(
        "{s:f, s:f, s:f, s:f, s:f, s:I, s:I}", "start_s", result->start_s, "step_s", result->step_s,
        "evaluate_s", result->evaluate_s, "save_s", result->save_s, "load_s", result->load_s,
        "files", (json_int_t)result->files, "bytes", (json_int_t)result->bytes);
    json_t *const cost =
        json_pack("{s:I, s:I, s:I, s:f, s:I}", "steps", (json_int_t)result->member_steps,
                  "segments", (json_int_t)result->segments, "slots", (json_int_t)result->slots,
                  "hours", result->hours, "disk_bytes", (json_int_t)result->disk_bytes);
    (void)json_object_set_new(json, "measured", measured);
    (void)json_object_set_new(json, "cost", cost);
    return json;
}

/* -------- the verb -------- */

int pbti_verb_check(const struct pbti_call *call)
{
    struct pbti_spec *spec = NULL;
    struct pbti_check_result result = {0};
    struct pbt_error err;
    if (pbti_spec_load(call->argument[0], call->set, call->set_count, &spec, &err) != PBT_OK) {
        return pbti_cli_fail(call, &err);
    }
    struct pbti_check_opts opts = pbti_check_opts_default();
    opts.program = pbti_cli_program();
    opts.clients = pbti_cli_clients();
    opts.steps = call->number[PBTI_OPT_STEPS];
    opts.builtin_known = pbti_cli_builtin_known;
    opts.doing = isatty(STDERR_FILENO) ? say_doing : NULL;
    pbt_status const status = pbti_check(spec, &opts, &result, &err);
    int code = status != PBT_OK       ? pbti_cli_fail(call, &err)
               : has_problem(&result) ? PBTI_EXIT_FAILED
                                      : PBTI_EXIT_DONE;
    if (status == PBT_OK && pbti_cli_has(call, PBTI_OPT_JSON)) {
        code = pbti_cli_print_json(call, check_json(&result), code);
    } else if (status == PBT_OK) {
        struct pbti_str str = {0};
        pbti_str_add(&str, "  ");
        pbti_str_rules(&str, &spec->config);
        pbti_str_add(&str, "\n");
        add_text(&str, &result);
        code = pbti_cli_print(call, &str, code);
    }
    pbti_check_release(&result);
    pbti_spec_destroy(spec);
    return code;
}
