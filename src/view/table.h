/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/table.h - columns of text. The first row is the heading.
 *
 *     struct pbti_table table = {0};
 *     pbti_str_add(&table.text, "member");  pbti_table_cell(&table);
 *     ...                                   pbti_table_row(&table);
 *     pbti_table_print(&table, out, 2, 80); pbti_table_deinit(&table);
 *
 * A cell is what was added to `text` since the one before it; the caller escapes foreign text.
 * Cells of a column whose cells below the heading are numbers are flushed right. Columns that do
 * not fit are left out, and a last column "..." says so.
 */
#ifndef PBTI_VIEW_TABLE_H
#define PBTI_VIEW_TABLE_H

#include "view/str.h"

#define PBTI_TABLE_COLUMNS 160

struct pbti_table {
    struct pbti_str text; /* all cells, one after the other */
    size_t *ends;         /* owned: where each cell ends in `text` */
    uint32_t cells, cells_capacity;
    uint32_t columns; /* of the first row */
    uint32_t in_row;  /* cells of the row being made */
    bool failed;
};

void pbti_table_cell(struct pbti_table *table); /* what was added to text is a cell */
void pbti_table_row(struct pbti_table *table);  /* the row is complete; short rows are filled up */
void pbti_table_deinit(struct pbti_table *table);

/* width: columns of the terminal, 0 = no limit. Each line ends with a newline. */
void pbti_table_print(const struct pbti_table *table, struct pbti_str *str, uint32_t indent,
                      uint32_t width);

#endif
