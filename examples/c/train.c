/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train.c - a complete trainer in C: a network with one hidden layer learns a noisy curve.
 *
 * It shows the whole duty of a trainer: build or restore, set the hyperparameters after restoring,
 * train, save, report. Compile it beside its spec with the client, which is in clients/c of the
 * sources and in share/pbt/clients of an installation:
 *
 *     cc -O2 -I$CLIENT train.c $CLIENT/pbt_client.c -ljansson -lm -o train
 *     pbt run c.yaml
 *     PBT_STEPS=5000 PBT_HP_LR=0.02 PBT_HP_MOMENTUM=0.9 PBT_HP_UNITS=16 ./train      (alone)
 *
 * The checkpoint is the whole struct network: weights, and the velocities that the optimiser
 * remembers. It is read on the machine that wrote it; a program for several kinds of machine would
 * write a portable format.
 */
#include "pbt_client.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNITS_MAX 32
#define GRID 200 /* points of the evaluation */

/* y = sum over units of out * tanh(in * x + bias) + base, for x in -2..2. */
struct network {
    uint32_t units; /* of UNITS_MAX; a frozen hyperparameter: it travels with the weights */
    double parameters[3 * UNITS_MAX + 1]; /* in, bias, out of each unit; base */
    double velocities[3 * UNITS_MAX + 1]; /* what momentum remembers of each parameter */
};

/* -------- random numbers: splitmix64, one stream for each segment -------- */

static double draw(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t bits = *state;
    bits = (bits ^ (bits >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ (bits >> 27)) * UINT64_C(0x94d049bb133111eb);
    bits ^= bits >> 31;
    return (double)(bits >> 11) * 0x1p-53;
}

/* -------- the network -------- */

static void build(struct network *net, uint32_t units, uint64_t seed)
{
    memset(net, 0, sizeof *net);
    net->units = units;
    for (uint32_t i = 0; i < 3 * units; i++) {
        net->parameters[i] = 2 * draw(&seed) - 1;
    }
}

static double curve(double x)
{
    return sin(3 * x) + 0.5 * x;
}

static double predict(const struct network *net, double x)
{
    double y = net->parameters[3 * net->units];
    for (uint32_t i = 0; i < net->units; i++) {
        const double *const unit = net->parameters + 3 * i;
        y += unit[2] * tanh(unit[0] * x + unit[1]);
    }
    return y;
}

static void move(struct network *net, uint32_t i, double gradient, double lr, double momentum)
{
    net->velocities[i] = momentum * net->velocities[i] - lr * gradient;
    net->parameters[i] += net->velocities[i];
}

/* One point, one step of gradient descent with momentum. Returns the squared error before it. */
static double train_step(struct network *net, double x, double y, double lr, double momentum)
{
    const double error = predict(net, x) - y;
    for (uint32_t i = 0; i < net->units; i++) {
        const double *const unit = net->parameters + 3 * i;
        const double t = tanh(unit[0] * x + unit[1]);
        const double slope = error * unit[2] * (1 - t * t);
        move(net, 3 * i, slope * x, lr, momentum);
        move(net, 3 * i + 1, slope, lr, momentum);
        move(net, 3 * i + 2, error * t, lr, momentum);
    }
    move(net, 3 * net->units, error, lr, momentum);
    return error * error;
}

/* Mean squared error against the curve without noise. */
static double evaluate(const struct network *net)
{
    double sum = 0;
    for (int i = 0; i < GRID; i++) {
        const double x = -2 + 4 * (i + 0.5) / GRID;
        const double error = predict(net, x) - curve(x);
        sum += error * error;
    }
    return sum / GRID;
}

/* -------- checkpoints -------- */

/* Open DIRECTORY/network; NULL with errno set. */
static FILE *open_checkpoint(const char *directory, const char *mode)
{
    char path[4096];
    const int size = snprintf(path, sizeof path, "%s/network", directory);
    if (size < 0 || (size_t)size >= sizeof path) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    return fopen(path, mode);
}

static bool save(const struct network *net, const char *directory)
{
    FILE *const file = open_checkpoint(directory, "wb");
    if (file == NULL) { return false; }
    const bool written = fwrite(net, sizeof *net, 1, file) == 1;
    return fclose(file) == 0 && written;
}

static bool load(struct network *net, const char *directory)
{
    FILE *const file = open_checkpoint(directory, "rb");
    if (file == NULL) { return false; }
    const bool whole = fread(net, sizeof *net, 1, file) == 1 && net->units <= UNITS_MAX;
    (void)fclose(file);
    return whole;
}

/* -------- one task -------- */

static void train(struct pbt_client *client, const struct pbt_client_task *task,
                  struct network *net)
{
    const char *const loss_name = "loss";
    const double lr = pbt_client_number(client, "lr");
    const double momentum = pbt_client_number(client, "momentum");
    const double noise = pbt_client_fixed_number(client, "noise", 0.1);
    uint64_t stream = task->seed;
    for (uint64_t step = 1; step <= task->steps; step++) {
        const double x = 4 * draw(&stream) - 2;
        const double y = curve(x) + noise * (2 * draw(&stream) - 1);
        const double loss = train_step(net, x, y, lr, momentum);
        (void)pbt_client_progress(client, step, &loss_name, &loss, 1);
    }
    pbt_client_in_force(client, "lr", lr);
    pbt_client_in_force(client, "momentum", momentum);
}

static int run_task(struct pbt_client *client, const struct pbt_client_task *task,
                    struct network *net)
{
    const double units = pbt_client_number(client, "units");
    if (!(units >= 1 && units <= UNITS_MAX)) {
        return pbt_client_fail(client, "config", "units is not in 1..32");
    }
    if (task->load != NULL) {
        if (!load(net, task->load)) {
            return pbt_client_fail(client, "other", "could not read the checkpoint");
        }
    } else if (task->start == PBT_CLIENT_FRESH) {
        build(net, (uint32_t)units, task->seed);
    }
    train(client, task, net);
    if (task->save != NULL && !save(net, task->save)) {
        return pbt_client_fail(client, "other", "could not write the checkpoint");
    }
    return pbt_client_report(client, evaluate(net));
}

int main(void)
{
    char why[256] = "";
    struct network net = {0};
    struct pbt_client_task task;
    struct pbt_client *const client = pbt_client_open("curve 1.0", why, sizeof why);
    if (client == NULL) {
        (void)fprintf(stderr, "train: %s\n", why);
        return 1;
    }
    int got;
    while ((got = pbt_client_next(client, &task)) == 1) {
        (void)run_task(client, &task, &net);
    }
    if (got < 0) { (void)fprintf(stderr, "train: %s\n", pbt_client_error(client)); }
    pbt_client_close(client);
    return got < 0 ? 1 : 0;
}
