/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_a2c.c - how fast `builtin: a2c` learns Breakout, on one thread with its default settings.
 *
 * An update is T rounds of B games, then a step of the optimiser (trainers/a2c/a2c.h).
 * Measured turn by turn in one run, so that the noise of the machine meets all alike:
 *
 *     update     its four phases, each on its own
 *     products   the dense matrix products of that update, alone and on buffers of their own. The
 *                convolution is not among them: it adds rows of weights for the bits that are set
 *                (trainers/nn/nn_conv_cells.h), which costs less than its product would
 *
 * Then the allocations of updates and of their bare products, for each of which oneDNN makes one
 * (wanted: as many); two learners, each a process pinned to a core of its own, against one (wanted:
 * 1.9); the same update in PyTorch (bench/a2c_torch.py) where python3-torch is installed, on the
 * same games, from a shared library; and the agents of mazes against each other.
 *
 * Medians are printed, of processor time: one thread that never waits takes as much of it as of the
 * clock's, unless other programs want its core.
 */
#include "a2c/a2c.h"
#include "measure.h"
#include "nn/nn_matmul.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WARM_UP = 30, UPDATES = 601, COUNTED_UPDATES = 100 };

/* -------- measuring -------- */

/* Processor seconds since the last lap. */
static double lap(double *since)
{
    double const time = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    double const passed = time - *since;
    *since = time;
    return passed;
}

/* -------- counting allocations -------- */

/* The allocator of the C library under its second names: the ordinary ones are ours here, for the
 * whole process with its libraries. A sanitizer has an allocator of its own, so none is counted. */
#ifdef __SANITIZE_ADDRESS__
#define COUNTS_ALLOCATIONS 0
static unsigned long allocations;
#else
#define COUNTS_ALLOCATIONS 1
static unsigned long allocations; /* since the start of the process; it has one thread */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

/* Hidden, as all else is by the build's flags, they would not be those of the libraries. */
#pragma GCC visibility push(default)
void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    allocations++;
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    allocations++;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    allocations++;
    *out = __libc_memalign(alignment, size);
    return *out == NULL ? ENOMEM : 0;
}
#pragma GCC visibility pop
#endif

/* -------- the learner -------- */

static void learner_init(struct pbti_a2c_agent *agent, uint64_t seed)
{
    struct pbti_a2c_settings settings;
    pbti_settings_default(pbti_builtin_a2c.settings, &settings);
    struct pbt_error err = {0};
    pbti_nn_setup(1);
    need(pbti_a2c_agent_init(agent, &settings, &err) == PBT_OK, err.message);
    need(pbti_a2c_agent_reserve(agent, &settings, &err) == PBT_OK, err.message);
    pbti_a2c_agent_randomise(agent, seed);
    pbti_a2c_agent_begin(agent, &settings, seed, true);
    for (size_t i = 0; i < WARM_UP; i++) {
        (void)pbti_a2c_agent_update(agent, agent->unroll);
    }
}

static double frames_of(const struct pbti_a2c_agent *agent)
{
    return (double)agent->unroll * agent->copies;
}

/* -------- bare products -------- */

/* Of rows R = (T + 1) B: input (R, S), hidden (R, H), heads (R, A + 1) and their weights; each with
 * a buffer of its own for the gradient. */
enum { INPUT, HIDDEN, HEADS, WEIGHTS, HEAD_WEIGHTS, ARRAYS };

struct products {
    float *x[ARRAYS], *d[ARRAYS];
    double flops; /* of an update */
};

static float *filled(size_t count)
{
    float *const values = pbti_nn_floats(count);
    need(values != NULL, "no memory");
    for (size_t i = 0; i < count; i++) {
        values[i] = (float)(i % 17) * 0.01f - 0.08f;
    }
    return values;
}

static void products_init(struct products *p, const struct pbti_a2c_agent *agent)
{
    size_t const sight = agent->net.sight;
    size_t const hidden = agent->net.shape.hidden;
    size_t const heads = agent->net.shape.actions + 1;
    size_t const rows = (size_t)(agent->unroll + 1) * agent->copies;
    size_t const sizes[ARRAYS] = {[INPUT] = rows * sight,
                                  [HIDDEN] = rows * hidden,
                                  [HEADS] = rows * heads,
                                  [WEIGHTS] = hidden * sight,
                                  [HEAD_WEIGHTS] = heads * hidden};
    for (size_t i = 0; i < ARRAYS; i++) {
        p->x[i] = filled(sizes[i]);
        p->d[i] = filled(sizes[i]);
    }
    p->flops = 2.0 * (double)((sight + heads) * hidden) * ((double)rows + 2.0 * frames_of(agent));
}

static void products_deinit(struct products *p)
{
    for (size_t i = 0; i < ARRAYS; i++) {
        free(p->x[i]);
        free(p->d[i]);
    }
}

/* Forward B rows at a time, T + 1 times, and back over T B rows at once, as the learner does. */
static void products_run(const struct products *p, const struct pbti_a2c_agent *agent)
{
    uint32_t const sight = agent->net.sight;
    uint32_t const hidden = agent->net.shape.hidden;
    uint32_t const heads = agent->net.shape.actions + 1;
    uint32_t const copies = agent->copies;
    uint32_t const rows = agent->unroll * copies;
    for (size_t first = 0; first <= rows; first += copies) {
        float *const h = p->x[HIDDEN] + first * hidden;
        pbti_nn_matmul(false, false, copies, hidden, sight, p->x[INPUT] + first * sight,
                       p->x[WEIGHTS], 0.0f, h);
        pbti_nn_matmul(false, true, copies, heads, hidden, h, p->x[HEAD_WEIGHTS], 0.0f,
                       p->x[HEADS] + first * heads);
    }
    pbti_nn_matmul(true, false, heads, hidden, rows, p->d[HEADS], p->x[HIDDEN], 0.0f,
                   p->d[HEAD_WEIGHTS]);
    pbti_nn_matmul(false, false, rows, hidden, heads, p->d[HEADS], p->x[HEAD_WEIGHTS], 0.0f,
                   p->d[HIDDEN]);
    pbti_nn_matmul(true, false, hidden, sight, rows, p->d[HIDDEN], p->x[INPUT], 0.0f,
                   p->d[WEIGHTS]);
    pbti_nn_matmul(false, false, rows, sight, hidden, p->d[HIDDEN], p->x[WEIGHTS], 0.0f,
                   p->d[INPUT]);
}

/* -------- an update and its phases -------- */

enum { OBSERVE, ACT, STEP, BACKWARD, OPTIMISE, UPDATE, PRODUCTS, PHASES };

static const char *const phase_names[PHASES] = {
    [OBSERVE] = "  observing, alone",    [ACT] = "observe, forward, draw",
    [STEP] = "step the games",           [BACKWARD] = "returns, loss, backward",
    [OPTIMISE] = "clip, RMSProp",        [UPDATE] = "update",
    [PRODUCTS] = "bare matrix products",
};

/* Observing belongs to acting; it is done once more beforehand, to see what it costs alone. */
static void measure_update(struct pbti_a2c_agent *agent, const struct products *p,
                           double seconds[PHASES])
{
    memset(seconds, 0, PHASES * sizeof seconds[0]);
    double since = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    for (uint32_t t = 0; t < agent->unroll; t++) {
        pbti_env_observe_cells(agent->env, agent->net.cells);
        seconds[OBSERVE] += lap(&since);
        pbti_a2c_agent_act(agent, t);
        seconds[ACT] += lap(&since);
        pbti_a2c_agent_step(agent, t);
        seconds[STEP] += lap(&since);
    }
    (void)pbti_a2c_agent_backward(agent, agent->unroll);
    seconds[BACKWARD] = lap(&since);
    (void)pbti_a2c_agent_optimise(agent);
    seconds[OPTIMISE] = lap(&since);
    (void)pbti_a2c_agent_update(agent, agent->unroll);
    seconds[UPDATE] = lap(&since);
    products_run(p, agent);
    seconds[PRODUCTS] = lap(&since);
}

/* Prints the table; returns the seconds of an update. */
static double update_rows(struct pbti_a2c_agent *agent)
{
    static double seconds[PHASES][UPDATES];
    struct products products;
    products_init(&products, agent);
    products_run(&products, agent);
    for (size_t i = 0; i < UPDATES; i++) {
        double once[PHASES];
        measure_update(agent, &products, once);
        for (size_t phase = 0; phase < PHASES; phase++) {
            seconds[phase][i] = once[phase];
        }
    }
    double const bare = median(seconds[PRODUCTS], UPDATES);
    double medians[PHASES];
    for (size_t phase = 0; phase < PHASES; phase++) {
        medians[phase] = median(seconds[phase], UPDATES);
        (void)printf("%-28s %8.0f us %8.0f ns a frame   %5.2f of the products\n",
                     phase_names[phase], 1e6 * medians[phase],
                     1e9 * medians[phase] / frames_of(agent), medians[phase] / bare);
    }
    (void)printf("%-28s %8.0f GFLOP/s\n", "the products",
                 1e-9 * products.flops / medians[PRODUCTS]);
    (void)printf("%-28s %8.0f frames/s\n", "learning", frames_of(agent) / medians[UPDATE]);
    products_deinit(&products);
    return medians[UPDATE];
}

/* oneDNN takes memory for each product; what the bare ones take, too, is not the learner's. */
static void allocation_row(struct pbti_a2c_agent *agent)
{
    if (!COUNTS_ALLOCATIONS) { return; }
    struct products products;
    products_init(&products, agent);
    unsigned long const start = allocations;
    for (size_t i = 0; i < COUNTED_UPDATES; i++) {
        (void)pbti_a2c_agent_update(agent, agent->unroll);
    }
    unsigned long const between = allocations;
    for (size_t i = 0; i < COUNTED_UPDATES; i++) {
        products_run(&products, agent);
    }
    unsigned long const of_products = allocations - between;
    (void)printf("%-28s %8lu, of the bare products %lu (wanted: no more)\n",
                 "allocations of 100 updates", between - start, of_products);
    products_deinit(&products);
}

/* -------- two learners on two cores -------- */

enum { TURNS = 15, TURN_UPDATES = 50 };

/* Updates a second: of a processor's time, and of the clock's. */
struct rate {
    double processor, clock;
};

struct learner {
    pid_t pid;
    int go, done; /* the parent's ends: a byte starts a turn, a struct rate ends it */
};

static struct rate learn(struct pbti_a2c_agent *agent)
{
    double since = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    double const start = seconds();
    for (size_t i = 0; i < TURN_UPDATES; i++) {
        (void)pbti_a2c_agent_update(agent, agent->unroll);
    }
    return (struct rate){TURN_UPDATES / lap(&since), TURN_UPDATES / (seconds() - start)};
}

/* The child: a turn for every byte, until the pipe is closed. */
static void learn_in_turns(uint32_t core, int go, int done)
{
    static struct pbti_a2c_agent agent;
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(core, &cores);
    need(sched_setaffinity(0, sizeof cores, &cores) == 0, "cannot be pinned to a core");
    learner_init(&agent, 1 + core);
    char byte;
    while (read(go, &byte, 1) == 1) {
        struct rate const rate = learn(&agent);
        need(write(done, &rate, sizeof rate) == sizeof rate, "a pipe");
    }
    pbti_a2c_agent_deinit(&agent);
}

/* A second learner closes the first one's pipe, which it has inherited; -1: there is none. */
static struct learner learner_start(uint32_t core, int inherited)
{
    int go[2], done[2];
    need(pipe(go) == 0 && pipe(done) == 0, "a pipe");
    pid_t const pid = fork();
    need(pid >= 0, "fork");
    if (pid == 0) {
        if (inherited >= 0) { (void)close(inherited); }
        (void)close(go[1]);
        learn_in_turns(core, go[0], done[1]);
        _exit(0);
    }
    (void)close(go[0]);
    (void)close(done[1]);
    return (struct learner){pid, go[1], done[0]};
}

/* A turn of `count` learners at once; their rates together. */
static struct rate turn(const struct learner *learners, size_t count)
{
    struct rate sum = {0.0, 0.0};
    for (size_t i = 0; i < count; i++) {
        need(write(learners[i].go, "", 1) == 1, "a pipe");
    }
    for (size_t i = 0; i < count; i++) {
        struct rate rate;
        need(read(learners[i].done, &rate, sizeof rate) == sizeof rate, "a learner has ended");
        sum.processor += rate.processor;
        sum.clock += rate.clock;
    }
    return sum;
}

static void learner_stop(const struct learner *learner)
{
    (void)close(learner->go);
    (void)close(learner->done);
    (void)waitpid(learner->pid, NULL, 0);
}

/* Called before this process has threads of its own, since it forks. */
static void two_cores_row(void)
{
    double processor[TURNS], clock[TURNS];
    cpu_set_t cores;
    need(sched_getaffinity(0, sizeof cores, &cores) == 0, "the cores are not known");
    if (!CPU_ISSET(0, &cores) || !CPU_ISSET(1, &cores)) {
        (void)printf("two learners: not measured (cores 0 and 1 are not both there)\n");
        return;
    }
    struct learner learners[2];
    learners[0] = learner_start(0, -1);
    learners[1] = learner_start(1, learners[0].go);
    (void)turn(learners, 2);
    for (size_t i = 0; i < TURNS; i++) {
        struct rate const alone = turn(learners, 1);
        struct rate const together = turn(learners, 2);
        processor[i] = together.processor / alone.processor;
        clock[i] = together.clock / alone.clock;
    }
    learner_stop(&learners[0]);
    learner_stop(&learners[1]);
    (void)printf("%-28s %8.2f times one on one (wanted: 1.9); by the clock %.2f\n",
                 "two learners on two cores", median(processor, TURNS), median(clock, TURNS));
}

/* -------- the peer -------- */

/* The script prints "update_seconds NAME X" for each way it knows; the fastest counts. */
static void torch_row(const struct pbti_a2c_agent *agent, double update)
{
    const char *const root = getenv("PBT_SOURCE_DIR");
    char command[4096];
    (void)snprintf(command, sizeof command,
                   "/usr/bin/python3 '%s/bench/a2c_torch.py' '%s' %u %u 2>/dev/null",
                   root == NULL ? "." : root, BENCH_A2C_ENV, agent->copies, agent->unroll);
    FILE *const pipe = popen(command, "r");
    need(pipe != NULL, "popen");
    char line[256], name[64];
    double seconds, best = 0.0;
    while (fgets(line, sizeof line, pipe) != NULL) {
        if (sscanf(line, "update_seconds %63s %lf", name, &seconds) != 2) {
            (void)printf("%s", line); /* why not */
            continue;
        }
        (void)printf("PyTorch, %-19s %8.0f us %8.0f ns a frame   %5.1f times as long as ours\n",
                     name, 1e6 * seconds, 1e9 * seconds / frames_of(agent), seconds / update);
        if (best == 0.0 || seconds < best) { best = seconds; }
    }
    (void)pclose(pipe);
    if (best > 0.0) {
        (void)printf("%-28s %8.1f times ours, the faster way (wanted: 7)\n", "PyTorch",
                     best / update);
    } else {
        (void)printf("PyTorch: not measured (also when this is not run from the source folder)\n");
    }
}

/* -------- the agents -------- */

/* Frames a second of an agent with an LSTM that is told the last action and reward; unroll 20. */
static double agent_rate(const char *game, uint32_t kind, uint32_t hidden, double ratio)
{
    enum { AGENT_UPDATES = 101 };
    static struct pbti_a2c_agent agent;
    static double times[AGENT_UPDATES];
    struct pbti_a2c_settings settings;
    struct pbt_error err = {0};
    pbti_settings_default(pbti_builtin_a2c.settings, &settings);
    while (strcmp(pbti_env_at(settings.game)->name, game) != 0) {
        settings.game++;
    }
    settings.agent = kind;
    settings.hidden = hidden;
    settings.replay_ratio = ratio;
    settings.unroll = 20;
    settings.replay = 100;
    settings.lstm = settings.inputs = settings.minimal = true;
    need(pbti_a2c_agent_init(&agent, &settings, &err) == PBT_OK, err.message);
    need(pbti_a2c_agent_reserve(&agent, &settings, &err) == PBT_OK, err.message);
    pbti_a2c_agent_randomise(&agent, 1);
    pbti_a2c_agent_begin(&agent, &settings, 1, true);
    for (size_t i = 0; i < WARM_UP; i++) {
        (void)pbti_a2c_agent_update(&agent, agent.unroll);
    }
    double since = 0.0;
    (void)lap(&since);
    for (size_t i = 0; i < AGENT_UPDATES; i++) {
        (void)pbti_a2c_agent_update(&agent, agent.unroll);
        times[i] = lap(&since);
    }
    double const rate = frames_of(&agent) / median(times, AGENT_UPDATES);
    pbti_a2c_agent_deinit(&agent);
    return rate;
}

/* Each against the plain agent on the same game. */
static void agent_rows(void)
{
    static const struct {
        const char *game;
        uint32_t hidden;
    } games[] = {{"maze", 128}, {"maze3d", 64}};
    for (size_t i = 0; i < sizeof games / sizeof games[0]; i++) {
        const char *const game = games[i].game;
        double const plain = agent_rate(game, PBTI_A2C_PLAIN, games[i].hidden, 0.0);
        double const quarter = agent_rate(game, PBTI_A2C_UNREAL, games[i].hidden, 0.25);
        double const whole = agent_rate(game, PBTI_A2C_UNREAL, games[i].hidden, 1.0);
        (void)printf("%s, %u units: %.0f frames/s; UNREAL %.0f (%.2f); with replay_ratio 1 %.0f "
                     "(%.2f)\n",
                     game, games[i].hidden, plain, quarter, quarter / plain, whole, whole / plain);
    }
}

int main(void)
{
    static struct pbti_a2c_agent agent;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)printf("learning Breakout with the default settings, 1 thread; medians of %d updates\n",
                 (int)UPDATES);
    two_cores_row();
    learner_init(&agent, 1);
    double const update = update_rows(&agent);
    allocation_row(&agent);
    torch_row(&agent, update);
    pbti_a2c_agent_deinit(&agent);
    agent_rows();
    return 0;
}
