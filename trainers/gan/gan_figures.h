/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gan_figures.h - what a judge says of a set of pictures, and of three sets that everyone can
 * place: test pictures, pictures that train, and noise. Values of different judges, or of different
 * numbers of pictures, cannot be compared; these say where the ends of the scale are.
 */
#ifndef PBTI_TRAINERS_GAN_FIGURES_H
#define PBTI_TRAINERS_GAN_FIGURES_H

#include "gan/gan_judge.h"

struct pbti_gan_figures {
    double inception;
    double frechet;              /* to the features of all pictures that train */
    double classes;              /* how many classes appear: exp of their entropy */
    double split_mean, split_sd; /* of the Inception score in 10 parts, as in the literature */
};

struct pbti_gan_references {
    struct pbti_gan_figures test; /* NaN: there are no test pictures */
    struct pbti_gan_figures train, noise;
};

/* Write `batch` pictures, numbered from `first` on, to x, values in [-1, 1]. */
typedef void pbti_gan_source(void *context, float *x, uint32_t first, uint32_t batch);

/*
 * Judge `count` pictures, at least 2, which `source` gives in batches of PBTI_GAN_JUDGE_BATCH.
 *
 * Errors      PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_gan_judge_pictures(struct pbti_gan_judge *judge,
                                                 pbti_gan_source *source, void *context,
                                                 uint32_t count, struct pbti_gan_figures *figures,
                                                 struct pbt_error *err);

/*
 * Judge so many pictures of each reference, evenly spread over their set; fewer where it is
 * smaller.
 *
 * train       in, the pictures that train, the first `train_count` of them
 * test        in, NULL: none
 *
 * Errors      PBT_ENOMEM
 */
PBT_NODISCARD pbt_status pbti_gan_judge_references(struct pbti_gan_judge *judge,
                                                   const struct pbti_pictures *train,
                                                   uint32_t train_count,
                                                   const struct pbti_pictures *test, uint32_t count,
                                                   struct pbti_gan_references *references,
                                                   struct pbt_error *err);

#endif
