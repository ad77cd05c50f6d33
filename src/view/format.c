/* SPDX-License-Identifier: Apache-2.0 */
/* view/format.c - numbers as people read them. */
#include "view/format.h"

#include "core/rungs.h"
#include "spec/spec.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

void pbti_str_score(struct pbti_str *str, double score)
{
    double const size = fabs(score);
    if (isnan(score)) {
        pbti_str_add(str, "-");
    } else if (isinf(score)) {
        pbti_str_add(str, score > 0 ? "inf" : "-inf");
    } else if (size != 0 && (size < 1e-3 || size >= 1e6)) {
        pbti_str_addf(str, "%.4g", score);
    } else {
        int const decimals = size < 10      ? 4
                             : size < 100   ? 3
                             : size < 1000  ? 2
                             : size < 10000 ? 1
                                            : 0;
        pbti_str_addf(str, "%.*f", decimals, score);
    }
}

void pbti_str_count(struct pbti_str *str, uint64_t count)
{
    char digits[24];
    int const size = snprintf(digits, sizeof digits, "%" PRIu64, count);
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0) { pbti_str_add(str, ","); }
        pbti_str_add_bytes(str, digits + i, 1);
    }
}

void pbti_str_bytes(struct pbti_str *str, uint64_t bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double size = (double)bytes;
    size_t unit = 0;
    while (size >= 1023.95 && unit + 1 < sizeof units / sizeof units[0]) {
        size /= 1024;
        unit++;
    }
    pbti_str_addf(str, unit == 0 ? "%.0f %s" : "%.1f %s", size, units[unit]);
}

void pbti_str_duration(struct pbti_str *str, int64_t ms)
{
    int64_t const seconds = ms < 0 ? 0 : ms / 1000;
    int64_t const minutes = seconds / 60;
    int64_t const hours = minutes / 60;
    if (seconds < 10) {
        pbti_str_addf(str, "%.1f s", ms < 0 ? 0.0 : (double)ms / 1000);
    } else if (minutes < 1) {
        pbti_str_addf(str, "%" PRId64 " s", seconds);
    } else if (hours < 1) {
        pbti_str_addf(str, "%" PRId64 "m %02" PRId64 "s", minutes, seconds % 60);
    } else if (hours < 48) {
        pbti_str_addf(str, "%" PRId64 "h %02" PRId64 "m", hours, minutes % 60);
    } else {
        pbti_str_addf(str, "%" PRId64 "d %" PRId64 "h", hours / 24, hours % 24);
    }
}

void pbti_str_time(struct pbti_str *str, int64_t time_ms)
{
    int64_t const floored = time_ms >= 0 ? time_ms / 1000 : -((999 - time_ms) / 1000);
    time_t const seconds = (time_t)floored;
    struct tm parts;
    char text[40];
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts) == 0) {
        pbti_str_addf(str, "%" PRId64, time_ms);
        return;
    }
    pbti_str_addf(str, "%s.%03dZ", text, (int)(time_ms - floored * 1000));
}

void pbti_str_value(struct pbti_str *str, const struct pbti_space *space, uint32_t hp, double value)
{
    if (!pbti_hp_is_whole(&space->hp[hp])) {
        pbti_str_addf(str, "%.4g", value);
        return;
    }
    char text[PBTI_HP_NAME_MAX];
    (void)pbti_value_text(space, hp, value, text, sizeof text);
    pbti_str_escape(str, text, strlen(text));
}

void pbti_str_values(struct pbti_str *str, const struct pbti_space *space, const double *values)
{
    for (uint32_t i = 0; i < space->count; i++) {
        if (i > 0) { pbti_str_add(str, ", "); }
        pbti_str_escape(str, space->hp[i].name, strlen(space->hp[i].name));
        pbti_str_add(str, " ");
        pbti_str_value(str, space, i, values[i]);
    }
}

void pbti_str_budget(struct pbti_str *str, const struct pbti_config *config)
{
    bool const has_rungs = config->rungs != PBTI_RUNGS_NONE;
    pbti_str_add(str, has_rungs ? "up to " : "");
    pbti_str_count(str, config->steps);
    pbti_str_add(str, " steps each");
    if (!has_rungs) { return; }
    pbti_str_add(str, ", ");
    pbti_str_count(str, pbti_rungs_steps_total(config));
    pbti_str_add(str, " in all");
}

void pbti_str_checkpoint(struct pbti_str *str, struct pbti_checkpoint checkpoint)
{
    pbti_str_addf(str, "m%" PRIu32 ".s%" PRIu32 ".a%" PRIu32, checkpoint.member, checkpoint.segment,
                  checkpoint.attempt);
}
