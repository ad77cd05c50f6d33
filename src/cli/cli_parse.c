/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cli_parse.c - reading a command line by the tables of cli_tables.c. */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct pbti_option help_option = {"", PBTI_OPT_HELP,    'h', "help", PBTI_OPTION_FLAG,
                                               "", "print this page"};

/* -------- options -------- */

static const struct pbti_option *find_option(const struct pbti_verb *verb, const char *name,
                                             size_t size)
{
    for (size_t i = 0; i <= PBTI_OPTIONS; i++) {
        const struct pbti_option *const option =
            i < PBTI_OPTIONS ? pbti_option_at(i) : &help_option;
        bool const ours = i == PBTI_OPTIONS || strcmp(option->verb, verb->name) == 0;
        if (ours && strlen(option->name) == size && strncmp(option->name, name, size) == 0) {
            return option;
        }
    }
    return NULL;
}

static const struct pbti_option *find_letter(const struct pbti_verb *verb, char letter)
{
    for (size_t i = 0; i < PBTI_OPTIONS; i++) {
        const struct pbti_option *const option = pbti_option_at(i);
        if (option->letter == letter && strcmp(option->verb, verb->name) == 0) { return option; }
    }
    return letter == 'h' ? &help_option : NULL;
}

static int unknown_option(const struct pbti_call *call, const char *given)
{
    const char *names[PBTI_OPTIONS + 1];
    size_t count = 0;
    for (size_t i = 0; i < PBTI_OPTIONS; i++) {
        const struct pbti_option *const option = pbti_option_at(i);
        if (strcmp(option->verb, call->verb->name) == 0) { names[count++] = option->name; }
    }
    names[count++] = help_option.name;
    char bare[64];
    (void)snprintf(bare, sizeof bare, "%.*s", (int)strcspn(given + strspn(given, "-"), "="),
                   given + strspn(given, "-"));
    const char *const nearest = pbti_cli_nearest(bare, names, count);
    char hint[160];
    if (nearest != NULL) {
        (void)snprintf(hint, sizeof hint, "did you mean --%s?", nearest);
    } else {
        (void)snprintf(hint, sizeof hint, "`pbt %s --help` lists its options", call->verb->name);
    }
    return pbti_cli_complain(call, PBTI_EXIT_USAGE, hint, "unknown option \"%s\"", given);
}

/* A whole number, low .. high, decimal digits only. */
static bool read_number(const char *text, uint64_t low, uint64_t high, uint64_t *number)
{
    if (text[0] < '0' || text[0] > '9') { return false; }
    char *end = NULL;
    errno = 0;
    unsigned long long const value = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < low || value > high) { return false; }
    *number = value;
    return true;
}

/* "key=value" becomes an override; the texts live in call->set_text. */
static int take_set(struct pbti_call *call, const char *value)
{
    const char *const equals = strchr(value, '=');
    if (equals == NULL || equals == value) {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE, "for instance --set population=8",
                                 "option --set takes KEY=VALUE, not \"%s\"", value);
    }
    if (call->set_count == PBTI_CLI_SETS_MAX) {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE, NULL, "more than %d options --set",
                                 PBTI_CLI_SETS_MAX);
    }
    size_t const size = (size_t)(equals - value);
    char *const key = call->set_text;
    memcpy(key, value, size);
    key[size] = '\0';
    call->set_text += size + 1;
    call->set[call->set_count++] = (struct pbti_override){key, equals + 1};
    return -1;
}

static int take_option(struct pbti_call *call, const struct pbti_option *option, const char *value)
{
    call->value[option->id] = value;
    if (option->kind == PBTI_OPTION_SET) { return take_set(call, value); }
    if (option->kind == PBTI_OPTION_FLAG || option->kind == PBTI_OPTION_TEXT) { return -1; }
    bool const count = option->kind == PBTI_OPTION_COUNT;
    if (!read_number(value, count ? 1 : 0, count ? UINT32_MAX : UINT64_MAX,
                     &call->number[option->id])) {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE, NULL,
                                 "option --%s takes a whole number%s, not \"%s\"", option->name,
                                 count ? " from 1 on" : "", value);
    }
    return -1;
}

/* One element that begins with a dash; `*at` moves on when its value is the next element. */
static int parse_option(struct pbti_call *call, int argc, char **argv, int *at)
{
    const char *const given = argv[*at];
    const struct pbti_option *option = NULL;
    const char *value = NULL;
    if (given[1] == '-') {
        size_t const size = strcspn(given + 2, "=");
        option = find_option(call->verb, given + 2, size);
        if (given[2 + size] == '=') { value = given + 2 + size + 1; }
    } else {
        option = find_letter(call->verb, given[1]);
        if (given[2] != '\0') {
            if (option != NULL && option->kind == PBTI_OPTION_FLAG) { option = NULL; }
            value = given + 2;
        }
    }
    if (option == NULL) { return unknown_option(call, given); }
    if (option->kind == PBTI_OPTION_FLAG) {
        if (value != NULL) {
            return pbti_cli_complain(call, PBTI_EXIT_USAGE, NULL, "option --%s takes no value",
                                     option->name);
        }
        return take_option(call, option, "");
    }
    if (value == NULL) {
        if (*at + 1 >= argc) {
            return pbti_cli_complain(call, PBTI_EXIT_USAGE, NULL, "option --%s needs a value: %s",
                                     option->name, option->argument);
        }
        value = argv[++*at];
    }
    return take_option(call, option, value);
}

static int check_arguments(const struct pbti_call *call, uint32_t count, const char *extra)
{
    char hint[160];
    (void)snprintf(hint, sizeof hint, "usage: pbt %s %s [options]", call->verb->name,
                   call->verb->arguments);
    if (extra != NULL) {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE, hint, "unexpected argument \"%s\"", extra);
    }
    if (count < call->verb->fewest) {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE, hint, "an argument is missing: %s",
                                 call->verb->arguments);
    }
    return -1;
}

int pbti_cli_parse(struct pbti_call *call, const struct pbti_verb *verb, int argc, char **argv)
{
    call->verb = verb;
    uint32_t count = 0;
    const char *extra = NULL;
    bool options_end = false;
    for (int at = 0; at < argc; at++) {
        const char *const given = argv[at];
        if (!options_end && strcmp(given, "--") == 0) {
            options_end = true;
        } else if (!options_end && given[0] == '-' && given[1] != '\0') {
            int const code = parse_option(call, argc, argv, &at);
            if (code >= 0) { return code; }
        } else if (count < verb->most) {
            call->argument[count++] = given;
        } else if (extra == NULL) {
            extra = given;
        }
    }
    if (pbti_cli_has(call, PBTI_OPT_HELP)) {
        struct pbti_str page = {0};
        pbti_cli_verb_help(&page, verb);
        return pbti_cli_print(call, &page, PBTI_EXIT_DONE);
    }
    return check_arguments(call, count, extra);
}

/* -------- the command -------- */

/* Stands for `pbt` itself where a verb is wanted. */
static const struct pbti_verb no_verb = {.name = "", .arguments = "VERB"};

static int print_help(void)
{
    struct pbti_call call = {.verb = &no_verb};
    struct pbti_str page = {0};
    pbti_cli_help(&page);
    return pbti_cli_print(&call, &page, PBTI_EXIT_DONE);
}

static int unknown_verb(const char *given)
{
    const char *names[PBTI_VERBS];
    size_t count = 0;
    for (size_t i = 0; i < PBTI_VERBS; i++) {
        if (!pbti_verb_at(i)->hidden) { names[count++] = pbti_verb_at(i)->name; }
    }
    struct pbti_str text = {0};
    pbti_str_add(&text, "pbt: unknown verb \"");
    pbti_str_escape(&text, given, strlen(given));
    const char *const nearest = pbti_cli_nearest(given, names, count);
    if (nearest != NULL) {
        pbti_str_addf(&text, "\"\nhint: did you mean `pbt %s`?\n", nearest);
    } else {
        pbti_str_add(&text, "\"\nhint: `pbt --help` lists the verbs\n");
    }
    (void)fputs(pbti_str_text(&text), stderr);
    pbti_str_deinit(&text);
    return PBTI_EXIT_USAGE;
}

int pbti_cli_main(int argc, char **argv, int (*run)(const struct pbti_call *call))
{
    const char *name = argc > 1 ? argv[1] : NULL;
    if (name == NULL) {
        (void)fputs("pbt: a verb is missing\nhint: `pbt --help` lists the verbs\n", stderr);
        return PBTI_EXIT_USAGE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        const struct pbti_verb *const about = argc > 2 ? pbti_verb_find(argv[2]) : NULL;
        if (about == NULL) { return print_help(); }
        struct pbti_call call = {.verb = about};
        struct pbti_str page = {0};
        pbti_cli_verb_help(&page, about);
        return pbti_cli_print(&call, &page, PBTI_EXIT_DONE);
    }
    if (strcmp(name, "--version") == 0) { name = "version"; }
    const struct pbti_verb *const verb = pbti_verb_find(name);
    if (verb == NULL) { return unknown_verb(name); }
    struct pbti_call call = {.verb = verb, .raw_argc = argc, .raw_argv = argv};
    static const char *const raw[] = {"shim", "trainer", "use"}; /* they read argv themselves */
    for (size_t i = 0; i < sizeof raw / sizeof raw[0]; i++) {
        if (strcmp(name, raw[i]) == 0) { return run(&call); }
    }
    size_t room = 1;
    for (int i = 0; i < argc; i++) {
        room += strlen(argv[i]) + 1;
    }
    char *const sets = malloc(room);
    if (sets == NULL) { return pbti_cli_no_memory(&call); }
    call.set_text = sets;
    int code = pbti_cli_parse(&call, verb, argc - 2, argv + 2);
    if (code < 0) { code = run(&call); }
    free(sets);
    return code;
}
