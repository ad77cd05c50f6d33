/* SPDX-License-Identifier: Apache-2.0 */
/* translate_subwords.c - text as numbers and back, see translate_subwords.h. Learning is in
 * translate_learn.c. */
#include "translate/translate_subwords.h"
#include "nn/nn_base.h"
#include "nn/nn_bytes.h"
#include "translate/translate_table.h"
#include "translate/translate_utf8.h"

#include <stdlib.h>
#include <string.h>

enum { BYTES = 256, CACHED_PIECES_MAX = 1 << 17, CACHED_PIECE_SIZE_MAX = 64 };

static pbt_status no_memory(struct pbt_error *err)
{
    return pbti_nn_fail(err, PBT_ENOMEM, "no memory for the subwords");
}

/* -------- pieces -------- */

enum kind { LETTER, DIGIT, PUNCTUATION };

static bool within(uint32_t code, uint32_t low, uint32_t high)
{
    return code >= low && code <= high;
}

static enum kind kind_of(uint32_t code)
{
    if (within(code, '0', '9')) { return DIGIT; }
    if (within(code, 'a', 'z') || within(code, 'A', 'Z')) { return LETTER; }
    bool const marks = code < 0x80 || within(code, 0xa1, 0xbf) || code == 0xd7 || code == 0xf7 ||
                       within(code, 0x2000, 0x206f) || within(code, 0x20a0, 0x20cf) ||
                       within(code, 0x2190, 0x2bff);
    return marks ? PUNCTUATION : LETTER;
}

/* The character at a place; a byte that is none counts as a letter. */
static size_t next(const char *line, size_t size, size_t at, enum kind *kind)
{
    uint32_t code;
    size_t const length = pbti_utf8_character(line + at, size - at, &code);
    *kind = length == 0 ? LETTER : kind_of(code);
    return length == 0 ? 1 : length;
}

size_t pbti_subword_piece(const char *line, size_t size, size_t *at, char *buffer)
{
    size_t from = *at, length = 0;
    bool const first = from == 0 || line[from] == ' ';
    while (from < size && line[from] == ' ') {
        from++;
    }
    if (from == size) {
        *at = size;
        return 0;
    }
    if (first) { buffer[length++] = ' '; }
    enum kind kind, other;
    size_t end = from + next(line, size, from, &kind);
    while (kind != DIGIT && end < size && line[end] != ' ') {
        size_t const more = next(line, size, end, &other);
        if (other != kind) { break; }
        end += more;
    }
    memcpy(buffer + length, line + from, end - from);
    *at = end;
    return length + end - from;
}

/* -------- symbols -------- */

/* All bytes in order, so that a symbol of one byte has an address. */
static const char *byte_at(uint32_t byte)
{
#define FOUR(x) (char)(x), (char)((x) + 1), (char)((x) + 2), (char)((x) + 3)
#define SIXTEEN(x) FOUR(x), FOUR((x) + 4), FOUR((x) + 8), FOUR((x) + 12)
#define SIXTY_FOUR(x) SIXTEEN(x), SIXTEEN((x) + 16), SIXTEEN((x) + 32), SIXTEEN((x) + 48)
    static const char all[BYTES] = {SIXTY_FOUR(0), SIXTY_FOUR(64), SIXTY_FOUR(128),
                                    SIXTY_FOUR(192)};
#undef SIXTY_FOUR
#undef SIXTEEN
#undef FOUR
    return &all[byte];
}

const char *pbti_subword_symbol(const struct pbti_subwords *subwords, uint32_t symbol, size_t *size)
{
    if (symbol < BYTES) {
        *size = 1;
        return byte_at(symbol);
    }
    const struct pbti_subword_table *const table = subwords->table;
    return pbti_text_map_at(&table->bytes, table->bytes_of[symbol - BYTES], size);
}

const char *pbti_subword_bytes(const struct pbti_subwords *subwords, uint32_t id, size_t *size)
{
    *size = 0;
    if (id < PBTI_SUBWORDS_FIRST || id >= pbti_subwords_vocabulary(subwords)) { return ""; }
    return pbti_subword_symbol(subwords, id - PBTI_SUBWORDS_FIRST, size);
}

uint32_t pbti_subwords_vocabulary(const struct pbti_subwords *subwords)
{
    return PBTI_SUBWORDS_MERGES + subwords->merge_count;
}

pbt_status pbti_subwords_init(struct pbti_subwords *subwords, uint32_t merges_max,
                              struct pbt_error *err)
{
    memset(subwords, 0, sizeof *subwords);
    subwords->merges = calloc(merges_max == 0 ? 1 : merges_max, sizeof subwords->merges[0]);
    subwords->table = calloc(1, sizeof *subwords->table);
    if (subwords->merges != NULL && subwords->table != NULL) { return PBT_OK; }
    pbti_subwords_deinit(subwords);
    return no_memory(err);
}

void pbti_subwords_deinit(struct pbti_subwords *subwords)
{
    struct pbti_subword_table *const table = subwords->table;
    if (table != NULL) {
        pbti_text_map_deinit(&table->bytes);
        pbti_pair_map_deinit(&table->ranks);
        pbti_text_map_deinit(&table->pieces);
        free(table->bytes_of);
        free(table->first_of);
        free(table->piece_starts);
        free(table->piece_ids.ids);
    }
    free(table);
    free(subwords->merges);
    memset(subwords, 0, sizeof *subwords);
}

pbt_status pbti_subwords_append(struct pbti_subwords *subwords, uint32_t left, uint32_t right,
                                uint64_t count, uint32_t *symbol, struct pbt_error *err)
{
    struct pbti_subword_table *const table = subwords->table;
    uint32_t const rank = subwords->merge_count;
    size_t left_size, right_size;
    const char *const left_bytes = pbti_subword_symbol(subwords, left, &left_size);
    const char *const right_bytes = pbti_subword_symbol(subwords, right, &right_size);
    char *const both = malloc(left_size + right_size);
    if (both == NULL) { return no_memory(err); }
    memcpy(both, left_bytes, left_size);
    memcpy(both + left_size, right_bytes, right_size);
    uint32_t const known = table->bytes.count;
    uint32_t const text = pbti_text_map_put(&table->bytes, both, left_size + right_size);
    free(both);
    if (text == PBTI_MAP_NONE ||
        !pbti_map_grow(&table->bytes_of, sizeof table->bytes_of[0], rank,
                       &table->bytes_of_capacity) ||
        !pbti_map_grow(&table->first_of, sizeof table->first_of[0], text,
                       &table->first_of_capacity) ||
        !pbti_pair_map_add(&table->ranks, pbti_subword_pair(left, right), rank)) {
        return no_memory(err);
    }
    if (text == known) { table->first_of[text] = rank; }
    table->bytes_of[rank] = text;
    subwords->merges[rank] = (struct pbti_subword_merge){left, right, count};
    subwords->merge_count++;
    *symbol = BYTES + table->first_of[text];
    return PBT_OK;
}

/* -------- applying -------- */

pbt_status pbti_subword_ids_add(struct pbti_subword_ids *ids, uint32_t id, struct pbt_error *err)
{
    if (!pbti_map_grow(&ids->ids, sizeof ids->ids[0], ids->count, &ids->capacity)) {
        return no_memory(err);
    }
    ids->ids[ids->count++] = id;
    return PBT_OK;
}

/* Merge symbols[0..count) until nothing can be; returns how many are left. */
static size_t merge(const struct pbti_subwords *subwords, uint32_t *symbols, size_t count)
{
    const struct pbti_subword_table *const table = subwords->table;
    for (;;) {
        uint32_t best = PBTI_MAP_NONE;
        for (size_t i = 0; i + 1 < count; i++) {
            uint32_t const rank =
                pbti_pair_map_get(&table->ranks, pbti_subword_pair(symbols[i], symbols[i + 1]));
            best = rank < best ? rank : best;
        }
        if (best == PBTI_MAP_NONE) { return count; }
        struct pbti_subword_merge const pair = subwords->merges[best];
        uint32_t const becomes = BYTES + table->first_of[table->bytes_of[best]];
        size_t kept = 0;
        for (size_t i = 0; i < count; kept++) {
            bool const here =
                i + 1 < count && symbols[i] == pair.left && symbols[i + 1] == pair.right;
            symbols[kept] = here ? becomes : symbols[i];
            i += here ? 2 : 1;
        }
        count = kept;
    }
}

static pbt_status add_all(struct pbti_subword_ids *to, const uint32_t *ids, size_t count,
                          struct pbt_error *err)
{
    pbt_status status = PBT_OK;
    for (size_t i = 0; i < count && status == PBT_OK; i++) {
        status = pbti_subword_ids_add(to, ids[i], err);
    }
    return status;
}

/* Remember the numbers of a piece that was not met before. */
static pbt_status remember(struct pbti_subword_table *table, const char *piece, size_t size,
                           const uint32_t *ids, size_t count, struct pbt_error *err)
{
    if (size > CACHED_PIECE_SIZE_MAX || table->pieces.count >= CACHED_PIECES_MAX) { return PBT_OK; }
    if (!pbti_map_grow(&table->piece_starts, sizeof table->piece_starts[0],
                       (size_t)table->pieces.count + 1, &table->piece_starts_capacity)) {
        return no_memory(err);
    }
    uint32_t const at = table->pieces.count;
    table->piece_starts[at] = table->piece_ids.count;
    pbt_status const status = add_all(&table->piece_ids, ids, count, err);
    if (status != PBT_OK) { return status; }
    if (pbti_text_map_put(&table->pieces, piece, size) == PBTI_MAP_NONE) { return no_memory(err); }
    table->piece_starts[at + 1] = table->piece_ids.count;
    return PBT_OK;
}

static pbt_status encode_piece(struct pbti_subwords *subwords, const char *piece, size_t size,
                               uint32_t *symbols, struct pbti_subword_ids *ids,
                               struct pbt_error *err)
{
    struct pbti_subword_table *const table = subwords->table;
    uint32_t const known = pbti_text_map_get(&table->pieces, piece, size);
    if (known != PBTI_MAP_NONE) {
        size_t const from = table->piece_starts[known];
        return add_all(ids, table->piece_ids.ids + from, table->piece_starts[known + 1] - from,
                       err);
    }
    for (size_t i = 0; i < size; i++) {
        symbols[i] = (unsigned char)piece[i];
    }
    size_t const count = merge(subwords, symbols, size);
    for (size_t i = 0; i < count; i++) {
        symbols[i] += PBTI_SUBWORDS_FIRST;
    }
    pbt_status const status = remember(table, piece, size, symbols, count, err);
    return status == PBT_OK ? add_all(ids, symbols, count, err) : status;
}

pbt_status pbti_subwords_encode(struct pbti_subwords *subwords, const char *line, size_t size,
                                struct pbti_subword_ids *ids, struct pbt_error *err)
{
    enum { SHORT = 512 };
    char short_piece[SHORT + 1];
    uint32_t short_symbols[SHORT + 1];
    char *piece = short_piece;
    uint32_t *symbols = short_symbols;
    if (size > SHORT) {
        piece = malloc(size + 1);
        symbols = malloc((size + 1) * sizeof symbols[0]);
    }
    pbt_status status = piece == NULL || symbols == NULL ? no_memory(err) : PBT_OK;
    size_t at = 0, length;
    while (status == PBT_OK && (length = pbti_subword_piece(line, size, &at, piece)) > 0) {
        status = encode_piece(subwords, piece, length, symbols, ids, err);
    }
    if (size > SHORT) {
        free(piece);
        free(symbols);
    }
    return status;
}

char *pbti_subwords_decode(const struct pbti_subwords *subwords, const uint32_t *ids, size_t count,
                           size_t *size)
{
    size_t total = 0, length;
    for (size_t i = 0; i < count; i++) {
        (void)pbti_subword_bytes(subwords, ids[i], &length);
        total += length;
    }
    char *const text = malloc(total + 1);
    if (text == NULL) { return NULL; }
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const char *const bytes = pbti_subword_bytes(subwords, ids[i], &length);
        memcpy(text + at, bytes, length);
        at += length;
    }
    if (at > 0 && text[0] == ' ') { memmove(text, text + 1, --at); }
    *size = pbti_utf8_clean(text, at);
    text[*size] = '\0';
    return text;
}

/* -------- checkpoints -------- */

size_t pbti_subwords_size(const struct pbti_subwords *subwords)
{
    return 4 + 8 * (size_t)subwords->merge_count;
}

unsigned char *pbti_subwords_write(const struct pbti_subwords *subwords, unsigned char *bytes)
{
    bytes = pbti_nn_put(bytes, subwords->merge_count, 4);
    for (uint32_t r = 0; r < subwords->merge_count; r++) {
        bytes = pbti_nn_put(bytes, subwords->merges[r].left, 4);
        bytes = pbti_nn_put(bytes, subwords->merges[r].right, 4);
    }
    return bytes;
}

pbt_status pbti_subwords_read(struct pbti_subwords *subwords, const unsigned char *bytes,
                              size_t size, struct pbt_error *err)
{
    memset(subwords, 0, sizeof *subwords);
    uint64_t const count = size < 4 ? 0 : pbti_nn_get(bytes, 4);
    if (size < 4 || size != 4 + 8 * count ||
        count > PBTI_SUBWORDS_VOCABULARY_MAX - PBTI_SUBWORDS_MERGES) {
        return pbti_nn_fail(err, PBT_ECORRUPT, "the subwords in the checkpoint are damaged");
    }
    pbt_status status = pbti_subwords_init(subwords, (uint32_t)count, err);
    for (uint32_t r = 0; r < count && status == PBT_OK; r++) {
        uint32_t const left = (uint32_t)pbti_nn_get(bytes + 4 + 8 * (size_t)r, 4);
        uint32_t const right = (uint32_t)pbti_nn_get(bytes + 8 + 8 * (size_t)r, 4);
        bool const known = pbti_pair_map_get(&subwords->table->ranks,
                                             pbti_subword_pair(left, right)) != PBTI_MAP_NONE;
        uint32_t symbol;
        status = left >= BYTES + r || right >= BYTES + r || known
                     ? pbti_nn_fail(err, PBT_ECORRUPT,
                                    "the subwords in the checkpoint are damaged at merge %u", r)
                     : pbti_subwords_append(subwords, left, right, 0, &symbol, err);
    }
    if (status != PBT_OK) { pbti_subwords_deinit(subwords); }
    return status;
}
