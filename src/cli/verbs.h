/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/verbs.h - every verb and every option of the command, once.
 *
 * The lists drive parsing, `pbt --help`, `pbt VERB --help` and docs/cli.md. A new verb is a file
 * verb_NAME.c with the function pbti_verb_NAME() and a line in PBTI_VERB_LIST; a new option a line
 * in PBTI_OPTION_LIST, and one in PBTI_OPT_LIST when no other verb has one of that name. Every
 * page of help must fit a screen of 80 columns and 24 lines: tests/cli/test_help.py.
 */
#ifndef PBTI_CLI_VERBS_H
#define PBTI_CLI_VERBS_H

/* How an option is read. */
enum pbti_option_kind {
    PBTI_OPTION_FLAG,   /* no value */
    PBTI_OPTION_TEXT,   /* any value */
    PBTI_OPTION_NUMBER, /* a whole number, 0 .. 2^64-1 */
    PBTI_OPTION_COUNT,  /* a whole number, 1 .. 2^32-1 */
    PBTI_OPTION_SET     /* key=value, any number of times */
};

/*
 * X(verb, arguments, fewest, most, hidden, summary, text, example)
 *
 * arguments   as in the line of usage; fewest, most: how many positional arguments
 * hidden      not in `pbt --help` nor in docs/cli.md
 * text        sentences of the page of help, each line at most 78 columns
 */
/* clang-format off */
#define PBTI_VERB_LIST(X)                                                                          \
    X(init, "[FILE]", 0, 1, false, "write a spec to start from",                                   \
      "Writes a commented spec, and a trainer to go with it, into new files. Nothing is\n"         \
      "ever overwritten. FILE defaults to study.yaml; the trainer is put beside it.\n"             \
      "Kinds: python, shell, c, classify (built in), and with Python packages: torch,\n"           \
      "transformers, lightning, sb3, boosting, sklearn, jax.\n",                                   \
      "pbt init --trainer python && pbt run study.yaml")                                           \
    X(check, "SPEC", 1, 1, false, "try a trainer before a long run",                               \
      "Starts the trainer of SPEC and tries what a study will ask of it: does it\n"                \
      "answer, are its hyperparameters in force, does it continue from a checkpoint as\n"          \
      "if it had never stopped, how long does each part take, what will a study cost?\n",          \
      "pbt check study.yaml")                                                                      \
    X(run, "SPEC", 1, 32, false, "train the population that SPEC describes",                       \
      "Makes a study folder and trains in it until the study has ended. Ctrl-C stops it\n"         \
      "in order; nothing that was reported is lost, and `pbt resume` goes on. With\n"              \
      "--slurm the workers are a job; options behind `--` are sbatch's.\n",                        \
      "pbt run study.yaml --slots 2 --set population=8")                                           \
    X(resume, "DIR", 1, 32, false, "go on with a study, or change and extend it",                  \
      "Goes on with an interrupted study. With --set or --steps the study is amended\n"            \
      "first; a study that has ended goes on when that gives it something to do. With\n"           \
      "--slurm the workers are a job; options behind `--` are sbatch's.\n",                        \
      "pbt resume ./fashion --steps 40000")                                                        \
    X(attach, "DIR", 1, 1, false, "follow a study that runs elsewhere",                            \
      "Shows what `pbt run` shows, of a study whose workers are a Slurm job or run\n"              \
      "anywhere else, until it has ended. Ctrl-C stops looking; the study goes on.\n",             \
      "pbt attach ./fashion")                                                                      \
    X(show, "DIR", 1, 1, false, "how a study stands now",                                          \
      "Prints the best score, what it gained, steps, time, failures, disk and the\n"               \
      "leading members of a study, also while it runs.\n",                                         \
      "pbt show ./fashion --json | jq .best.score")                                                \
    X(top, "DIR", 1, 1, false, "a study on the whole screen, as it goes on",                       \
      "Shows the best score, the leading members, what the slots do and the latest\n"              \
      "decisions, until q or Ctrl-C. Only looks: the study does not notice.\n",                   \
      "pbt top ./fashion")                                                                         \
    X(best, "DIR", 1, 1, false, "the best network and its hyperparameter schedule",                \
      "Prints where the best checkpoint ever reported is, its score and its\n"                     \
      "hyperparameters. --schedule prints the hyperparameters by age along its true\n"             \
      "lineage, through every exploit.\n",                                                         \
      "pbt best ./fashion --schedule --format csv > schedule.csv")                                 \
    X(use, "DIR [ARGUMENTS]", 1, 1, false, "put the best network of a builtin trainer to use",     \
      "Runs the builtin trainer on its best network: classify labels images, a2c plays,\n"         \
      "gan draws, translate translates. ARGUMENTS are the trainer's own and stand\n"               \
      "behind DIR: docs/classify.md (FILE, --count), docs/translate.md (--beam, --ref),\n"         \
      "docs/a2c.md (--episodes, --frames, --seed), docs/gan.md (sheet, walk, each).\n",            \
      "pbt use ./fashion images-idx3-ubyte.gz --json")                                             \
    X(compare, "SPEC", 1, 1, false, "which strategy is best for this trainer?",                    \
      "Runs one study for each strategy and seed in one folder, evaluates the finalists\n"         \
      "of each on fresh seeds, and prints a table with intervals and tests. The first\n"           \
      "strategy is the one that the others are compared with. No study trains more\n"              \
      "than population times steps; bayes@2x may train twice that (any strategy, 2 to\n"           \
      "100). Run again, it goes on where it was, or adds what is missing.\n",                      \
      "pbt compare study.yaml --strategies pbt,random --seeds 10")                                 \
    X(report, "DIR [--compare OTHER...]", 1, 33, false, "a study as one HTML file",                \
      "Writes one file that opens in any browser, without a network: what happened in\n"           \
      "the population, and why. Up to 32 OTHER studies are compared with it; those of\n"           \
      "the same name and strategy are taken as runs of one.\n"                                     \
      "The file is DIR/report.html where no other is given; - is standard output.\n",              \
      "pbt report ./fashion --compare ./random1 ./random2")                                        \
    X(export, "DIR", 1, 1, false, "a study for other programs: CSV, JSON, TensorBoard",            \
      "Writes every attempt at a segment with its hyperparameters, score and metrics.\n"           \
      "TensorBoard gets a run for each member over the age of its weights, and one for\n"          \
      "the winner's lineage. An earlier export is replaced; nothing else ever is.\n",              \
      "pbt export ./fashion --tensorboard runs --csv fashion.csv")                                 \
    X(dashboard, "DIR", 1, 1, false, "a study's page in the browser, live",                        \
      "Serves the page of `pbt report`, which then follows the study. DIR may also be a\n"         \
      "folder of studies. Only this machine reaches it, unless --listen says otherwise.\n"         \
      "The address that is printed holds a token, without which nothing is answered;\n"            \
      "the environment variable PBT_DASHBOARD_TOKEN may hold one of your own.\n",                  \
      "pbt dashboard ./fashion --open")                                                            \
    X(log, "DIR", 1, 1, false, "what happened, and why",                                           \
      "Prints the events of a study in words, each decision with its reason.\n",                   \
      "pbt log ./fashion --member 3 --decisions")                                                  \
    X(verify, "DIR", 1, 1, false, "prove a study's record",                                        \
      "Checks the journal, folds it anew, recomputes every decision and names the first\n"         \
      "that differs; compares every checkpoint with its recorded size and hash.\n"                 \
      "Exit code 1 when anything is wrong.\n",                                                     \
      "pbt verify ./fashion")                                                                      \
    X(replay, "DIR", 1, 1, false, "train fresh networks along the winner's schedule",              \
      "Makes a new study: K fresh members follow the schedule of the winner's lineage,\n"          \
      "and K more hold its last values. Both groups are compared with the original, to\n"          \
      "tell whether the schedule or the last values made it good.\n",                              \
      "pbt replay ./fashion --seeds 4")                                                            \
    X(copy, "DIR TARGET", 2, 2, false, "copy a study, also while it runs",                         \
      "Copies the journal as of one moment, the checkpoints it names (as hard links\n"             \
      "where that is possible), study.yaml and the logs into the new folder TARGET.\n",            \
      "pbt copy ./fashion /backup/fashion")                                                        \
    X(worker, "DIR", 1, 1, false, "join a study that runs elsewhere",                              \
      "Runs segments of an existing study beside the workers that it has.\n",                      \
      "pbt worker ./fashion --slots 4")                                                            \
    X(version, "", 0, 0, false, "print the version",                                               \
      "Prints the version of pbt.\n",                                                              \
      "pbt version --json")                                                                        \
    X(corpus, "", 0, 0, false, "make English and German text for `builtin: translate`",            \
      "Downloads two Debian packages (5 MB), unpacks them without installing them, and\n"          \
      "makes pairs of sentences of them: training, development and test text. What is\n"           \
      "there already is only counted. docs/translate.md tells more.\n",                            \
      "pbt corpus && pbt run translate.yaml")                                                      \
    X(manual, "[cli|spec]", 0, 1, true, "print docs/cli.md or docs/spec.md",                       \
      "Prints the manual of the command or of the spec, as Markdown.\n",                           \
      "pbt manual cli > docs/cli.md")                                                              \
    X(shim, "-- COMMAND...", 0, 0, true, "run a trainer contained",                                \
      "Used by workers.\n",                                                                        \
      "pbt shim --grace 10000 -- ./train")                                                         \
    X(trainer, "NAME", 1, 1, true, "run a builtin trainer",                                        \
      "Used by workers, for `builtin: NAME` in a spec.\n",                                         \
      "pbt trainer classify")

/* X(id): what an option is called inside. */
#define PBTI_OPT_LIST(X)                                                                           \
    X(AT_END) X(CHECKPOINT) X(COMPARE) X(COPY_TO) X(CSV) X(DECISIONS) X(DIR) X(FOLLOW) X(FORMAT)   \
    X(FULL) X(GPUS) X(HELP) X(JOURNAL) X(JSON) X(LEADERS) X(LISTEN) X(MEMBER) X(NO_CHECKPOINTS)    \
    X(NODES) X(OPEN) X(OUTPUT) X(PARTITION) X(PORT) X(QUIET) X(REVIVE) X(SCHEDULE) X(SEED)         \
    X(SEEDS) X(SET) X(SINCE) X(SLOTS) X(SLURM) X(STEPS) X(STRATEGIES) X(TENSORBOARD)               \
    X(TAKE_OVER) X(TIME) X(TOKEN) X(TOKEN_FILE) X(TRAINER) X(AGAIN) X(FROM) X(TO)

/* Of every verb that takes a study. */
#define PBTI_JOURNAL_HELP "of its journal, if another user wrote its journal.url"

/* X(verb, id, letter, name, kind, argument, help) */
#define PBTI_OPTION_LIST(X)                                                                        \
    X(init, TRAINER, 0, "trainer", TEXT, "KIND", "the kind of trainer (default: python)")          \
    X(check, SET, 0, "set", SET, "KEY=VALUE", "change a key of the spec; may be repeated")         \
    X(check, STEPS, 0, "steps", COUNT, "N", "of a trial (default: ready/10, at least 3)")         \
    X(check, JSON, 0, "json", FLAG, "", "print the findings as JSON")                              \
    X(run, DIR, 0, "dir", TEXT, "DIR", "the new study folder (default: ./ and the study's name)")  \
    X(run, JOURNAL, 0, "journal", TEXT, "KIND", "sqlite (default), dir (shared folder), or a URL") \
    X(run, SEED, 0, "seed", NUMBER, "N", "of all random choices (default: as the spec says)")      \
    X(run, SLOTS, 0, "slots", COUNT, "N", "trainers that run at once (default: as the spec says)") \
    X(run, SET, 0, "set", SET, "KEY=VALUE", "change a key of the spec; may be repeated")           \
    X(run, SLURM, 0, "slurm", FLAG, "", "submit the workers as a job, and follow the study")       \
    X(run, NODES, 0, "nodes", COUNT, "N", "workers of the job, a node each (default 1)")           \
    X(run, GPUS, 0, "gpus-per-node", COUNT, "N", "GPUs of each (default: what its slots need)")    \
    X(run, TIME, 0, "time", TEXT, "LIMIT", "of the job, after which it queues again")              \
    X(run, PARTITION, 0, "partition", TEXT, "P", "of the cluster")                                 \
    X(run, JSON, 0, "json", FLAG, "", "print the closing summary as JSON; progress to stderr")     \
    X(run, QUIET, 'q', "quiet", FLAG, "", "print nothing but errors")                              \
    X(resume, STEPS, 0, "steps", NUMBER, "N", "each member's new budget")                          \
    X(resume, SET, 0, "set", SET, "KEY=VALUE", "change a key of the spec; may be repeated")        \
    X(resume, REVIVE, 0, "revive", FLAG, "", "try the members that were given up again")           \
    X(resume, SLOTS, 0, "slots", COUNT, "N", "trainers that run at once, this time")               \
    X(resume, SLURM, 0, "slurm", FLAG, "", "submit the workers as a job, and follow the study")    \
    X(resume, NODES, 0, "nodes", COUNT, "N", "workers of the job, a node each (default 1)")        \
    X(resume, GPUS, 0, "gpus-per-node", COUNT, "N", "GPUs of each (default: what its slots need)") \
    X(resume, TIME, 0, "time", TEXT, "LIMIT", "of the job, after which it queues again")           \
    X(resume, PARTITION, 0, "partition", TEXT, "P", "of the cluster")                              \
    X(resume, TAKE_OVER, 0, "take-over", FLAG, "", "this copy is the study's folder from now on")  \
    X(resume, JSON, 0, "json", FLAG, "", "print the closing summary as JSON; progress to stderr")  \
    X(resume, QUIET, 'q', "quiet", FLAG, "", "print nothing but errors")                           \
    X(resume, JOURNAL, 0, "journal", TEXT, "URL", PBTI_JOURNAL_HELP)                               \
    X(attach, JSON, 0, "json", FLAG, "", "print the closing summary as JSON; progress to stderr")  \
    X(attach, QUIET, 'q', "quiet", FLAG, "", "print nothing but errors")                           \
    X(attach, JOURNAL, 0, "journal", TEXT, "URL", PBTI_JOURNAL_HELP)                               \
    X(show, LEADERS, 0, "leaders", NUMBER, "N", "how many leading members to list (default 8)")    \
    X(show, JSON, 0, "json", FLAG, "", "print JSON")                                               \
    X(show, FULL, 0, "full", FLAG, "", "with --json: all members, segments and decisions")         \
    X(show, JOURNAL, 0, "journal", TEXT, "URL", PBTI_JOURNAL_HELP)                                 \
    X(top, JOURNAL, 0, "journal", TEXT, "URL", PBTI_JOURNAL_HELP)                                  \
    X(best, AT_END, 0, "at-end", FLAG, "", "the best of the members' latest, not the best ever")   \
    X(best, SCHEDULE, 0, "schedule", FLAG, "", "print its hyperparameters by age")                 \
    X(best, FORMAT, 0, "format", TEXT, "FORMAT", "of the schedule: table, json, csv or python")    \
    X(best, COPY_TO, 0, "copy-to", TEXT, "TARGET", "copy the checkpoint to the new folder TARGET") \
    X(best, JSON, 0, "json", FLAG, "", "print JSON")                                               \
    X(best, JOURNAL, 0, "journal", TEXT, "URL", PBTI_JOURNAL_HELP)                                 \
    X(use, CHECKPOINT, 0, "checkpoint", TEXT, "PATH", "a folder, or a name like m3.s8.a1")         \
    X(use, JSON, 0, "json", FLAG, "", "print JSON Lines")                                          \
    X(use, JOURNAL, 0, "journal", TEXT, "URL", PBTI_JOURNAL_HELP)                                  \
    X(compare, STRATEGIES, 0, "strategies", TEXT, "LIST", "which (default: pbt,random)")           \
    X(compare, SEEDS, 0, "seeds", COUNT, "K", "studies of each strategy (default 5)")              \
    X(compare, DIR, 0, "dir", TEXT, "DIR", "folder of the studies (default: STUDY-compare)")       \
    X(compare, SLOTS, 0, "slots", COUNT, "N", "trainers that run at once")                         \
    X(compare, SET, 0, "set", SET, "KEY=VALUE", "change a key of the spec; may be repeated")       \
    X(compare, JSON, 0, "json", FLAG, "", "print JSON; progress to stderr")                        \
    X(compare, QUIET, 'q', "quiet", FLAG, "", "print nothing but errors")                          \
    X(report, COMPARE, 0, "compare", FLAG, "DIR...", "the studies that it is compared with")       \
    X(report, OUTPUT, 'o', "output", TEXT, "FILE", "write it there")                               \
    X(report, JSON, 0, "json", FLAG, "", "print where it is as JSON")                              \
    X(report, QUIET, 'q', "quiet", FLAG, "", "print nothing but errors")                           \
    X(report, JOURNAL, 0, "journal", TEXT, "URL", PBTI_JOURNAL_HELP)                               \
    X(export, TENSORBOARD, 0, "tensorboard", TEXT, "OUT", "into the folder OUT: event files")      \
    X(export, CSV, 0, "csv", TEXT, "OUT", "into the file OUT; - is standard output")               \
    X(export, JSON, 0, "json", TEXT, "OUT", "into the file OUT; - is standard output")             \
    X(export, QUIET, 'q', "quiet", FLAG, "", "print nothing but errors")                           \
    X(export, JOURNAL, 0, "journal", TEXT, "URL", PBTI_JOURNAL_HELP)                               \
    X(dashboard, PORT, 0, "port", NUMBER, "N", "default 8642, or any when that is taken; 0: any")  \
    X(dashboard, LISTEN, 0, "listen", TEXT, "ADDRESS", "default 127.0.0.1")                        \
    X(dashboard, TOKEN, 0, "token", TEXT, "TOKEN", "of your own; other users see it: use a file")  \
    X(dashboard, TOKEN_FILE, 0, "token-file", TEXT, "FILE", "its first line is the token")         \
    X(dashboard, OPEN, 0, "open", FLAG, "", "open a browser")                                      \
    X(dashboard, JSON, 0, "json", FLAG, "", "print the address as JSON")                           \
    X(dashboard, JOURNAL, 0, "journal", TEXT, "URL", PBTI_JOURNAL_HELP)                            \
    X(log, FOLLOW, 0, "follow", FLAG, "", "wait for more; ends with the study")                    \
    X(log, MEMBER, 0, "member", NUMBER, "N", "only what concerns this member")                     \
    X(log, DECISIONS, 0, "decisions", FLAG, "", "only decisions")                                  \
    X(log, SINCE, 0, "since", NUMBER, "SEQ", "only events after this number")                      \
    X(log, JSON, 0, "json", FLAG, "", "print JSON Lines, one object an event")                     \
    X(log, JOURNAL, 0, "journal", TEXT, "URL", PBTI_JOURNAL_HELP)                                  \
    X(verify, NO_CHECKPOINTS, 0, "no-checkpoints", FLAG, "", "do not read the checkpoints")        \
    X(verify, JSON, 0, "json", FLAG, "", "print JSON")                                             \
    X(verify, JOURNAL, 0, "journal", TEXT, "URL", PBTI_JOURNAL_HELP)                               \
    X(replay, SEEDS, 0, "seeds", COUNT, "K", "members in each of the two groups (default 2)")      \
    X(replay, DIR, 0, "dir", TEXT, "OUT", "the new study folder (default: DIR-replay)")            \
    X(replay, AT_END, 0, "at-end", FLAG, "", "replay the best at the end, not the best ever")      \
    X(replay, SLOTS, 0, "slots", COUNT, "N", "trainers that run at once")                          \
    X(replay, JSON, 0, "json", FLAG, "", "print JSON; progress to stderr")                         \
    X(replay, QUIET, 'q', "quiet", FLAG, "", "print nothing but errors")                           \
    X(replay, JOURNAL, 0, "journal", TEXT, "URL", PBTI_JOURNAL_HELP)                               \
    X(copy, JSON, 0, "json", FLAG, "", "print JSON")                                               \
    X(copy, QUIET, 'q', "quiet", FLAG, "", "print nothing but errors")                             \
    X(copy, JOURNAL, 0, "journal", TEXT, "URL", PBTI_JOURNAL_HELP)                                 \
    X(worker, SLOTS, 0, "slots", COUNT, "N", "trainers that run at once")                          \
    X(worker, JSON, 0, "json", FLAG, "", "print the closing summary as JSON; progress to stderr")  \
    X(worker, QUIET, 'q', "quiet", FLAG, "", "print nothing but errors")                           \
    X(worker, JOURNAL, 0, "journal", TEXT, "URL", PBTI_JOURNAL_HELP)                               \
    X(version, JSON, 0, "json", FLAG, "", "print JSON")                                            \
    X(corpus, TO, 0, "to", TEXT, "FOLDER", "where to write (default: where `translate` looks)")    \
    X(corpus, FROM, 0, "from", TEXT, "FOLDER", "the packages, or their pages, are there")          \
    X(corpus, AGAIN, 0, "again", FLAG, "", "make it even if it is there")                          \
    X(manual, OUTPUT, 'o', "output", TEXT, "FILE", "write it there")
/* clang-format on */

enum pbti_opt {
#define PBTI_OPT_ENUM(id) PBTI_OPT_##id,
    PBTI_OPT_LIST(PBTI_OPT_ENUM)
#undef PBTI_OPT_ENUM
        PBTI_OPTS
};

#endif
