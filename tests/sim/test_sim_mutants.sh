#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# test_sim_mutants.sh - the simulator finds bugs in the real code. Each mutant is one changed line
# of core, journal or worker, compiled from a copy; pbt_sim has to break a rule within a few hundred
# seeds. A line that is no longer there fails the test: move the mutant to where the rule is now.
set -euo pipefail
source_dir=${PBT_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}
cc=${CC:-cc}
seeds=1500
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tries=0
missed=0

mkdir -p "$work/plain" "$work/objects"
cp -r "$source_dir/src" "$source_dir/include" "$work/plain/"
cp -r "$source_dir/tests/sim" "$work/plain/src/"

# The simulator needs the memory journal alone.
cat > "$work/plain/src/journal/none.c" <<'C'
#include "journal/journal_backends.h"
const struct pbti_journal_vtab pbti_journal_sqlite = {.version = 1, .scheme = "sqlite"};
const struct pbti_journal_vtab pbti_journal_dir = {.version = 1, .scheme = "dir"};
C

# compile ROOT FILE OBJECT
compile() {
    "$cc" -std=c17 -O1 -ffp-contract=off -D_GNU_SOURCE -DPBT_MODULES_FROM_BIN='"none"' \
        -I"$1/src" -I"$1/include" -c "$1/src/$2" -o "$3"
}

cd "$work/plain/src"
files=$(ls base/{rng,bytes,module,stats,status,version}.c core/*.c sim/*.c \
    journal/{none,batch,follower,journal,journal_memory,journal_opts}.c \
    worker/{agent,failures,observations}.c)
cd "$work"
for file in $files; do
    compile "$work/plain" "$file" "$work/objects/${file//\//_}.o" &
    while [ "$(jobs -r | wc -l)" -ge 2 ]; do wait -n; done
done
wait

# link OUT REPLACED: all objects, with $work/mutant.o in the place of REPLACED
link() {
    local out=$1 replaced=$2 objects=()
    for file in $files; do
        if [ "$file" = "$replaced" ]; then
            objects+=("$work/mutant.o")
        else
            objects+=("$work/objects/${file//\//_}.o")
        fi
    done
    "$cc" "${objects[@]}" -ljansson -lm -o "$out"
}

# mutant FILE OLD NEW WHAT: OLD is a text that is in FILE exactly once.
mutant() {
    local file=$1 old=$2 new=$3 what=$4 said
    tries=$((tries + 1))
    rm -rf "$work/changed" && cp -r "$work/plain" "$work/changed"
    if ! python3 - "$work/changed/src/$file" "$old" "$new" <<'PY'
import sys
path, old, new = sys.argv[1:4]
text = open(path).read()
if text.count(old) != 1:
    sys.exit(f"{path.split('/src/')[1]} has {text.count(old)} times: {old}")
open(path, "w").write(text.replace(old, new))
PY
    then
        missed=$((missed + 1))
        return
    fi
    if ! compile "$work/changed" "$file" "$work/mutant.o"; then
        echo "does not compile: $what"
        missed=$((missed + 1))
        return
    fi
    link "$work/mutant_sim" "$file"
    if said=$(timeout 60 "$work/mutant_sim" --count "$seeds" --jobs 2 2>&1); then
        echo "NOT FOUND in $seeds seeds: $what"
        missed=$((missed + 1))
    else
        echo "found: $what -- ${said%%$'\n'*}"
    fi
}

# nothing changed, nothing found
link "$work/plain_sim" ""
"$work/plain_sim" --count 300 2>/dev/null

# -------- core --------
mutant core/state.c 'member->score_source == PBTI_SCORE_OWN &&' \
    'member->score_source != PBTI_SCORE_NONE &&' 'a clone is copied before its first own report'
mutant core/state.c 'return config->maximize ? score : -score;' 'return score;' \
    'the goal minimize is ignored'
mutant core/state.c 'if (!isfinite(score)) { return -INFINITY; }' \
    'if (isnan(score)) { return -INFINITY; }' 'an infinite score ranks'
mutant core/state.c 'return member->steps >= config->steps ||' \
    'return member->steps > config->steps ||' 'the end of the budget comes one segment late'
mutant core/state.c 'return life < steps ? life : steps;' 'return steps;' 'max_age is ignored'
mutant core/exploit_truncation.c \
    'if (decision->rank <= ranking->count - size) { return; }' \
    'if (decision->rank < ranking->count - size) { return; }' 'the bottom group is one larger'
mutant core/exploit_truncation.c \
    'uint32_t const donors = pbti_rank_donors(&state->rank, ranking, size);' \
    'uint32_t const donors = pbti_rank_donors(&state->rank, ranking, ranking->count - 1);' \
    'donors come from everywhere'
mutant core/decide.c 'm->steps < config->burn_in' 'm->steps <= config->burn_in' \
    'burn-in lasts one judgement longer'
mutant core/exploit_equal_age.c \
    '(peers->keys[i] == key && i < member)' '(peers->keys[i] == key && i > member)' \
    'at equal age ties go to the higher index'
mutant core/exploit_equal_age.c 'bool const may = i != left_out && isfinite(peers->keys[i]) &&' \
    'bool const may = isfinite(peers->keys[i]) &&' 'at equal age a member may copy itself'
mutant core/exploit.c 'other - own >= config->gap_min' 'other - own <= config->gap_min' \
    'the minimum gap is the wrong way round'
mutant core/fold.c 'bool const last = pbti_ring_alone(state, node);' 'bool const last = true;' \
    'a checkpoint is deleted while another member starts from it'
mutant core/fold.c '    m->age = donor->age;' '' "a clone keeps its own weights' age"
mutant core/fold.c '    m->scores_count = 0;
    m->scores_mean = m->scores_squares = 0.0;' '' 'a clone keeps its window of scores'
mutant core/fold.c '    m->revivals = 0;' '' 'revivals are never forgotten'
mutant core/fold.c 'pbti_enter(state, member, through ? PBTI_DONE : PBTI_WAITING);' \
    'pbti_enter(state, member, PBTI_WAITING);' 'an amend below the steps of a running member'
mutant core/fold.c \
    '.failures >= state->config->retries;' '.failures + 1 >= state->config->retries;' \
    'one retry less'
mutant core/explore.c 'if (config->space.hp[i].frozen) { continue; }' '' \
    'a frozen hyperparameter is explored'
mutant core/fold.c '        if (pbti_decision_due_member(state) != PBTI_NO_MEMBER &&' \
    '        if (pbti_decision_due_member(state) == PBTI_NO_MEMBER &&' \
    'decisions of a generation come into force one by one'

mutant core/state.c 'pbti_decay_left(&state->config->decay[i], m->age, span)' \
    'pbti_decay_left(&state->config->decay[i], m->steps, span)' "decay goes by the member's steps"
mutant core/promote.c 'm->phase == PBTI_PAUSED && m->steps <= behind' 'm->phase == PBTI_PAUSED' \
    'a rung is judged before all have reached it'
mutant core/promote.c 'place.rank < pbti_rung_keeps(config, bracket, rung) &&' \
    'place.rank <= pbti_rung_keeps(config, bracket, rung) &&' 'a rung promotes one more'
mutant core/promote.c 'place.rank < place.count / state->config->eta' \
    'place.rank <= place.count / state->config->eta' 'asha promotes one more'
mutant core/promote.c '(keys[i] == keys[member] && i < member)' \
    '(keys[i] == keys[member] && i > member)' 'at a rung ties go to the higher index'
mutant core/promote.c '    if (!isfinite(keys[member])) { return true; }' '' \
    'a score that is not a number is not stopped'
mutant core/promote.c 'uint64_t const at = (count - 1) * (eta - 1);' \
    'uint64_t const at = count * (eta - 1) - 1;' 'the cutoff of asha is another quantile'
mutant core/rungs.c 'all / (halvings + 1) + (all % (halvings + 1) != 0 ? 1 : 0)' \
    'all / (halvings + 1)' 'brackets are rounded down'
mutant core/state.c '        if (state->rung_rows > 0) { break; }' '' \
    'an amend wakes what was eliminated'
mutant core/state.c 'm->failures = m->revivals = 0;' 'm->failures = 0;' \
    'a revived member has no revivals'
mutant core/state.c '        if (rung - m->steps < steps) { steps = rung - m->steps; }' '' \
    'a segment runs past a rung'

# a rare state: a study whose proposals fail, amended before a member has begun
seeds=9000 mutant core/state.c 'if (m->reported == 0) { return first_phase(' \
    'if (m->reported == 77) { return first_phase(' 'who comes back before it began expects nothing'

# -------- follower and agent --------
mutant journal/follower.c 'if (status == PBT_EUNKNOWN) { status = find_out(follower, id, err); }' \
    'if (status == PBT_EUNKNOWN) { status = PBT_OK; }' 'a lost answer is taken for a yes'
mutant journal/follower.c '        follower->spec_staged = false;
    }
    follower->torn = true;
    follower->folded = follower->shadow_seq;' '        follower->spec_staged = false;
    }
    follower->torn = true;' 'going back forgets where the shadow stands'
mutant worker/agent.c 'slot->withdrawn = slot->verdict.owner != PBTI_OWNER_MEMBER;' \
    'slot->withdrawn = false;' 'a failure of the place is counted against the member'
mutant worker/failures.c 'case PBTI_ORIGIN_START:' \
    'case PBTI_ORIGIN_START: return PBTI_OWNER_MEMBER;' \
    'what ends before hello is the member'"'"'s failure'
mutant worker/agent.c 'return pbti_state_member(state, task->member)->claim == task->claim;' \
    'return pbti_state_member(state, task->member)->claim != 0;' 'a claim is taken for our own'
mutant worker/agent.c 'if (failed || !slot->reported) {' \
    'if (failed) {' 'the checkpoint of a zombie stays'
mutant worker/agent.c 'PBTI_TRY(stage_release(agent, i, m->claim, PBTI_RELEASE_LOST, err));' \
    'continue;' "a dead worker's claims stay"
mutant worker/agent.c 'm->start.segment > 0 && pbti_checkpoint_equal(m->start, slot->held)' \
    'm->start.segment > 0 && slot->last == task->member' \
    'a slot goes on with old weights after an exploit'
mutant worker/agent.c 'if (!agent->joined) { PBTI_TRY(stage_self(agent, PBTI_WORKER, err)); }' \
    'if (agent->opts.process == 0) { PBTI_TRY(stage_self(agent, PBTI_WORKER, err)); }' \
    'a worker claims without having joined'

mutant worker/agent.c '    if (failed || !slot->reported) { drop(agent, saved_by(&slot->task)); }' \
    '    drop(agent, saved_by(&slot->task));' 'what was saved is deleted although it was reported'
mutant worker/agent.c '        follow_state(agent);
        status = append_all(agent, err);' '        status = append_all(agent, err);' \
    'after a conflict the old claims are taken for granted'
mutant worker/agent.c '    if (agent->leaving && agent->joined) {' '    if (agent->leaving) {' \
    'a worker leaves that never joined'
mutant worker/agent.c '        if (slot->late.claim == 0) { continue; }' \
    '        if (slot->late.claim != 1) { continue; }' 'nobody says that a result came too late'

echo "$tries mutants, $missed missed"
[ "$missed" -eq 0 ]
