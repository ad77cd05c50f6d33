#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# train.sh - a one_shot trainer: a fresh process for every segment, no client, no socket.
#
# What to do arrives in the environment (docs/protocol.md, "One-shot trainers"); the result is the
# last line of standard output, here a bare number. Any program can be wrapped like this. Alone:
#
#     PBT_STEPS=10 PBT_SEED=1 PBT_LOAD= PBT_SAVE= PBT_HP_LR=0.05 PBT_HP_BALANCE=1 sh train.sh
#
# The "network" is two parameters a and b, which start far out. Training descends a valley that is
# ten times steeper in b than in a; `balance` scales the step in b, `lr` both. The score is the
# negative height: 0 is best. A little noise in each step comes from the segment's seed.
set -eu

state="0.9 0.9"
if [ -n "$PBT_LOAD" ]; then
    state=$(cat "$PBT_LOAD/state")
fi

# awk's generator takes a small seed: the last eight digits of the 64-bit one. 17 digits carry a
# double exactly, so that a reloaded run equals an unbroken one.
digits=$(printf '%s' "$PBT_SEED" | tail -c 8)
result=$(awk -v state="$state" -v lr="$PBT_HP_LR" -v balance="$PBT_HP_BALANCE" \
             -v steps="$PBT_STEPS" -v seed="$digits" '
    BEGIN {
        split(state, at, " "); a = at[1] + 0; b = at[2] + 0
        srand(seed + 0)
        for (step = 1; step <= steps + 0; step++) {
            a -= lr * (2 * a + 0.1 * (rand() - 0.5))
            b -= lr * balance * (20 * b + 0.1 * (rand() - 0.5))
        }
        printf "%.17g %.17g %.17g\n", a, b, -(a * a + 10 * b * b)
    }')

if [ -n "$PBT_SAVE" ]; then
    echo "${result% *}" > "$PBT_SAVE/state"
fi
echo "${result##* }"
