/* SPDX-License-Identifier: Apache-2.0 */
/* journal/journal_opts.c - the defaults of opening a journal; see journal.h. */
#include "journal/journal.h"

struct pbti_journal_opts pbti_journal_opts_default(void)
{
    return (struct pbti_journal_opts){
        .struct_size = sizeof(struct pbti_journal_opts),
        .create = false,
        .read_only = false,
        .sync = true,
        .lock_wait_ms = 30000,
        .context = NULL,
    };
}
