/* SPDX-License-Identifier: Apache-2.0 */
/* nn_file.c - a whole file in memory, see nn_file.h. */
#include "nn/nn_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static pbt_status read_open(FILE *file, const char *path, uint64_t size_max, uint8_t **bytes,
                            size_t *size, struct pbt_error *err)
{
    struct stat info;
    if (fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode)) {
        return pbti_nn_fail(err, PBT_EIO, "checkpoint \"%s\" is not a regular file", path);
    }
    if ((uint64_t)info.st_size > size_max) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "checkpoint \"%s\" is of another network: it has %llu bytes, one of "
                            "the network asked for at most %llu",
                            path, (unsigned long long)info.st_size, (unsigned long long)size_max);
    }
    *size = (size_t)info.st_size;
    *bytes = malloc(*size + 1);
    if (*bytes == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory to read a checkpoint of %zu bytes", *size);
    }
    if (fread(*bytes, 1, *size, file) == *size) { return PBT_OK; }
    free(*bytes);
    *bytes = NULL;
    return pbti_nn_fail(err, PBT_EIO, "could not read checkpoint \"%s\"", path);
}

pbt_status pbti_nn_read_file(const char *path, uint64_t size_max, uint8_t **bytes, size_t *size,
                             struct pbt_error *err)
{
    *bytes = NULL;
    *size = 0;
    FILE *const file = fopen(path, "rb");
    if (file == NULL) {
        return pbti_nn_fail(err, errno == ENOENT ? PBT_ENOENT : PBT_EIO,
                            "could not open checkpoint \"%s\": %s", path, strerror(errno));
    }
    pbt_status const status = read_open(file, path, size_max, bytes, size, err);
    (void)fclose(file);
    return status;
}
