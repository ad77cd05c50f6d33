/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec/spec_read.h - inside the room: from a tree to a struct pbti_spec, driven by the manifest.
 *
 * Every type of key (PBTI_TYPE_LIST) is three functions: read a node into a field, write the field
 * as YAML, say what is allowed. spec_read.c walks sections with them; the types live in
 * spec_types.c (single values), spec_choices.c (words with consequences), spec_lists.c and
 * spec_space.c.
 */
#ifndef PBTI_SPEC_SPEC_READ_H
#define PBTI_SPEC_SPEC_READ_H

#include "base/fail.h"
#include "spec/manifest.h"
#include "spec/spec_out.h"
#include "spec/spec_tree.h"

#define PBTI_READ_PATH_MAX 1024 /* bytes of "space.lr.low" in messages; longer ones are cut */

struct pbti_read {
    struct pbti_tree *tree;
    struct pbti_spec *spec;
    const char *folder; /* absolute; relative paths start here */
    struct pbt_error *err;
    char path[PBTI_READ_PATH_MAX];
    size_t path_size;
    bool defaulting;                         /* the values are the manifest's, not the user's */
    const struct pbti_node *root;            /* for messages about what is not there */
    const struct pbti_node *seen[PBTI_KEYS]; /* what the user wrote; NULL: nothing */
    uint32_t strategy;                       /* enum pbti_strategy_id */
};

struct pbti_type_info {
    /* Read `node` into the field of `base`; fails with a complete message. */
    pbt_status (*read)(struct pbti_read *read, const struct pbti_key *key,
                       const struct pbti_node *node, void *base);
    /* Write the field as YAML. Begins a new line for what takes several. */
    void (*write)(struct pbti_out *out, const struct pbti_key *key, const struct pbti_spec *spec,
                  const void *base);
    /* Write what comes after "must be". */
    void (*describe)(struct pbti_out *out, const struct pbti_key *key);
};

#define PBTI_TYPE_EXTERN(id, name) extern const struct pbti_type_info pbti_##name##_type;
PBTI_TYPE_LIST(PBTI_TYPE_EXTERN)
#undef PBTI_TYPE_EXTERN

const struct pbti_type_info *pbti_type(enum pbti_type type);

/* -------- reading -------- */

/* The whole spec: defaults, the user's tree, defaults that are computed, cross-checks. */
pbt_status pbti_read_spec(struct pbti_read *read, const struct pbti_node *root,
                          const char *study_default);

/* A map with the keys of `section` into `base`. */
pbt_status pbti_read_section(struct pbti_read *read, enum pbti_section section,
                             const struct pbti_node *node, void *base);

/* One key; remembers it in `seen`. */
pbt_status pbti_read_key(struct pbti_read *read, const struct pbti_key *key,
                         const struct pbti_node *node, void *base);

/* What keys demand of each other (spec_check.c). */
pbt_status pbti_read_check(struct pbti_read *read);

/* Go into a map or list and out again: `size_t const mark = pbti_read_enter(...)`. */
size_t pbti_read_enter(struct pbti_read *read, const char *name);
size_t pbti_read_enter_at(struct pbti_read *read, uint32_t index);
void pbti_read_leave(struct pbti_read *read, size_t mark);

/* "PATH is SHOWN, but must be ALLOWED". */
pbt_status pbti_read_wrong(struct pbti_read *read, const struct pbti_key *key,
                           const struct pbti_node *node);
/* The same with words of one's own. */
pbt_status pbti_read_refuse(struct pbti_read *read, const struct pbti_node *node,
                            const char *must_be);
pbt_status pbti_read_no_memory(struct pbti_read *read);

/* Is it that word, not quoted? */
bool pbti_node_is(const struct pbti_node *node, const char *word);

/* A scalar with something in it, usable as text; an empty quoted text is one, too. */
bool pbti_node_is_text(const struct pbti_node *node);

/* A plain scalar that is a finite number. */
bool pbti_node_number(const struct pbti_node *node, double *out);

/* A plain scalar that is a whole number. */
bool pbti_node_whole(const struct pbti_node *node, uint64_t *out);

/*
 * folder/path, or path when it is absolute, without "." and empty parts; ".." stays, since it may
 * follow a link. Owned by the caller; NULL when out of memory.
 */
char *pbti_path_join(const char *folder, const char *path);

/* -------- writing and naming -------- */

/* The keys of a section as YAML, in flow or block form. */
void pbti_write_section(struct pbti_out *out, enum pbti_section section,
                        const struct pbti_spec *spec, const void *base);

/* Which name (type) a section was given, as a bit for pbti_key.names; 0: it has none. */
uint32_t pbti_section_choice(enum pbti_section section, const struct pbti_spec *spec,
                             const void *base);

/* The strategy whose name a config goes by. */
uint32_t pbti_strategy_of(const struct pbti_config *config);

/* The names of the keys in a section that go with `choice` (0: all), with commas. */
void pbti_describe_keys(struct pbti_out *out, enum pbti_section section, uint32_t choice);

/* "strategy.exploit.quantile" */
void pbti_key_path(struct pbti_out *out, const struct pbti_key *key);

/* The words of a list, with commas. */
void pbti_describe_words(struct pbti_out *out, enum pbti_words_id id);

/* YAML of a hyperparameter's value: quoted where it is text. */
void pbti_write_value(struct pbti_out *out, const struct pbti_space *space, uint32_t hp,
                      double value);

/* -------- overrides (spec_set.c) -------- */

/* Apply `--set` to the tree, in order. */
pbt_status pbti_set(struct pbti_tree *tree, struct pbti_node *root,
                    const struct pbti_override *overrides, size_t count, struct pbt_error *err);

#endif
