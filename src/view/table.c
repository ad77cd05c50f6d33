/* SPDX-License-Identifier: Apache-2.0 */
/* view/table.c - columns of text. */
#include "view/table.h"

#include <stdlib.h>
#include <string.h>

#define GAP 2 /* columns between two cells */

void pbti_table_cell(struct pbti_table *table)
{
    if (table->failed || table->in_row == PBTI_TABLE_COLUMNS) { return; }
    if (table->cells == table->cells_capacity) {
        uint32_t const capacity = 2 * table->cells_capacity + 64;
        size_t *const ends = realloc(table->ends, capacity * sizeof *ends);
        if (ends == NULL) {
            table->failed = true;
            return;
        }
        table->ends = ends;
        table->cells_capacity = capacity;
    }
    table->ends[table->cells++] = table->text.size;
    table->in_row++;
}

void pbti_table_row(struct pbti_table *table)
{
    if (table->columns == 0) { table->columns = table->in_row; }
    while (!table->failed && table->in_row < table->columns) {
        pbti_table_cell(table);
    }
    table->in_row = 0;
}

void pbti_table_deinit(struct pbti_table *table)
{
    pbti_str_deinit(&table->text);
    free(table->ends);
    memset(table, 0, sizeof *table);
}

/* -------- printing -------- */

struct cell {
    const char *text;
    size_t size;
};

static struct cell cell_at(const struct pbti_table *table, uint32_t row, uint32_t column)
{
    uint32_t const index = row * table->columns + column;
    size_t const from = index == 0 ? 0 : table->ends[index - 1];
    return (struct cell){pbti_str_text(&table->text) + from, table->ends[index] - from};
}

static uint32_t column_width(const struct pbti_table *table, uint32_t column)
{
    uint32_t width = 0;
    for (uint32_t row = 0; row < table->cells / table->columns; row++) {
        struct cell const cell = cell_at(table, row, column);
        uint32_t const columns = pbti_columns(cell.text, cell.size);
        if (columns > width) { width = columns; }
    }
    return width;
}

/* Does every cell below the heading begin like a number, or is it empty? */
static bool is_numeric(const struct pbti_table *table, uint32_t column)
{
    for (uint32_t row = 1; row < table->cells / table->columns; row++) {
        struct cell const cell = cell_at(table, row, column);
        if (cell.size > 0 && strchr("+-.0123456789", cell.text[0]) == NULL) { return false; }
    }
    return true;
}

/* How many columns fit into `width`, with room for "..." when that is not all of them. */
static uint32_t fitting_columns(const struct pbti_table *table, const uint32_t *widths,
                                uint32_t indent, uint32_t width)
{
    uint32_t used = indent;
    uint32_t fits = 0; /* with "..." behind */
    for (uint32_t column = 0; column < table->columns; column++) {
        used += widths[column] + (column > 0 ? GAP : 0);
        if (width > 0 && used > width) { return fits; }
        if (used + GAP + 3 <= width) { fits = column + 1; }
    }
    return table->columns;
}

void pbti_table_print(const struct pbti_table *table, struct pbti_str *str, uint32_t indent,
                      uint32_t width)
{
    if (table->failed || table->text.failed || table->columns == 0) { return; }
    uint32_t widths[PBTI_TABLE_COLUMNS];
    bool right[PBTI_TABLE_COLUMNS];
    for (uint32_t column = 0; column < table->columns; column++) {
        widths[column] = column_width(table, column);
        right[column] = is_numeric(table, column);
    }
    uint32_t const shown = fitting_columns(table, widths, indent, width);
    for (uint32_t row = 0; row < table->cells / table->columns; row++) {
        pbti_str_fill(str, ' ', indent);
        for (uint32_t column = 0; column < shown; column++) {
            struct cell const cell = cell_at(table, row, column);
            if (column > 0) { pbti_str_fill(str, ' ', GAP); }
            size_t const from = str->size;
            pbti_str_add_bytes(str, cell.text, cell.size);
            bool const last = column + 1 == shown && shown == table->columns;
            if (!last || right[column]) { pbti_str_pad(str, from, widths[column], right[column]); }
        }
        if (shown < table->columns) { pbti_str_add(str, "  ..."); }
        pbti_str_add(str, "\n");
    }
}
