/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer/trainer_socket.h - the sockets of one trainer: connections, lines, ranks. See
 * docs/protocol.md.
 *
 * Each launch of a trainer has a talk of its own, with a path of its own, so that an old trainer
 * that is late cannot reach the conversation of the next one. Whether a message comes in turn is
 * not decided here, except hello, which is used up here.
 */
#ifndef PBTI_TRAINER_TRAINER_SOCKET_H
#define PBTI_TRAINER_TRAINER_SOCKET_H

#include "trainer/message.h"

#include <uv.h>

struct pbti_trainer_socket; /* opaque */

struct pbti_trainer_socket_opts {
    uv_loop_t *loop;
    const char *path; /* of the socket; copied */
    void *context;
    /* Every rank has said hello. Once. loads_only: one of them can start from files only. */
    void (*ready)(void *context, bool loads_only);
    /* A rank says something else than hello. The message is released after the call, unless it was
     * moved away. */
    void (*said)(void *context, uint32_t rank, struct pbti_message *message);
    /* What came is not the protocol; nothing more is read. `why` is borrowed. */
    void (*broken)(void *context, const char *why);
    /* This process cannot take a connection (no descriptor, no memory). The talk must be closed
     * from within: the loop would call again and again. */
    void (*unable)(void *context, const char *why);
    /* A rank that had said hello has closed its connection. */
    void (*closed)(void *context, uint32_t rank);
};

PBT_NODISCARD pbt_status pbti_trainer_socket_open(const struct pbti_trainer_socket_opts *opts,
                                                  struct pbti_trainer_socket **out,
                                                  struct pbt_error *err);

/* Send a line (without its newline) to all ranks. Trouble shows as the end of their connections. */
void pbti_trainer_socket_send(struct pbti_trainer_socket *talk, const char *line, size_t size);

/* Read what is there now: for when the trainer has ended. */
void pbti_trainer_socket_drain(struct pbti_trainer_socket *talk);

/* No callback comes after it. Accepts NULL. Memory is released when the loop has closed the
 * handles. */
void pbti_trainer_socket_close(struct pbti_trainer_socket *talk);

#endif
