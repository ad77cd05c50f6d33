/* SPDX-License-Identifier: Apache-2.0 */
/* data_pictures.c - labelled pictures from files, see data_pictures.h. */
#include "data/data_pictures.h"
#include "data/idx.h"
#include "nn/nn_base.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };
enum { CIFAR_SIDE = 32, CIFAR_PLANE = CIFAR_SIDE * CIFAR_SIDE, CIFAR_RECORD = 1 + 3 * CIFAR_PLANE };
enum { CIFAR_FILES = 5, CIFAR_RECORDS_MAX = 1000000 };

static bool is_there(const char *folder, const char *name, const char *ending)
{
    char path[PATH_SIZE];
    int const length = snprintf(path, sizeof path, "%s/%s%s", folder, name, ending);
    return length > 0 && (size_t)length < sizeof path && access(path, F_OK) == 0;
}

static bool has_idx(const char *folder, const char *name)
{
    return is_there(folder, name, "") || is_there(folder, name, ".gz");
}

/* -------- idx -------- */

static pbt_status read_idx(struct pbti_pictures *p, const char *folder, bool test, bool four,
                           struct pbt_error *err)
{
    const char *const prefix = test ? "t10k" : "train";
    char name[64];
    struct pbti_idx images, labels;
    (void)snprintf(name, sizeof name, "%s-images-idx%d-ubyte", prefix, four ? 4 : 3);
    pbt_status status = pbti_idx_read(folder, name, four ? 4 : 3, four ? 4 : 3, &images, err);
    if (status != PBT_OK) { return status; }
    (void)snprintf(name, sizeof name, "%s-labels-idx1-ubyte", prefix);
    status = pbti_idx_read(folder, name, 1, 1, &labels, err);
    if (status != PBT_OK) {
        pbti_idx_deinit(&images);
        return status;
    }
    p->bytes = images.bytes; /* both now belong to `p` */
    p->labels = labels.bytes;
    p->count = images.sizes[0];
    p->rows = images.sizes[1];
    p->columns = images.sizes[2];
    p->channels = four ? images.sizes[3] : 1;
    if (images.sizes[0] != labels.sizes[0]) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "the \"%s\" files in \"%s\" disagree: %u pictures, %u labels", prefix,
                            folder, images.sizes[0], labels.sizes[0]);
    }
    if (p->channels != 1 && p->channels != 3) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "the pictures in \"%s\" have %u channels; allowed are 1 and 3", folder,
                            p->channels);
    }
    return PBT_OK;
}

/* -------- CIFAR-10 -------- */

/* Records of the file, 0 when it does not exist. */
static pbt_status count_records(const char *path, uint32_t *records, struct pbt_error *err)
{
    struct stat facts;
    *records = 0;
    if (stat(path, &facts) != 0) {
        if (errno == ENOENT) { return PBT_OK; }
        return pbti_nn_fail(err, PBT_EIO, "could not read file \"%s\": %s", path, strerror(errno));
    }
    if (facts.st_size == 0 || facts.st_size % CIFAR_RECORD != 0 ||
        facts.st_size / CIFAR_RECORD > CIFAR_RECORDS_MAX) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "file \"%s\" has %lld bytes; CIFAR-10's files are records of %d bytes, "
                            "1 to %d of them",
                            path, (long long)facts.st_size, (int)CIFAR_RECORD,
                            (int)CIFAR_RECORDS_MAX);
    }
    *records = (uint32_t)(facts.st_size / CIFAR_RECORD);
    return PBT_OK;
}

static void unpack(struct pbti_pictures *p, const uint8_t record[CIFAR_RECORD])
{
    uint8_t *const to = p->bytes + (size_t)p->count * 3 * CIFAR_PLANE;
    p->labels[p->count++] = record[0];
    for (size_t i = 0; i < CIFAR_PLANE; i++) {
        for (size_t c = 0; c < 3; c++) {
            to[3 * i + c] = record[1 + c * CIFAR_PLANE + i];
        }
    }
}

/* Add the records of one file. */
static pbt_status read_records(struct pbti_pictures *p, const char *path, uint32_t records,
                               struct pbt_error *err)
{
    size_t const total = (size_t)p->count + records;
    uint8_t *const bytes = realloc(p->bytes, total * 3 * CIFAR_PLANE);
    if (bytes != NULL) { p->bytes = bytes; }
    uint8_t *const labels = realloc(p->labels, total);
    if (labels != NULL) { p->labels = labels; }
    if (bytes == NULL || labels == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for the %u pictures of \"%s\"", records,
                            path);
    }
    FILE *const file = fopen(path, "rb");
    if (file == NULL) {
        return pbti_nn_fail(err, PBT_EIO, "could not open file \"%s\": %s", path, strerror(errno));
    }
    uint8_t record[CIFAR_RECORD];
    pbt_status status = PBT_OK;
    for (uint32_t i = 0; i < records && status == PBT_OK; i++) {
        if (fread(record, 1, sizeof record, file) == sizeof record) {
            unpack(p, record);
        } else {
            status =
                pbti_nn_fail(err, PBT_EIO, "could not read record %u of file \"%s\"", i + 1, path);
        }
    }
    (void)fclose(file);
    return status;
}

static pbt_status read_cifar(struct pbti_pictures *p, const char *folder, bool test,
                             struct pbt_error *err)
{
    p->rows = p->columns = CIFAR_SIDE;
    p->channels = 3;
    int const files = test ? 1 : CIFAR_FILES;
    for (int i = 1; i <= files; i++) {
        char path[PATH_SIZE];
        int const length = test ? snprintf(path, sizeof path, "%s/test_batch.bin", folder)
                                : snprintf(path, sizeof path, "%s/data_batch_%d.bin", folder, i);
        if (length < 0 || (size_t)length >= sizeof path) {
            return pbti_nn_fail(err, PBT_EINVAL, "the path \"%.200s...\" is too long", folder);
        }
        uint32_t records = 0;
        pbt_status status = count_records(path, &records, err);
        if (status != PBT_OK) { return status; }
        if (records == 0) { break; }
        status = read_records(p, path, records, err);
        if (status != PBT_OK) { return status; }
    }
    return PBT_OK;
}

/* -------- either -------- */

static pbt_status read_any(struct pbti_pictures *p, const char *folder, bool test,
                           struct pbt_error *err)
{
    if (has_idx(folder, test ? "t10k-images-idx3-ubyte" : "train-images-idx3-ubyte")) {
        return read_idx(p, folder, test, false, err);
    }
    if (has_idx(folder, test ? "t10k-images-idx4-ubyte" : "train-images-idx4-ubyte")) {
        return read_idx(p, folder, test, true, err);
    }
    if (is_there(folder, test ? "test_batch.bin" : "data_batch_1.bin", "")) {
        return read_cifar(p, folder, test, err);
    }
    return pbti_nn_fail(err, PBT_ENOENT,
                        "the folder \"%s\" has no pictures: neither %s-images-idx3-ubyte, nor "
                        "%s-images-idx4-ubyte (or either with .gz), nor %s",
                        folder, test ? "t10k" : "train", test ? "t10k" : "train",
                        test ? "test_batch.bin" : "data_batch_1.bin");
}

pbt_status pbti_pictures_load(struct pbti_pictures *pictures, const char *folder, bool test,
                              struct pbt_error *err)
{
    *pictures = (struct pbti_pictures){0};
    pbt_status const status = read_any(pictures, folder, test, err);
    if (status != PBT_OK) {
        pbti_pictures_deinit(pictures);
        return status;
    }
    pictures->size = (size_t)pictures->rows * pictures->columns * pictures->channels;
    for (size_t i = 0; i < pictures->count; i++) {
        uint32_t const classes = (uint32_t)pictures->labels[i] + 1;
        if (classes > pictures->classes) { pictures->classes = classes; }
    }
    return PBT_OK;
}

void pbti_pictures_deinit(struct pbti_pictures *pictures)
{
    free(pictures->bytes);
    free(pictures->labels);
    *pictures = (struct pbti_pictures){0};
}

PBTI_NN_WIDE
void pbti_pictures_to_floats(float *x, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        x[i] = (float)bytes[i] / 127.5f - 1.0f;
    }
}

void pbti_pictures_to_bytes(uint8_t *bytes, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float const value = (x[i] + 1.0f) * 127.5f;
        bytes[i] = !(value > 0.0f) ? 0 : value >= 255.0f ? 255 : (uint8_t)lroundf(value);
    }
}
