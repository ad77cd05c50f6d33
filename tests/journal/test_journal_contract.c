/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/journal/test_journal_contract.c - the contract suite on every backend.
 *
 * Protects the contract of journal/journal.h (rules 11 and 12).
 */
#include "contract.h"

static const struct contract_backend backends[] = {
    {.name = "memory", .scheme = "memory:"},
    {.name = "sqlite", .scheme = "sqlite:", .file = "journal.db"},
    {.name = "dir", .scheme = "dir:", .file = "journal"},
};

int main(void)
{
    int failures = 0;
    for (unsigned i = 0; i < sizeof backends / sizeof *backends; i++) {
        failures += contract_run(&backends[i]);
    }
    return failures == 0 ? 0 : 1;
}
