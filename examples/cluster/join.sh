#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# join.sh - one study on all nodes of a job: run it once a node by any launcher.
#
#     srun --ntasks-per-node=1 join.sh study.yaml /shared/fashion --journal dir
#     mpirun --map-by ppr:1:node --bind-to none join.sh study.yaml /shared/fashion --journal dir
#
# The task with rank 0 begins the study, or goes on with it when it is there; the others wait until
# there is a study and join it. When the job ends before the study (SIGTERM at its time limit), the
# same command in the next job goes on. Options after the folder are those of `pbt run`.
#
# PBT_JOIN_WAIT: for how many seconds the others wait for the study (300).
set -eu

if [ $# -lt 2 ]; then
    echo "usage: join.sh SPEC DIR [options of pbt run]" >&2
    exit 2
fi
spec=$1
dir=$2
shift 2
pbt=${PBT:-pbt}

# Slurm, Open MPI, PMI (MPICH, Intel MPI); alone without a launcher.
rank=${SLURM_PROCID:-${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-0}}}

is_there() {
    "$pbt" show "$dir" --json >/dev/null 2>&1
}

if [ "$rank" -eq 0 ]; then
    if is_there; then
        exec "$pbt" resume "$dir"
    fi
    exec "$pbt" run "$spec" --dir "$dir" "$@"
fi

waited=0
until is_there; do
    if [ "$waited" -ge "${PBT_JOIN_WAIT:-300}" ]; then
        echo "join.sh: there is no study in \"$dir\" after $waited s" >&2
        exit 1
    fi
    sleep 1
    waited=$((waited + 1))
done
exec "$pbt" worker "$dir" --quiet
