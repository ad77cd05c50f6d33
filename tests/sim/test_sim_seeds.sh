#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_sim_seeds.sh - 10,000 simulated studies (or PBT_SIM_SEEDS) break no rule: DESIGN section 5,
# rules 1 to 15, 18 and 19, as tests/sim/oracle.h lists them. A failure prints how to repeat it.
set -euo pipefail
sim="$PBT_BUILD_DIR/pbt_sim"
"$sim" --count "${PBT_SIM_SEEDS:-10000}" --jobs 2 --counts
