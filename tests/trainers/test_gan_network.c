/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_gan_network.c - rules: two updates of a small network are what numpy and PyTorch compute in
 * double; gradients are the derivatives, with every norm; pictures do not depend on their batch
 * once they are drawn; with a rate of 0 weights stay, while running values move.
 */
#include "gan/gan_network.h"
#include "gradient_check.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 4, SIDE = 8 };

static const struct pbti_gan_shape golden = {.rows = SIDE,
                                             .columns = SIDE,
                                             .channels = 1,
                                             .latent = 3,
                                             .narrow = 2,
                                             .wide = 3,
                                             .d_norm = PBTI_GAN_NORM_NONE,
                                             .g_norm = PBTI_GAN_NORM_BATCH};

static void make(struct pbti_gan_network *net, const struct pbti_gan_shape *shape)
{
    struct pbt_error err = {0};
    if (pbti_gan_network_init(net, shape, BATCH, &err) != PBT_OK) { fail_msg("%s", err.message); }
}

/* Part `index` := base + a sin(k i + c). */
static void fill(struct pbti_nn_block *block, uint32_t index, double base, double a, double k,
                 double c)
{
    size_t const count = (size_t)block->parts[index].rows * block->parts[index].columns;
    float *const values = pbti_nn_block_part(block, block->weights, index);
    for (size_t i = 0; i < count; i++) {
        values[i] = (float)(base + a * sin(k * (double)i + c));
    }
}

static void fill_golden(struct pbti_gan_network *net)
{
    fill(&net->d, PBTI_GAN_D_CONV1, 0, .4, .37, .1);
    fill(&net->d, PBTI_GAN_D_BIAS1, 0, .1, 1, .2);
    fill(&net->d, PBTI_GAN_D_CONV2, 0, .4, .41, .3);
    fill(&net->d, PBTI_GAN_D_BIAS2, 0, .1, 1, .4);
    fill(&net->d, PBTI_GAN_D_LINEAR, 0, .5, .43, .5);
    fill(&net->d, PBTI_GAN_D_BIAS3, .05, 0, 0, 0);
    fill(&net->g, PBTI_GAN_G_LINEAR, 0, .6, .47, .6);
    fill(&net->g, PBTI_GAN_G_GAIN1, 1, .2, 1, .7);
    fill(&net->g, PBTI_GAN_G_OFFSET1, 0, .2, 1, .8);
    fill(&net->g, PBTI_GAN_G_VARIANCE1, 1, 0, 0, 0);
    fill(&net->g, PBTI_GAN_G_CONV1, 0, .4, .53, .9);
    fill(&net->g, PBTI_GAN_G_GAIN2, 1, .2, 1, 1);
    fill(&net->g, PBTI_GAN_G_OFFSET2, 0, .2, 1, 1.1);
    fill(&net->g, PBTI_GAN_G_VARIANCE2, 1, 0, 0, 0);
    fill(&net->g, PBTI_GAN_G_CONV2, 0, .5, .59, 1.2);
    fill(&net->g, PBTI_GAN_G_BIAS, -.05, 0, 0, 0);
}

static void fill_batch(struct pbti_gan_network *net)
{
    for (size_t i = 0; i < (size_t)BATCH * SIDE * SIDE; i++) {
        net->dp.x[i] = (float)(.9 * sin(.31 * (double)i + .15));
    }
    for (size_t i = 0; i < (size_t)BATCH * net->shape.latent; i++) {
        net->gp.z[i] = (float)(1.5 * cos(.7 * (double)i));
    }
}

static double sum_of(const float *values, size_t count, bool squares)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)values[i] * (squares ? (double)values[i] : 1.0);
    }
    return sum;
}

static double part_sum(const struct pbti_nn_block *block, uint32_t index)
{
    return sum_of(pbti_nn_block_part(block, block->weights, index),
                  (size_t)block->parts[index].rows * block->parts[index].columns, false);
}

static double part_norm(const struct pbti_nn_block *block, uint32_t index)
{
    return sqrt(sum_of(pbti_nn_block_part(block, block->gradients, index),
                       (size_t)block->parts[index].rows * block->parts[index].columns, true));
}

static void near(double got, double expected)
{
    check_close(got, expected, 2e-5 * (1.0 + fabs(expected)));
}

static void check_norms(const struct pbti_nn_block *block, const uint32_t *parts,
                        const double *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        near(part_norm(block, parts[i]), expected[i]);
    }
}

static const uint32_t d_parts[] = {PBTI_GAN_D_LINEAR, PBTI_GAN_D_BIAS3, PBTI_GAN_D_CONV2,
                                   PBTI_GAN_D_BIAS2,  PBTI_GAN_D_CONV1, PBTI_GAN_D_BIAS1};
static const uint32_t g_parts[] = {PBTI_GAN_G_CONV2,   PBTI_GAN_G_BIAS,  PBTI_GAN_G_GAIN2,
                                   PBTI_GAN_G_OFFSET2, PBTI_GAN_G_CONV1, PBTI_GAN_G_GAIN1,
                                   PBTI_GAN_G_OFFSET1, PBTI_GAN_G_LINEAR};

static void step(struct pbti_nn_block *block, double lr)
{
    struct pbti_nn_adam const adam = {.lr = lr, .beta1 = .5, .beta2 = .999, .epsilon = 1e-8};
    pbti_nn_adam_step(&adam, block, 1.0);
}

static void check_first_half(struct pbti_gan_network *net)
{
    static const double d_real[] = {0.2536513532078, 0.3415903243841, 0.09214076483327,
                                    0.4141028777579};
    static const double d_fake[] = {0.2370408374822, 0.2657964551605, 0.1222195449218,
                                    0.2387836268597};
    static const double norms[] = {0.1791907219774,  0.1219294203953, 1.051263078459,
                                   0.07658857958044, 0.7129554373837, 0.2834554720743};
    struct pbti_gan_update const update = pbti_gan_d_gradients(net, PBTI_NN_LOGISTIC, 0.0, BATCH);
    size_t const pictures = (size_t)BATCH * SIDE * SIDE;
    near(sum_of(net->dp.x + pictures, pictures, false), -2.422888938457);
    near(sum_of(net->dp.x + pictures, pictures, true), 30.42117049391);
    for (size_t i = 0; i < BATCH; i++) {
        near((double)net->dp.logits[i], d_real[i]);
        near((double)net->dp.logits[BATCH + i], d_fake[i]);
    }
    near(update.loss, 1.374006068614);
    assert_int_equal(update.right, BATCH); /* all logits are above 0 */
    check_norms(&net->d, d_parts, norms, 6);
    step(&net->d, .01);
    near(part_sum(&net->d, PBTI_GAN_D_CONV1), 0.274754477633);
    near(part_sum(&net->d, PBTI_GAN_D_CONV2), 0.9988593934237);
    near(part_sum(&net->d, PBTI_GAN_D_LINEAR), 0.4408157129389);
    near(part_sum(&net->d, PBTI_GAN_D_BIAS3), 0.04000000082015);
}

static void test_golden_logistic(void **state)
{
    (void)state;
    static const double norms[] = {0.8427760233339,  0.2562973364929, 0.1096679543807,
                                   0.06476590117416, 0.6090573146859, 0.04454218910324,
                                   0.04629285774652, 0.07577376032503};
    static const double mean1[] = {0.01509872655288, 0.01368650496736, -0.0107161896421};
    static const double variance1[] = {1.092457968134, 1.045704043684, 1.05645754395};
    struct pbti_gan_network net;
    make(&net, &golden);
    fill_golden(&net);
    fill_batch(&net);
    check_first_half(&net);
    struct pbti_gan_update const update = pbti_gan_g_gradients(&net, PBTI_NN_LOGISTIC, BATCH);
    near(update.loss, 0.5966818330441);
    near((double)net.dp.logits[1], 0.2594024610196);
    check_norms(&net.g, g_parts, norms, 8);
    step(&net.g, .02);
    near(part_sum(&net.g, PBTI_GAN_G_LINEAR), 1.435543129877);
    near(part_sum(&net.g, PBTI_GAN_G_GAIN1), 3.392652492064);
    near(part_sum(&net.g, PBTI_GAN_G_OFFSET1), 0.385238384994);
    near(part_sum(&net.g, PBTI_GAN_G_CONV1), 0.2136383059587);
    near(part_sum(&net.g, PBTI_GAN_G_CONV2), 0.02082997289215);
    near(part_sum(&net.g, PBTI_GAN_G_BIAS), -0.06999999921966);
    for (size_t c = 0; c < 3; c++) {
        near((double)pbti_nn_block_part(&net.g, net.g.weights, PBTI_GAN_G_MEAN1)[c], mean1[c]);
        near((double)pbti_nn_block_part(&net.g, net.g.weights, PBTI_GAN_G_VARIANCE1)[c],
             variance1[c]);
    }
    size_t const pictures = (size_t)BATCH * SIDE * SIDE;
    float *const y = pbti_nn_floats(pictures);
    pbti_gan_draw(&net, y, net.gp.z, BATCH);
    near(sum_of(y, pictures, false), -11.16679306646);
    near(sum_of(y, pictures, true), 32.88117141763);
    free(y);
    pbti_gan_network_deinit(&net);
}

static void test_golden_hinge(void **state)
{
    (void)state;
    static const double d_norms[] = {
        0.4331778338693, 0.0, 2.513464044869, 0.164481217118, 1.302417313687, 0.5075003323611};
    static const double g_norms[] = {1.877663854984,   0.5824101150182, 0.2436472255707,
                                     0.1685828702666,  1.357167017567,  0.09591773274757,
                                     0.09891869128654, 0.1778245871839};
    struct pbti_gan_network net;
    make(&net, &golden);
    fill_golden(&net);
    fill_batch(&net);
    near(pbti_gan_d_gradients(&net, PBTI_NN_HINGE, 0.0, BATCH).loss, 1.94058878606);
    check_norms(&net.d, d_parts, d_norms, 6);
    assert_true(part_norm(&net.d, PBTI_GAN_D_BIAS3) == 0.0);
    step(&net.d, .01);
    assert_true(part_sum(&net.d, PBTI_GAN_D_BIAS3) == (double).05f);
    near(pbti_gan_g_gradients(&net, PBTI_NN_HINGE, BATCH).loss, -0.2239297144768);
    check_norms(&net.g, g_parts, g_norms, 8);
    pbti_gan_network_deinit(&net);
}

/* -------- derivatives -------- */

struct probe {
    struct pbti_gan_network *net;
    bool of_g;
    float *u; /* D's vectors of spectral normalisation as they were: each pass moves them */
    size_t first, count;
};

static double objective(void *context)
{
    struct probe *const p = context;
    if (p->count > 0) { memcpy(p->net->d.weights + p->first, p->u, p->count * sizeof p->u[0]); }
    return p->of_g ? pbti_gan_g_gradients(p->net, PBTI_NN_LOGISTIC, BATCH).loss
                   : pbti_gan_d_gradients(p->net, PBTI_NN_LOGISTIC, 0.1, BATCH).loss;
}

/* Leaky relu has corners, so a step may cross one: the check is of directions, with some slack. */
static void check_block(struct probe *p, struct pbti_nn_block *block, const uint32_t *parts,
                        size_t count)
{
    (void)objective(p);
    size_t const floats = (size_t)block->plane_floats;
    float *const kept = pbti_nn_floats(floats);
    memcpy(kept, block->gradients, floats * sizeof kept[0]);
    for (size_t i = 0; i < count; i++) {
        const struct pbti_nn_part *const part = &block->parts[parts[i]];
        size_t const values = (size_t)part->rows * part->columns;
        float *const w = block->weights + part->offset;
        double squares = 0.0;
        for (size_t k = 0; k < values; k++) {
            squares += (double)kept[part->offset + k] * (double)kept[part->offset + k];
        }
        double const size = sqrt(squares);
        float *const old = pbti_nn_floats(values);
        memcpy(old, w, values * sizeof w[0]);
        double side[2];
        double const length = 3e-4;
        for (int s = 0; s < 2; s++) {
            for (size_t k = 0; k < values; k++) {
                double const along = (double)kept[part->offset + k] / (size > 0.0 ? size : 1.0);
                w[k] = (float)((double)old[k] + (s == 0 ? length : -length) * along);
            }
            side[s] = objective(p);
        }
        memcpy(w, old, values * sizeof w[0]);
        double const slope = (side[0] - side[1]) / (2.0 * length);
        if (!(fabs(slope - size) <= 0.02 * size + 2e-3)) {
            fail_msg("part %s: slope %.6g, gradient %.6g", part->name, slope, size);
        }
        free(old);
    }
    free(kept);
}

static void check_derivatives(enum pbti_gan_norm d_norm, enum pbti_gan_norm g_norm)
{
    struct pbti_gan_shape shape = golden;
    shape.d_norm = d_norm;
    shape.g_norm = g_norm;
    struct pbti_gan_network net;
    make(&net, &shape);
    pbti_gan_network_randomise(&net, 5);
    fill_golden(&net);
    fill_batch(&net);
    struct probe p = {.net = &net};
    float u[64];
    if (d_norm == PBTI_GAN_NORM_SPECTRAL) {
        p.first = (size_t)net.d.parts[PBTI_GAN_D_U1].offset;
        p.count = (size_t)net.d.plane_floats - p.first;
        assert_true(p.count <= 64);
        p.u = u;
        /* the gradient holds the vectors constant; it is the derivative once they have settled */
        for (int i = 0; i < 300; i++) {
            (void)pbti_gan_d_gradients(&net, PBTI_NN_LOGISTIC, 0.0, BATCH);
        }
        memcpy(u, net.d.weights + p.first, p.count * sizeof u[0]);
    }
    check_block(&p, &net.d, d_parts, 6);
    p.of_g = true;
    check_block(&p, &net.g, g_parts, 8);
    pbti_gan_network_deinit(&net);
}

static void test_gradients_are_derivatives_with_every_norm(void **state)
{
    (void)state;
    check_derivatives(PBTI_GAN_NORM_NONE, PBTI_GAN_NORM_BATCH);
    check_derivatives(PBTI_GAN_NORM_BATCH, PBTI_GAN_NORM_BATCH);
    check_derivatives(PBTI_GAN_NORM_SPECTRAL, PBTI_GAN_NORM_NONE);
}

/* -------- drawing -------- */

static void test_a_picture_does_not_depend_on_its_batch(void **state)
{
    (void)state;
    struct pbti_gan_shape shape = golden;
    shape.channels = 3;
    shape.averaged = true;
    struct pbti_gan_network net;
    make(&net, &shape);
    pbti_gan_network_randomise(&net, 7);
    for (size_t i = 0; i < (size_t)BATCH * shape.latent; i++) {
        net.gp.z[i] = (float)sin((double)i);
    }
    size_t const one = pbti_gan_picture_floats(&shape);
    float *const all = pbti_nn_floats(BATCH * one), *const single = pbti_nn_floats(one);
    pbti_gan_draw(&net, all, net.gp.z, BATCH);
    pbti_gan_draw(&net, single, net.gp.z + 2 * shape.latent, 1);
    check_all_close("picture", single, all + 2 * one, one, 1e-6);

    /* the average is what is drawn, and is the weights after a reset */
    fill(&net.g, PBTI_GAN_G_BIAS, .5, 0, 0, 0);
    pbti_gan_draw(&net, single, net.gp.z + 2 * shape.latent, 1);
    check_all_close("average", single, all + 2 * one, one, 1e-6);
    pbti_gan_network_average(&net, 0.75);
    near(part_sum(&net.average, PBTI_GAN_G_BIAS), 3 * .125);
    pbti_gan_network_average_reset(&net);
    near(part_sum(&net.average, PBTI_GAN_G_BIAS), 3 * .5);
    free(all);
    free(single);
    pbti_gan_network_deinit(&net);
}

static void test_a_rate_of_zero_leaves_all_but_running_values(void **state)
{
    (void)state;
    struct pbti_gan_network net;
    make(&net, &golden);
    pbti_gan_network_randomise(&net, 3);
    fill_batch(&net);
    size_t const count = (size_t)net.g.plane_floats;
    float *const before = pbti_nn_floats(count);
    memcpy(before, net.g.weights, count * sizeof before[0]);
    (void)pbti_gan_g_gradients(&net, PBTI_NN_LOGISTIC, BATCH);
    step(&net.g, 0.0);
    for (uint32_t i = 0; i < PBTI_GAN_G_PARTS; i++) {
        size_t const at = (size_t)net.g.parts[i].offset;
        bool const running = i == PBTI_GAN_G_MEAN1 || i == PBTI_GAN_G_VARIANCE1 ||
                             i == PBTI_GAN_G_MEAN2 || i == PBTI_GAN_G_VARIANCE2;
        bool const same = memcmp(before + at, net.g.weights + at,
                                 net.g.parts[i].rows * net.g.parts[i].columns * sizeof(float)) == 0;
        assert_true(same != running);
    }
    step(&net.g, 1.0); /* not even a large rate moves them: they have no gradients */
    float *const moved = pbti_nn_block_part(&net.g, net.g.weights, PBTI_GAN_G_VARIANCE1);
    assert_true(moved[0] < 1.0f && moved[0] > 0.8f);
    free(before);
    pbti_gan_network_deinit(&net);
}

int main(void)
{
    pbti_nn_setup(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_logistic),
        cmocka_unit_test(test_golden_hinge),
        cmocka_unit_test(test_gradients_are_derivatives_with_every_norm),
        cmocka_unit_test(test_a_picture_does_not_depend_on_its_batch),
        cmocka_unit_test(test_a_rate_of_zero_leaves_all_but_running_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
