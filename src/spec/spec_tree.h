/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec/spec_tree.h - YAML text as a small tree in which every node knows where it was written.
 *
 * Only the plain part of YAML is let in: maps, lists and scalars. Anchors, aliases, merge keys,
 * tags, several documents and duplicate keys are refused. A scalar is kept as its text; what it
 * means (number, text, true) is for whoever expects something to say. All nodes live as long as
 * the tree.
 */
#ifndef PBTI_SPEC_SPEC_TREE_H
#define PBTI_SPEC_SPEC_TREE_H

#include "pbt/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PBTI_TREE_DEPTH_MAX 64       /* levels of maps and lists */
#define PBTI_TREE_NODES_MAX 1000000u /* more than a file of PBTI_SPEC_FILE_MAX bytes can hold */
#define PBTI_TREE_KEY_MAX 200        /* bytes of a key; quoted, it still fits YAML's 1024 */

enum pbti_node_kind { PBTI_NODE_SCALAR, PBTI_NODE_LIST, PBTI_NODE_MAP };

struct pbti_node {
    enum pbti_node_kind kind;
    bool plain;             /* scalar: written without quotes */
    uint32_t line, column;  /* from 1; line 0: not from a file, `origin` says it all */
    const char *origin;     /* the file's name, or "--set key=value" */
    const char *text;       /* scalar, NUL-terminated, no NUL inside */
    size_t size;            /* of text */
    struct pbti_node *key;  /* inside a map: the key */
    struct pbti_node *next; /* inside a map or list: the next one */
    struct pbti_node *first, *last;
    uint32_t count; /* of a map or list */
};

struct pbti_tree {
    struct pbti_tree_block *blocks; /* memory, freed as a whole */
    uint32_t nodes;
};

void pbti_tree_init(struct pbti_tree *tree);
void pbti_tree_deinit(struct pbti_tree *tree);

/*
 * Read YAML text into the tree.
 *
 * origin      in, for messages: a file's name or "--set key=value"; must outlive the tree
 * in_file     in, whether lines and columns mean something to the reader
 * root        out, NULL on error
 * Errors      PBT_ESPEC (not in our part of YAML), PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_tree_read(struct pbti_tree *tree, const char *text, size_t size,
                                        const char *origin, bool in_file, struct pbti_node **root,
                                        struct pbt_error *err);

/* Memory from the tree, zeroed; NULL when there is none. */
void *pbti_tree_alloc(struct pbti_tree *tree, size_t size);

/* A copy of `size` bytes with a NUL behind them. */
char *pbti_tree_text(struct pbti_tree *tree, const char *text, size_t size);

/* A new node written where `like` was (NULL: nowhere). */
struct pbti_node *pbti_tree_node(struct pbti_tree *tree, enum pbti_node_kind kind,
                                 const struct pbti_node *like);

/* Append to a list, or to a map when the node has a key. */
void pbti_node_append(struct pbti_node *parent, struct pbti_node *node);

/* Put `with` in the place of `node` among the children of `parent`. */
void pbti_node_replace(struct pbti_node *parent, struct pbti_node *node, struct pbti_node *with);

/* Take a child out of its parent. */
void pbti_node_remove(struct pbti_node *parent, struct pbti_node *node);

/* The value of `name` in a map, or NULL. */
struct pbti_node *pbti_node_find(const struct pbti_node *map, const char *name);

/* Fail with the place of `node` in front: "fashion.yaml:3:7: ...". */
pbt_status pbti_node_fail(const struct pbti_node *node, struct pbt_error *err, const char *format,
                          ...) PBT_PRINTF(3, 4);

/* "population is many" shown to people: `"many"`, `3`, `a list of 2`, `empty`. Returns `text`. */
#define PBTI_NODE_SHOWN_MAX 96
char *pbti_node_shown(const struct pbti_node *node, char text[PBTI_NODE_SHOWN_MAX]);

#endif
