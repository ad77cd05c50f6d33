#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""postgres_server.py - a PostgreSQL server of Debian's packages for tests, in a folder of its own.

As a module: `Server` starts one; it ends with stop(). As a program, for tests in C: it prints
`FOLDER PORT` when the server answers, obeys the lines `immediate` (stop it hard), `start` and `sql
STATEMENT`, answering each with a line, and stops everything when its input ends, however that
happens. Without the packages it leaves with 77.

The server has one user, `pbt`: over the socket in FOLDER without a password, over 127.0.0.1 with
the password in PASSWORD. It has a database `pbt`.
"""

import glob
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

PASSWORD = "correct horse"
NAMES = ("postgres", "nobody")  # whom root becomes: PostgreSQL refuses to run as root


def programs():
    """The folder of PostgreSQL's programs, of the newest version; None: not installed."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
    return found[-1] if found and os.access(f"{found[-1]}/postgres", os.X_OK) else None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server."""

    def __init__(self, durable=False, connections=60):
        self.bin = programs()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pbt-pg-", dir="/tmp"))
        self.port = free_port()
        self.data = self.folder / "data"
        self.prefix = ()
        self.durable = durable
        self.connections = connections
        if os.geteuid() == 0:
            there = {entry.pw_name: entry for entry in pwd.getpwall()}
            entry = next(there[name] for name in NAMES if name in there)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            self.prefix = ("setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}",
                           "--clear-groups")
        self.folder.chmod(0o755)
        secret = self.folder / "secret"
        secret.write_text(PASSWORD + "\n", encoding="utf-8")
        self.run("initdb", "-D", self.data, "-U", "pbt", "--auth-local=trust",
                 "--auth-host=scram-sha-256", f"--pwfile={secret}", "--no-sync", "--locale=C",
                 "--encoding=UTF8")
        self.start()
        self.sql("CREATE DATABASE pbt", database="postgres")

    def run(self, program, *arguments):
        done = subprocess.run([*self.prefix, f"{self.bin}/{program}", *map(str, arguments)],
                              cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False, env={"PATH": os.environ["PATH"]})
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self):
        options = (f"-k {self.folder} -p {self.port} -h 127.0.0.1 "
                   f"-c max_connections={self.connections} -c shared_buffers=16MB "
                   f"-c fsync={'on' if self.durable else 'off'}")
        # pg_ctl's output goes to files: the server would hold a pipe open
        with open(os.devnull, "wb") as null:
            subprocess.run([*self.prefix, f"{self.bin}/pg_ctl", "-D", self.data, "-w", "-o",
                            options, "-l", self.folder / "log", "start"], cwd=self.folder,
                           stdin=null, stdout=null, stderr=null, check=True)

    def halt(self, mode="immediate"):
        self.run("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")

    def sql(self, statement, database="pbt"):
        return self.run("psql", "-X", "-A", "-t", "-q", "-h", self.folder, "-p", self.port, "-U",
                        "pbt", "-d", database, "-c", statement).strip()

    def url(self, host=None):
        """Of the database, over the socket or over TCP; no study is named."""
        return f"postgresql://pbt@/pbt?host={host or self.folder}&port={self.port}"

    def stop(self):
        try:
            self.halt()
        except RuntimeError:
            pass  # it is down already
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    if programs() is None:
        sys.exit(77)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # through the `finally` below
    server = Server(durable="--durable" in sys.argv)
    try:
        print(server.folder, server.port, flush=True)
        for line in sys.stdin:
            command, _, rest = line.strip().partition(" ")
            if command == "immediate":
                server.halt()
            elif command == "start":
                server.start()
            answer = server.sql(rest) if command == "sql" else ""
            print(answer.replace("\n", " "), flush=True)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
