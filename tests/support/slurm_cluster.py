#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""slurm_cluster.py - a Slurm cluster on one machine, of Debian's packages, for tests.

`Cluster` starts munged, slurmctld and a slurmd for each node, in a folder and on ports of their
own; it ends with stop(). Each node has a host name of its own, so that `pbt` takes the workers on
them for those of different machines, which they would be. As a program it starts one, prints how to
use it, and stops it when its input ends.

Needs root, which Slurm's daemons run as here. Nothing is asked of cgroups: processes are tracked by
their parents, and a node's CPUs and GPUs are what its configuration says.
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "unshare", "setpriv")
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
CPUS, GPUS = 8, 2  # of each node
REQUEUE_SECONDS = 5  # how long a job waits at least that goes back into the queue; Slurm's minimum

CONFIGURATION = """
ClusterName=pbt
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CryptoType=crypto/munge
AuthInfo=socket={folder}/munge.socket,cred_expire={requeue}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
GresTypes=gpu
ReturnToService=2
KillWait=10
MinJobAge=10
SlurmdParameters=config_overrides
NodeName={names} NodeAddr=127.0.0.1 Port={ports} CPUs={cpus} CoresPerSocket={cpus} Gres=gpu:{gpus}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def why_not():
    """What is missing here; None: nothing."""
    if os.geteuid() != 0:
        return "only root may start Slurm's daemons"
    if subprocess.run(["unshare", "--uts", "true"], check=False, capture_output=True).returncode:
        return "host names of one's own are not allowed here"
    missing = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    return f"not installed: {', '.join(missing)}" if missing else None


def free_ports(count):
    """Ports in a row, which the configuration can name as a range."""
    for first in range(17000 + os.getpid() % 250 * 50, 32000, 50):  # others look, too
        probes = []
        try:
            for port in range(first, first + count):
                probes.append(socket.socket())
                probes[-1].bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
    raise RuntimeError("there are no free ports")


class Cluster:
    """A running cluster."""

    def __init__(self, nodes=3):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pbt-slurm-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.nodes = [f"n{number + 1}" for number in range(nodes)]
        self.configuration = self.folder / "slurm.conf"
        self.environment = dict(os.environ, PATH=PATH, SLURM_CONF=str(self.configuration))
        self.daemons = []
        try:
            self.configure()
            self.start()
        except BaseException:
            self.stop()
            raise

    def configure(self):
        port = free_ports(1 + len(self.nodes))
        (self.folder / "state").mkdir()
        for name in self.nodes:
            (self.folder / f"spool.{name}").mkdir()
        for number in range(GPUS):
            (self.folder / f"gpu{number}").symlink_to("/dev/null")  # it must be a device
        (self.folder / "gres.conf").write_text(
            f"Name=gpu File={self.folder}/gpu[0-{GPUS - 1}]\n", encoding="utf-8")
        self.configuration.write_text(CONFIGURATION.format(
            port=port, ports=f"[{port + 1}-{port + len(self.nodes)}]", folder=self.folder,
            names=f"n[1-{len(self.nodes)}]", cpus=CPUS, gpus=GPUS, requeue=REQUEUE_SECONDS),
            encoding="utf-8")
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)

    def spawn(self, name, *command):
        """Start a daemon that ends with us, its output in a file."""
        with open(self.folder / f"{name}.log", "ab") as log:
            self.daemons.append(subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *map(str, command)], env=self.environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder))

    def start(self):
        place = self.folder / "munge"
        self.spawn("munged", "munged", "--foreground", "--force",
                   f"--key-file={self.folder}/munge.key", f"--socket={self.folder}/munge.socket",
                   f"--pid-file={place}.pid", f"--log-file={place}.out",
                   f"--seed-file={place}.seed")
        self.wait_for(lambda: (self.folder / "munge.socket").exists(), "munged")
        self.spawn("slurmctld", "slurmctld", "-D", "-i")
        for name in self.nodes:
            self.spawn(f"slurmd.{name}", "unshare", "--uts", "sh", "-c",
                       'hostname "$1" && exec slurmd -D -N "$1"', "sh", name)
        self.wait_for(lambda: self.states() == ["idle"] * len(self.nodes), "idle nodes")

    def wait_for(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end or any(one.poll() is not None for one in self.daemons):
                logs = "".join(path.read_text(errors="replace")[-2000:]
                               for path in sorted(self.folder.glob("*.log")))
                raise RuntimeError(f"there is no {what}:\n{logs}")
            time.sleep(0.05)

    def run(self, *command, check=True):
        """Run one of Slurm's commands; what it prints."""
        done = subprocess.run([*map(str, command)], env=self.environment, check=False, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True)
        if check and done.returncode != 0:
            raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")
        return done.stdout

    def states(self):
        """Of the nodes, in order."""
        return self.run("sinfo", "--noheader", "--Node", "--format=%T", check=False).split()

    def tasks(self, job=None):
        """{task: (state, node)} of the jobs in the queue, or of one."""
        lines = self.run("squeue", "--noheader", "--array", "--format=%F|%i|%T|%N").splitlines()
        found = [line.split("|") for line in lines]
        return {task: (state, node) for array, task, state, node in found if job in (None, array)}

    def stop(self):
        if len(self.daemons) > 1:
            self.run("scancel", "--user=root", check=False)
            self.run("scancel", "--user=root", "--signal=KILL", "--full", check=False)
            end = time.monotonic() + 15
            while self.tasks_or_none() and time.monotonic() < end:
                time.sleep(0.1)
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in reversed(self.daemons):
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def tasks_or_none(self):
        try:
            return self.tasks()
        except RuntimeError:
            return None


def main():
    problem = why_not()
    if problem is not None:
        print(f"skipped: {problem}", file=sys.stderr)
        sys.exit(77)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # through the `finally` below
    cluster = Cluster()
    try:
        print(f"export SLURM_CONF={cluster.configuration}", flush=True)
        sys.stdin.read()
    finally:
        cluster.stop()


if __name__ == "__main__":
    main()
