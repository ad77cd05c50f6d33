/* SPDX-License-Identifier: Apache-2.0 */
/* Protects the contract of journal/journal.h (rules 11, 12), on every backend. */
#include "contract.h"

static const struct contract_backend backends[] = {
    {.name = "memory", .scheme = "memory:"},
    {.name = "sqlite", .scheme = "sqlite:", .file = "journal.db"},
};

int main(void)
{
    int failures = 0;
    for (unsigned i = 0; i < sizeof backends / sizeof *backends; i++) {
        failures += contract_run(&backends[i]);
    }
    return failures == 0 ? 0 : 1;
}
