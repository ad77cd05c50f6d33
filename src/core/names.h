/* SPDX-License-Identifier: Apache-2.0 */
/* core/names.h - the function that names the values of an X(name, value, text) list. */
#ifndef PBTI_CORE_NAMES_H
#define PBTI_CORE_NAMES_H

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
