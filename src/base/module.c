/* SPDX-License-Identifier: Apache-2.0 */
/* base/module.c - finding and opening modules; see module.h. */
#include "base/module.h"

#include "base/fail.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pbt_status fail(const struct pbti_module *module, const char *why, struct pbt_error *err)
{
    (void)PBTI_FAIL(err, PBT_EINVAL, 0, "this pbt has no %s: %s", module->what, why);
    if (err != NULL) { pbti_fail_hint(err, "%s", module->hint); }
    return PBT_EINVAL;
}

/* "DIR/FOLDER/NAME.so" of a file in DIR; false when it is too long. */
static bool beside(char path[PATH_MAX], const char *file, const char *folder, const char *name)
{
    const char *const slash = strrchr(file, '/');
    int const dir = slash == NULL ? 1 : (int)(slash - file);
    int const size =
        snprintf(path, PATH_MAX, "%.*s/%s/%s.so", dir, slash == NULL ? "." : file, folder, name);
    return size > 0 && size < PATH_MAX;
}

/* Is `file` in the folder of modules: is it a module itself, which opens another one? */
static bool is_module(const char *file)
{
    static const char folder[] = "/pbt/";
    const char *const slash = strrchr(file, '/');
    size_t const size = sizeof folder - 1;
    return slash != NULL && (size_t)(slash + 1 - file) >= size &&
           memcmp(slash + 1 - size, folder, size) == 0;
}

/* The file of the module, or false. */
static bool find(const char *name, char path[PATH_MAX])
{
    const char *const chosen = getenv("PBT_MODULES");
    if (chosen != NULL && chosen[0] != '\0') {
        int const size = snprintf(path, PATH_MAX, "%s/%s.so", chosen, name);
        return size < PATH_MAX && access(path, R_OK) == 0;
    }
    Dl_info own;
    static char const here = 0; /* an address inside this library, or this program */
    char file[PATH_MAX];
    if (dladdr(&here, &own) == 0 || own.dli_fname == NULL) { return false; }
    if (strchr(own.dli_fname, '/') == NULL || realpath(own.dli_fname, file) == NULL) {
        /* a program that was found by PATH says its bare name */
        ssize_t const size = readlink("/proc/self/exe", file, sizeof file - 1);
        if (size < 0) { return false; }
        file[size] = '\0';
    }
    if (is_module(file) && beside(path, file, ".", name) && access(path, R_OK) == 0) {
        return true;
    }
    if (beside(path, file, "pbt", name) && access(path, R_OK) == 0) { return true; }
    return beside(path, file, PBT_MODULES_FROM_BIN, name) && access(path, R_OK) == 0;
}

pbt_status pbti_module_open(const struct pbti_module *module, const void **table,
                            struct pbt_error *err)
{
    *table = module->builtin;
    if (module->builtin != NULL) { return PBT_OK; }
    char path[PATH_MAX];
    if (!find(module->name, path)) {
        char why[80];
        (void)snprintf(why, sizeof why, "its module %s.so was not found", module->name);
        return fail(module, why, err);
    }
    /* Its own copy of what it shares with us comes first, and nothing of it is seen by others. */
    void *const handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const char *const trouble = handle == NULL ? dlerror() : NULL;
    if (handle == NULL) { return fail(module, trouble == NULL ? path : trouble, err); }
    const struct pbti_module_symbol *const symbol = dlsym(handle, "pbt_module");
    if (symbol == NULL || strcmp(symbol->version, PBT_VERSION) != 0) {
        (void)dlclose(handle);
        return fail(module, "its module belongs to another version of pbt", err);
    }
    *table = symbol->table;
    return PBT_OK;
}
