/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/replay_main.c - runs a fuzz target over stored inputs, without libFuzzer.
 *
 *     fuzz_NAME PATH...      each PATH is a file, or a folder whose files are run in name order
 *
 * Every input is handed over in a heap block of exactly its size, so that the address sanitizer
 * sees a read past its end. The empty input is always tried. Exit code 1 when there was no file at
 * all: a replay that replays nothing must not look like a success.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Run one file; false when it cannot be read. */
static bool replay_file(const char *path)
{
    FILE *const file = fopen(path, "rb");
    struct stat info;
    if (file == NULL || fstat(fileno(file), &info) != 0) {
        (void)fprintf(stderr, "cannot read \"%s\": %s\n", path, strerror(errno));
        if (file != NULL) { (void)fclose(file); }
        return false;
    }
    size_t const size = (size_t)info.st_size;
    uint8_t *const data = malloc(size > 0 ? size : 1);
    bool const complete = data != NULL && fread(data, 1, size, file) == size;
    (void)fclose(file);
    if (complete) {
        (void)printf("%s (%zu bytes)\n", path, size);
        (void)fflush(stdout);
        (void)LLVMFuzzerTestOneInput(data, size);
    }
    free(data);
    return complete;
}

/* Run all files of a folder; returns how many, or -1 after a failure. */
static int replay_folder(const char *path)
{
    struct dirent **entries = NULL;
    int const count = scandir(path, &entries, NULL, alphasort);
    int files = count < 0 ? -1 : 0;
    for (int i = 0; i < count; i++) {
        char name[4096];
        int const length = snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        if (files >= 0 && entries[i]->d_name[0] != '.' && length < (int)sizeof name) {
            files = replay_file(name) ? files + 1 : -1;
        }
        free(entries[i]);
    }
    free(entries);
    return files;
}

int main(int argc, char **argv)
{
    static const uint8_t nothing[1] = {0};
    (void)LLVMFuzzerTestOneInput(nothing, 0);
    int files = 0;
    for (int i = 1; i < argc; i++) {
        struct stat info;
        if (stat(argv[i], &info) != 0) {
            (void)fprintf(stderr, "cannot read \"%s\": %s\n", argv[i], strerror(errno));
            return 1;
        }
        int const done =
            S_ISDIR(info.st_mode) ? replay_folder(argv[i]) : (replay_file(argv[i]) ? 1 : -1);
        if (done < 0) { return 1; }
        files += done;
    }
    (void)printf("%d inputs\n", files);
    return files > 0 ? 0 : 1;
}
