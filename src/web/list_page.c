/* SPDX-License-Identifier: Apache-2.0 */
/* web/list_page.c - a table of studies, which loads itself anew now and then. */
#include "web/list_page.h"

#include "view/format.h"
#include "view/summary.h"

#include <inttypes.h>
#include <string.h>

void pbti_str_html(struct pbti_str *str, const char *text)
{
    struct pbti_str plain = {0};
    pbti_str_escape(&plain, text, strlen(text));
    for (const char *at = pbti_str_text(&plain); *at != '\0'; at++) {
        switch (*at) {
        case '&': pbti_str_add(str, "&amp;"); break;
        case '<': pbti_str_add(str, "&lt;"); break;
        case '>': pbti_str_add(str, "&gt;"); break;
        case '"': pbti_str_add(str, "&quot;"); break;
        case '\'': pbti_str_add(str, "&#39;"); break;
        default: pbti_str_add_bytes(str, at, 1); break;
        }
    }
    str->failed = str->failed || plain.failed;
    pbti_str_deinit(&plain);
}

void pbti_str_path(struct pbti_str *str, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    for (const char *at = text; *at != '\0'; at++) {
        if (strchr(plain, *at) != NULL) {
            pbti_str_add_bytes(str, at, 1);
        } else {
            pbti_str_addf(str, "%%%02X", (unsigned)(unsigned char)*at);
        }
    }
}

static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<meta http-equiv=\"refresh\" content=\"5\">\n<title>pbt: studies</title>\n"
    "<link rel=\"icon\" href=\"data:,\">\n<style>\n"
    "body{margin:0 auto;padding:0 clamp(10px,3vw,36px);max-width:1100px;"
    "font:15px/1.5 system-ui,sans-serif}\n"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:7px 12px 7px 0;text-align:left;border-bottom:1px solid #8884;"
    "overflow-wrap:anywhere}\n"
    "a{color:#3b6ea5}\n@media(prefers-color-scheme:dark){body{background:#14181b;color:#e7ebee}"
    "a{color:#7fb0e6}}\n</style>\n</head>\n<body>\n<h1>Studies</h1>\n"
    "<table>\n<thead><tr><th>folder</th><th>study</th><th>status</th><th>best</th><th>steps</th>"
    "<th>members</th></tr></thead>\n<tbody>\n";

static void add_cells(struct pbti_str *html, const struct pbti_summary *summary)
{
    double const share =
        summary->steps_total == 0 ? 0 : (double)summary->steps_done / (double)summary->steps_total;
    pbti_str_add(html, "<td>");
    pbti_str_html(html, summary->spec->study);
    pbti_str_addf(html, "</td><td>%s</td><td>", pbti_summary_status(summary));
    if (summary->best.checkpoint.segment != 0) {
        pbti_str_html(html, summary->spec->score_name);
        pbti_str_add(html, " ");
        pbti_str_score(html, summary->best.score);
    }
    pbti_str_add(html, "</td><td>");
    pbti_str_count(html, summary->steps_done);
    pbti_str_addf(html, " (%.0f %%)</td><td>%" PRIu32 "</td>", 100 * share, summary->members);
}

void pbti_list_page(struct pbti_str *html, struct pbti_studies *studies)
{
    pbti_str_add(html, head);
    for (size_t i = 0; i < studies->count; i++) {
        struct pbti_watched *const study = &studies->study[i];
        struct pbt_error err = {0};
        pbti_str_add(html, "<tr><td><a href=\"");
        pbti_str_path(html, study->name);
        pbti_str_add(html, "/\">");
        pbti_str_html(html, study->name);
        pbti_str_add(html, "</a></td>");
        if (pbti_watched_brief(study, &err) == PBT_OK) {
            struct pbti_summary summary;
            pbti_summarize(&summary, study->brief);
            add_cells(html, &summary);
        } else {
            pbti_str_add(html, "<td colspan=\"5\">");
            pbti_str_html(html, err.message);
            pbti_str_add(html, "</td>");
        }
        pbti_str_add(html, "</tr>\n");
    }
    pbti_str_add(html, "</tbody>\n</table>\n</body>\n</html>\n");
}
