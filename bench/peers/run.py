#!/usr/bin/env python3
"""Pelton beside Apache Kafka: the same workloads on the same machine, in turns.

    bench/peers/run.py                       everything: some two hours
    bench/peers/run.py --goals               what the goals are about, and a table of them: at most 25 minutes
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
import failures  # noqa: E402
import machine  # noqa: E402
import plan  # noqa: E402
import starts  # noqa: E402
import summary  # noqa: E402

# For what is written between two looks at the disk, and for a ring that is being made.
DISK_BYTES_SPARE = 1 << 30
LOOK_EVERY = 0.5
RUN_SECONDS_MAX = 300
COMMAND_SECONDS_MAX = 120
# Until every partition that was written to has its file. A broker may keep its first batches elsewhere for ten seconds.
FILES_SECONDS_MAX = 60


class PinnedBroker(brokers.Broker):
    """A broker on given cores."""

    def __init__(self, kind, directory, port, args, cpus):
        super().__init__(kind, directory, port, args)
        self.cpus = cpus

    def _command(self):
        return machine.pinned(self.cpus, super()._command())


def command_line(args):
    """As a reader would type it; which broker, and which folder, changes from run to run."""
    return shlex.join(["pelton", "bench", *args])


class Stopped(Exception):
    """A run was ended: too long, or too much on the disk."""


class NotAllTaken(Stopped):
    """The broker did not take all of the load. There are figures all the same, which say so."""

    def __init__(self, reason, told):
        super().__init__(reason)
        self.told = told


class Peers:
    def __init__(self, options, results, command):
        self.options, self.results = options, results
        self.pace = plan.GOALS if options.goals else plan.QUICK if options.quick else plan.FULL
        self.broker_cpus, self.load_cpus = machine.cpus_of(options.cpus), machine.cpus_of(options.load_cpus or options.cpus)
        self.work = Path(options.work).resolve() / f"pelton-peers-{os.getpid()}"
        self.work.mkdir(parents=True)
        keep = machine.available_bytes() - (4 << 30) if options.page_cache is None else options.page_cache << 30
        self.page_cache = machine.PageCache(self.work, keep)
        self.system_names = options.systems.split(",")
        self.begin, self.left_out, self.number = time.monotonic(), [], 0
        self.disk_bytes_max = 0
        (results / "runs").mkdir(parents=True)
        (results / "logs").mkdir()
        self.setting = {
            "name": results.name,
            "command": command,
            "pace": self.pace.name,
            "rounds": options.rounds,
            "machine": machine.describe(self.work),
            "broker_cpus": ",".join(map(str, self.broker_cpus)),
            "load_cpus": ",".join(map(str, self.load_cpus)),
            "kafka_heap": os.environ.get("KAFKA_HEAP", "1G"),
            "systems": {
                system.name: system.says for system in plan.SYSTEMS if system.name in self.system_names
            },
            "page_cache_bytes": max(keep, 0),
            "notes": "Each run has a broker with an empty folder; the same shape of load went through it before, both"
            " ways, and one second of warm-up; where there are 100 partitions or more, to the same topic, and each had its"
            " file before. The page cache was filled before. Latencies of half-load runs count from"
            " when a request was due. Before a group of consumers is measured, a smaller one has lived.",
        }
        self.save_setting()

    def save_setting(self):
        self.setting["left_out"] = self.left_out
        (self.results / "setting.json").write_text(json.dumps(self.setting, indent=2) + "\n")

    def run(self):
        chosen = plan.chosen(self.pace, self.options.only.split(",") if self.options.only else [])
        if not chosen:
            sys.exit("no workload has such a name: " + ", ".join(workload.name for workload in plan.workloads()))
        self.disk()
        for workload in chosen:
            self.measure(workload)
            rates = summary.throughputs(summary.load(self.results))
            for pair in plan.pairs_at_half_load(workload, self.pace):
                if half := plan.half_load(workload, pair, rates):
                    self.measure(half)
        self.save_setting()
        summary.write(self.results)

    def disk(self):
        """The device alone, first: what all others stand beside."""
        seconds = f"{self.pace.disk_seconds:g}"
        path = self.results / "disk.json"
        command = [str(brokers.PELTON), "bench", "disk", "--dir", str(self.work), "--seconds", seconds, "--json", str(path)]
        with open(self.results / "disk.txt", "w") as out:
            subprocess.run(machine.pinned(self.load_cpus, command), stdout=out, check=True, timeout=RUN_SECONDS_MAX)

    def measure(self, workload):
        for system, round_ in plan.turns(workload, self.options.rounds, self.system_names, self.pace):
            if time.monotonic() - self.begin > self.pace.seconds_in_all:
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
        """The device's turn, or one life of one broker, from an empty folder until the folder is gone."""
        run = {"workload": workload.name, "system": system.name, "round": round_, "settings": list(workload.settings)}
        self.disk_bytes_max = workload.disk_bytes_max
        directory = self.work / system.name
        try:
            if system is plan.DISK:
                directory.mkdir()
                args = workload.disk_args(self.pace)
                run["command"] = command_line(args)
                run["table"], run["bench"] = self.bench([*args, "--dir", str(directory)], directory, self.json())
            else:
                self.life(workload, system, directory, run)
        except (Stopped, brokers.BrokerError, subprocess.SubprocessError) as error:
            run["failed"] = str(error)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        return run

    def life(self, workload, system, directory, run):
        args = workload.bench_args(self.pace)
        broker_args = list(plan.broker_args(system, workload))
        run |= {"broker_args": broker_args, "command": command_line(args)}
        if workload.command == "compaction" and system.kind == "pelton":
            # How much was read only Pelton's metrics tell.
            metrics = ["--metrics", f"127.0.0.1:{brokers.free_port()}"]
            args, broker_args = [*args, *metrics], [*broker_args, *metrics]
        self.page_cache.fill()
        broker = PinnedBroker(system.kind, directory, brokers.free_port(), broker_args, self.broker_cpus)
        to_broker = ["--bootstrap", broker.bootstrap]
        try:
            run["start_seconds"] = round(broker.start(), 3)
            if workload.command == "start":
                run["bench"] = starts.measure(workload, self.pace, broker, self)
                return
            if warm_args := workload.warm_args(self.pace):
                args = [*args, *self.warm(workload, warm_args, to_broker, directory, run)]
            of_broker = [*to_broker, "--pid", str(broker.pid)]
            try:
                run["table"], run["bench"] = self.bench([*args, *of_broker], directory, self.json())
            except NotAllTaken as not_all:
                run["table"], run["bench"] = not_all.told
        finally:
            # Its folder goes with it: there is nothing to be kept.
            broker.kill()
            log = directory / "broker.log"
            if log.exists():
                shutil.copy(log, self.results / "logs" / f"{self.number:03}-{system.name}.log")

    def warm(self, workload, args, to_broker, directory, run):
        """What goes before. The topic's flags, if it is to be measured with the one that was filled."""
        if not workload.is_filled_first:
            self.bench([*args, *to_broker], directory)
            return []
        run["filled_by"] = command_line(args)
        _, filled = self.bench([*args, *to_broker], directory, self.json())
        begin = time.monotonic()
        while (count := machine.logs_with_data(directory)) < workload.partitions:
            if time.monotonic() - begin > FILES_SECONDS_MAX:
                raise Stopped(f"stopped: {count} of {workload.partitions} partitions have files after {FILES_SECONDS_MAX} s")
            time.sleep(LOOK_EVERY)
        run["files_seconds"] = round(time.monotonic() - begin, 1)
        run["command"] += " --topic FILLED"
        return ["--topic", filled["repeats"][0]["topic"]]

    def json(self):
        return self.work / "figures.json"

    def bench(self, args, directory, figures=None):
        """Runs `pelton bench` with an eye on the disk. Its table, and what it wrote to the file `figures`."""
        command = [*args, "--quiet"]
        if figures:
            command += ["--json", str(figures)]
            # Of the run before, they would be taken for those of one that ends early.
            figures.unlink(missing_ok=True)
        process = self.begin_bench(command)
        deadline = time.monotonic() + RUN_SECONDS_MAX
        while True:
            try:
                out, err = process.communicate(timeout=LOOK_EVERY)
                break
            except subprocess.TimeoutExpired:
                used = machine.used_bytes(directory)
                reason = None
                if used > self.disk_bytes_max - DISK_BYTES_SPARE:
                    reason = f"stopped: {used} bytes on the disk"
                elif time.monotonic() > deadline:
                    reason = f"stopped: no end in {RUN_SECONDS_MAX} s"
                if reason:
                    process.send_signal(signal.SIGKILL)
                    process.communicate()
                    raise Stopped(reason) from None
        text = figures.read_text() if figures and figures.exists() else ""
        told = out, json.loads(text) if text else None
        if process.returncode != 0:
            reason = f"pelton bench: {err.strip()}"
            raise NotAllTaken(reason, told) if failures.text(told[1]) else Stopped(reason)
        return told

    def pelton(self, args):
        """Another sub-command, to its end. What it says."""
        command = [str(brokers.PELTON), *args]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX).stdout

    def begin_bench(self, args):
        """`pelton bench` on the cores of the load."""
        command = machine.pinned(self.load_cpus, [str(brokers.PELTON), "bench", *args])
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def clean(self):
        self.page_cache.remove()
        shutil.rmtree(self.work, ignore_errors=True)


def options_of(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    paces = parser.add_mutually_exclusive_group()
    paces.add_argument("--goals", action="store_true", help="what the goals are about: at most 25 minutes")
    paces.add_argument("--quick", action="store_true", help="few workloads, short: at most 5 minutes")
    parser.add_argument("--only", metavar="NAME,...", help="workloads whose names contain one of these")
    parser.add_argument("--systems", metavar="NAME,...", default=",".join(system.name for system in plan.SYSTEMS))
    parser.add_argument("--rounds", type=int, default=2, help="how often each system has its turn (2)")
    parser.add_argument("--cpus", metavar="LIST", help="cores of the broker, as taskset takes them; all")
    parser.add_argument("--load-cpus", metavar="LIST", help="cores of the load; the broker's")
    parser.add_argument("--work", metavar="DIR", default=".", help="where brokers keep their data: the disk that is meant")
    parser.add_argument("--page-cache", metavar="GIB", type=int, help="to fill before each run; all but 4 GiB")
    parser.add_argument("--results", metavar="DIR", help="instead of bench/results/<date>-<machine>")
    options = parser.parse_args(argv)
    known = [system.name for system in plan.SYSTEMS]
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
    if any(system.kind == "kafka" and system.name in options.systems.split(",") for system in plan.SYSTEMS):
        # Not as part of a start, which is given two minutes.
        jars = [str(brokers.HERE / "kafka" / "kafka.sh"), "jars"]
        subprocess.run(jars, stdout=subprocess.DEVNULL, check=True)
    peers = Peers(options, results, shlex.join(["bench/peers/run.py", *argv]))
    try:
        peers.run()
    finally:
        peers.clean()
    print(results / "summary.md")


if __name__ == "__main__":
    main(sys.argv[1:])
