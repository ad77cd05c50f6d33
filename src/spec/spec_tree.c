/* SPDX-License-Identifier: Apache-2.0 */
/* spec/spec_tree.c - libyaml's events become a tree; see spec_tree.h. */
#include "spec/spec_tree.h"

#include "base/fail.h"
#include "spec/spec_number.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

/* -------- memory -------- */

#define BLOCK_SIZE 16384u

struct pbti_tree_block {
    struct pbti_tree_block *next;
    size_t used, size;
    _Alignas(max_align_t) unsigned char bytes[];
};

void pbti_tree_init(struct pbti_tree *tree)
{
    tree->blocks = NULL;
    tree->nodes = 0;
}

void pbti_tree_deinit(struct pbti_tree *tree)
{
    struct pbti_tree_block *block = tree->blocks;
    while (block != NULL) {
        struct pbti_tree_block *const next = block->next;
        free(block);
        block = next;
    }
    pbti_tree_init(tree);
}

void *pbti_tree_alloc(struct pbti_tree *tree, size_t size)
{
    size_t const align = _Alignof(max_align_t);
    size_t const wanted = (size + align - 1) / align * align;
    struct pbti_tree_block *block = tree->blocks;
    if (block == NULL || block->size - block->used < wanted) {
        size_t const room = wanted > BLOCK_SIZE ? wanted : BLOCK_SIZE;
        block = calloc(1, sizeof *block + room);
        if (block == NULL) { return NULL; }
        block->size = room;
        block->next = tree->blocks;
        tree->blocks = block;
    }
    void *const memory = block->bytes + block->used;
    block->used += wanted;
    return memory;
}

char *pbti_tree_text(struct pbti_tree *tree, const char *text, size_t size)
{
    char *const copy = pbti_tree_alloc(tree, size + 1);
    if (copy != NULL && size > 0) { memcpy(copy, text, size); }
    return copy;
}

/* -------- nodes -------- */

struct pbti_node *pbti_tree_node(struct pbti_tree *tree, enum pbti_node_kind kind,
                                 const struct pbti_node *like)
{
    struct pbti_node *const node = pbti_tree_alloc(tree, sizeof *node);
    if (node == NULL) { return NULL; }
    tree->nodes++;
    node->kind = kind;
    if (like != NULL) {
        node->origin = like->origin;
        node->line = like->line;
        node->column = like->column;
    }
    return node;
}

void pbti_node_append(struct pbti_node *parent, struct pbti_node *node)
{
    node->next = NULL;
    if (parent->last == NULL) {
        parent->first = node;
    } else {
        parent->last->next = node;
    }
    parent->last = node;
    parent->count++;
}

void pbti_node_replace(struct pbti_node *parent, struct pbti_node *node, struct pbti_node *with)
{
    with->next = node->next;
    with->key = node->key;
    if (parent->last == node) { parent->last = with; }
    if (parent->first == node) {
        parent->first = with;
        return;
    }
    struct pbti_node *before = parent->first;
    while (before->next != node) {
        before = before->next;
    }
    before->next = with;
}

void pbti_node_remove(struct pbti_node *parent, struct pbti_node *node)
{
    struct pbti_node *before = NULL;
    for (struct pbti_node *at = parent->first; at != node; at = at->next) {
        before = at;
    }
    if (before == NULL) {
        parent->first = node->next;
    } else {
        before->next = node->next;
    }
    if (parent->last == node) { parent->last = before; }
    parent->count--;
}

struct pbti_node *pbti_node_find(const struct pbti_node *map, const char *name)
{
    for (struct pbti_node *child = map->first; child != NULL; child = child->next) {
        if (strcmp(child->key->text, name) == 0) { return child; }
    }
    return NULL;
}

pbt_status pbti_node_fail(const struct pbti_node *node, struct pbt_error *err, const char *format,
                          ...)
{
    char message[sizeof err->message];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (node->line == 0) { return PBTI_FAIL(err, PBT_ESPEC, 0, "%s: %s", node->origin, message); }
    return PBTI_FAIL(err, PBT_ESPEC, 0, "%s:%u:%u: %s", node->origin, node->line, node->column,
                     message);
}

/* At most `room` bytes of `text`, cut between characters, without control characters. */
static size_t copy_visible(char *out, const char *text, size_t size, size_t room)
{
    size_t count = size < room ? size : room;
    while (count < size && count > 0 && ((unsigned char)text[count] & 0xC0u) == 0x80u) {
        count--;
    }
    for (size_t i = 0; i < count; i++) {
        unsigned char const c = (unsigned char)text[i];
        out[i] = c < 0x20 || c == 0x7F ? '?' : text[i];
    }
    return count;
}

char *pbti_node_shown(const struct pbti_node *node, char text[PBTI_NODE_SHOWN_MAX])
{
    if (node->kind != PBTI_NODE_SCALAR) {
        const char *const name = node->kind == PBTI_NODE_LIST ? "list" : "map";
        if (node->count == 0) {
            (void)snprintf(text, PBTI_NODE_SHOWN_MAX, "an empty %s", name);
        } else {
            (void)snprintf(text, PBTI_NODE_SHOWN_MAX, "a %s of %u", name, node->count);
        }
        return text;
    }
    if (node->plain && node->size == 0) {
        (void)snprintf(text, PBTI_NODE_SHOWN_MAX, "empty");
        return text;
    }
    bool const bare =
        node->plain && (pbti_number_is(node->text) || strcmp(node->text, "true") == 0 ||
                        strcmp(node->text, "false") == 0);
    size_t used = 0;
    if (!bare) { text[used++] = '"'; }
    size_t const room = PBTI_NODE_SHOWN_MAX - 8;
    size_t const copied = copy_visible(text + used, node->text, node->size, room);
    used += copied;
    if (copied < node->size) {
        memcpy(text + used, "...", 3);
        used += 3;
    }
    if (!bare) { text[used++] = '"'; }
    text[used] = '\0';
    return text;
}

/* -------- from events to nodes -------- */

struct loader {
    struct pbti_tree *tree;
    const char *text;
    size_t size;
    const char *origin;
    bool in_file;
    struct pbt_error *err;
    struct pbti_node *root;
    uint32_t depth; /* open maps and lists */
    struct pbti_node *open[PBTI_TREE_DEPTH_MAX];
    struct pbti_node *pending[PBTI_TREE_DEPTH_MAX]; /* of a map: a key that has no value yet */
    uint32_t documents;
    bool ended;
};

/* A node that exists only to say where a mark is. */
static struct pbti_node place(const struct loader *loader, yaml_mark_t mark)
{
    return (struct pbti_node){
        .kind = PBTI_NODE_SCALAR,
        .origin = loader->origin,
        .line = loader->in_file ? (uint32_t)mark.line + 1 : 0,
        .column = loader->in_file ? (uint32_t)mark.column + 1 : 0,
    };
}

static pbt_status no_memory(struct loader *loader)
{
    return PBTI_FAIL(loader->err, PBT_ENOMEM, 0, "out of memory while reading %s", loader->origin);
}

static bool awaits_key(const struct loader *loader)
{
    return loader->depth > 0 && loader->open[loader->depth - 1]->kind == PBTI_NODE_MAP &&
           loader->pending[loader->depth - 1] == NULL;
}

static pbt_status take_key(struct loader *loader, struct pbti_node *node)
{
    if (node->plain && strcmp(node->text, "<<") == 0) {
        return pbti_node_fail(node, loader->err, "the merge key \"<<\" is not allowed in a spec");
    }
    if (node->size == 0 || node->size > PBTI_TREE_KEY_MAX) {
        return pbti_node_fail(node, loader->err, "a key has %zu bytes, but must have from 1 to %d",
                              node->size, PBTI_TREE_KEY_MAX);
    }
    loader->pending[loader->depth - 1] = node;
    return PBT_OK;
}

static void attach(struct loader *loader, struct pbti_node *node)
{
    if (loader->depth == 0) {
        loader->root = node;
        return;
    }
    struct pbti_node *const parent = loader->open[loader->depth - 1];
    if (parent->kind == PBTI_NODE_MAP) {
        node->key = loader->pending[loader->depth - 1];
        loader->pending[loader->depth - 1] = NULL;
    }
    pbti_node_append(parent, node);
}

/* Anchors and tags are refused wherever they stand. */
static pbt_status refuse_decoration(struct loader *loader, const struct pbti_node *at,
                                    const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor != NULL) {
        return pbti_node_fail(at, loader->err, "the anchor \"&%.60s\" is not allowed in a spec",
                              (const char *)anchor);
    }
    if (tag != NULL) {
        static const char core[] = "tag:yaml.org,2002:"; /* what "!!" stands for */
        const char *const name = (const char *)tag;
        bool const is_core = strncmp(name, core, sizeof core - 1) == 0;
        return pbti_node_fail(at, loader->err, "the tag \"%s%.60s\" is not allowed in a spec",
                              is_core ? "!!" : "", is_core ? name + sizeof core - 1 : name);
    }
    return PBT_OK;
}

static pbt_status new_node(struct loader *loader, enum pbti_node_kind kind,
                           const struct pbti_node *at, struct pbti_node **out)
{
    if (loader->tree->nodes >= PBTI_TREE_NODES_MAX) {
        return pbti_node_fail(at, loader->err, "more than %u values", PBTI_TREE_NODES_MAX);
    }
    *out = pbti_tree_node(loader->tree, kind, at);
    return *out == NULL ? no_memory(loader) : PBT_OK;
}

static pbt_status take_scalar(struct loader *loader, const yaml_event_t *event)
{
    struct pbti_node const at = place(loader, event->start_mark);
    PBTI_TRY(refuse_decoration(loader, &at, event->data.scalar.anchor, event->data.scalar.tag));
    const char *const text = (const char *)event->data.scalar.value;
    size_t const size = event->data.scalar.length;
    if (memchr(text, '\0', size) != NULL) {
        return pbti_node_fail(&at, loader->err, "text may not have a NUL character in it");
    }
    struct pbti_node *node = NULL;
    PBTI_TRY(new_node(loader, PBTI_NODE_SCALAR, &at, &node));
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->size = size;
    node->text = pbti_tree_text(loader->tree, text, size);
    if (node->text == NULL) { return no_memory(loader); }
    if (awaits_key(loader)) { return take_key(loader, node); }
    attach(loader, node);
    return PBT_OK;
}

static pbt_status take_start(struct loader *loader, const yaml_event_t *event)
{
    bool const list = event->type == YAML_SEQUENCE_START_EVENT;
    struct pbti_node const at = place(loader, event->start_mark);
    PBTI_TRY(refuse_decoration(
        loader, &at, list ? event->data.sequence_start.anchor : event->data.mapping_start.anchor,
        list ? event->data.sequence_start.tag : event->data.mapping_start.tag));
    if (awaits_key(loader)) {
        return pbti_node_fail(&at, loader->err, "a key must be text, not a %s",
                              list ? "list" : "map");
    }
    if (loader->depth == PBTI_TREE_DEPTH_MAX) {
        return pbti_node_fail(&at, loader->err,
                              "maps and lists are nested more than %d levels deep",
                              PBTI_TREE_DEPTH_MAX);
    }
    struct pbti_node *node = NULL;
    PBTI_TRY(new_node(loader, list ? PBTI_NODE_LIST : PBTI_NODE_MAP, &at, &node));
    attach(loader, node);
    loader->open[loader->depth] = node;
    loader->pending[loader->depth] = NULL;
    loader->depth++;
    return PBT_OK;
}

/* By name, then in the order they were written. */
static int compare_keys(const void *a, const void *b)
{
    const struct pbti_node *const left = *(const struct pbti_node *const *)a;
    const struct pbti_node *const right = *(const struct pbti_node *const *)b;
    int const order = strcmp(left->text, right->text);
    if (order != 0) { return order; }
    if (left->line != right->line) { return left->line < right->line ? -1 : 1; }
    return left->column < right->column ? -1 : left->column > right->column ? 1 : 0;
}

static pbt_status refuse_duplicates(struct loader *loader, const struct pbti_node *map)
{
    if (map->count < 2) { return PBT_OK; }
    const struct pbti_node **const keys = malloc(map->count * sizeof *keys);
    if (keys == NULL) { return no_memory(loader); }
    uint32_t count = 0;
    for (const struct pbti_node *child = map->first; child != NULL; child = child->next) {
        keys[count++] = child->key;
    }
    qsort(keys, count, sizeof *keys, compare_keys);
    pbt_status status = PBT_OK;
    for (uint32_t i = 1; i < count && status == PBT_OK; i++) {
        if (strcmp(keys[i - 1]->text, keys[i]->text) != 0) { continue; }
        char shown[PBTI_NODE_SHOWN_MAX];
        struct pbti_node const name = {.text = keys[i]->text, .size = keys[i]->size};
        if (keys[i]->line == 0) {
            status = pbti_node_fail(keys[i], loader->err, "key %s is given twice",
                                    pbti_node_shown(&name, shown));
        } else {
            status = pbti_node_fail(keys[i], loader->err, "key %s is given twice, first in line %u",
                                    pbti_node_shown(&name, shown), keys[i - 1]->line);
        }
    }
    free(keys);
    return status;
}

static pbt_status take_end(struct loader *loader)
{
    loader->depth--;
    const struct pbti_node *const node = loader->open[loader->depth];
    return node->kind == PBTI_NODE_MAP ? refuse_duplicates(loader, node) : PBT_OK;
}

static pbt_status take_event(struct loader *loader, const yaml_event_t *event)
{
    struct pbti_node const at = place(loader, event->start_mark);
    switch (event->type) {
    case YAML_SCALAR_EVENT: return take_scalar(loader, event);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT: return take_start(loader, event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: return take_end(loader);
    case YAML_ALIAS_EVENT:
        return pbti_node_fail(&at, loader->err, "the alias \"*%.60s\" is not allowed in a spec",
                              (const char *)event->data.alias.anchor);
    case YAML_DOCUMENT_START_EVENT:
        if (loader->documents++ == 0) { return PBT_OK; }
        return pbti_node_fail(&at, loader->err, "a second document begins here, but a spec is one");
    case YAML_STREAM_END_EVENT: loader->ended = true; return PBT_OK;
    default: return PBT_OK;
    }
}

/* The reader of libyaml knows only how many bytes it had seen; count the lines. */
static yaml_mark_t mark_of_offset(const struct loader *loader, size_t offset)
{
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset && i < loader->size; i++) {
        if (loader->text[i] == '\n') {
            mark.line++;
            mark.column = 0;
        } else if (((unsigned char)loader->text[i] & 0xC0u) != 0x80u) {
            mark.column++;
        }
    }
    mark.index = offset;
    return mark;
}

static char byte_at(const struct loader *loader, yaml_mark_t mark)
{
    size_t line = 0;
    size_t at = 0;
    for (; at < loader->size && line < mark.line; at++) {
        line += loader->text[at] == '\n';
    }
    size_t column = 0;
    for (; at < loader->size && column < mark.column; at++) {
        column++;
    }
    return at < loader->size ? loader->text[at] : '\0';
}

static pbt_status yaml_failed(struct loader *loader, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR) { return no_memory(loader); }
    yaml_mark_t const mark = parser->error == YAML_READER_ERROR
                                 ? mark_of_offset(loader, parser->problem_offset)
                                 : parser->problem_mark;
    struct pbti_node const at = place(loader, mark);
    const char *const problem = parser->problem != NULL ? parser->problem : "unreadable";
    if (parser->error != YAML_READER_ERROR && parser->context != NULL) {
        (void)pbti_node_fail(&at, loader->err, "not valid YAML: %s %s", problem, parser->context);
    } else {
        (void)pbti_node_fail(&at, loader->err, "not valid YAML: %s", problem);
    }
    if (byte_at(loader, mark) == '\t') {
        pbti_fail_hint(loader->err, "indent with spaces, not with tabs");
    }
    return PBT_ESPEC;
}

static pbt_status take_all(struct loader *loader, yaml_parser_t *parser)
{
    while (!loader->ended) {
        yaml_event_t event;
        if (yaml_parser_parse(parser, &event) == 0) { return yaml_failed(loader, parser); }
        pbt_status const status = take_event(loader, &event);
        yaml_event_delete(&event);
        if (status != PBT_OK) { return status; }
    }
    return PBT_OK;
}

/* No document at all is an empty scalar. */
static pbt_status root_or_empty(struct loader *loader, struct pbti_node **root)
{
    if (loader->root == NULL) {
        struct pbti_node const at = place(loader, (yaml_mark_t){0});
        PBTI_TRY(new_node(loader, PBTI_NODE_SCALAR, &at, &loader->root));
        loader->root->plain = true;
        loader->root->text = "";
    }
    *root = loader->root;
    return PBT_OK;
}

pbt_status pbti_tree_read(struct pbti_tree *tree, const char *text, size_t size, const char *origin,
                          bool in_file, struct pbti_node **root, struct pbt_error *err)
{
    *root = NULL;
    bool const marked = size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0; /* byte order mark */
    struct loader loader = {
        .tree = tree,
        .text = marked ? text + 3 : text,
        .size = marked ? size - 3 : size,
        .origin = origin,
        .in_file = in_file,
        .err = err,
    };
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) { return no_memory(&loader); }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)loader.text, loader.size);
    pbt_status status = take_all(&loader, &parser);
    yaml_parser_delete(&parser);
    if (status == PBT_OK) { status = root_or_empty(&loader, root); }
    return status;
}
