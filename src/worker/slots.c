/* SPDX-License-Identifier: Apache-2.0 */
/* worker/slots.c - what this machine has. See slots.h. */
#include "worker/slots.h"

#include "base/fail.h"
#include "worker/run.h"

#include <assert.h>
#include <dirent.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -------- processors -------- */

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t affinity_cpus(void)
{
    long const online = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t count = online > 0 ? (uint32_t)online : 1;
    /* a mask of fixed size is refused by machines with more processors: grow it */
    for (size_t most = 1024; most <= 65536; most *= 4) {
        cpu_set_t *const set = CPU_ALLOC(most);
        size_t const size = CPU_ALLOC_SIZE(most);
        if (set == NULL) { break; }
        bool const known = sched_getaffinity(0, size, set) == 0;
        if (known) { count = (uint32_t)CPU_COUNT_S(size, set); }
        CPU_FREE(set);
        if (known) { break; }
    }
    return count;
}

uint32_t pbti_quota_cpus(const char *text)
{
    double quota, period;
    if (sscanf(text, "%lf %lf", &quota, &period) != 2 || !(quota > 0.0) || !(period > 0.0)) {
        return UINT32_MAX;
    }
    double const cpus = quota / period;
    return cpus < 1.0 ? 1 : cpus > 1e6 ? UINT32_MAX : (uint32_t)cpus;
}

/* First line of a small file; false when it cannot be read. */
static bool read_line(const char *path, char *line, int size)
{
    FILE *const file = fopen(path, "re");
    if (file == NULL) { return false; }
    bool const read = fgets(line, size, file) != NULL;
    (void)fclose(file);
    if (read) { line[strcspn(line, "\n")] = '\0'; }
    return read;
}

static uint32_t quota_of_v1(const char *folder)
{
    char path[PATH_MAX], quota[64], both[160];
    (void)snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
    if (!read_line(path, quota, sizeof quota)) { return UINT32_MAX; }
    char period[64];
    (void)snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
    if (!read_line(path, period, sizeof period)) { return UINT32_MAX; }
    (void)snprintf(both, sizeof both, "%s %s", quota, period);
    return pbti_quota_cpus(both);
}

/* The tightest limit of a cgroup and those above it. */
static uint32_t quota_of(const char *root, const char *group, bool v2)
{
    char folder[PATH_MAX], path[PATH_MAX], line[128];
    uint32_t cpus = UINT32_MAX;
    size_t const bottom = strlen(root);
    int const used = snprintf(folder, sizeof folder, "%s%s", root, group);
    if (used < 0 || (size_t)used >= sizeof folder - 32) { return cpus; }
    for (;;) {
        if (v2) {
            (void)snprintf(path, sizeof path, "%s/cpu.max", folder);
            if (read_line(path, line, sizeof line)) { cpus = min_u32(cpus, pbti_quota_cpus(line)); }
        } else {
            cpus = min_u32(cpus, quota_of_v1(folder));
        }
        char *const slash = strrchr(folder, '/');
        if (slash == NULL || strlen(folder) <= bottom) { return cpus; }
        *slash = '\0';
        if (strlen(folder) < bottom) { return cpus; }
    }
}

/* /proc/self/cgroup: "0::/user.slice" (v2) or "4:cpu,cpuacct:/docker/..." (v1). Inside a container
 * the path is often that of the host; the root of the mount then still has the limit. */
static uint32_t cgroup_cpus(void)
{
    uint32_t cpus = UINT32_MAX;
    FILE *const file = fopen("/proc/self/cgroup", "re");
    char line[PATH_MAX];
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *const kinds = strchr(line, ':');
        char *const group = kinds != NULL ? strchr(kinds + 1, ':') : NULL;
        if (group == NULL) { continue; }
        *group = '\0';
        if (kinds[1] == '\0') {
            cpus = min_u32(cpus, quota_of("/sys/fs/cgroup", group + 1, true));
        } else if (strstr(kinds + 1, "cpu") == kinds + 1 && strstr(kinds, "cpuset") == NULL) {
            cpus = min_u32(cpus, quota_of("/sys/fs/cgroup/cpu", group + 1, false));
        }
    }
    if (file != NULL) { (void)fclose(file); }
    return cpus;
}

/* What Slurm has given this task: not every cluster confines its jobs by affinity or cgroups. */
static uint32_t slurm_cpus(void)
{
    const char *text = getenv("SLURM_CPUS_PER_TASK");
    if (text == NULL) { text = getenv("SLURM_CPUS_ON_NODE"); }
    unsigned long const cpus = text != NULL ? strtoul(text, NULL, 10) : 0;
    return cpus > 0 && cpus < UINT32_MAX ? (uint32_t)cpus : UINT32_MAX;
}

uint32_t pbti_machine_cpus(void)
{
    uint32_t const cpus = min_u32(min_u32(affinity_cpus(), cgroup_cpus()), slurm_cpus());
    return cpus > 0 ? cpus : 1;
}

/* -------- GPUs -------- */

static void list_given(const char *text, struct pbti_strings *gpus)
{
    /* what container runtimes and batch systems write for no GPU at all */
    static const char *const none[] = {"NoDevFiles", "none", "void"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        if (strcmp(text, none[i]) == 0) { return; }
    }
    while (*text != '\0') {
        size_t const size = strcspn(text, ",");
        /* CUDA ignores everything from the first invalid entry on, and -1 is the usual one */
        if (size == 0 || strncmp(text, "-1", size) == 0) { return; }
        pbti_strings_add(gpus, "%.*s", (int)size, text);
        text += size + (text[size] == ',' ? 1 : 0);
    }
}

void pbti_machine_gpus(struct pbti_strings *gpus)
{
    for (size_t i = 0; pbti_gpu_variables[i] != NULL; i++) {
        const char *const given = getenv(pbti_gpu_variables[i]);
        if (given != NULL) {
            list_given(given, gpus);
            return;
        }
    }
    DIR *const dir = opendir("/proc/driver/nvidia/gpus");
    const struct dirent *item;
    while (dir != NULL && (item = readdir(dir)) != NULL) {
        if (item->d_name[0] != '.') { pbti_strings_add(gpus, "%zu", gpus->count); }
    }
    if (dir != NULL) { (void)closedir(dir); }
    /* WSL 2 has no such folder, but a device for all GPUs together; one is sure to be there */
    if (dir == NULL && access("/dev/dxg", F_OK) == 0) { pbti_strings_add(gpus, "0"); }
}

/* How many slots share a GPU: 1 unless less than one is asked for. */
static uint32_t slots_a_gpu(double per_slot)
{
    return per_slot > 0.0 && per_slot < 1.0 ? (uint32_t)(1.0 / per_slot + 1e-9) : 1;
}

uint64_t pbti_gpus_needed(uint64_t slots, double per_slot)
{
    if (!(per_slot > 0.0)) { return 0; }
    if (per_slot >= 1.0) { return slots * (uint64_t)per_slot; }
    uint32_t const sharing = slots_a_gpu(per_slot);
    return (slots + sharing - 1) / sharing;
}

uint64_t pbti_slots_on(uint64_t gpus, double per_slot)
{
    assert(per_slot > 0.0);
    return per_slot >= 1.0 ? gpus / (uint64_t)per_slot : gpus * slots_a_gpu(per_slot);
}

char *pbti_slot_gpus(const struct pbti_strings *gpus, uint32_t slot, double per_slot)
{
    if (per_slot < 0.0) { return NULL; }
    if (!(per_slot > 0.0)) { return gpus->count > 0 ? strdup("") : NULL; }
    uint32_t const whole = per_slot < 1.0 ? 1 : (uint32_t)per_slot;
    char *text = NULL;
    size_t size = 0;
    FILE *const stream = open_memstream(&text, &size);
    if (stream == NULL) { return NULL; }
    for (uint32_t i = 0; i < whole; i++) {
        size_t const index = (size_t)(slot / slots_a_gpu(per_slot)) * whole + i;
        if (index < gpus->count) {
            (void)fprintf(stream, "%s%s", i > 0 ? "," : "", gpus->items[index]);
        }
    }
    if (fclose(stream) == 0) { return text; }
    free(text);
    return NULL;
}

/* -------- slots -------- */

static uint32_t count_gpus(void)
{
    struct pbti_strings gpus = {0};
    pbti_machine_gpus(&gpus);
    uint32_t const count = (uint32_t)gpus.count;
    pbti_strings_free(&gpus);
    return count;
}

uint32_t pbti_slots_auto(const struct pbti_spec *spec)
{
    uint32_t const cpus = spec->trainer.cpus > 0 ? spec->trainer.cpus : 1;
    uint32_t slots = pbti_machine_cpus() / cpus;
    if (spec->trainer.gpus > 0.0) {
        slots = min_u32(slots, (uint32_t)pbti_slots_on(count_gpus(), spec->trainer.gpus));
    }
    slots = min_u32(slots, pbti_config_members(&spec->config));
    return slots > 0 ? slots : 1;
}

pbt_status pbti_slots_count(const struct pbti_spec *spec, uint32_t asked, uint32_t *count,
                            struct pbt_error *err)
{
    const struct pbti_trainer *const trainer = &spec->trainer;
    uint32_t const wanted = asked > 0 ? asked : spec->slots;
    *count = wanted > 0 ? wanted : pbti_slots_auto(spec);
    uint32_t const cpus = pbti_machine_cpus();
    if (trainer->cpus > cpus) {
        (void)PBTI_FAIL(err, PBT_EINVAL, 0,
                        "trainer.resources: a member needs %u cpus, this machine has %u",
                        trainer->cpus, cpus);
        pbti_fail_hint(err, "say how many it may use: --set trainer.resources.cpus=%u", cpus);
        return PBT_EINVAL;
    }
    uint32_t const gpus = trainer->gpus > 0.0 ? count_gpus() : 0;
    if (pbti_gpus_needed(*count, trainer->gpus) > gpus) {
        return PBTI_FAIL(err, PBT_EINVAL, 0,
                         "trainer.resources: %u slot%s of %g gpu%s each; this machine shows %u",
                         *count, *count == 1 ? "" : "s", trainer->gpus,
                         trainer->gpus == 1.0 ? "" : "s", gpus);
    }
    return PBT_OK;
}
