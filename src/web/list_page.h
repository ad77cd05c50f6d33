/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web/list_page.h - the page that lists the studies of a folder, and the one place where foreign
 * text becomes HTML.
 */
#ifndef PBTI_WEB_LIST_PAGE_H
#define PBTI_WEB_LIST_PAGE_H

#include "web/studies.h"

/* Add text so that it is only text in HTML, in quoted attributes too; control bytes are escaped. */
void pbti_str_html(struct pbti_str *str, const char *text);

/* Add text as one part of a path: all but letters, digits, '-', '.', '_', '~' as %XX. */
void pbti_str_path(struct pbti_str *str, const char *text);

/* Add the page; studies that cannot be read are listed with the reason. */
void pbti_list_page(struct pbti_str *html, struct pbti_studies *studies);

#endif
