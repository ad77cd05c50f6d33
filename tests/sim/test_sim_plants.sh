#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_sim_plants.sh - the simulator finds bugs that are planted at its own seams: a journal that is
# not atomic or forgets, a store that deletes or overwrites, trainers without limits.
set -euo pipefail
sim="$PBT_BUILD_DIR/pbt_sim"
seeds=200
missed=0

# plant NAME RULE...: found, by one of these rules (disk: more is stored than needed).
plant() {
    local said broken
    if said=$("$sim" --count "$seeds" --plant "$1" 2>/dev/null); then
        echo "not found in $seeds seeds: $1"
        missed=$((missed + 1))
        return
    fi
    broken=$(sed -n 's/.*: rule \([0-9a-z]*\):.*/\1/p;q' <<<"$said")
    if [[ " ${*:2} " != *" $broken "* ]]; then
        echo "$1 was found by another rule than ${*:2}: $said"
        missed=$((missed + 1))
    else
        echo "found $1: ${said%%$'\n'*}"
    fi
}

plant stale_append 12
plant lost_ack 12
plant torn_batch 12
# What is not in the journal is missing, or its checkpoint is taken for waste.
plant landed_lies 12 13
plant early_drop 13
plant wrong_weights 1
plant no_limits 15
plant overwrite disk
[ "$missed" -eq 0 ]
