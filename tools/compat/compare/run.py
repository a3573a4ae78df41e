#!/usr/bin/env python3
"""Sends the same requests to two brokers and compares the answers, field by field.

    run.py --a HOST:PORT --b HOST:PORT    A is the reference; known.toml tells where B may differ
    run.py --start                        starts a fresh Kafka as A and a fresh Pelton as B
    run.py --start --b-kafka              two fresh Kafkas: there must be no difference at all
    run.py ... --random SEED [...]        random sequences instead of the scenarios; their end is the brokers' state
    run.py ... --plant                    falsifies one of B's answers: the run must fail

Each scenario runs against A, then against B. Standard library only; encoding and decoding is done by Kafka's own
classes (java/Wire.java), which tools/compat/setup.sh fetches and compiles. The last line reads `N passed, N failed`, counted
in answers.
"""

import argparse
import collections
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import broker as brokers  # noqa: E402
import differences  # noqa: E402
import scenarios  # noqa: E402
import sequences  # noqa: E402
from probe import Probe  # noqa: E402
from wire import Codec  # noqa: E402

HOUR_MS = 3_600_000


class Report:
    def __init__(self, known):
        self.known, self.passed, self.failed, self.tolerated = known, 0, 0, 0
        self.by_request = collections.Counter()

    def answer(self, a, b):
        """One exchange of each broker, as a probe keeps it. Tells whether they are alike."""
        label, request = a[:2]
        if a[:2] != b[:2]:
            self._fail(f"{label}: A was asked {request}, B {b[0]}: {b[1]}: the scenario went another way")
            return False
        self.by_request[request] += 1
        bad = [d for d in differences.compare(label, request, a[2], b[2]) if not self._tolerates(d)]
        if bad:
            self._fail("\n".join(f"DIFFERS {d}" for d in bad))
        else:
            self.passed += 1
        return not bad

    def lost(self, label, what):
        self._fail(f"DIFFERS {label}: {what}")

    def close(self):
        for entry in self.known:
            if entry.used:
                print(f"known ({entry.used}): {entry.request}: {entry.field}: {entry.reason}")
            else:
                print(f"known, but not seen: {entry.request}: {entry.field}")
        apis = collections.defaultdict(set)
        for request in self.by_request:
            api, _, version = request.rpartition(" v")
            if api and version.lstrip("-").isdigit() and not api.lstrip("-").isdigit():
                apis[api].add(int(version))
        for api, versions in sorted(apis.items()):
            asked = sum(self.by_request[f"{api} v{v}"] for v in versions)
            print(f"{api:<26} {asked:>4} requests, versions {' '.join(map(str, sorted(versions)))}")
        print(f"{self.tolerated} differences tolerated")
        print(f"{self.passed} passed, {self.failed} failed")

    def _tolerates(self, difference):
        for entry in self.known:
            if entry.covers(difference):
                entry.used += 1
                self.tolerated += 1
                return True
        return False

    def _fail(self, text):
        self.failed += 1
        print(text)


def play(scenario, label, probe):
    """The exchanges of one scenario, and what ended it early, if anything."""
    probe.new_scenario(label)
    try:
        scenario(probe)
    except Exception as error:  # a scenario that cannot go on is a finding, and the next one has its own topics
        return list(probe.exchanges), f"{type(error).__name__}: {error}"
    return list(probe.exchanges), None


def plant(exchanges):
    """Adds one to the first number of an answer, as a broker with a small mistake would."""

    def falsify(tree):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            if isinstance(value, int) and not isinstance(value, bool):
                tree[key] = value + 1
                return True
            if isinstance(value, (dict, list)) and falsify(value):
                return True
        return False

    return any(falsify(tree) for _, _, tree, _ in exchanges)


def compare_all(cases, a, b, report, plant_one, dump):
    """`cases` are (label, scenario, whether what follows a difference says nothing)."""
    for label, scenario, ends_at_difference in cases:
        (of_a, end_a), (of_b, end_b) = (play(scenario, label, probe) for probe in (a, b))
        if plant_one:
            plant_one = not plant(of_b)
        for pair in zip(of_a, of_b):
            if dump:
                sides = {"case": pair[0][0], "request": pair[0][1], "asked": pair[0][3], "a": pair[0][2], "b": pair[1][2]}
                dump.write(json.dumps(sides) + "\n")
            if not report.answer(*pair) and ends_at_difference:
                print(f"   asked of A: {json.dumps(pair[0][3])}")
                break
        else:
            if end_a or end_b or len(of_a) != len(of_b):
                report.lost(label, f"A gave {len(of_a)} answers ({end_a or 'done'}), B {len(of_b)} ({end_b or 'done'})")


def cases_of(options):
    if options.random:
        print(f"random sequences of {options.requests} steps, seeds {' '.join(map(str, options.random))}")
        walks = (sequences.Sequence(seed, options.requests) for seed in options.random)
        return [(walk.label, walk, True) for walk in walks]
    named = ((f"{s.__module__.rpartition('.')[2]}.{s.__name__}", s) for s in scenarios.ALL)
    return [(label, scenario, False) for label, scenario in named if options.only in label]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--a", metavar="HOST:PORT")
    options.add_argument("--b", metavar="HOST:PORT")
    options.add_argument("--start", action="store_true")
    options.add_argument("--b-kafka", action="store_true")
    options.add_argument("--plant", action="store_true")
    options.add_argument("--dump", type=Path, metavar="FILE", help="every exchange of A and B, one JSON object a line")
    options.add_argument("--only", default="", help="scenarios whose name holds this")
    options.add_argument("--random", type=int, nargs="+", metavar="SEED", help="random sequences, one a seed")
    options.add_argument("--requests", type=int, default=500, metavar="N", help="steps of a random sequence")
    options.add_argument("--known", type=Path, default=HERE / "known.toml")
    options = options.parse_args()
    if not options.start and not (options.a and options.b):
        sys.exit("give --a and --b, or --start")

    subprocess.run(["bash", str(HERE.parent / "setup.sh")], check=True)
    if options.start:
        # Now: a broker that first has to be fetched would not answer in time.
        subprocess.run(["bash", str(HERE.parent / "kafka" / "kafka.sh"), "jars"], check=True, stdout=subprocess.DEVNULL)
    started, folder = [], Path(tempfile.mkdtemp(prefix="compare-", dir=brokers.TARGET / "compat"))
    codec = Codec()
    try:
        if options.start:
            for name, kind in (("a", "kafka"), ("b", "kafka" if options.b_kafka else "pelton")):
                started.append(brokers.Broker(kind, folder / name, brokers.free_port()))
                started[-1].start()
            options.a, options.b = (s.bootstrap for s in started)
        # An hour ago: no broker mistakes it for the time of its own clock, none refuses it.
        clock_ms = int(time.time() * 1000) - HOUR_MS
        probes = []
        for address in (options.a, options.b):
            host, _, port = address.rpartition(":")
            probes.append(Probe(codec, host, int(port), clock_ms))
            probes[-1].forget_what_is_there(scenarios.PREFIX)
        known = [] if options.b_kafka else differences.load_known(options.known)
        report = Report(known)
        with open(options.dump, "w") if options.dump else contextlib.nullcontext() as dump:
            compare_all(cases_of(options), *probes, report, options.plant, dump)
        for probe in probes:
            probe.close()
    finally:
        for one in started:
            one.kill()
        codec.close()
        shutil.rmtree(folder)
    report.close()
    return 1 if report.failed or not report.passed else 0


if __name__ == "__main__":
    sys.exit(main())
