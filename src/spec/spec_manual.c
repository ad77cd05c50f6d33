/* SPDX-License-Identifier: Apache-2.0 */
/* spec/spec_manual.c - docs/spec.md, made from the manifest. */
#include "spec/spec_read.h"

#include <stdlib.h>
#include <string.h>

static const char intro[] =
    "# The spec\n"
    "\n"
    "A study is described by one YAML file. Only `trainer`, `population`, `steps` and `space`\n"
    "must be there; everything else has a default. This page is made from the same list that\n"
    "reads specs (`src/spec/manifest.h`).\n"
    "\n"
    "```yaml\n"
    "trainer: {command: [python3, train.py]}\n"
    "population: 16\n"
    "steps: 20000\n"
    "ready: 500\n"
    "score: {name: accuracy, goal: maximize}\n"
    "space:\n"
    "  lr: {type: log, low: 1e-5, high: 1e-1}\n"
    "  dropout: {type: linear, low: 0, high: 0.7}\n"
    "  batch: {type: ordinal, values: [32, 64, 128, 256]}\n"
    "  width: {type: integer, low: 32, high: 512, scale: log, frozen: true}\n"
    "  act: {type: categorical, values: [relu, tanh, gelu]}\n"
    "strategy: pbt\n"
    "fixed: {data: ./data}\n"
    "```\n"
    "\n"
    "`pbt check SPEC` tries a spec and its trainer before a long run. A wrong key, type or\n"
    "value is refused before anything starts, with file, line and column, what was found and\n"
    "what is allowed:\n"
    "\n"
    "```\n"
    "fashion.yaml:2:1: unknown key \"populaton\"; allowed here: study, seed, trainer, population, "
    "...\n"
    "did you mean \"population\"?\n"
    "```\n"
    "\n"
    "## How values are written\n"
    "\n"
    "- Numbers are decimal: `20000`, `2e4`, `.5`, `1e-5`. Whole numbers may have an exponent.\n"
    "- Where text is expected, everything is text: `no`, `on`, `5`. Quotes do no harm there.\n"
    "- Switches are `true` or `false`, nothing else.\n"
    "- Times have a unit: `500ms`, `30s`, `5m`, `1h`, `2d`, `1.5h`. Sizes have one, or are\n"
    "  bytes: `10MiB`, `1GB`, `65536`.\n"
    "- Relative paths start at the folder of the spec file. `none` is no path; a folder of\n"
    "  that name is `./none`.\n"
    "- `fixed` may hold any YAML; there, unquoted numbers, `true`, `false` and `null` are what\n"
    "  they say.\n"
    "- Anchors, aliases, merge keys, tags, several documents and repeated keys are refused.\n"
    "\n"
    "## Changing a value from the command line\n"
    "\n"
    "`--set KEY=VALUE` (any number of times, in order) puts a YAML value at a dotted path\n"
    "before the spec is checked:\n"
    "\n"
    "```\n"
    "--set space.lr.high=0.1\n"
    "--set strategy.exploit.quantile=0.25\n"
    "--set strategy.exploit='{name: ttest, alpha: 0.01}'\n"
    "--set initial.points.0.lr=3e-4\n"
    "```\n"
    "\n"
    "Maps that are missing are made, and a map in its short form is written out first.\n"
    "\n"
    "`pbt resume DIR --set ...` amends a study. Its other values stay what they were when it\n"
    "began; only `max_age` goes on following `steps` when the two are equal.\n";

/* The name of a section inside the page. */
static void write_anchor(struct pbti_out *out, enum pbti_section section)
{
    for (const char *at = pbti_sections[section].path; *at != '\0'; at++) {
        pbti_out_format(out, "%c", *at == '.' ? '-' : *at);
    }
}

/* One row of a table. A `|` would end a cell; nothing in the manifest has one. */
static void write_row(struct pbti_out *out, const struct pbti_key *key)
{
    const char *const fallback = key->fallback;
    pbti_out_format(out, "| `%s` | ", key->name);
    pbti_type(key->type)->describe(out, key);
    pbti_out_put(out, " | ");
    if (fallback[0] == '\0') {
        pbti_out_put(out, "**must be there**");
    } else if (fallback[0] == '=') {
        pbti_out_put(out, fallback + 1);
    } else if (strcmp(fallback, "-") != 0) {
        pbti_out_format(out, "`%s`", fallback);
    }
    pbti_out_format(out, " | %s", key->meaning);
    enum pbti_section const below = pbti_key_section(key);
    if (below != PBTI_SECTIONS) {
        pbti_out_format(out, ": see [%s](#", pbti_sections[below].path);
        write_anchor(out, below);
        pbti_out_put(out, ")");
    }
    if (key->names != 0) {
        const struct pbti_key *const selector = pbti_section_first(key->section);
        const struct pbti_words *const words = pbti_words(selector->allowed.list);
        const char *before = " (only with ";
        for (uint32_t i = 0; i < words->count; i++) {
            if ((key->names & PBTI_FOR(words->words[i].value)) == 0) { continue; }
            pbti_out_format(out, "%s%s", before, words->words[i].text);
            before = ", ";
        }
        pbti_out_put(out, ")");
    }
    pbti_out_put(out, " |\n");
}

static void write_strategies(struct pbti_out *out)
{
    pbti_out_put(out, "\n| strategy | what it does |\n| --- | --- |\n");
    for (uint32_t i = 0; i < pbti_strategies_count; i++) {
        pbti_out_format(out, "| `%s` | %s |\n", pbti_strategies[i].name,
                        pbti_strategies[i].meaning);
    }
    pbti_out_put(out,
                 "\nWhat they train, and how to compare them: [strategies.md](strategies.md).\n");
}

static void write_section(struct pbti_out *out, enum pbti_section section)
{
    const struct pbti_section_info *const info = &pbti_sections[section];
    bool const named = info->path[0] != '\0';
    if (named) {
        pbti_out_put(out, "\n<a id=\"");
        write_anchor(out, section);
        pbti_out_put(out, "\"></a>\n");
    }
    pbti_out_format(out, "\n## %s\n\n", named ? info->path : "Keys of a spec");
    pbti_out_format(out, "%c%s.", info->meaning[0] - 'a' + 'A', info->meaning + 1);
    if (info->brief[0] != '\0' && info->brief[0] != '-') {
        pbti_out_format(out, " `%s: X` is short for `%s: {%s: X}`.", info->path, info->path,
                        info->brief);
    }
    pbti_out_put(out, "\n\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n");
    for (uint32_t i = 0; i < PBTI_KEYS; i++) {
        if (pbti_keys[i].section == section) { write_row(out, &pbti_keys[i]); }
    }
    if (section == PBTI_SECTION_STRATEGY) { write_strategies(out); }
}

char *pbti_spec_manual(void)
{
    struct pbti_out out = {0};
    pbti_out_put(&out, intro);
    for (enum pbti_section section = 0; section < PBTI_SECTIONS; section++) {
        write_section(&out, section);
    }
    if (out.failed) {
        free(out.data);
        return NULL;
    }
    return out.data;
}
