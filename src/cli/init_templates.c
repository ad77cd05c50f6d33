/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/init_templates.c - the specs and trainers of `pbt init`.
 *
 * Each trainer is complete: it trains something tiny, so that `pbt check` and `pbt run` succeed
 * before its user has changed a line. tests/cli/test_init.py runs every one of them.
 */
#include "cli/init_templates.h"

#include <stddef.h>

const char pbti_template_head[] =
    "# A study: one run of population based training. `pbt check FILE` tries it, `pbt run FILE`\n"
    "# runs it. Keys that are left out have defaults: docs/spec.md lists them all.\n"
    "study: my-study                  # names the study and its folder\n"
    "seed: 1                          # of all random choices\n"
    "\n";

const char pbti_template_tail[] =
    "\n"
    "# What a member that is ready does. These are the defaults.\n"
    "strategy:\n"
    "  name: pbt\n"
    "  mode: async                    # or generational: all are judged at once\n"
    "  exploit: {name: truncation, quantile: 0.2}      # the worst fifth copy from the best fifth\n"
    "  explore: {name: perturb, factors: [0.8, 1.2]}   # then each value is multiplied by one\n"
    "\n"
    "#slots: 2                        # trainers that run at once; default: what this machine "
    "allows\n"
    "#stop: {hours: 12}               # end early\n"
    "#keep: {top: 3}                  # best checkpoints to keep; default: the best ever\n";

/* -------- python -------- */

static const char python_trainer[] =
    "trainer:\n"
    "  command: [python3, train.py]   # runs in the folder of this file; `import pbt` needs no "
    "set-up\n"
    "  retries: 2                     # further tries of a segment that failed\n";

static const char toy_space[] =
    "space:                           # the hyperparameters, and where they may go\n"
    "  lr:       {type: log, low: 1e-4, high: 1.0}\n"
    "  momentum: {type: logit, low: 0.1, high: 0.99}\n"
    "  #batch:   {type: ordinal, values: [32, 64, 128]}\n"
    "  #layers:  {type: integer, low: 1, high: 4, frozen: true}   # travels with the weights\n"
    "  #act:     {type: categorical, values: [relu, tanh]}\n";

static const char toy_steps[] =
    "population: 8                    # networks trained side by side\n"
    "steps: 400                       # each one's budget, in the trainer's own unit\n"
    "ready: 20                        # steps between two judgements\n"
    "score: {name: loss, goal: minimize}\n";

/* -------- shell -------- */

static const char shell_trainer[] = "trainer:\n"
                                    "  one_shot: [sh, train.sh]       # a fresh process for every "
                                    "segment; no shell is involved here:\n"
                                    "                                 # [./program, --lr, "
                                    "\"{lr}\", --from, \"{load}\"] works, too\n";

static const char shell_space[] =
    "space:                           # the hyperparameters, and where they may go\n"
    "  lr: {type: log, low: 1e-4, high: 1.0}\n";

static const char shell_skeleton[] =
    "#!/bin/sh\n"
    "# A one-shot trainer for pbt: what to do is in the environment, the score is the last line "
    "of\n"
    "# the output. PBT_STEPS, PBT_SEED, PBT_LOAD (empty: start fresh), PBT_SAVE, PBT_HP_<NAME>.\n"
    "set -eu\n"
    "\n"
    "weight=3\n"
    "if [ -n \"$PBT_LOAD\" ]; then\n"
    "    weight=$(cat \"$PBT_LOAD/weight\")\n"
    "fi\n"
    "\n"
    "# the toy: PBT_STEPS steps down a bowl\n"
    "weight=$(awk -v w=\"$weight\" -v lr=\"$PBT_HP_LR\" -v steps=\"$PBT_STEPS\" \\\n"
    "    'BEGIN { for (i = 0; i < steps + 0; i++) { w -= lr * 2 * w }; printf \"%.17g\", w }')\n"
    "\n"
    "if [ -n \"$PBT_SAVE\" ]; then\n"
    "    echo \"$weight\" > \"$PBT_SAVE/weight\"\n"
    "fi\n"
    "awk -v w=\"$weight\" 'BEGIN { printf \"%.17g\\n\", w * w }'\n";

/* -------- c -------- */

static const char c_trainer[] =
    "trainer:\n"
    "  command: [./train]             # made from train.c; runs in the folder of this file\n";

static const char c_skeleton[] =
    "/* A trainer for pbt: it trains for so many steps with these hyperparameters from this "
    "checkpoint,\n"
    " * saves where it is told, and reports the score. Replace the toy by your own. */\n"
    "#include \"pbt_client.h\"\n"
    "\n"
    "#include <stdio.h>\n"
    "\n"
    "struct state {\n"
    "    double weight, velocity; /* what the optimiser remembers belongs to the checkpoint */\n"
    "};\n"
    "\n"
    "/* Open FOLDER/state. */\n"
    "static FILE *open_state(const char *folder, const char *mode)\n"
    "{\n"
    "    char path[4096];\n"
    "    (void)snprintf(path, sizeof path, \"%s/state\", folder);\n"
    "    return fopen(path, mode);\n"
    "}\n"
    "\n"
    "static int run_task(struct pbt_client *client, const struct pbt_client_task *task,\n"
    "                    struct state *state)\n"
    "{\n"
    "    if (task->load != NULL) { /* also a study's initial checkpoint */\n"
    "        FILE *const file = open_state(task->load, \"rb\");\n"
    "        if (file == NULL || fread(state, sizeof *state, 1, file) != 1) {\n"
    "            return pbt_client_fail(client, \"other\", \"could not read the checkpoint\");\n"
    "        }\n"
    "        (void)fclose(file);\n"
    "    } else if (task->start == PBT_CLIENT_FRESH) {\n"
    "        *state = (struct state){3, 0};\n"
    "    }\n"
    "    const double lr = pbt_client_number(client, \"lr\");\n"
    "    const double momentum = pbt_client_number(client, \"momentum\");\n"
    "    for (uint64_t step = 1; step <= task->steps; step++) {\n"
    "        state->velocity = momentum * state->velocity - lr * 2 * state->weight;\n"
    "        state->weight += state->velocity;\n"
    "        (void)pbt_client_progress(client, step, NULL, NULL, 0);\n"
    "    }\n"
    "    pbt_client_in_force(client, \"lr\", lr);\n"
    "    pbt_client_in_force(client, \"momentum\", momentum);\n"
    "    if (task->save != NULL) {\n"
    "        FILE *const file = open_state(task->save, \"wb\");\n"
    "        if (file == NULL || fwrite(state, sizeof *state, 1, file) != 1 || fclose(file) != 0) "
    "{\n"
    "            return pbt_client_fail(client, \"other\", \"could not write the checkpoint\");\n"
    "        }\n"
    "    }\n"
    "    return pbt_client_report(client, state->weight * state->weight);\n"
    "}\n"
    "\n"
    "int main(void)\n"
    "{\n"
    "    char why[256] = \"\";\n"
    "    struct state state = {3, 0};\n"
    "    struct pbt_client_task task;\n"
    "    struct pbt_client *const client = pbt_client_open(\"toy\", why, sizeof why);\n"
    "    if (client == NULL) {\n"
    "        (void)fprintf(stderr, \"train: %s\\n\", why);\n"
    "        return 1;\n"
    "    }\n"
    "    int got;\n"
    "    while ((got = pbt_client_next(client, &task)) == 1) {\n"
    "        (void)run_task(client, &task, &state);\n"
    "    }\n"
    "    pbt_client_close(client);\n"
    "    return got < 0 ? 1 : 0;\n"
    "}\n";

/* -------- classify -------- */

static const char classify_trainer[] =
    "trainer:\n"
    "  builtin: classify              # a multilayer perceptron in C on images in idx format\n";

static const char classify_steps[] =
    "population: 16                   # networks trained side by side\n"
    "steps: 1000000                   # images each of them sees\n"
    "ready: 25000                     # images between two judgements\n"
    "score: {name: accuracy, goal: maximize}\n";

static const char classify_space[] =
    "space:                           # the hyperparameters, and where they may go\n"
    "  lr:           {type: log, low: 1e-3, high: 0.3}\n"
    "  momentum:     {type: logit, low: 0.5, high: 0.99}\n"
    "  weight_decay: {type: log, low: 1e-6, high: 3e-3}\n"
    "  dropout:      {type: linear, low: 0.0, high: 0.6}\n"
    "  batch:        {type: ordinal, values: [32, 64, 128, 256]}\n"
    "  width:        {type: integer, low: 64, high: 384, scale: log, frozen: true}\n";

static const char classify_rest[] =
    "fixed:                           # handed to the trainer unchanged\n"
    "  data: /usr/share/datasets/fashion-mnist    # Debian package dataset-fashion-mnist\n"
    "  held_out: 10000                # training images that only the score sees\n"
    "final_evaluation: {split: test}  # the test images are touched once, at the end\n";

/* -------- the examples of frameworks -------- */

#define FRAMEWORK(name, example, packages)                                                         \
    {                                                                                              \
        .kind = (name), .spec = pbti_example_##example##_spec, .skeleton = "train.py",             \
        .skeleton_text = pbti_example_##example##_trainer, .next = "pip install " packages         \
    }

static const struct pbti_template templates[] = {
    {.kind = "python",
     .trainer = python_trainer,
     .space = toy_space,
     .rest = "",
     .steps = toy_steps,
     .skeleton = "train.py",
     .skeleton_text = pbti_example_loop_trainer},
    {.kind = "shell",
     .trainer = shell_trainer,
     .space = shell_space,
     .rest = "",
     .steps = toy_steps,
     .skeleton = "train.sh",
     .skeleton_text = shell_skeleton,
     .executable = true},
    {.kind = "c",
     .trainer = c_trainer,
     .space = toy_space,
     .rest = "",
     .steps = toy_steps,
     .skeleton = "train.c",
     .skeleton_text = c_skeleton,
     .next = "cc -O2 -I%s train.c %s/pbt_client.c -ljansson -lm -o train"},
    {.kind = "classify",
     .trainer = classify_trainer,
     .space = classify_space,
     .rest = classify_rest,
     .steps = classify_steps},
    FRAMEWORK("torch", digits, "torch scikit-learn"),
    FRAMEWORK("transformers", transformers, "transformers accelerate torch"),
    FRAMEWORK("lightning", lightning, "pytorch-lightning"),
    FRAMEWORK("sb3", sb3, "stable-baselines3"),
    FRAMEWORK("boosting", boosting, "lightgbm scikit-learn"),
    FRAMEWORK("sklearn", sklearn, "scikit-learn"),
    FRAMEWORK("jax", jax, "jax"),
};

const struct pbti_template *pbti_template_at(unsigned index)
{
    return index < sizeof templates / sizeof templates[0] ? &templates[index] : NULL;
}
