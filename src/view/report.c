/* SPDX-License-Identifier: Apache-2.0 */
/* view/report.c - the page around the documents. */
#include "view/report.h"

#include "base/fail.h"
#include "view/document.h"
#include "view/report_page.h"

#include <assert.h>
#include <string.h>

/* A study that is only compared with gives its curve: few segments are enough for that. */
#define COMPARED_SEGMENTS 20000

/* Add JSON so that it may stand in a script element. In JSON a '<' is always inside a string. */
static void add_script_json(struct pbti_str *html, const char *json, size_t size)
{
    const char *const end = json + size;
    while (json < end) {
        const char *const less = memchr(json, '<', (size_t)(end - json));
        const char *const stop = less == NULL ? end : less;
        pbti_str_add_bytes(html, json, (size_t)(stop - json));
        if (less != NULL) { pbti_str_add(html, "\\u003c"); }
        json = stop + (less != NULL);
    }
}

static pbt_status add_documents(struct pbti_str *html, const char *const *dirs, size_t count,
                                const char *journal, struct pbt_error *err)
{
    struct pbti_document_opts opts = pbti_document_opts_default();
    opts.journal = journal;
    pbti_str_add(html, "[");
    for (size_t i = 0; i < count; i++) {
        struct pbti_str document = {0};
        if (i > 0) {
            opts.journal = NULL;
            opts.segments_max = COMPARED_SEGMENTS;
            pbti_str_add(html, ",");
        }
        pbt_status const status = pbti_document_write(dirs[i], &opts, &document, err);
        if (status == PBT_OK) { add_script_json(html, document.data, document.size); }
        pbti_str_deinit(&document);
        if (status != PBT_OK) { return status; }
    }
    pbti_str_add(html, "]");
    return PBT_OK;
}

pbt_status pbti_report_write(const char *const *dirs, size_t count, const char *journal,
                             struct pbti_str *html, struct pbt_error *err)
{
    assert(count > 0);
    size_t const before = html->size;
    pbti_str_add_bytes(html, (const char *)pbti_page_head, pbti_page_head_size);
    pbt_status status = add_documents(html, dirs, count, journal, err);
    pbti_str_add_bytes(html, (const char *)pbti_page_tail, pbti_page_tail_size);
    if (status == PBT_OK && html->failed) {
        status = PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory while writing the report");
    }
    if (status != PBT_OK) { pbti_str_cut(html, before); }
    return status;
}

void pbti_report_live(struct pbti_str *html, const struct pbti_str *document)
{
    pbti_str_add_bytes(html, (const char *)pbti_page_head, pbti_page_head_size);
    pbti_str_add(html, "[");
    add_script_json(html, pbti_str_text(document), document->size);
    pbti_str_add(html, "]</script>\n<script type=\"application/json\" id=\"live\">true");
    pbti_str_add_bytes(html, (const char *)pbti_page_tail, pbti_page_tail_size);
}
