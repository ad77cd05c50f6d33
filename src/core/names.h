/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/names.h - what follows from an X(name, value, text) list: the names of its values, and how
 * many there are.
 *
 * The values of a list that is counted are 0, 1, 2, ...: tests/core/test_lists.c.
 */
#ifndef PBTI_CORE_NAMES_H
#define PBTI_CORE_NAMES_H

/* PBTI_COUNT(LIST): the number of entries, as a constant expression. */
#define PBTI_COUNT_ONE(...) +1
#define PBTI_COUNT(list) (0 list(PBTI_COUNT_ONE))

#define PBTI_NAME_CASE(name, value, text)                                                          \
    case name:                                                                                     \
        return text;

#define PBTI_NAME_FUNCTION(function, list)                                                         \
    const char *function(uint8_t code)                                                             \
    {                                                                                              \
        switch (code) {                                                                            \
            list(PBTI_NAME_CASE) default : return "?";                                             \
        }                                                                                          \
    }

#endif
