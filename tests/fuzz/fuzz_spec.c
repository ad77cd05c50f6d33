/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_spec.c - any bytes as a spec: refused with a message, or read, rendered and read
 * back to the same rendering.
 *
 * Lines `# --set key=value` at the beginning are overrides. What is accepted obeys the core's
 * rules.
 */
#include "spec/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OVERRIDES_MAX 4

/* Not assert(): it must hold in every build. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes the lines apart in place; returns how many overrides there are. */
static size_t take_overrides(char *text, struct pbti_override *overrides)
{
    static const char prefix[] = "# --set ";
    size_t count = 0;
    while (count < OVERRIDES_MAX && strncmp(text, prefix, sizeof prefix - 1) == 0) {
        char *const key = text + sizeof prefix - 1;
        char *const end = key + strcspn(key, "\n");
        char *const equals = memchr(key, '=', (size_t)(end - key));
        if (equals == NULL || *end == '\0') { break; }
        *end = '\0';
        *equals = '\0';
        overrides[count++] = (struct pbti_override){.key = key, .value = equals + 1};
        text = end + 1;
    }
    return count;
}

static struct pbti_spec *must_parse(const char *text)
{
    struct pbti_spec *spec = NULL;
    struct pbt_error err;
    pbt_status const status =
        pbti_spec_parse(text, strlen(text), "/a/again.yaml", NULL, 0, &spec, &err);
    if (status != PBT_OK) { (void)fprintf(stderr, "%s\n%s", err.message, text); }
    REQUIRE(status == PBT_OK);
    return spec;
}

static void round_trip(const struct pbti_spec *spec)
{
    REQUIRE(pbti_config_invalid(&spec->config) == NULL);
    char *const first = pbti_spec_render(spec);
    REQUIRE(first != NULL);
    struct pbti_spec *const again = must_parse(first);
    char *const second = pbti_spec_render(again);
    REQUIRE(second != NULL && strcmp(first, second) == 0);
    REQUIRE(json_equal(spec->fixed, again->fixed));
    pbti_spec_destroy(again);
    free(first);
    free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *const copy = malloc(size + 1);
    REQUIRE(copy != NULL);
    if (size > 0) { memcpy(copy, data, size); }
    copy[size] = '\0';
    struct pbti_override overrides[OVERRIDES_MAX];
    size_t const count = take_overrides(copy, overrides);
    struct pbti_spec *spec = NULL;
    struct pbt_error err;
    pbt_status const status =
        pbti_spec_parse((const char *)data, size, "/a/fuzz.yaml", overrides, count, &spec, &err);
    if (status == PBT_OK) {
        round_trip(spec);
        pbti_spec_destroy(spec);
    } else {
        REQUIRE(status == PBT_ESPEC && spec == NULL && err.message[0] != '\0');
    }
    free(copy);
    return 0;
}
