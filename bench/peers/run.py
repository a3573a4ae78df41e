#!/usr/bin/env python3
"""Pelton beside Apache Kafka: the same workloads on the same machine, in turns.

    bench/peers/run.py                       everything: about an hour
    bench/peers/run.py --quick               three workloads and their latency: at most 5 minutes
    bench/peers/run.py --only single,16x1000-8p
    bench/peers/run.py --only groups         consumer groups of 1,000 members: about 15 minutes
    bench/peers/run.py --quick --only groups the same with 100 members: about 4 minutes

Needs Linux, Python 3.11, taskset, and Java 17 and Maven for Kafka, which is fetched as tools/compat does. Results go
to bench/results/<date>-<machine>/: summary.md, the raw figures of each run, and what the brokers said.
"""

import argparse
import datetime
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(ROOT / "tools" / "compat")]

import broker as brokers  # noqa: E402
import machine  # noqa: E402
import plan  # noqa: E402
import summary  # noqa: E402

QUICK_SECONDS = 270
DISK_BYTES_MAX = 10 << 30
# For what is written between two looks at the disk, and for a ring that is being made.
DISK_BYTES_SPARE = 1 << 30
LOOK_EVERY = 0.5
RUN_SECONDS_MAX = 300


class PinnedBroker(brokers.Broker):
    """A broker on given cores."""

    def __init__(self, kind, directory, port, args, cpus):
        super().__init__(kind, directory, port, args)
        self.cpus = cpus

    def _command(self):
        return machine.pinned(self.cpus, super()._command())


class Stopped(Exception):
    """A run was ended: too long, or too much on the disk."""


class Peers:
    def __init__(self, options, results, command):
        self.options, self.results = options, results
        self.broker_cpus, self.load_cpus = machine.cpus_of(options.cpus), machine.cpus_of(options.load_cpus or options.cpus)
        self.work = Path(options.work).resolve() / f"pelton-peers-{os.getpid()}"
        self.work.mkdir(parents=True)
        keep = machine.available_bytes() - (4 << 30) if options.page_cache is None else options.page_cache << 30
        self.page_cache = machine.PageCache(self.work, keep)
        self.system_names = options.systems.split(",")
        self.begin, self.left_out, self.number = time.monotonic(), [], 0
        (results / "runs").mkdir(parents=True)
        (results / "logs").mkdir()
        self.setting = {
            "name": results.name,
            "command": command,
            "quick": options.quick,
            "machine": machine.describe(self.work),
            "broker_cpus": ",".join(map(str, self.broker_cpus)),
            "load_cpus": ",".join(map(str, self.load_cpus)),
            "kafka_heap": os.environ.get("KAFKA_HEAP", "1G"),
            "systems": {
                system.name: system.says for system in plan.ALL_SYSTEMS if system.name in self.system_names
            },
            "page_cache_bytes": max(keep, 0),
            "notes": "Each run has a broker with an empty folder; the same shape of load went through it before, both"
            " ways, and one second of warm-up. The page cache was filled before. Latencies of half-load runs count from"
            " when a request was due. Before a group of consumers is measured, a smaller one has lived.",
        }
        self.save_setting()

    def save_setting(self):
        self.setting["left_out"] = self.left_out
        (self.results / "setting.json").write_text(json.dumps(self.setting, indent=2) + "\n")

    def run(self):
        chosen = plan.workloads()
        if self.options.only:
            names = self.options.only.split(",")
            chosen = [workload for workload in chosen if any(name in workload.name for name in names)]
        elif self.options.quick:
            chosen = [workload for workload in chosen if workload.name in plan.QUICK]
        if not chosen:
            sys.exit("no workload has such a name: " + ", ".join(workload.name for workload in plan.workloads()))
        self.disk()
        for workload in chosen:
            self.measure(workload)
        rates = summary.throughputs(summary.load(self.results))
        by_name = {workload.name: workload for workload in chosen}
        for name in plan.HALF_LOAD:
            for pair in plan.PAIRS:
                if name in by_name and (workload := plan.half_load(by_name[name], pair, rates)):
                    self.measure(workload)
        self.save_setting()
        summary.write(self.results)

    def disk(self):
        """The device alone, first: what all others stand beside."""
        seconds = "1" if self.options.quick else "3"
        path = self.results / "disk.json"
        command = [str(brokers.PELTON), "bench", "disk", "--dir", str(self.work), "--seconds", seconds, "--json", str(path)]
        with open(self.results / "disk.txt", "w") as out:
            subprocess.run(machine.pinned(self.load_cpus, command), stdout=out, check=True, timeout=RUN_SECONDS_MAX)

    def measure(self, workload):
        for system, round_ in plan.turns(workload, self.options.rounds, self.system_names):
            if self.options.quick and time.monotonic() - self.begin > QUICK_SECONDS:
                self.left_out.append(f"{workload.name} ({system.name}, round {round_})")
                continue
            self.number += 1
            run = self.turn(workload, system, round_)
            name = f"{self.number:03}-{workload.name}-{system.name}-{round_}.json"
            (self.results / "runs" / name).write_text(json.dumps(run, indent=1) + "\n")
            summary.write(self.results)
            said = summary.in_short(run)
            print(f"{time.monotonic() - self.begin:5.0f} s  {workload.name}  {system.name}  {said}", flush=True)

    def turn(self, workload, system, round_):
        """One life of one broker, from an empty folder until the folder is gone."""
        directory = self.work / system.name
        args = workload.bench_args(self.options.quick)
        broker_args = plan.broker_args(system, workload)
        run = {
            "workload": workload.name,
            "system": system.name,
            "round": round_,
            "broker_args": list(broker_args),
            "settings": list(workload.settings),
            "command": shlex.join(["pelton", "bench", *args]),
        }
        self.page_cache.fill()
        broker = PinnedBroker(system.kind, directory, brokers.free_port(), broker_args, self.broker_cpus)
        try:
            run["start_seconds"] = round(broker.start(), 3)
            self.bench(workload.warm_args(self.options.quick), broker, directory, None)
            figures = self.work / "figures.json"
            run["table"] = self.bench([*args, "--pid", str(broker.pid)], broker, directory, figures)
            run["bench"] = json.loads(figures.read_text())
        except (Stopped, brokers.BrokerError) as error:
            run["failed"] = str(error)
        finally:
            broker.stop()
            log = directory / "broker.log"
            if log.exists():
                shutil.copy(log, self.results / "logs" / f"{self.number:03}-{system.name}.log")
            shutil.rmtree(directory, ignore_errors=True)
        return run

    def bench(self, args, broker, directory, figures):
        """Runs `pelton bench`, keeps an eye on the disk, and returns its table."""
        command = [str(brokers.PELTON), "bench", *args, "--bootstrap", broker.bootstrap, "--quiet"]
        if figures:
            command += ["--json", str(figures)]
        process = subprocess.Popen(
            machine.pinned(self.load_cpus, command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        deadline = time.monotonic() + RUN_SECONDS_MAX
        while True:
            try:
                out, err = process.communicate(timeout=LOOK_EVERY)
                break
            except subprocess.TimeoutExpired:
                used = machine.used_bytes(directory)
                reason = None
                if used > DISK_BYTES_MAX - DISK_BYTES_SPARE:
                    reason = f"stopped: {used} bytes on the disk"
                elif time.monotonic() > deadline:
                    reason = f"stopped: no end in {RUN_SECONDS_MAX} s"
                if reason:
                    process.send_signal(signal.SIGKILL)
                    process.communicate()
                    raise Stopped(reason) from None
        if process.returncode != 0:
            raise Stopped(f"pelton bench: {err.strip()}")
        return out

    def clean(self):
        self.page_cache.remove()
        shutil.rmtree(self.work, ignore_errors=True)


def options_of(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few workloads, short: at most 5 minutes")
    parser.add_argument("--only", metavar="NAME,...", help="workloads whose names contain one of these")
    parser.add_argument("--systems", metavar="NAME,...", default=",".join(system.name for system in plan.SYSTEMS))
    parser.add_argument("--rounds", type=int, default=2, help="how often each system has its turn (2)")
    parser.add_argument("--cpus", metavar="LIST", help="cores of the broker, as taskset takes them; all")
    parser.add_argument("--load-cpus", metavar="LIST", help="cores of the load; the broker's")
    parser.add_argument("--work", metavar="DIR", default=".", help="where brokers keep their data: the disk that is meant")
    parser.add_argument("--page-cache", metavar="GIB", type=int, help="to fill before each run; all but 4 GiB")
    parser.add_argument("--results", metavar="DIR", help="instead of bench/results/<date>-<machine>")
    options = parser.parse_args(argv)
    known = [system.name for system in plan.ALL_SYSTEMS]
    for name in options.systems.split(","):
        if name not in known:
            parser.error(f"no system {name}; there are {', '.join(known)}")
    return options


def main(argv):
    options = options_of(argv)
    if not brokers.PELTON.exists():
        sys.exit(f"{brokers.PELTON} is missing: cargo build --release")
    name = f"{datetime.date.today().isoformat()}-{os.uname().nodename}"
    results = Path(options.results or HERE.parent / "results" / name).resolve()
    if results.exists():
        sys.exit(f"{results} exists: name another with --results")
    # SIGTERM, too, ends what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results.mkdir(parents=True)
    peers = Peers(options, results, shlex.join(["bench/peers/run.py", *argv]))
    try:
        peers.run()
    finally:
        peers.clean()
    print(results / "summary.md")


if __name__ == "__main__":
    main(sys.argv[1:])
