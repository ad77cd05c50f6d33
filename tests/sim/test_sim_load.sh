#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_sim_fleet.sh - what a fleet of workers asks of a journal: one append for each segment, with
# its report, the decision and the next claim, and one for a worker that joins; a slot waits for
# the append and not longer while the server has time, and for the queue when it has not.
set -euo pipefail
sim="$PBT_BUILD_DIR/pbt_sim"
fail() { echo "test_sim_fleet: $1"; exit 1; }

idle=$("$sim" --fleet 40 --segments 4)
[ "$idle" = "$("$sim" --fleet 40 --segments 4)" ] || fail "two runs differ"
segments=${idle%% segments*}
appends=${idle#*; }
appends=${appends%% appends*}
# a member's age may come from its donor, so that a few segments fewer are trained
[ "$segments" -le 160 ] && [ "$segments" -ge 150 ] || fail "$segments segments of 160"
[ "$appends" -eq $((segments + 40)) ] || fail "$appends appends for $segments segments, 40 workers"

wait_of() { "$sim" "$@" | sed -n 's/.*slot waits \([0-9]*\)\..*/\1/p'; }
[ "$(wait_of --fleet 40 --append-us 1000)" -eq 1 ] || fail "an idle server makes slots wait"
busy=$(wait_of --fleet 40 --segment-us 100000 --append-us 5000)
[ "$busy" -ge 50 ] || fail "40 appends of 5 ms in 100 ms make a slot wait $busy ms only"
