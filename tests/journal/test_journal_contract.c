/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/journal/test_journal_contract.c - the contract suite on every backend.
 *
 * Protects the contract of journal/journal.h (rules 11 and 12).
 */
#include "contract.h"

#include "support/postgres_server.h"

#include <stdio.h>
#include <stdlib.h>

static const struct contract_backend backends[] = {
    {.name = "memory", .scheme = "memory:"},
    {.name = "sqlite", .scheme = "sqlite:", .file = "journal.db"},
    {.name = "dir", .scheme = "dir:", .file = "journal"},
};

/* In a real server, when there is one. */
static int run_postgres(void)
{
    struct postgres_server server;
    if (!postgres_start(&server, false)) {
        (void)fprintf(stderr, "postgres: skipped, the server is not installed\n");
        return 0;
    }
    char *const url = postgres_url(&server, NULL, 0);
    struct contract_backend const backend = {
        .name = "postgres", .scheme = url, .file = "journal", .elsewhere = true};
    int const failures = contract_run(&backend);
    free(url);
    postgres_stop(&server);
    return failures;
}

int main(void)
{
    int failures = PBT_HAVE_POSTGRES ? run_postgres() : 0;
    for (unsigned i = 0; i < sizeof backends / sizeof *backends; i++) {
        failures += contract_run(&backends[i]);
    }
    return failures == 0 ? 0 : 1;
}
