/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec/spec_set.c - `--set key=value`: put a value into the tree before it is read.
 *
 * The key is a dotted path through maps and lists (strategy.exploit.quantile,
 * initial.points.0.lr). A map that is missing is made; one in its brief form (strategy: pbt) is
 * written out first. Whether keys and values are right is found out when the tree is read; nodes
 * know that they came from here.
 */
#include "spec/spec_read.h"

#include <stdio.h>
#include <string.h>

#define SHOWN_VALUE_MAX 120 /* bytes of the value in messages */
#define PATH_MAX_BYTES 1000

struct setter {
    struct pbti_tree *tree;
    struct pbt_error *err;
    const char *key;
    struct pbti_node value; /* what to set; its origin is that of all nodes made on the way */
    /* what the manifest knows about the map we are in */
    enum pbti_section section; /* PBTI_SECTIONS: nothing */
    bool in_space;             /* its values are hyperparameters */
};

static pbt_status no_memory(const struct setter *setter)
{
    return PBTI_FAIL(setter->err, PBT_ENOMEM, 0, "out of memory while reading a spec");
}

/* Length of the part of `path` that names a child of `map`: names may have dots of their own. */
static size_t part_length(const struct pbti_node *map, const char *path)
{
    size_t longest = 0;
    for (const struct pbti_node *child = map->first; child != NULL; child = child->next) {
        size_t const size = child->key->size;
        bool const fits =
            strncmp(path, child->key->text, size) == 0 && (path[size] == '.' || path[size] == '\0');
        if (fits && size > longest) { longest = size; }
    }
    return longest > 0 ? longest : strcspn(path, ".");
}

/* The section below the key `name` of the map we are in. */
static void enter_section(struct setter *setter, const char *name)
{
    if (setter->in_space) {
        setter->in_space = false;
        setter->section = PBTI_SECTION_HYPERPARAMETER;
        return;
    }
    const struct pbti_key *const key =
        setter->section == PBTI_SECTIONS ? NULL : pbti_key_find(setter->section, name);
    setter->section = PBTI_SECTIONS;
    if (key == NULL) { return; }
    setter->in_space = key->type == PBTI_TYPE_SPACE; /* its names come first */
    if (!setter->in_space) { setter->section = pbti_key_section(key); }
}

static struct pbti_node *new_key(struct setter *setter, const char *name)
{
    struct pbti_node *const key = pbti_tree_node(setter->tree, PBTI_NODE_SCALAR, &setter->value);
    if (key == NULL) { return NULL; }
    key->text = name;
    key->size = strlen(name);
    key->plain = true;
    return key;
}

/* A map in the place of `node`, a scalar: its brief form written out. NULL: no memory. */
static struct pbti_node *write_out(struct setter *setter, struct pbti_node *parent,
                                   struct pbti_node *node)
{
    struct pbti_node *const map = pbti_tree_node(setter->tree, PBTI_NODE_MAP, node);
    if (map == NULL) { return NULL; }
    pbti_node_replace(parent, node, map);
    const char *const brief =
        setter->section == PBTI_SECTIONS ? "" : pbti_sections[setter->section].brief;
    if (node->size == 0 || brief[0] == '\0' || brief[0] == '-') { return map; }
    node->key = new_key(setter, brief);
    if (node->key == NULL) { return NULL; }
    pbti_node_append(map, node);
    return map;
}

/* Make sure that `child` can be gone into. */
static pbt_status open_child(struct setter *setter, struct pbti_node *parent,
                             struct pbti_node *child, size_t path_size, struct pbti_node **out)
{
    *out = child;
    if (child->kind != PBTI_NODE_SCALAR) { return PBT_OK; }
    bool const has_brief =
        setter->section != PBTI_SECTIONS && pbti_sections[setter->section].brief[0] != '\0';
    if (!has_brief && !pbti_node_is(child, "")) {
        char shown[PBTI_NODE_SHOWN_MAX];
        return pbti_node_fail(&setter->value, setter->err, "%.*s is %s, not a map", (int)path_size,
                              setter->key, pbti_node_shown(child, shown));
    }
    *out = write_out(setter, parent, child);
    return *out == NULL ? no_memory(setter) : PBT_OK;
}

/* The value as a node of the tree. */
static struct pbti_node *new_value(struct setter *setter)
{
    struct pbti_node *const node = pbti_tree_node(setter->tree, setter->value.kind, &setter->value);
    if (node != NULL) { *node = setter->value; }
    return node;
}

/* The child `name` of a map, made when it is missing; the value itself at the end of the path. */
static pbt_status step_map(struct setter *setter, struct pbti_node *map, const char *name,
                           bool last, struct pbti_node **out)
{
    struct pbti_node *const old = pbti_node_find(map, name);
    *out = old;
    if (old != NULL && !last) { return PBT_OK; }
    struct pbti_node *const node =
        last ? new_value(setter) : pbti_tree_node(setter->tree, PBTI_NODE_MAP, &setter->value);
    if (node == NULL) { return no_memory(setter); }
    *out = node;
    if (old != NULL) {
        pbti_node_replace(map, old, node);
        return PBT_OK;
    }
    node->key = new_key(setter, name);
    if (node->key == NULL) { return no_memory(setter); }
    pbti_node_append(map, node);
    return PBT_OK;
}

/* The element `name`, a number, of a list; the one behind the last is made. */
static pbt_status step_list(struct setter *setter, struct pbti_node *list, const char *name,
                            bool last, size_t path_size, struct pbti_node **out)
{
    bool const number =
        name[0] != '\0' && strlen(name) < 9 && strspn(name, "0123456789") == strlen(name);
    uint32_t index = 0;
    for (const char *at = name; number && *at != '\0'; at++) {
        index = index * 10 + (uint32_t)(*at - '0');
    }
    if (!number || index > list->count) {
        return pbti_node_fail(&setter->value, setter->err,
                              "%.*s is a list of %u, so \"%s\" must be a number from 0 to %u",
                              (int)path_size, setter->key, list->count, name, list->count);
    }
    struct pbti_node *old = list->first;
    for (uint32_t i = 0; i < index; i++) {
        old = old->next;
    }
    *out = old;
    if (old != NULL && !last) { return PBT_OK; }
    struct pbti_node *const node =
        last ? new_value(setter) : pbti_tree_node(setter->tree, PBTI_NODE_MAP, &setter->value);
    if (node == NULL) { return no_memory(setter); }
    *out = node;
    if (old == NULL) {
        pbti_node_append(list, node);
    } else {
        pbti_node_replace(list, old, node);
    }
    return PBT_OK;
}

static pbt_status set_value(struct setter *setter, struct pbti_node *root)
{
    struct pbti_node *node = root;
    size_t at = 0; /* of the part in the path */
    for (;;) {
        const char *const rest = setter->key + at;
        size_t const size =
            node->kind == PBTI_NODE_MAP ? part_length(node, rest) : strcspn(rest, ".");
        if (size == 0 || size > PBTI_TREE_KEY_MAX) {
            return pbti_node_fail(&setter->value, setter->err,
                                  "each part of the key must have from 1 to %d bytes",
                                  PBTI_TREE_KEY_MAX);
        }
        char *const name = pbti_tree_text(setter->tree, rest, size);
        if (name == NULL) { return no_memory(setter); }
        bool const last = rest[size] == '\0';
        struct pbti_node *child = NULL;
        if (node->kind == PBTI_NODE_MAP) {
            PBTI_TRY(step_map(setter, node, name, last, &child));
        } else {
            PBTI_TRY(step_list(setter, node, name, last, at > 0 ? at - 1 : 0, &child));
        }
        if (last) { return PBT_OK; }
        enter_section(setter, name);
        PBTI_TRY(open_child(setter, node, child, at + size, &node));
        at += size + 1;
    }
}

/* "--set key=value" for messages, in the tree's memory; NULL: no memory. */
static char *describe(struct pbti_tree *tree, const struct pbti_override *override)
{
    char text[PATH_MAX_BYTES + SHOWN_VALUE_MAX + 32];
    bool const cut = strlen(override->value) > SHOWN_VALUE_MAX;
    (void)snprintf(text, sizeof text, "--set %.*s=%.*s%s", PATH_MAX_BYTES, override->key,
                   SHOWN_VALUE_MAX, override->value, cut ? "..." : "");
    for (char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20) { *at = ' '; }
    }
    return pbti_tree_text(tree, text, strlen(text));
}

static pbt_status set_one(struct pbti_tree *tree, struct pbti_node *root,
                          const struct pbti_override *override, struct pbt_error *err)
{
    const char *const origin = describe(tree, override);
    struct setter setter = {
        .tree = tree,
        .err = err,
        .key = override->key,
        .section = PBTI_SECTION_SPEC,
    };
    if (origin == NULL) { return no_memory(&setter); }
    setter.value.origin = origin;
    if (strlen(override->key) > PATH_MAX_BYTES) {
        return pbti_node_fail(&setter.value, err, "the key is longer than %d bytes",
                              PATH_MAX_BYTES);
    }
    struct pbti_node *value = NULL;
    PBTI_TRY(
        pbti_tree_read(tree, override->value, strlen(override->value), origin, false, &value, err));
    setter.value = *value;
    return set_value(&setter, root);
}

pbt_status pbti_set(struct pbti_tree *tree, struct pbti_node *root,
                    const struct pbti_override *overrides, size_t count, struct pbt_error *err)
{
    if (root->kind != PBTI_NODE_MAP) { return PBT_OK; } /* refused when it is read */
    for (size_t i = 0; i < count; i++) {
        PBTI_TRY(set_one(tree, root, &overrides[i], err));
    }
    return PBT_OK;
}
