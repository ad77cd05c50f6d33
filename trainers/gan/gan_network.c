/* SPDX-License-Identifier: Apache-2.0 */
/* gan_network.c - generator and discriminator, see gan_network.h. */
#include "gan/gan_network.h"
#include "nn/nn_activation.h"
#include "nn/nn_batch_norm.h"
#include "nn/nn_init.h"
#include "nn/nn_linear.h"
#include "nn/nn_rows.h"
#include "nn/nn_spectral.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { KERNEL = 4, STRIDE = 2, PADDING = 1 };
#define LEAK 0.2f
#define WEIGHT_SD 0.02
#define EPSILON 1e-5
#define MOMENTUM 0.1

/* -------- sizes -------- */

/* Numbers of floats of one picture at each depth. */
struct depths {
    size_t picture, narrow, wide; /* (Y, X, C), (Y/2, X/2, N), (Y/4, X/4, W) */
    size_t narrow_cells, wide_cells;
};

static struct depths depths_of(const struct pbti_gan_shape *s)
{
    struct depths d = {.picture = pbti_gan_picture_floats(s),
                       .narrow_cells = (size_t)(s->rows / 2) * (s->columns / 2),
                       .wide_cells = (size_t)(s->rows / 4) * (s->columns / 4)};
    d.narrow = d.narrow_cells * s->narrow;
    d.wide = d.wide_cells * s->wide;
    return d;
}

size_t pbti_gan_picture_floats(const struct pbti_gan_shape *shape)
{
    return (size_t)shape->rows * shape->columns * shape->channels;
}

static float *part(const struct pbti_nn_block *block, uint32_t index)
{
    return pbti_nn_block_part(block, block->weights, index);
}

static float *gradient(const struct pbti_nn_block *block, uint32_t index)
{
    return pbti_nn_block_part(block, block->gradients, index);
}

/* -------- the blocks -------- */

struct part_shape {
    const char *name;
    uint32_t rows, columns;
    bool decay;
};

static pbt_status build(struct pbti_nn_block *block, const struct part_shape *parts, uint32_t count,
                        uint32_t slots, struct pbt_error *err)
{
    pbti_nn_block_init(block);
    pbt_status status = PBT_OK;
    for (uint32_t i = 0; i < count && status == PBT_OK; i++) {
        uint32_t index = 0;
        status = pbti_nn_block_add(block, parts[i].name, parts[i].rows, parts[i].columns,
                                   parts[i].decay, &index, err);
        assert(status != PBT_OK || index == i);
    }
    if (status == PBT_OK) { status = pbti_nn_block_allocate(block, slots, err); }
    return status;
}

static pbt_status build_g(struct pbti_nn_block *block, const struct pbti_gan_shape *s,
                          uint32_t slots, struct pbt_error *err)
{
    uint32_t const units = (uint32_t)depths_of(s).wide;
    const struct part_shape parts[PBTI_GAN_G_PARTS] = {
        [PBTI_GAN_G_LINEAR] = {"linear.weight", units, s->latent, true},
        [PBTI_GAN_G_GAIN1] = {"norm1.gain", s->wide, 1, false},
        [PBTI_GAN_G_OFFSET1] = {"norm1.bias", s->wide, 1, false},
        [PBTI_GAN_G_MEAN1] = {"norm1.mean", s->wide, 1, false},
        [PBTI_GAN_G_VARIANCE1] = {"norm1.variance", s->wide, 1, false},
        [PBTI_GAN_G_CONV1] = {"conv1.weight", KERNEL * KERNEL * s->narrow, s->wide, true},
        [PBTI_GAN_G_GAIN2] = {"norm2.gain", s->narrow, 1, false},
        [PBTI_GAN_G_OFFSET2] = {"norm2.bias", s->narrow, 1, false},
        [PBTI_GAN_G_MEAN2] = {"norm2.mean", s->narrow, 1, false},
        [PBTI_GAN_G_VARIANCE2] = {"norm2.variance", s->narrow, 1, false},
        [PBTI_GAN_G_CONV2] = {"conv2.weight", KERNEL * KERNEL * s->channels, s->narrow, true},
        [PBTI_GAN_G_BIAS] = {"conv2.bias", s->channels, 1, false},
    };
    return build(block, parts, PBTI_GAN_G_PARTS, slots, err);
}

static pbt_status build_d(struct pbti_nn_block *block, const struct pbti_gan_shape *s,
                          struct pbt_error *err)
{
    uint32_t const units = (uint32_t)depths_of(s).wide;
    uint32_t const gains = s->d_norm == PBTI_GAN_NORM_BATCH ? s->wide : 1;
    bool const spectral = s->d_norm == PBTI_GAN_NORM_SPECTRAL;
    const struct part_shape parts[PBTI_GAN_D_PARTS] = {
        [PBTI_GAN_D_CONV1] = {"conv1.weight", KERNEL * KERNEL * s->channels, s->narrow, true},
        [PBTI_GAN_D_BIAS1] = {"conv1.bias", s->narrow, 1, false},
        [PBTI_GAN_D_CONV2] = {"conv2.weight", KERNEL * KERNEL * s->narrow, s->wide, true},
        [PBTI_GAN_D_BIAS2] = {"conv2.bias", s->wide, 1, false},
        [PBTI_GAN_D_GAIN2] = {"norm2.gain", gains, 1, false},
        [PBTI_GAN_D_LINEAR] = {"linear.weight", 1, units, true},
        [PBTI_GAN_D_BIAS3] = {"linear.bias", 1, 1, false},
        [PBTI_GAN_D_U1] = {"conv1.u", s->narrow, 1, false},
        [PBTI_GAN_D_U2] = {"conv2.u", s->wide, 1, false},
        [PBTI_GAN_D_U3] = {"linear.u", 1, 1, false},
    };
    uint32_t const count = spectral ? PBTI_GAN_D_PARTS : PBTI_GAN_D_U1;
    return build(block, parts, count, PBTI_NN_ADAM_SLOTS, err);
}

/* Without an average a block of one value, which a checkpoint can hold as well. */
static pbt_status build_average(struct pbti_nn_block *block, const struct pbti_gan_shape *s,
                                struct pbt_error *err)
{
    static const struct part_shape none[] = {{"none", 1, 1, false}};
    return s->averaged ? build_g(block, s, 0, err) : build(block, none, 1, 0, err);
}

/* -------- memory of the passes -------- */

/* Give the next `count` floats, aligned, of `at`; counts only while `at` is NULL. */
static float *take(float *base, size_t *at, size_t count)
{
    float *const place = base == NULL ? NULL : base + *at;
    *at += pbti_nn_padded(count);
    return place;
}

/* Lay out all arrays for batches of `b` from `base` on; returns the floats they take. */
static size_t lay_out(struct pbti_gan_network *net, float *base, size_t b)
{
    const struct pbti_gan_shape *const s = &net->shape;
    struct depths const d = depths_of(s);
    struct pbti_gan_g_pass *const g = &net->gp;
    struct pbti_gan_d_pass *const p = &net->dp;
    size_t at = 0;
    g->z = take(base, &at, b * s->latent);
    g->h1 = take(base, &at, b * d.wide);
    g->a1 = take(base, &at, b * d.wide);
    g->dh1 = take(base, &at, b * d.wide);
    g->h2 = take(base, &at, b * d.narrow);
    g->a2 = take(base, &at, b * d.narrow);
    g->dh2 = take(base, &at, b * d.narrow);
    g->h3 = take(base, &at, b * d.picture);
    g->y = take(base, &at, b * d.picture);
    p->x = take(base, &at, 2 * b * d.picture);
    p->dx = take(base, &at, b * d.picture);
    p->a1 = take(base, &at, 2 * b * d.narrow);
    p->da1 = take(base, &at, 2 * b * d.narrow);
    p->h2 = take(base, &at, s->d_norm == PBTI_GAN_NORM_BATCH ? 2 * b * d.wide : 0);
    p->a2 = take(base, &at, 2 * b * d.wide);
    p->da2 = take(base, &at, 2 * b * d.wide);
    p->logits = take(base, &at, 2 * b);
    p->d_logits = take(base, &at, 2 * b);
    for (size_t i = 0; i < 4; i++) {
        g->statistics[i] = take(base, &at, i < 2 ? s->wide : s->narrow);
        p->statistics[i] = take(base, &at, s->wide);
    }
    size_t const sizes[3] = {(size_t)KERNEL * KERNEL * s->channels * s->narrow,
                             (size_t)KERNEL * KERNEL * s->narrow * s->wide, d.wide};
    size_t const rests[3] = {(size_t)KERNEL * KERNEL * s->channels,
                             (size_t)KERNEL * KERNEL * s->narrow, d.wide};
    for (size_t i = 0; i < 3; i++) {
        bool const spectral = s->d_norm == PBTI_GAN_NORM_SPECTRAL;
        p->used[i] = take(base, &at, spectral ? sizes[i] : 0);
        p->v[i] = take(base, &at, spectral ? rests[i] : 0);
    }
    net->gradient2 = take(base, &at, 2 * (size_t)s->wide);
    size_t const outer = pbti_nn_conv_scratch(&net->outer, 2 * (uint32_t)b);
    size_t const inner = pbti_nn_conv_scratch(&net->inner, 2 * (uint32_t)b);
    net->scratch = take(base, &at, outer > inner ? outer : inner);
    return at;
}

pbt_status pbti_gan_network_reserve(struct pbti_gan_network *net, uint32_t capacity,
                                    struct pbt_error *err)
{
    if (capacity <= net->capacity) { return PBT_OK; }
    float *const buffers = pbti_nn_floats(lay_out(net, NULL, capacity));
    if (buffers == NULL) {
        if (net->buffers != NULL) { (void)lay_out(net, net->buffers, net->capacity); }
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for a batch of %u pictures", capacity);
    }
    free(net->buffers);
    net->buffers = buffers;
    net->capacity = capacity;
    (void)lay_out(net, buffers, capacity);
    return PBT_OK;
}

pbt_status pbti_gan_network_init(struct pbti_gan_network *net, const struct pbti_gan_shape *shape,
                                 uint32_t capacity, struct pbt_error *err)
{
    assert(shape->rows % 4 == 0 && shape->columns % 4 == 0 && shape->rows > 0);
    memset(net, 0, sizeof *net);
    net->shape = *shape;
    net->outer = (struct pbti_nn_conv_shape){
        shape->rows, shape->columns, shape->channels, shape->narrow, KERNEL, STRIDE, PADDING};
    net->inner = (struct pbti_nn_conv_shape){
        shape->rows / 2, shape->columns / 2, shape->narrow, shape->wide, KERNEL, STRIDE, PADDING};
    pbt_status status = build_g(&net->g, shape, PBTI_NN_ADAM_SLOTS, err);
    if (status == PBT_OK) { status = build_d(&net->d, shape, err); }
    if (status == PBT_OK) { status = build_average(&net->average, shape, err); }
    if (status == PBT_OK) { status = pbti_gan_network_reserve(net, capacity, err); }
    if (status != PBT_OK) { pbti_gan_network_deinit(net); }
    return status;
}

void pbti_gan_network_deinit(struct pbti_gan_network *net)
{
    pbti_nn_block_deinit(&net->g);
    pbti_nn_block_deinit(&net->d);
    pbti_nn_block_deinit(&net->average);
    free(net->buffers);
    memset(net, 0, sizeof *net);
}

/* -------- weights -------- */

static void set(struct pbti_nn_block *block, uint32_t index, float value)
{
    size_t const count = (size_t)block->parts[index].rows * block->parts[index].columns;
    float *const values = part(block, index);
    for (size_t i = 0; i < count; i++) {
        values[i] = value;
    }
}

static void draw_part(struct pbti_nn_block *block, uint32_t index, double sd, uint64_t seed,
                      uint32_t stream)
{
    size_t const count = (size_t)block->parts[index].rows * block->parts[index].columns;
    struct pbti_nn_stream const from = {
        .seed = seed, .purpose = PBTI_NN_PURPOSE_INIT, .step = stream};
    pbti_nn_init_normal(part(block, index), count, sd, &from);
}

void pbti_gan_network_randomise(struct pbti_gan_network *net, uint64_t seed)
{
    static const uint32_t g_weights[] = {PBTI_GAN_G_LINEAR, PBTI_GAN_G_CONV1, PBTI_GAN_G_CONV2};
    static const uint32_t d_weights[] = {PBTI_GAN_D_CONV1, PBTI_GAN_D_CONV2, PBTI_GAN_D_LINEAR};
    pbti_nn_block_clear(&net->g);
    pbti_nn_block_clear(&net->d);
    for (uint32_t i = 0; i < 3; i++) {
        draw_part(&net->g, g_weights[i], WEIGHT_SD, seed, i);
        draw_part(&net->d, d_weights[i], WEIGHT_SD, seed, 100 + i);
        if (net->shape.d_norm == PBTI_GAN_NORM_SPECTRAL) {
            draw_part(&net->d, PBTI_GAN_D_U1 + i, 1.0, seed, 200 + i);
        }
    }
    set(&net->g, PBTI_GAN_G_GAIN1, 1.0f);
    set(&net->g, PBTI_GAN_G_GAIN2, 1.0f);
    set(&net->g, PBTI_GAN_G_VARIANCE1, 1.0f);
    set(&net->g, PBTI_GAN_G_VARIANCE2, 1.0f);
    set(&net->d, PBTI_GAN_D_GAIN2, 1.0f);
    pbti_gan_network_average_reset(net);
}

void pbti_gan_network_average(struct pbti_gan_network *net, double keep)
{
    if (!net->shape.averaged) { return; }
    float const old = (float)keep;
    float const new = (float)(1.0 - keep);
    for (size_t i = 0; i < net->g.plane_floats; i++) {
        net->average.weights[i] = old * net->average.weights[i] + new * net->g.weights[i];
    }
}

void pbti_gan_network_average_reset(struct pbti_gan_network *net)
{
    if (!net->shape.averaged) { return; }
    memcpy(net->average.weights, net->g.weights, (size_t)net->g.plane_floats * sizeof(float));
}

/* -------- the generator -------- */

/* How a pass normalises. */
enum mode { BY_BATCH, BY_RUNNING };

/* One norm and relu: `first` is its gain, followed by offset, mean and variance. */
static void g_norm(const struct pbti_gan_network *net, const struct pbti_nn_block *g, float *a,
                   const float *h, uint32_t first, float *const statistics[2], size_t rows,
                   uint32_t channels, enum mode mode)
{
    struct pbti_nn_channel_statistics const s = {statistics[0], statistics[1]};
    struct pbti_nn_running const running = {part(g, first + 2), part(g, first + 3)};
    const float *const gain = part(g, first), *const offset = part(g, first + 1);
    if (net->shape.g_norm == PBTI_GAN_NORM_NONE) {
        memcpy(a, h, rows * channels * sizeof a[0]);
        pbti_nn_add_to_rows(a, offset, rows, channels);
    } else if (mode == BY_BATCH) {
        pbti_nn_batch_norm_forward(a, &s, &running, h, gain, offset, MOMENTUM, EPSILON, rows,
                                   channels);
    } else {
        pbti_nn_batch_norm_infer(a, &s, &running, h, gain, offset, EPSILON, rows, channels);
    }
    pbti_nn_activation_forward(PBTI_NN_RELU, a, a, rows * channels);
}

static void g_forward(struct pbti_gan_network *net, const struct pbti_nn_block *g, float *y,
                      const float *z, uint32_t batch, enum mode mode)
{
    const struct pbti_gan_shape *const s = &net->shape;
    struct pbti_gan_g_pass *const p = &net->gp;
    struct depths const d = depths_of(s);
    assert(batch <= net->capacity);
    pbti_nn_linear_forward(p->h1, z, part(g, PBTI_GAN_G_LINEAR), NULL, batch, s->latent,
                           (uint32_t)d.wide);
    g_norm(net, g, p->a1, p->h1, PBTI_GAN_G_GAIN1, p->statistics, batch * d.wide_cells, s->wide,
           mode);
    pbti_nn_conv_transposed_forward(&net->inner, p->h2, p->a1, part(g, PBTI_GAN_G_CONV1), NULL,
                                    net->scratch, batch);
    g_norm(net, g, p->a2, p->h2, PBTI_GAN_G_GAIN2, p->statistics + 2, batch * d.narrow_cells,
           s->narrow, mode);
    pbti_nn_conv_transposed_forward(&net->outer, p->h3, p->a2, part(g, PBTI_GAN_G_CONV2),
                                    part(g, PBTI_GAN_G_BIAS), net->scratch, batch);
    pbti_nn_activation_forward(PBTI_NN_TANH, y, p->h3, batch * d.picture);
}

void pbti_gan_generate(struct pbti_gan_network *net, uint32_t batch)
{
    g_forward(net, &net->g, net->gp.y, net->gp.z, batch, BY_BATCH);
}

void pbti_gan_draw(struct pbti_gan_network *net, float *y, const float *z, uint32_t batch)
{
    g_forward(net, net->shape.averaged ? &net->average : &net->g, y, z, batch, BY_RUNNING);
}

/* dh (in place of da) and the gradients of gain and offset; `a` is what the norm made of `h`. */
static void g_norm_back(const struct pbti_gan_network *net, float *dh, const float *h,
                        const float *a, uint32_t first, float *const statistics[2], size_t rows,
                        uint32_t channels)
{
    const struct pbti_nn_block *const g = &net->g;
    struct pbti_nn_channel_statistics const s = {statistics[0], statistics[1]};
    float *const d_offset = gradient(g, first + 1);
    pbti_nn_activation_backward(PBTI_NN_RELU, dh, dh, a, rows * channels);
    if (net->shape.g_norm == PBTI_GAN_NORM_NONE) {
        memset(d_offset, 0, channels * sizeof d_offset[0]);
        pbti_nn_sum_rows(d_offset, dh, rows, channels);
    } else {
        pbti_nn_batch_norm_backward(dh, gradient(g, first), d_offset, dh, h, &s, part(g, first),
                                    rows, channels);
    }
}

/* Gradients of G from those at its pictures, dp.dx, which is overwritten. */
static void g_backward(struct pbti_gan_network *net, uint32_t batch)
{
    const struct pbti_gan_shape *const s = &net->shape;
    const struct pbti_nn_block *const g = &net->g;
    struct pbti_gan_g_pass *const p = &net->gp;
    struct depths const d = depths_of(s);
    float *const dh3 = net->dp.dx;
    pbti_nn_activation_backward(PBTI_NN_TANH, dh3, dh3, p->h3, batch * d.picture);
    pbti_nn_conv_transposed_backward(&net->outer, p->dh2, gradient(g, PBTI_GAN_G_CONV2),
                                     gradient(g, PBTI_GAN_G_BIAS), dh3, p->a2,
                                     part(g, PBTI_GAN_G_CONV2), net->scratch, batch);
    g_norm_back(net, p->dh2, p->h2, p->a2, PBTI_GAN_G_GAIN2, p->statistics + 2,
                batch * d.narrow_cells, s->narrow);
    pbti_nn_conv_transposed_backward(&net->inner, p->dh1, gradient(g, PBTI_GAN_G_CONV1), NULL,
                                     p->dh2, p->a1, part(g, PBTI_GAN_G_CONV1), net->scratch, batch);
    g_norm_back(net, p->dh1, p->h1, p->a1, PBTI_GAN_G_GAIN1, p->statistics, batch * d.wide_cells,
                s->wide);
    pbti_nn_linear_backward(NULL, gradient(g, PBTI_GAN_G_LINEAR), NULL, p->dh1, p->z,
                            part(g, PBTI_GAN_G_LINEAR), batch, s->latent, (uint32_t)d.wide);
}

/* -------- the discriminator -------- */

static struct pbti_nn_spectral_shape spectral_shape(const struct pbti_gan_shape *s, size_t layer)
{
    uint32_t const wide = (uint32_t)depths_of(s).wide;
    struct pbti_nn_spectral_shape const shapes[3] = {
        {s->narrow, KERNEL * KERNEL * s->channels, true},
        {s->wide, KERNEL * KERNEL * s->narrow, true},
        {1, wide, false},
    };
    return shapes[layer];
}

static const uint32_t d_weight_parts[3] = {PBTI_GAN_D_CONV1, PBTI_GAN_D_CONV2, PBTI_GAN_D_LINEAR};

/* Make the weights that are in use, spectral ones after a step of their vectors. */
static void d_prepare(struct pbti_gan_network *net)
{
    if (net->shape.d_norm != PBTI_GAN_NORM_SPECTRAL) { return; }
    for (uint32_t l = 0; l < 3; l++) {
        struct pbti_nn_spectral_shape const shape = spectral_shape(&net->shape, l);
        net->dp.sigma[l] =
            pbti_nn_spectral_forward(&shape, net->dp.used[l], part(&net->d, PBTI_GAN_D_U1 + l),
                                     net->dp.v[l], part(&net->d, d_weight_parts[l]));
    }
}

static const float *d_used(const struct pbti_gan_network *net, size_t layer)
{
    return net->shape.d_norm == PBTI_GAN_NORM_SPECTRAL ? net->dp.used[layer]
                                                       : part(&net->d, d_weight_parts[layer]);
}

/* Logits of `groups` x `batch` pictures from `x` on; each group is normalised apart. */
static void d_forward(struct pbti_gan_network *net, const float *x, uint32_t groups, uint32_t batch)
{
    const struct pbti_gan_shape *const s = &net->shape;
    const struct pbti_nn_block *const block = &net->d;
    struct pbti_gan_d_pass *const p = &net->dp;
    struct depths const d = depths_of(s);
    uint32_t const count = groups * batch;
    bool const by_batch = s->d_norm == PBTI_GAN_NORM_BATCH;
    float *const h2 = by_batch ? p->h2 : p->a2;
    d_prepare(net);
    pbti_nn_conv_forward(&net->outer, p->a1, x, d_used(net, 0), part(block, PBTI_GAN_D_BIAS1),
                         net->scratch, count);
    pbti_nn_leaky_relu_forward(p->a1, p->a1, LEAK, count * d.narrow);
    pbti_nn_conv_forward(&net->inner, h2, p->a1, d_used(net, 1),
                         by_batch ? NULL : part(block, PBTI_GAN_D_BIAS2), net->scratch, count);
    for (uint32_t k = 0; by_batch && k < groups; k++) {
        struct pbti_nn_channel_statistics const t = {p->statistics[2 * k],
                                                     p->statistics[2 * k + 1]};
        struct pbti_nn_running const none = {NULL, NULL};
        size_t const at = k * batch * d.wide;
        pbti_nn_batch_norm_forward(p->a2 + at, &t, &none, p->h2 + at, part(block, PBTI_GAN_D_GAIN2),
                                   part(block, PBTI_GAN_D_BIAS2), MOMENTUM, EPSILON,
                                   batch * d.wide_cells, s->wide);
    }
    pbti_nn_leaky_relu_forward(p->a2, p->a2, LEAK, count * d.wide);
    pbti_nn_linear_forward(p->logits, p->a2, d_used(net, 2), part(block, PBTI_GAN_D_BIAS3), count,
                           (uint32_t)d.wide, 1);
}

/* Through the norm of layer 2, group by group; gradients of gain and offset are added up. */
static void d_norm_back(struct pbti_gan_network *net, uint32_t groups, uint32_t batch)
{
    struct pbti_gan_d_pass *const p = &net->dp;
    struct depths const d = depths_of(&net->shape);
    uint32_t const wide = net->shape.wide;
    float *const d_gain = gradient(&net->d, PBTI_GAN_D_GAIN2);
    float *const d_offset = gradient(&net->d, PBTI_GAN_D_BIAS2);
    for (uint32_t k = 0; k < groups; k++) {
        struct pbti_nn_channel_statistics const t = {p->statistics[2 * k],
                                                     p->statistics[2 * k + 1]};
        size_t const at = k * batch * d.wide;
        float *const gain = k == 0 ? d_gain : net->gradient2;
        float *const offset = k == 0 ? d_offset : net->gradient2 + wide;
        pbti_nn_batch_norm_backward(p->da2 + at, gain, offset, p->da2 + at, p->h2 + at, &t,
                                    part(&net->d, PBTI_GAN_D_GAIN2), batch * d.wide_cells, wide);
        for (size_t c = 0; k > 0 && c < wide; c++) {
            d_gain[c] += gain[c];
            d_offset[c] += offset[c];
        }
    }
}

/*
 * From the gradients at the logits back: to the weights of D (`weights`), or to the pictures,
 * dp.dx.
 * With batch normalisation the gradients of its gain and offset are written in either case.
 */
static void d_backward(struct pbti_gan_network *net, const float *x, uint32_t groups,
                       uint32_t batch, bool weights)
{
    const struct pbti_nn_block *const block = &net->d;
    struct pbti_gan_d_pass *const p = &net->dp;
    struct depths const d = depths_of(&net->shape);
    uint32_t const count = groups * batch;
    bool const by_batch = net->shape.d_norm == PBTI_GAN_NORM_BATCH;
    float *const none = NULL;
    pbti_nn_linear_backward(p->da2, gradient(block, PBTI_GAN_D_LINEAR),
                            gradient(block, PBTI_GAN_D_BIAS3), p->d_logits, p->a2, d_used(net, 2),
                            count, (uint32_t)d.wide, 1);
    pbti_nn_leaky_relu_backward(p->da2, p->da2, p->a2, LEAK, count * d.wide);
    if (by_batch) { d_norm_back(net, groups, batch); }
    pbti_nn_conv_backward(&net->inner, p->da1, weights ? gradient(block, PBTI_GAN_D_CONV2) : none,
                          weights && !by_batch ? gradient(block, PBTI_GAN_D_BIAS2) : none, p->da2,
                          p->a1, d_used(net, 1), net->scratch, count);
    pbti_nn_leaky_relu_backward(p->da1, p->da1, p->a1, LEAK, count * d.narrow);
    pbti_nn_conv_backward(&net->outer, weights ? none : p->dx,
                          weights ? gradient(block, PBTI_GAN_D_CONV1) : none,
                          weights ? gradient(block, PBTI_GAN_D_BIAS1) : none, p->da1, x,
                          d_used(net, 0), net->scratch, count);
    for (uint32_t l = 0; weights && net->shape.d_norm == PBTI_GAN_NORM_SPECTRAL && l < 3; l++) {
        struct pbti_nn_spectral_shape const shape = spectral_shape(&net->shape, l);
        pbti_nn_spectral_backward(&shape, gradient(block, d_weight_parts[l]), p->used[l],
                                  part(block, PBTI_GAN_D_U1 + l), p->v[l], p->sigma[l]);
    }
}

/* -------- updates -------- */

struct pbti_gan_update pbti_gan_d_gradients(struct pbti_gan_network *net,
                                            enum pbti_nn_logit_loss loss, double smoothing,
                                            uint32_t batch)
{
    struct pbti_gan_d_pass *const p = &net->dp;
    struct pbti_gan_update update = {0};
    size_t const floats = batch * pbti_gan_picture_floats(&net->shape);
    g_forward(net, &net->g, p->x + floats, net->gp.z, batch, BY_BATCH);
    d_forward(net, p->x, 2, batch);
    update.loss =
        pbti_nn_logit_loss(p->d_logits, p->logits, loss, PBTI_NN_TARGET_REAL, smoothing, batch) +
        pbti_nn_logit_loss(p->d_logits + batch, p->logits + batch, loss, PBTI_NN_TARGET_FAKE, 0.0,
                           batch);
    for (size_t i = 0; i < batch; i++) {
        update.right += (uint32_t)(p->logits[i] > 0.0f) + (p->logits[batch + i] < 0.0f);
    }
    d_backward(net, p->x, 2, batch, true);
    return update;
}

struct pbti_gan_update pbti_gan_g_gradients(struct pbti_gan_network *net,
                                            enum pbti_nn_logit_loss loss, uint32_t batch)
{
    struct pbti_gan_d_pass *const p = &net->dp;
    struct pbti_gan_update update = {0};
    pbti_gan_generate(net, batch);
    d_forward(net, net->gp.y, 1, batch);
    update.loss = pbti_nn_logit_loss(p->d_logits, p->logits, loss, PBTI_NN_TARGET_FOOL, 0.0, batch);
    d_backward(net, net->gp.y, 1, batch, false);
    g_backward(net, batch);
    return update;
}
