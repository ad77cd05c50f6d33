/* SPDX-License-Identifier: Apache-2.0 */
/*
 * golden_unreal.h - one update of each agent, as another implementation computes it in binary64.
 *
 * Weights: number i of part p is s sin(0.37 i + 0.9 p + 0.1), s = 0.3, but 0.02 for the weights of
 * the hidden layer and of reward prediction. Parts are numbered in the order of the tables below. A
 * picture is 10 x 10 x 2 bits: o(t, b, y, x, c) = 1 when
 * sin(1.3 t + 2.1 b + 0.7 y + 1.1 x + 1.7 c + 0.2) > 0.4. Two copies, 16 filters, 5 hidden units,
 * 3 actions; action (t + 2 b) mod 3, reward sin(2 t + b). Optimiser: RMSProp, lr 0.01, decay 0.99,
 * epsilon 1e-6, mean of squares from 0, norm cut off at 1.
 */
#ifndef PBTI_TEST_GOLDEN_UNREAL_H
#define PBTI_TEST_GOLDEN_UNREAL_H

/* Of a part: the sum of its squared gradients, the first and the last of them; after the step its
 * first weight and the sum of all. */
struct golden_part {
    const char *name; /* of the part in the block */
    double squares, first, last, weight, sum;
};

enum { GOLDEN_BASE_PARTS = 9, GOLDEN_UNREAL_PARTS = 17 };

static const double golden_values[] = {
    -0.0524744490361, -0.0695007218367, -0.0875979712785, -0.136523045476, -0.135148291741,
    -0.040564817408,  -0.136084967138,  -0.0818229371955, -0.127746735344, -0.134286963696};
static const double golden_targets[] = {-0.16847401672,  0.967436461637, -0.174521974633,
                                        0.14112000806,   -1.14527332378, -0.470112534422,
                                        -0.405884766189, 0.524042504659};
static const double golden_loss[] = {0.0089525931663, 1.09625039088, 0.176129047279};
static const double golden_norm = 0.108735564249;

static const struct golden_part golden_base[GOLDEN_BASE_PARTS] = {
    {"first.weight", 3.42119099036e-07, 4.32147335789e-05, -2.55074721282e-06, 0.252009152142,
     -0.135819966698},
    {"first.bias", 5.68215610938e-08, 3.47433787163e-05, -4.46117635439e-05, 0.283542594616,
     -0.296217673305},
    {"hidden.weight", 4.69329202525e-05, 0.000167640291949, 0, 0.00502359559599, -1.72026756794},
    {"hidden.bias", 8.03927860617e-07, 0.000896620243256, 0, -0.167881219667, -1.26338678505},
    {"lstm.weight_x", 0.000418822036959, -1.04631508259e-06, 0.0005166148752, -0.298096837939,
     0.029769576594},
    {"lstm.weight_h", 3.33317886063e-05, -4.10805975783e-06, 0.000229534168303, -0.211621017077,
     0.545865986855},
    {"lstm.bias", 7.60115577668e-05, -7.94461790641e-05, -0.000148569498632, 0.035759198175,
     0.329328106682},
    {"heads.weight", 0.000454493727892, 0.000382872600946, -0.00492105442929, 0.25130506339,
     0.974370561152},
    {"heads.bias", 0.0107926280326, 0.0157546986061, -0.000503097482534, 0.197790652042,
     0.6037208479},
};

static const double golden_control_loss = 10.1923488245;
static const double golden_replay_loss = 0.1989767533;
static const double golden_prediction_loss = 1.14881392609;
static const double golden_unreal_norm = 6.86968299402;

static const struct golden_part golden_unreal[GOLDEN_UNREAL_PARTS] = {
    {"first.weight", 0.0202958634359, 0.00596387033227, -0.00123812771417, 0.243792391936,
     -1.41441192883},
    {"first.bias", 0.00186569425078, 0.00822296254071, 0.00373959934417, 0.272004937679,
     -0.461603194114},
    {"hidden.weight", 4.75167229032e-05, 0.000167640291949, -4.63465323071e-05, 0.00645573457714,
     -0.302741530914},
    {"hidden.bias", 8.10444482567e-07, 0.000896620243256, -6.5590962207e-05, -0.160255915424,
     -1.25559750113},
    {"lstm.weight_x", 0.00485447809255, -1.04631508259e-06, -0.00299841432913, -0.298105777999,
     0.208056338443},
    {"lstm.weight_h", 0.000438495342599, 5.52134670945e-07, -0.0013886172215, -0.211662901398,
     0.465203084682},
    {"lstm.bias", 0.0122367101371, -0.000170264393438, 0.00988865377354, 0.0352126096756,
     0.542587450186},
    {"heads.weight", 0.0193952415812, 0.000382872600946, 0.0780700946218, 0.254573658209,
     0.584217555125},
    {"heads.bias", 0.248297251315, 0.0157546986061, -0.487344720285, 0.25986581317, 0.766928509748},
    {"control.weight", 6.35246156409e-05, 0, -0.00151245062732, 0.0957295087048, -1.2067498824},
    {"control.bias", 0.000912521746601, 0, 0.00802277319514, -0.163206333267, -0.0667423748478},
    {"control.value.weight", 0.011748730271, -0.0134771406397, -0.02124387966, -0.279379561797,
     0.266977954241},
    {"control.value.bias", 0.977248673459, -0.988558887198, -0.988558887198, -0.108298110592,
     -0.108298110592},
    {"control.advantage.weight", 0.000196240832875, -0.000295486098696, 0.00177066634678,
     0.0403997390644, 1.3005465554},
    {"control.advantage.bias", 0.0173620565952, -0.0239430546612, 0.102806960382, 0.290660078539,
     0.872586307911},
    {"prediction.weight", 45.8722206024, -0.0376104456416, 0.0522964101955, 0.0667202801674,
     -36.7670310764},
    {"prediction.bias", 0.00536002716205, 0.050929508845, -0.052569226888, 0.0313803131123,
     -0.0544498305553},
};

#endif
