/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/scene.h - everything there is in one simulated run; shared by sim.c and process.c.
 */
#ifndef PBTI_SIM_SCENE_H
#define PBTI_SIM_SCENE_H

#include "sim/flaky.h"
#include "sim/judge.h"
#include "sim/shelf.h"
#include "sim/sim.h"
#include "sim/timeline.h"

struct pbti_process; /* process.c */

enum pbti_life_state { PBTI_LIFE_ALIVE, PBTI_LIFE_HUNG, PBTI_LIFE_OVER };

/* A process that exists or existed, by its number. */
struct pbti_life {
    uint64_t worker; /* id */
    enum pbti_life_state state;
    uint64_t since_ms; /* in this state */
};

struct pbti_scene {
    struct pbti_swarm *swarm; /* owned */
    struct pbti_storage storage;
    struct pbti_shelf shelf;
    struct pbti_judge judge;
    struct pbti_timeline timeline;
    struct pbti_dice machines, ids;
    struct pbti_process *process[PBTI_SIM_MACHINES_MAX]; /* NULL: none runs there */
    struct pbti_life *lives;                             /* owned; number - 1 is the index */
    uint32_t lives_count, lives_capacity;
    uint64_t now_ms;
    uint64_t user_plans; /* amends and resumes still to come */
    bool calm;           /* the faults have stopped */
    bool touched;        /* something happened to the shelf or the journal in this step */
    struct pbti_sim_counts counts;
};

/* Plan something `after` ms from now. */
void pbti_scene_plan(struct pbti_scene *scene, uint64_t after, struct pbti_plan plan);

/* Something in the scene breaks a rule. */
#define PBTI_BLAME(scene, ...) pbti_witness_blame((scene)->judge.witness, __VA_ARGS__)

/* Let the judge read what was appended; wakes all processes when there was something. */
void pbti_scene_look(struct pbti_scene *scene);

/* Write an act into log and trace. */
void pbti_scene_note(struct pbti_scene *scene, const char *what, uint32_t machine, uint32_t slot,
                     struct pbti_checkpoint checkpoint);

/* Delete a checkpoint. Rule 13: nothing that is needed, as far as the journal goes, ever is. */
void pbti_scene_delete(struct pbti_scene *scene, uint32_t machine,
                       struct pbti_checkpoint checkpoint);

/* A person writes a note into the journal. */
void pbti_scene_remark(struct pbti_scene *scene);

/* Whatever lies on the shelf unneeded now was to be deleted by somebody who is gone. */
void pbti_scene_orphan(struct pbti_scene *scene);

/* -------- process.c -------- */

/* Begin a process on a machine that has none. */
void pbti_process_begin(struct pbti_scene *scene, uint32_t machine);
/* kill -9 */
void pbti_process_kill(struct pbti_scene *scene, uint32_t machine);
/* Something planned for this process happens. */
void pbti_process_happen(struct pbti_scene *scene, const struct pbti_plan *plan);
/* Let it look at the journal soon. */
void pbti_process_wake(struct pbti_scene *scene, uint32_t machine);
/* Ask it to stop the study; false when nobody can. */
bool pbti_process_stop_study(struct pbti_scene *scene, uint32_t machine);
/* Is this life's process there, and did its last call end well, so that it owes nothing? */
bool pbti_process_settled(const struct pbti_scene *scene, uint32_t life);

#endif
