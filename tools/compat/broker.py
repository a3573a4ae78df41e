#!/usr/bin/env python3
"""Runs a broker, Pelton or the real Kafka, as a process that tests may kill.

    broker.py start pelton|kafka DIR PORT [ARG ...]   returns when the broker answers ApiVersions
    broker.py restart DIR                             start again what was killed or stopped there
    broker.py kill DIR                                SIGKILL, wait until it is gone
    broker.py stop DIR                                SIGTERM, wait; SIGKILL after 30 s

DIR holds the data, `broker.log`, and `broker.json`, which names the process by pid *and* start time, so
that a pid which the system has given to somebody else meanwhile is never signalled.
"""

import json
import os
import shlex
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PELTON = Path(os.environ.get("PELTON", TARGET / "release" / "pelton"))

START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 30


class BrokerError(Exception):
    """The broker did not do what was asked; the message holds the end of its log."""


class Broker:
    """One broker process and its folder. At most one process at a time."""

    def __init__(self, kind, directory, port, args=()):
        self.kind, self.dir, self.port, self.args = kind, Path(directory).resolve(), int(port), list(args)
        self.pid = self.started = None

    @classmethod
    def load(cls, directory):
        state = json.loads((Path(directory) / "broker.json").read_text())
        broker = cls(state["kind"], directory, state["port"], state["args"])
        broker.pid, broker.started = state["pid"], state["started"]
        return broker

    @property
    def bootstrap(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        """Starts the process and returns the seconds until it answered."""
        if self.alive():
            raise BrokerError(f"already running as pid {self.pid}")
        self.dir.mkdir(parents=True, exist_ok=True)
        begin = time.monotonic()
        with open(self.dir / "broker.log", "ab") as log:
            process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.pid, self.started = process.pid, _start_ticks(process.pid)
        self._save()
        while not answers(self.port):
            if not self.alive():
                raise BrokerError(f"{self.kind} ended while starting\n{self._log_end()}")
            if time.monotonic() - begin > START_SECONDS_MAX:
                self.kill()
                raise BrokerError(f"no answer on port {self.port} in {START_SECONDS_MAX} s\n{self._log_end()}")
            time.sleep(0.02)
        return time.monotonic() - begin

    def kill(self):
        """kill -9: nothing of the process gets to run any more."""
        self._end(signal.SIGKILL, STOP_SECONDS_MAX)

    def stop(self):
        self._end(signal.SIGTERM, STOP_SECONDS_MAX)

    def alive(self):
        # A zombie has ended: whoever inherits it may take its time to reap it.
        return self.pid is not None and self.started is not None and _start_ticks(self.pid) == self.started

    def _command(self):
        if self.kind == "kafka":
            return [str(HERE / "kafka" / "kafka.sh"), "run", str(self.dir), str(self.port), *self.args]
        if not PELTON.exists():
            raise BrokerError(f"{PELTON} is missing: cargo build --release")
        return [str(PELTON), "start", "--data-dir", str(self.dir / "data"), "--listen", self.bootstrap, *self.args]

    def _end(self, signum, seconds):
        if not self.alive():
            return
        os.kill(self.pid, signum)
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > deadline:
                if signum == signal.SIGKILL:
                    raise BrokerError(f"pid {self.pid} survives SIGKILL")
                print(f"{self.kind} did not stop within {seconds} s: SIGKILL", file=sys.stderr)
                return self._end(signal.SIGKILL, seconds)
            time.sleep(0.02)

    def _save(self):
        state = {k: getattr(self, k) for k in ("kind", "port", "args", "pid", "started")}
        (self.dir / "broker.json").write_text(json.dumps(state))

    def _log_end(self):
        return "\n".join((self.dir / "broker.log").read_text(errors="replace").splitlines()[-20:])


def answers(port):
    """Whether an ApiVersions v0 request gets an answer: an open port alone does not make a broker."""
    request = struct.pack(">hhih", 18, 0, 1, -1)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as link:
            link.sendall(struct.pack(">i", len(request)) + request)
            return len(link.recv(4)) == 4
    except OSError:
        return False


def free_port():
    """A port whose successor is free too: Kafka's controller takes the next one."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
                return port
            except (OSError, OverflowError):
                continue


def _start_ticks(pid):
    """The process's start time since boot, in clock ticks (proc(5), stat, field 22); None when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def main(argv):
    match argv:
        case ["start", ("pelton" | "kafka") as kind, directory, port, *args]:
            broker = Broker(kind, directory, port, args)
            seconds = broker.start()
            print(f"{kind} pid {broker.pid} answers on {broker.bootstrap} after {seconds:.2f} s")
        case ["restart", directory]:
            broker = Broker.load(directory)
            seconds = broker.start()
            print(f"{broker.kind} pid {broker.pid} answers on {broker.bootstrap} after {seconds:.2f} s")
        case [("kill" | "stop") as verb, directory]:
            getattr(Broker.load(directory), verb)()
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BrokerError as error:
        sys.exit(f"{shlex.join(sys.argv[1:])}: {error}")
