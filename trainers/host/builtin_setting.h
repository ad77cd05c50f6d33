/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builtin_setting.h - the settings of a builtin trainer: one list makes the struct that holds them
 * and the table that reads them.
 *
 * Each setting is a hyperparameter of the study's `space`, else stands in its `fixed`, else has its
 * default. The list is a macro with one line for each:
 *
 *     #define PBTI_MINE_SETTINGS(X)                                                    \
 *         X(NUMBER, lr, HOT, 0.05, 0.0, 1e6)             default, least, greatest      \
 *         X(COUNT, width, NETWORK, 256, 1, 16384)        whole numbers                 \
 *         X(SWITCH, norm, NETWORK, false)                                              \
 *         X(CHOICE, goal, HOT, 0, goal_word)             the place of a word          \
 *         X(TEXT, data, DATA, "/usr/share/mine")
 *
 * The third column says what depends on the setting:
 *
 *     HOT        nothing that lasts: it may differ at every segment
 *     NETWORK    the shape of the network: another value makes a new one
 *     DATA       what was read from files: another value reads it again, and makes a new network
 *
 * A segment that goes on with the network in memory cannot change NETWORK and DATA settings; the
 * host refuses it by the name of the setting.
 */
#ifndef PBTI_TRAINERS_BUILTIN_SETTING_H
#define PBTI_TRAINERS_BUILTIN_SETTING_H

#include "pbt/status.h"
#include "pbt_client.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PBTI_SETTING_TEXT_SIZE = 4096 }; /* bytes of a TEXT with its final zero */

enum pbti_setting_kind {
    PBTI_SETTING_NUMBER, /* double */
    PBTI_SETTING_COUNT,  /* uint32_t */
    PBTI_SETTING_SWITCH, /* bool; in `fixed` also 1 or 0 */
    PBTI_SETTING_CHOICE, /* uint32_t: the place of the word in its list */
    PBTI_SETTING_TEXT,   /* char[PBTI_SETTING_TEXT_SIZE] */
};

enum pbti_setting_use { PBTI_SETTING_HOT, PBTI_SETTING_NETWORK, PBTI_SETTING_DATA };

struct pbti_setting {
    const char *name; /* NULL: the end of the table */
    enum pbti_setting_kind kind;
    enum pbti_setting_use use;
    size_t offset;                       /* in the struct of settings */
    double otherwise, low, high;         /* numbers; the default of SWITCH and CHOICE, too */
    const char *(*word)(uint32_t index); /* of a CHOICE; NULL behind the last one */
    const char *text;                    /* the default of a TEXT */
};

/* The members of the struct: `struct mine { PBTI_MINE_SETTINGS(PBTI_SETTING_FIELD) };` */
#define PBTI_SETTING_FIELD(kind, name, ...) PBTI_FIELD_##kind(name);
#define PBTI_FIELD_NUMBER(name) double name
#define PBTI_FIELD_COUNT(name) uint32_t name
#define PBTI_FIELD_SWITCH(name) bool name
#define PBTI_FIELD_CHOICE(name) uint32_t name
#define PBTI_FIELD_TEXT(name) char name[PBTI_SETTING_TEXT_SIZE]

/*
 * The table, where the macro SETTINGS names the struct:
 *
 *     #define SETTINGS struct mine
 *     static const struct pbti_setting table[] = {PBTI_MINE_SETTINGS(PBTI_SETTING_ENTRY) {0}};
 */
#define PBTI_SETTING_ENTRY(kind, name, use, ...)                                                   \
    {#name, PBTI_SETTING_##kind, PBTI_SETTING_##use, offsetof(SETTINGS, name),                     \
     PBTI_ENTRY_##kind(__VA_ARGS__)},
#define PBTI_ENTRY_NUMBER(otherwise, low, high) otherwise, low, high, NULL, NULL
#define PBTI_ENTRY_COUNT(otherwise, low, high) otherwise, low, high, NULL, NULL
#define PBTI_ENTRY_SWITCH(otherwise) otherwise, 0.0, 1.0, NULL, NULL
#define PBTI_ENTRY_CHOICE(otherwise, word) otherwise, 0.0, 0.0, word, NULL
#define PBTI_ENTRY_TEXT(otherwise) 0.0, 0.0, 0.0, NULL, otherwise

/* Define the function of a CHOICE's words: `PBTI_SETTING_WORDS(goal_word, "win", "draw")`. */
#define PBTI_SETTING_WORDS(function, ...)                                                          \
    static const char *function(uint32_t index)                                                    \
    {                                                                                              \
        static const char *const words[] = {__VA_ARGS__};                                          \
        return index < sizeof words / sizeof words[0] ? words[index] : NULL;                       \
    }

/* Write the defaults of all settings to the struct `settings`. */
void pbti_settings_default(const struct pbti_setting *table, void *settings);

/*
 * Read the settings of the client's current task.
 *
 * Errors      PBT_EINVAL: of another type, beyond its limits, none of its words, too long; the
 *             message names the setting, its value and what is allowed
 */
PBT_NODISCARD pbt_status pbti_settings_read(const struct pbti_setting *table,
                                            struct pbt_client *client, void *settings,
                                            struct pbt_error *err);

/* The first setting of this use that differs between two structs; NULL: none does. */
const char *pbti_settings_changed(const struct pbti_setting *table, enum pbti_setting_use use,
                                  const void *a, const void *b);

#endif
