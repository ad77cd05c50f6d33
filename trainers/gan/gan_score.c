/* SPDX-License-Identifier: Apache-2.0 */
/* gan_score.c - Inception score and Frechet distance, see gan_score.h. */
#include "gan/gan_score.h"
#include "nn/nn_base.h"
#include "nn/nn_symmetric.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FEATURES_MAX = 512 };

/* -------- Inception score -------- */

/* NaN stays NaN: the comparison holds for 0 only. */
static double times_log(double p)
{
    return p == 0.0 ? 0.0 : p * log(p);
}

/* mean KL = mean_i sum_k p ln p - sum_k q ln q */
double pbti_gan_inception(const double *p, size_t count, size_t k, double *classes)
{
    double sum = 0.0, entropy = 0.0;
    for (size_t i = 0; i < count * k; i++) {
        sum += times_log(p[i]);
    }
    for (size_t c = 0; c < k; c++) {
        double q = 0.0;
        for (size_t i = 0; i < count; i++) {
            q += p[i * k + c];
        }
        entropy -= times_log(q / (double)count);
    }
    if (classes != NULL) { *classes = exp(entropy); }
    double const score = exp(sum / (double)count + entropy);
    return score < 1.0 ? 1.0 : score; /* rounding */
}

void pbti_gan_inception_splits(const double *p, size_t count, size_t k, size_t splits, double *mean,
                               double *sd)
{
    size_t const part = count / splits;
    double sum = 0.0, squares = 0.0;
    for (size_t s = 0; s < splits; s++) {
        sum += pbti_gan_inception(p + s * part * k, part, k, NULL) / (double)splits;
    }
    for (size_t s = 0; s < splits; s++) {
        double const away = pbti_gan_inception(p + s * part * k, part, k, NULL) - sum;
        squares += away * away / (double)splits;
    }
    *mean = sum;
    *sd = sqrt(squares);
}

void pbti_gan_softmax(double *p, const float *logits, size_t count, size_t k)
{
    for (size_t i = 0; i < count; i++, p += k, logits += k) {
        double greatest = (double)logits[0], sum = 0.0;
        for (size_t c = 1; c < k; c++) {
            greatest = (double)logits[c] > greatest ? (double)logits[c] : greatest;
        }
        for (size_t c = 0; c < k; c++) {
            p[c] = exp((double)logits[c] - greatest);
            sum += p[c];
        }
        for (size_t c = 0; c < k; c++) {
            p[c] /= sum;
        }
    }
}

/* -------- moments -------- */

pbt_status pbti_gan_moments_init(struct pbti_gan_moments *moments, size_t size,
                                 struct pbt_error *err)
{
    *moments = (struct pbti_gan_moments){.size = size};
    moments->mean = calloc(size + size * size, sizeof(double));
    if (moments->mean == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for the moments of %zu features", size);
    }
    moments->covariance = moments->mean + size;
    return PBT_OK;
}

void pbti_gan_moments_deinit(struct pbti_gan_moments *moments)
{
    free(moments->mean);
    *moments = (struct pbti_gan_moments){0};
}

/* Add the products of `away` with itself below the diagonal. */
PBTI_NN_WIDE
static void add_products(double *restrict covariance, const double *restrict away, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double const factor = away[i];
        for (size_t j = 0; j <= i; j++) {
            covariance[i * n + j] += factor * away[j];
        }
    }
}

void pbti_gan_moments_measure(struct pbti_gan_moments *m, const float *features, size_t count)
{
    size_t const n = m->size;
    memset(m->mean, 0, (n + n * n) * sizeof m->mean[0]);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < n; j++) {
            m->mean[j] += (double)features[i * n + j];
        }
    }
    for (size_t j = 0; j < n; j++) {
        m->mean[j] /= (double)count;
    }
    double away[FEATURES_MAX];
    assert(n <= FEATURES_MAX && count >= 2);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < n; j++) {
            away[j] = (double)features[i * n + j] - m->mean[j];
        }
        add_products(m->covariance, away, n);
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double const value = m->covariance[i * n + j] / (double)(count - 1);
            m->covariance[i * n + j] = value;
            m->covariance[j * n + i] = value;
        }
    }
}

/* -------- Frechet distance -------- */

/* out = a b, shape (n, n) each */
PBTI_NN_WIDE
static void multiply(double *restrict out, const double *restrict a, const double *restrict b,
                     size_t n)
{
    memset(out, 0, n * n * sizeof out[0]);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            double const factor = a[i * n + k];
            for (size_t j = 0; j < n; j++) {
                out[i * n + j] += factor * b[k * n + j];
            }
        }
    }
}

/* The trace of the root of root b root. `scratch` has shape (2 n n + n). */
static double trace_of_root(const double *root, const double *b, double *scratch, size_t n)
{
    double *const left = scratch, *const both = scratch + n * n, *const values = both + n * n;
    multiply(left, root, b, n);
    multiply(both, left, root, n);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            double const middle = 0.5 * (both[i * n + j] + both[j * n + i]);
            both[i * n + j] = middle;
            both[j * n + i] = middle;
        }
    }
    pbti_nn_symmetric_eigen(values, NULL, both, n);
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += values[i] < 0.0 ? 0.0 : sqrt(values[i]);
    }
    return sum;
}

pbt_status pbti_gan_frechet(double *distance, const struct pbti_gan_moments *a, const double *root,
                            const struct pbti_gan_moments *b, struct pbt_error *err)
{
    size_t const n = a->size;
    double *const scratch = malloc((2 * n * n + n) * sizeof(double));
    if (scratch == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for the distance of %zu features", n);
    }
    double sum = -2.0 * trace_of_root(root, b->covariance, scratch, n);
    for (size_t i = 0; i < n; i++) {
        double const away = a->mean[i] - b->mean[i];
        sum += away * away + a->covariance[i * n + i] + b->covariance[i * n + i];
    }
    free(scratch);
    *distance = sum < 0.0 ? 0.0 : sum;
    return PBT_OK;
}
