/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/report_page.h - the report's page, as cmake/page.cmake makes it from src/view/page and
 * third_party/uplot: what stands before and after the study's document.
 */
#ifndef PBTI_VIEW_REPORT_PAGE_H
#define PBTI_VIEW_REPORT_PAGE_H

#include <stddef.h>

extern const unsigned char pbti_page_head[];
extern const size_t pbti_page_head_size;
extern const unsigned char pbti_page_tail[];
extern const size_t pbti_page_tail_size;

#endif
