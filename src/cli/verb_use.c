/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/verb_use.c - pbt use DIR: a network of a builtin trainer put to use.
 *
 * Finds the checkpoint and the hyperparameters it was trained with, and runs this program again as
 * the trainer, which restores the one task it is given and does with it what it does (docs/NAME.md
 * of each trainer). What stands behind DIR is the trainer's own.
 */
#include "cli/cli.h"

#include "base/fail.h"
#include "study/store.h"
#include "trainer/launch.h"
#include "trainer/message.h"
#include "view/winner.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* -------- the command line -------- */

/* Options of the verb and DIR are its own; all others go to the trainer, in their order. */
struct arguments {
    char **own, **others; /* owned arrays of borrowed strings */
    int own_count, others_count;
};

/* How many elements from argv[0] on are an option of the verb; 0: it is none. --json goes on. */
static int own_option(char *const *argv, int argc)
{
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) { return 1; }
    static const char *const names[] = {"--checkpoint", "--journal"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t const size = strlen(names[i]);
        if (strncmp(argv[0], names[i], size) != 0) { continue; }
        if (argv[0][size] == '=') { return 1; }
        if (argv[0][size] == '\0') { return argc > 1 ? 2 : 1; }
    }
    return 0;
}

static void split(struct arguments *split, char **argv, int argc)
{
    bool has_study = false;
    for (int i = 0; i < argc;) {
        int own = own_option(argv + i, argc - i);
        if (own == 0 && !has_study && (argv[i][0] != '-' || argv[i][1] == '\0')) {
            has_study = true;
            own = 1;
        }
        if (own == 0) { split->others[split->others_count++] = argv[i++]; }
        for (; own > 0; own--) {
            split->own[split->own_count++] = argv[i++];
        }
    }
}

/* -------- which network -------- */

struct use {
    const struct pbti_call *call;
    struct pbti_study_reader *reader;
    struct pbti_winner winner;
    struct pbti_checkpoint checkpoint;
    uint32_t record;     /* of the history: what it was trained with */
    char path[PATH_MAX]; /* of the checkpoint */
};

/* The last part of a path as a checkpoint's name; false when it is none. */
static bool name_of(const char *path, struct pbti_checkpoint *checkpoint)
{
    char name[PBTI_CHECKPOINT_NAME_MAX];
    size_t end = strlen(path);
    while (end > 0 && path[end - 1] == '/') {
        end--;
    }
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/') {
        begin--;
    }
    if (end - begin >= sizeof name) { return false; }
    memcpy(name, path + begin, end - begin);
    name[end - begin] = '\0';
    return pbti_checkpoint_parse(name, checkpoint);
}

static pbt_status path_in_study(struct use *use, struct pbt_error *err)
{
    struct pbti_store *store = NULL;
    pbt_status status =
        pbti_store_open(pbti_study_reader_dir(use->reader), false, false, &store, err);
    if (status == PBT_OK) {
        status = pbti_study_reader_check(use->reader, store, use->checkpoint, use->path, err);
    }
    pbti_store_close(store);
    return status;
}

/*
 * The checkpoint that is asked for: by its name in this study, or a folder. A folder of another
 * name is taken to hold a network like the best one, as `pbt best --copy-to` makes it.
 */
static pbt_status find_given(struct use *use, const char *given, struct pbt_error *err)
{
    struct pbti_checkpoint named;
    struct stat info;
    if (name_of(given, &named)) {
        uint32_t const record = pbti_history_find(pbti_study_reader_history(use->reader), named);
        if (record != PBTI_NO_MEMBER) {
            use->record = record;
            use->checkpoint = named;
        }
        if (strchr(given, '/') == NULL && record != PBTI_NO_MEMBER) {
            return path_in_study(use, err);
        }
    }
    if (realpath(given, use->path) == NULL || stat(use->path, &info) != 0) {
        return PBTI_FAIL(err, PBT_ENOENT, errno, "there is no checkpoint \"%s\": %s", given,
                         strerror(errno));
    }
    if (S_ISDIR(info.st_mode)) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_EINVAL, 0, "checkpoint \"%s\" is not a folder", given);
}

static int find(struct use *use)
{
    const struct pbti_call *const call = use->call;
    const char *const given = call->value[PBTI_OPT_CHECKPOINT];
    struct pbt_error err;
    if (!pbti_winner_find(&use->winner, use->reader, false)) {
        return use->winner.record == PBTI_NO_MEMBER
                   ? pbti_cli_complain(call, PBTI_EXIT_FAILED, NULL, "no member has a score yet")
                   : pbti_cli_no_memory(call);
    }
    use->record = use->winner.record;
    use->checkpoint = use->winner.best.checkpoint;
    pbt_status const status =
        given == NULL ? path_in_study(use, &err) : find_given(use, given, &err);
    return status == PBT_OK ? -1 : pbti_cli_fail(call, &err);
}

/* -------- the trainer -------- */

static int exit_code(const struct use *use, int status)
{
    if (WIFEXITED(status)) { return WEXITSTATUS(status); }
    if (WTERMSIG(status) == SIGPIPE) { return PBTI_EXIT_DONE; } /* the reader has seen enough */
    if (WTERMSIG(status) == SIGINT) { return PBTI_EXIT_INTERRUPTED; }
    return pbti_cli_complain(use->call, PBTI_EXIT_FAILED, NULL, "the trainer died by signal %d",
                             WTERMSIG(status));
}

/* Run it with this terminal, and wait. */
static int run(const struct use *use, char *const *arguments, char *const *environment)
{
    pid_t child;
    int status = 0;
    int const number = posix_spawn(&child, arguments[0], NULL, NULL, arguments, environment);
    if (number != 0) {
        return pbti_cli_complain(use->call, PBTI_EXIT_FAILED, NULL, "could not run \"%s\": %s",
                                 arguments[0], strerror(number));
    }
    (void)signal(SIGINT, SIG_IGN); /* Ctrl-C is the trainer's; its end is ours */
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    return exit_code(use, status);
}

/* The task as a `train` message; owned. NULL: out of memory. */
static char *task_text(const struct use *use)
{
    const struct pbti_spec *const spec = pbti_study_reader_spec(use->reader);
    const struct pbti_history *const history = pbti_study_reader_history(use->reader);
    struct pbti_task const task = {.member = use->checkpoint.member,
                                   .segment = use->checkpoint.segment,
                                   .attempt = use->checkpoint.attempt,
                                   .seed = spec->config.seed,
                                   .age = use->winner.best.age,
                                   .from = use->checkpoint,
                                   .load = use->path,
                                   .space = &spec->config.space,
                                   .values = pbti_history_values(history, use->record),
                                   .fixed = spec->fixed};
    size_t size = 0;
    return pbti_message_train(&task, &size);
}

static int launch(const struct use *use, const struct arguments *split)
{
    const struct pbti_spec *const spec = pbti_study_reader_spec(use->reader);
    struct pbti_launch const launch = {.spec = spec, .program = pbti_cli_program()};
    struct pbti_strings arguments = {0}, environment = {0};
    char *const task = task_text(use);
    pbti_launch_command(&launch, &arguments);
    pbti_strings_add(&arguments, "use");
    pbti_strings_add(&arguments, "--directory");
    pbti_strings_add(&arguments, "%s",
                     spec->trainer.directory == NULL ? "." : spec->trainer.directory);
    for (int i = 0; i < split->others_count; i++) {
        pbti_strings_add(&arguments, "%s", split->others[i]);
    }
    pbti_launch_environment(&launch, NULL, &environment);
    pbti_strings_set(&environment, "PBT_SOCKET", "");
    pbti_strings_set(&environment, "PBT_TASK", task == NULL ? "" : task);
    bool const good = task != NULL && !arguments.failed && !environment.failed;
    int const code =
        good ? run(use, arguments.items, environment.items) : pbti_cli_no_memory(use->call);
    pbti_strings_free(&arguments);
    pbti_strings_free(&environment);
    free(task);
    return code;
}

/* -------- the verb -------- */

static int use_study(const struct pbti_call *call, const struct arguments *split)
{
    struct use use = {.call = call};
    struct pbti_study_reader_opts opts = pbti_cli_reader_opts(call);
    opts.history = true;
    struct pbt_error err;
    if (pbti_study_reader_open(call->argument[0], &opts, &use.reader, &err) != PBT_OK) {
        return pbti_cli_fail(call, &err);
    }
    const struct pbti_trainer *const trainer = &pbti_study_reader_spec(use.reader)->trainer;
    int code;
    if (trainer->kind != PBTI_TRAINER_BUILTIN || !pbti_cli_builtin_known(trainer->argv[0])) {
        code = pbti_cli_complain(
            call, PBTI_EXIT_USAGE, "`pbt best` prints where the best checkpoint is",
            "the trainer of \"%s\" is not a builtin one of this pbt", call->argument[0]);
    } else {
        code = find(&use);
        if (code < 0) { code = launch(&use, split); }
    }
    pbti_winner_deinit(&use.winner);
    pbti_study_reader_close(use.reader);
    return code;
}

int pbti_verb_use(const struct pbti_call *raw)
{
    struct pbti_call call = *raw;
    int const count = call.raw_argc - 2;
    size_t const room = (size_t)(count > 0 ? count : 1);
    struct arguments all = {.own = calloc(room, sizeof(char *)),
                            .others = calloc(room, sizeof(char *))};
    int code;
    if (all.own == NULL || all.others == NULL) {
        code = pbti_cli_no_memory(&call);
    } else {
        split(&all, call.raw_argv + 2, count);
        code = pbti_cli_parse(&call, call.verb, all.own_count, all.own);
        if (code < 0) { code = use_study(&call, &all); }
    }
    free(all.own);
    free(all.others);
    return code;
}
