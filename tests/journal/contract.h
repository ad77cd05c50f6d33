/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/journal/contract.h - the contract of journal/journal.h as a test suite that runs unchanged
 * on every backend. A new backend is two lines in test_journal_contract.c.
 */
#ifndef PBT_TESTS_JOURNAL_CONTRACT_H
#define PBT_TESTS_JOURNAL_CONTRACT_H

#include <stdbool.h>

struct contract_backend {
    const char *name;
    const char *scheme; /* what stands in front of a name: with its colon, perhaps much more */
    const char *file;   /* name in the test's folder; NULL: the scheme is the whole URL, and the
                           journal is gone with its handle */
    bool elsewhere;     /* names are no paths: nothing of it is seen in the folder */
};

/* Run all tests on `backend`; the number of failures. */
int contract_run(const struct contract_backend *backend);

#endif
