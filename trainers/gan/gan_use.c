/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gan_use.c - `pbt use` of a generator: sheets of pictures, walks between latents, single pictures.
 *
 *     sheet FILE.png [--count N] [--across N]    pictures of fresh latents side by side
 *     walk FILE.png [--count N] [--steps N]      N rows, each from one latent to another
 *     each FOLDER [--count N]                    one file for each picture
 *
 * Latents are drawn from the seed: the same seed and network give the same files. A walk goes along
 * the great circle between its ends, so that the latents between have about their length, as those
 * that the generator has trained with.
 *
 * Source      White 2016, "Sampling generative networks" (the great circle).
 */
#include "data/data_png.h"
#include "gan/gan.h"
#include "gan/gan_sheet.h"
#include "nn/nn_init.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_SIZE = 4096, COUNT_MAX = 100000, SHEET_MAX = 4096, ACROSS_MAX = 64, WALK_ROWS = 6 };
enum { LANE_USE = 3 };

#define USAGE                                                                                      \
    "sheet FILE.png [--count N] [--across N], walk FILE.png [--count N] [--steps N], "             \
    "each FOLDER [--count N]"

/* What the user asks for. */
struct wish {
    const char *what, *target;
    uint64_t count, across; /* pictures and pictures a row; of a walk rows and steps */
};

static pbt_status read_wish(struct pbti_builtin_use *use, struct wish *wish, struct pbt_error *err)
{
    bool has_count = false, has_across = false, has_steps = false;
    uint64_t steps = 10;
    *wish = (struct wish){.count = PBTI_GAN_SHEET_COUNT, .across = PBTI_GAN_SHEET_SIDE};
    pbt_status status =
        pbti_builtin_use_count(use, "count", 1, COUNT_MAX, &wish->count, &has_count, err);
    if (status == PBT_OK) {
        status =
            pbti_builtin_use_count(use, "across", 1, ACROSS_MAX, &wish->across, &has_across, err);
    }
    if (status == PBT_OK) {
        status = pbti_builtin_use_count(use, "steps", 2, ACROSS_MAX, &steps, &has_steps, err);
    }
    if (status != PBT_OK) { return status; }
    wish->what = pbti_builtin_use_argument(use);
    wish->target = pbti_builtin_use_argument(use);
    bool const sheet = wish->what != NULL && strcmp(wish->what, "sheet") == 0;
    bool const walk = wish->what != NULL && strcmp(wish->what, "walk") == 0;
    bool const each = wish->what != NULL && strcmp(wish->what, "each") == 0;
    if (wish->target == NULL || !(sheet || walk || each) || (has_across && !sheet) ||
        (has_steps && !walk)) {
        return pbti_nn_fail(err, PBT_EINVAL, "the trainer \"gan\" takes: %s", USAGE);
    }
    if (walk) {
        wish->across = steps;
        if (!has_count) { wish->count = WALK_ROWS; }
    }
    uint64_t const pictures = walk ? wish->count * steps : wish->count;
    if (!each && pictures > SHEET_MAX) {
        return pbti_nn_fail(err, PBT_EINVAL, "a sheet of %llu pictures; allowed are %d in one file",
                            (unsigned long long)pictures, (int)SHEET_MAX);
    }
    return pbti_builtin_use_end(use, USAGE, err);
}

/* -------- latents -------- */

static void draw_latents(float *z, uint32_t latent, uint32_t first, uint32_t count, uint64_t seed)
{
    for (uint32_t i = 0; i < count; i++) {
        struct pbti_nn_stream const stream = {.seed = seed,
                                              .purpose = PBTI_NN_PURPOSE_LATENT_EVALUATION,
                                              .lane = LANE_USE,
                                              .step = first + i};
        pbti_nn_init_normal(z + (size_t)i * latent, latent, 1.0, &stream);
    }
}

/* z[0..steps) from `from` to `to`, both included, along the great circle. */
static void walk_between(float *z, const float *from, const float *to, uint32_t latent,
                         uint32_t steps)
{
    double dot = 0.0, a = 0.0, b = 0.0;
    for (size_t i = 0; i < latent; i++) {
        dot += (double)from[i] * (double)to[i];
        a += (double)from[i] * (double)from[i];
        b += (double)to[i] * (double)to[i];
    }
    double const cosine = a > 0.0 && b > 0.0 ? dot / sqrt(a * b) : 1.0;
    double const angle = acos(cosine < -1.0 ? -1.0 : cosine > 1.0 ? 1.0 : cosine);
    double const sine = sin(angle);
    for (uint32_t k = 0; k < steps; k++) {
        double const t = (double)k / (steps - 1);
        bool const straight = sine < 1e-6;
        double const left = straight ? 1.0 - t : sin((1.0 - t) * angle) / sine;
        double const right = straight ? t : sin(t * angle) / sine;
        for (size_t i = 0; i < latent; i++) {
            z[k * latent + i] = (float)(left * (double)from[i] + right * (double)to[i]);
        }
    }
}

/* -------- files -------- */

static void say(const struct pbti_builtin_use *use, const char *path)
{
    if (!use->json) {
        (void)fprintf(use->out, "%s\n", path);
        return;
    }
    json_t *const line = json_pack("{s:s}", "file", path);
    (void)json_dumpf(line, use->out, JSON_COMPACT);
    (void)fputc('\n', use->out);
    json_decref(line);
}

static pbt_status write_bytes(const char *path, const uint8_t *bytes, size_t size,
                              struct pbt_error *err)
{
    FILE *const file = fopen(path, "wb");
    bool const written = file != NULL && fwrite(bytes, 1, size, file) == size;
    int const number = errno;
    bool const closed = file != NULL && fclose(file) == 0;
    if (written && closed) { return PBT_OK; }
    return pbti_nn_fail(err, PBT_EIO, "could not write file \"%s\": %s", path,
                        strerror(written ? errno : number));
}

/* Pictures of `count` latents as one sheet. */
static pbt_status write_sheet(struct pbti_gan *g, const char *path, const float *z, uint32_t count,
                              uint32_t across, struct pbt_error *err)
{
    uint8_t *png = NULL;
    size_t size = 0;
    float *const y = pbti_nn_floats(count * pbti_gan_picture_floats(&g->net.shape));
    if (y == NULL) { return pbti_nn_fail(err, PBT_ENOMEM, "no memory for %u pictures", count); }
    pbti_gan_draw_all(&g->net, y, z, count);
    pbt_status status = pbti_gan_sheet(&png, &size, y, &g->net.shape, count, across, err);
    if (status == PBT_OK) { status = write_bytes(path, png, size, err); }
    free(png);
    free(y);
    return status;
}

static pbt_status make_sheet(struct pbti_gan *g, const struct wish *wish, uint64_t seed,
                             struct pbt_error *err)
{
    uint32_t const latent = g->net.shape.latent;
    uint32_t const steps = (uint32_t)wish->across, count = (uint32_t)wish->count;
    bool const walk = strcmp(wish->what, "walk") == 0;
    uint32_t const pictures = walk ? count * steps : count;
    float *const z = pbti_nn_floats((size_t)pictures * latent);
    float *const ends = pbti_nn_floats((size_t)2 * count * latent);
    pbt_status status = PBT_OK;
    if (z == NULL || ends == NULL) {
        status = pbti_nn_fail(err, PBT_ENOMEM, "no memory for %u latents", pictures);
    } else {
        draw_latents(walk ? ends : z, latent, 0, walk ? 2 * count : count, seed);
        for (uint32_t i = 0; walk && i < count; i++) {
            const float *const from = ends + (size_t)2 * i * latent;
            walk_between(z + (size_t)i * steps * latent, from, from + latent, latent, steps);
        }
        status = write_sheet(g, wish->target, z, pictures, steps, err);
    }
    free(z);
    free(ends);
    return status;
}

/* One picture in a file of its own. */
static pbt_status write_one(const struct pbti_gan *g, const char *path, const float *y,
                            uint8_t *pixels, struct pbt_error *err)
{
    const struct pbti_gan_shape *const s = &g->net.shape;
    pbti_pictures_to_bytes(pixels, y, pbti_gan_picture_floats(s));
    return pbti_png_write(path, pixels, s->columns, s->rows, s->channels, err);
}

static pbt_status make_each(struct pbti_gan *g, const struct wish *wish,
                            const struct pbti_builtin_use *use, struct pbt_error *err)
{
    enum { BATCH = PBTI_GAN_JUDGE_BATCH };
    uint32_t const latent = g->net.shape.latent, count = (uint32_t)wish->count;
    size_t const size = pbti_gan_picture_floats(&g->net.shape);
    if (mkdir(wish->target, 0777) != 0 && errno != EEXIST) {
        return pbti_nn_fail(err, PBT_EIO, "could not make folder \"%s\": %s", wish->target,
                            strerror(errno));
    }
    float *const y = pbti_nn_floats(BATCH * size);
    uint8_t *const pixels = malloc(size);
    pbt_status status = PBT_OK;
    if (y == NULL || pixels == NULL) {
        status = pbti_nn_fail(err, PBT_ENOMEM, "no memory for %d pictures", (int)BATCH);
    }
    for (uint32_t i = 0; i < count && status == PBT_OK; i++) {
        uint32_t const batch = count - i < BATCH ? count - i : BATCH;
        char path[PATH_SIZE];
        if (i % BATCH == 0) {
            draw_latents(g->net.gp.z, latent, i, batch, use->seed);
            pbti_gan_draw(&g->net, y, g->net.gp.z, batch);
        }
        int const length = snprintf(path, sizeof path, "%s/sample-%06u.png", wish->target, i + 1);
        if (length < 0 || (size_t)length >= sizeof path) {
            status = pbti_nn_fail(err, PBT_EIO, "the path \"%.200s...\" is too long", wish->target);
        } else {
            status = write_one(g, path, y + i % BATCH * size, pixels, err);
        }
        if (status == PBT_OK) { say(use, path); }
    }
    free(y);
    free(pixels);
    return status;
}

pbt_status pbti_gan_use(void *state, const void *settings, struct pbti_builtin_use *use,
                        struct pbt_error *err)
{
    struct pbti_gan *const g = state;
    struct wish wish;
    (void)settings;
    pbt_status status = read_wish(use, &wish, err);
    if (status != PBT_OK) { return status; }
    if (strcmp(wish.what, "each") == 0) { return make_each(g, &wish, use, err); }
    status = make_sheet(g, &wish, use->seed, err);
    if (status == PBT_OK) { say(use, wish.target); }
    return status;
}
