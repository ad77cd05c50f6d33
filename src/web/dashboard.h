/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web/dashboard.h - studies on a web page that follows them: an HTTP server that only looks.
 *
 * One thread: whoever owns the dashboard waits for its descriptor and calls pbti_dashboard_run().
 * What is answered to whom is decided in web/request.h. A page opens a stream of server-sent
 * events; when the journal has grown the stream says so, and the page asks for the document anew.
 *
 * Token       every request needs one, on the loopback too: any user of this machine reaches that
 * Limits      a request's head 16 KiB, and 10 seconds from its first byte or the answer before to
 *             its last; no bodies; a connection that says nothing for 10 seconds is closed; as many
 *             connections as descriptors allow, at most 4,096, of which one address may hold three
 *             quarters; 64 streams
 */
#ifndef PBTI_WEB_DASHBOARD_H
#define PBTI_WEB_DASHBOARD_H

#include "pbt/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pbti_dashboard; /* opaque */

struct pbti_dashboard_opts {
    size_t struct_size;  /* set by pbti_dashboard_opts_default() */
    const char *listen;  /* a numeric address; "127.0.0.1" */
    int32_t port;        /* 0: any that is free; -1: 8642, or any when that is taken */
    const char *journal; /* of the study, that the user named: view/study_reader.h; NULL: none */
    const char *token;   /* that every request must have; borrowed; NULL is refused */
};

struct pbti_dashboard_opts pbti_dashboard_opts_default(void);

/* Is it an address that only this machine reaches? */
bool pbti_dashboard_is_loopback(const char *listen);

/*
 * Listen.
 *
 * path        a study's folder or journal, or a folder of studies
 * Errors      PBT_EINVAL (address or token), PBT_ENOENT (no study), PBT_EIO (the port is taken),
 *             PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_dashboard_open(const char *path,
                                             const struct pbti_dashboard_opts *opts,
                                             struct pbti_dashboard **out, struct pbt_error *err);
void pbti_dashboard_close(struct pbti_dashboard *dashboard); /* accepts NULL */

uint16_t pbti_dashboard_port(const struct pbti_dashboard *dashboard);

/* Readable when pbti_dashboard_run() has something to do; it is to be called every 250 ms, too. */
int pbti_dashboard_descriptor(const struct pbti_dashboard *dashboard);

/* Answer what was asked, and tell the streams what is new. now_ms: a clock that never jumps. */
void pbti_dashboard_run(struct pbti_dashboard *dashboard, int64_t now_ms);

/* What the module `dashboard` offers: the functions above, under their names. */
struct pbti_dashboard_table {
    struct pbti_dashboard_opts (*opts_default)(void);
    bool (*is_loopback)(const char *listen);
    pbt_status (*open)(const char *path, const struct pbti_dashboard_opts *opts,
                       struct pbti_dashboard **out, struct pbt_error *err);
    void (*close)(struct pbti_dashboard *dashboard);
    uint16_t (*port)(const struct pbti_dashboard *dashboard);
    int (*descriptor)(const struct pbti_dashboard *dashboard);
    void (*run)(struct pbti_dashboard *dashboard, int64_t now_ms);
};
extern const struct pbti_dashboard_table pbti_dashboard_table; /* inside the module */

#endif
