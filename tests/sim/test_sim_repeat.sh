#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_sim_repeat.sh - a seed repeats itself exactly: the same trace (every event, act and time) in
# two processes, whatever ran before it, and however many jobs share the seeds.
set -euo pipefail
sim="$PBT_BUILD_DIR/pbt_sim"

# Run pbt_sim and print what it says on standard output.
say() { "$sim" "$@" 2>/dev/null; }

first=$(say --seeds 100..199)
again=$(say --seeds 100..199)
jobs=$(say --seeds 100..199 --jobs 3)
log=$(say --seed 150 --verbose | md5sum)
log_again=$(say --seed 150 --verbose | md5sum)
other=$(say --seeds 200..299)

fail() { echo "test_sim_repeat: $1"; exit 1; }
[ "$first" = "$again" ] || fail "two runs differ: $first / $again"
[ "$first" = "$jobs" ] || fail "three jobs differ from one: $first / $jobs"
[ "$log" = "$log_again" ] || fail "two logs of one seed differ"
[ "$first" != "$other" ] || fail "other seeds have the same trace"
case "$first" in *"trace "*) ;; *) fail "no trace in: $first" ;; esac
