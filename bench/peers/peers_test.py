"""The parts of the comparison that need no broker. python3 bench/peers/peers_test.py"""

import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))

import compactions  # noqa: E402
import failures  # noqa: E402
import goals  # noqa: E402
import machine  # noqa: E402
import plan  # noqa: E402
import run as runner  # noqa: E402
import shards  # noqa: E402
import starts  # noqa: E402
import summary  # noqa: E402
import windows  # noqa: E402


def run(workload, system, rate, failed=None, round_=1, answers=1000):
    """A run as `run.py` writes it, with what the summary reads of it."""
    figures = {
        "seconds": 2.0,
        "produce": {"counts": {"requests": answers}},
        "bytes_per_second": rate,
        "records_per_second": rate / 1000,
        "latency_ns": {"p50": 1_500_000, "p99": 20_000_000, "p99.9": 30_000_000, "max": 2_000_000_000},
        "server_cpu_seconds_per_gb": 0.4,
        "server": {"resident_bytes_peak": 300e6},
    }
    plan_of_run = {"workload": "produce", "connections": 8, "rate": None}
    bench = None if failed else {"plan": plan_of_run, "repeats": [figures]}
    return {
        "workload": workload,
        "system": system,
        "round": round_,
        "command": "pelton bench x",
        "bench": bench,
        "failed": failed,
    }


def groups_run(system, *events, failed=None):
    """A run of groups: events are (name, seconds, the server's CPU)."""
    names = ("event", "seconds", "server_cpu_seconds")
    bench = None if failed else {"runs": [{"events": [dict(zip(names, event)) for event in events]}]}
    return {
        "workload": "groups-x",
        "system": system,
        "command": "pelton bench groups",
        "settings": ["a.b=1"],
        "bench": bench,
        "failed": failed,
    }


def disk_run(workload, round_=1, **rates):
    """A turn of the device: bytes a second by test."""
    figures = [
        {"test": {"name": name.replace("_", "-")}, "bytes_per_second": rate, "latency_ns": {"p50": 1e5, "p99": 1e6, "p99.9": 2e6, "max": 3e6}}
        for name, rate in rates.items()
    ]
    bench = {"figures": figures}
    return {"workload": workload, "system": "disk", "round": round_, "command": "pelton bench disk", "bench": bench}


def start_run(system, stop, kill):
    bench = {"data_bytes": 10e9, "stop": {"answers_seconds": 0.1, "ends_seconds": stop}, "kill": {"answers_seconds": 0.2, "ends_seconds": kill}}
    return {"workload": "start-10GB", "system": system, "command": "pelton bench produce", "settings": [], "bench": bench}


def compaction_run(ratio, per_gb):
    part = {"latency_ns": {"p99": 2e6}}
    bench = {
        "before": part,
        "compacting": part,
        "p99_ratio": ratio,
        "seconds": 3.0,
        "server_cpu_seconds_per_gb_read": per_gb,
        "verdict": {"records": 1000},
    }
    return {"workload": "compaction", "system": "pelton", "command": "pelton bench compaction", "bench": bench}


ALL = [system.name for system in plan.SYSTEMS]


def named(name):
    return next(workload for workload in plan.workloads() if workload.name == name)


def names_of_turns(workload, rounds, names=ALL, pace=plan.FULL):
    return [(system.name, round_) for system, round_ in plan.turns(workload, rounds, names, pace)]


class Plan(unittest.TestCase):
    def test_systems_and_the_device_take_turns(self):
        once = ["disk", "pelton", "kafka", "kafka-durable"]
        turns = names_of_turns(named("1000x1000-8p"), 2)
        self.assertEqual(turns, [(name, 1) for name in once] + [(name, 2) for name in once])
        some = names_of_turns(named("1000x1000-8p"), 1, ["kafka", "disk"])
        self.assertEqual(some, [("disk", 1), ("kafka", 1)])

    def test_all_that_goals_name_is_measured_and_only_by_whom_they_name(self):
        chosen = plan.chosen(plan.GOALS, [])
        self.assertEqual([workload.name for workload in chosen], list(plan.OF_GOALS))
        for workload in chosen:
            of_goals, rounds_max = plan.OF_GOALS[workload.name]
            turns = names_of_turns(workload, 2, pace=plan.GOALS)
            self.assertEqual({name for name, _ in turns}, set(of_goals), workload.name)
            self.assertEqual(len(turns), len(of_goals) * (rounds_max or 2), workload.name)
        # A shape that has no goal of its own is measured by a full run only.
        self.assertIn("1000x1000-1p", {workload.name for workload in plan.chosen(plan.FULL, [])})

    def test_a_part_is_chosen_by_name_at_any_pace(self):
        self.assertEqual([each.name for each in plan.chosen(plan.GOALS, ["shards-1000x100-"])], ["shards-1000x100-8p"])
        self.assertEqual({each.name for each in plan.chosen(plan.QUICK, [])}, set(plan.NAMES_OF_QUICK))
        self.assertEqual([each.command for each in plan.chosen(plan.QUICK, ["groups"])], ["groups", "groups"])

    def test_loads_at_a_rate_have_more_time_than_others_at_the_pace_of_goals(self):
        def seconds(name):
            args = named(name).bench_args(plan.GOALS)
            return float(args[args.index("--duration") + 1])

        self.assertEqual(seconds("single-8p"), plan.GOALS.seconds_max)
        self.assertEqual(seconds("rate-450MB-1000x1000-8p"), plan.GOALS.rate_seconds_max)

    def test_the_device_is_given_the_same_bytes_as_a_load_at_a_rate(self):
        for name in ("rate-450MB-1000x1000-8p", "rate-200MB-100x1000-16p"):
            workload = named(name)
            args = workload.disk_args(plan.GOALS)
            self.assertEqual(args[args.index("--rate") + 1], workload.rate)
            batch = int(workload.args[1]) * int(workload.args[3])
            block = {"1MiB": 1 << 20, "100KiB": 100 << 10}[args[args.index("--block") + 1]]
            self.assertTrue(batch <= block <= 1.1 * batch and block % 4096 == 0, name)

    def test_one_shard_has_the_same_load_as_all(self):
        for workload in plan.workloads():
            if workload.name.startswith("shards-"):
                self.assertEqual([system.name for system in workload.systems], ["pelton-1-shard", "pelton"])
                self.assertEqual(workload.args, named(workload.name.removeprefix("shards-")).args)

    def test_newcomers_come_to_what_is_measured_and_not_to_what_warms_up(self):
        fairness = named("fairness-fetch-1000x1000-8p")
        self.assertIn("--newcomers-at-once", fairness.bench_args(plan.FULL))
        self.assertNotIn("--newcomers", " ".join(fairness.warm_args(plan.FULL)))

    def test_every_shape_meets_every_number_of_partitions(self):
        names = {workload.name for workload in plan.workloads()}
        for shape in ("1000x1000", "1000x100", "16x1000", "single"):
            for partitions in (1, 8, 100, 1000):
                self.assertIn(f"{shape}-{partitions}p", names)
        self.assertLessEqual({*plan.NAMES_OF_QUICK, *plan.HALF_LOAD, *plan.OF_GOALS}, names)

    def test_requests_are_filled_where_partitions_allow(self):
        of = {each.name: list(each.args) for each in plan.workloads() if each.command == "produce"}

        def batches(name):
            return of[name][of[name].index("--batches-per-request") + 1]

        self.assertEqual([batches(f"16x1000-{count}p") for count in (1, 8, 100, 1000)], ["1", "1", "12", "65"])

    def test_the_load_before_is_bounded_by_bytes_and_has_the_same_shape(self):
        fetch = named("fetch-1000x1000-8p")
        warm = fetch.warm_args(plan.FULL)
        self.assertEqual((warm[0], warm.count("--backlog"), warm[-1]), ("catch-up", 1, str(plan.GB)))
        self.assertEqual(warm[1:-2], [arg for arg in fetch.args if arg not in ("--backlog", str(2 * plan.GB))])

    def test_many_partitions_have_each_a_batch_in_the_topic_that_is_measured_before_it_is(self):
        many = [each for each in plan.workloads() if each.command == "produce" and each.partitions >= 100]
        self.assertIn("16x1000-1000p", {each.name for each in many})
        self.assertIn("density-16x1000-10000p", {each.name for each in many})
        for workload in many:
            self.assertTrue(workload.is_filled_first, workload.name)
            for pace in (plan.FULL, plan.GOALS, plan.QUICK):
                warm, measured = workload.warm_args(pace), workload.bench_args(pace)
                sizes = [float(warm[warm.index(flag) + 1]) for flag in ("--records", "--record-bytes", "--partitions", "--backlog")]
                self.assertGreaterEqual(sizes[3], sizes[0] * sizes[1] * sizes[2], workload.name)
                self.assertIn("--keep-topic", warm)
                self.assertEqual(measured[measured.index("--warm-up") + 1], "1", "the same for all")
        self.assertNotIn("--keep-topic", named("1000x1000-8p").warm_args(plan.FULL))

    def test_half_load_is_half_of_the_slower_one_and_both_get_it(self):
        workload = next(each for each in plan.workloads() if each.name == "1000x1000-8p")
        rates = {("1000x1000-8p", "pelton"): 900e6, ("1000x1000-8p", "kafka"): 1300e6}
        half = plan.half_load(workload, plan.PAIRS[0], rates)
        self.assertEqual((half.rate, [system.name for system in half.systems]), ("450.000MB/s", ["pelton", "kafka"]))
        self.assertIn("450.000MB/s", half.bench_args(plan.FULL))
        self.assertIsNone(plan.half_load(workload, plan.PAIRS[1], rates))

    def test_at_the_pace_of_goals_each_pair_is_compared_at_half_load_in_one_shape(self):
        def pairs(name, pace):
            return [pair[1].name for pair in plan.pairs_at_half_load(named(name), pace)]

        self.assertEqual(pairs("1000x1000-8p", plan.FULL), ["kafka", "kafka-durable"])
        self.assertEqual(pairs("1000x1000-8p", plan.GOALS), ["kafka"])
        self.assertEqual(pairs("16x1000-8p", plan.GOALS), ["kafka-durable"])
        self.assertEqual(pairs("16x1000-1000p", plan.FULL), [])

    def test_groups_of_both_protocols_have_a_thousand_members_and_all_brokers_the_same_times(self):
        groups = [workload for workload in plan.workloads() if workload.command == "groups"]
        self.assertEqual([each.protocol for each in groups], ["classic", "consumer"])
        for workload in groups:
            args = workload.bench_args(plan.FULL)
            self.assertEqual(args[:5], ["groups", "--members", "1000", "--partitions", "1000"])
            self.assertIn("100", workload.bench_args(plan.QUICK))
            rest_of = [given[given.index("--rest") + 1] for given in (args, workload.warm_args(plan.FULL))]
            self.assertEqual(rest_of, ["10", "0"], "what is measured is watched at rest as well")
            self.assertLess(int(workload.warm_args(plan.FULL)[2]), 1000)
            given = [plan.broker_args(system, workload) for system in workload.systems]
            self.assertEqual([each for each in given[0] if each != "--set"], list(given[1]))
            self.assertIn("group.initial.rebalance.delay.ms=3000", given[1])
        load = plan.workloads()[0]
        self.assertEqual(plan.broker_args(plan.KAFKA_DURABLE, load), plan.KAFKA_DURABLE.args)

    def test_a_start_has_as_much_data_whoever_starts(self):
        args = named("start-10GB").fill_args(plan.GOALS)
        rate, seconds = args[args.index("--rate") + 1], args[args.index("--duration") + 1]
        self.assertGreaterEqual(float(rate.removesuffix("MB/s")) * 1e6 * float(seconds), 10e9)

    def test_a_life_of_the_fastest_broker_leaves_room_on_the_disk(self):
        for workload in plan.workloads():
            if workload.command == "produce" and "single" not in workload.name and not workload.rate:
                # Whoever writes 1.3 GB/s of large batches, half of that of others, less to many files.
                rate = 1.3e9 if "x1000-" in workload.name and workload.name.startswith("1000") else 0.8e9
                rate = 0.5e9 if workload.name.endswith("-10000p") else rate
                seconds = workload.warm_up_seconds + workload.seconds
                self.assertLess(workload.warm_bytes + seconds * rate, 9 << 30, workload.name)


class FakePeers(runner.Peers):
    """Whose `pelton bench` only notes what it is asked for, and writes the files of so many partitions a look."""

    def __init__(self, directory, partitions_a_look):
        self.pace, self.work, self.asked = plan.QUICK, Path(directory), []
        self.partitions_a_look, self.partitions = partitions_a_look, 0

    def bench(self, args, directory, figures=None):
        self.asked.append(list(args))
        return "", {"repeats": [{"topic": "of-this-run"}]} if figures else None

    def look(self, directory):
        self.partitions += self.partitions_a_look
        return self.partitions


class Warm(unittest.TestCase):
    def warm(self, workload, partitions_a_look):
        run_, seconds = {"command": "pelton bench produce"}, iter(range(1000))
        with tempfile.TemporaryDirectory() as directory:
            peers = FakePeers(directory, partitions_a_look)
            time_ = mock.Mock(monotonic=lambda: next(seconds), sleep=lambda _: None)
            with mock.patch.object(runner.machine, "logs_with_data", peers.look), mock.patch.object(runner, "time", time_):
                return peers.warm(workload, workload.warm_args(peers.pace), ["--bootstrap", "x"], directory, run_), peers, run_

    def test_what_is_measured_is_the_topic_that_was_filled_once_all_its_files_are_there(self):
        args, peers, run_ = self.warm(named("16x1000-1000p"), 250)
        self.assertEqual(args, ["--topic", "of-this-run"])
        self.assertEqual(peers.partitions, 1000)
        self.assertEqual((len(peers.asked), peers.asked[0][0]), (1, "catch-up"))
        self.assertIn("--keep-topic", run_["filled_by"])
        self.assertTrue(run_["command"].endswith("--topic FILLED"))

    def test_a_broker_that_makes_no_files_is_not_measured(self):
        with self.assertRaisesRegex(runner.Stopped, "of 1000 partitions have files"):
            self.warm(named("16x1000-1000p"), 1)

    def test_few_partitions_are_measured_in_a_new_topic(self):
        args, peers, _ = self.warm(named("1000x1000-8p"), 0)
        self.assertEqual((args, len(peers.asked)), ([], 1))


class Machine(unittest.TestCase):
    def test_cores_as_taskset_takes_them(self):
        self.assertEqual(machine.cpus_of("0,2-4"), [0, 2, 3, 4])
        self.assertEqual(machine.cpus_of(None), sorted(os.sched_getaffinity(0)))
        self.assertEqual(machine.pinned([0, 1], ["x"]), ["taskset", "-c", "0,1", "x"])

    def test_a_page_cache_takes_no_disk(self):
        with tempfile.TemporaryDirectory() as directory:
            cache = machine.PageCache(directory, 8 << 20)
            cache.fill()
            self.assertEqual(cache.path.stat().st_size, 8 << 20)
            self.assertLess(machine.used_bytes(directory), 1 << 20)
            cache.remove()
            self.assertEqual(os.listdir(directory), [])

    def test_what_a_folder_takes_is_what_was_written(self):
        with tempfile.TemporaryDirectory() as directory:
            os.mkdir(f"{directory}/below")
            Path(f"{directory}/below/file").write_bytes(b"x" * (1 << 20))
            os.sync()
            self.assertGreaterEqual(machine.used_bytes(directory), 1 << 20)


    def test_a_partition_has_its_log_once_that_takes_room(self):
        with tempfile.TemporaryDirectory() as directory:
            for partition, data in (("a-0", b"x" * 5000), ("a-1", b""), ("a-2", b"x")):
                os.mkdir(f"{directory}/{partition}")
                Path(f"{directory}/{partition}/{0:020}.log").write_bytes(data)
                Path(f"{directory}/{partition}/{0:020}.index").write_bytes(b"x" * 5000)
            Path(f"{directory}/broker.log").write_bytes(b"x" * 5000)
            os.sync()
            self.assertEqual(machine.logs_with_data(directory), 2)


class Windows(unittest.TestCase):
    def test_a_handful_of_answers_is_no_figure_and_has_no_ratio(self):
        runs = [run("16x1000-1000p", "pelton", 600e6), run("16x1000-1000p", "kafka", 3e6, answers=8)]
        page = summary.render(Summary.setting | {"pace": "goals"}, runs, Summary.disk)
        self.assertIn("| kafka | too few answers | - |", page)
        self.assertIn("No figures of kafka, 16x1000-1000p, round 1: 8 answers to 8 connections in 2 s, p50 0.0015 s", page)
        self.assertIn("| 16 x 1000 B over 1,000 partitions | ≥ 500 MB/s | 600 MB/s | 600 MB/s | met | - | - | - |", page)
        self.assertNotIn("200.00", page, "Pelton to it")
        self.assertEqual(summary.throughputs(runs), {("16x1000-1000p", "pelton"): 600e6})
        self.assertTrue(summary.in_short(runs[1]).startswith("too few answers: 8"))
        ours = run("16x1000-1000p", "pelton", 600e6, answers=8)
        self.assertIn("| 16 x 1000 B over 1,000 partitions | ≥ 500 MB/s | - | - |  | - |", "\n".join(goals.lines([ours])))

    def test_other_rounds_count(self):
        runs = [run("w", "kafka", 3e6, answers=8), run("w", "kafka", 300e6, round_=2)]
        self.assertEqual(summary.throughputs(runs), {("w", "kafka"): 300e6})

    def test_a_request_that_takes_most_of_a_window_says_as_little_unless_it_had_a_rate(self):
        slow = run("w", "kafka", 1e9)
        slow["bench"]["repeats"][0]["latency_ns"]["p50"] = 600_000_000
        self.assertIn("p50 0.6 s", windows.too_few(slow))
        slow["bench"]["plan"]["rate"] = {"bytes_per_second": 2e9}
        self.assertIsNone(windows.too_few(slow))

    def test_a_side_without_any_answer_has_none(self):
        none = run("w", "kafka", 0)
        none["bench"]["repeats"][0] |= {"produce": None, "latency_ns": None}
        self.assertIn("0 answers to 8 connections", windows.too_few(none))


class FakeBench(runner.Peers):
    """Whose `pelton bench` is a shell script."""

    def __init__(self, directory, script):
        self.work, self.script, self.disk_bytes_max = Path(directory), script, 10 << 30

    def begin_bench(self, args):
        script = self.script.replace("FIGURES", str(self.json()))
        return subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class FakeStart(FakeBench):
    """Whose topic has its first records of the load when it is described for the n-th time."""

    def __init__(self, directory, script, loaded_at):
        super().__init__(directory, script)
        self.pace, self.loaded_at, self.asked = plan.QUICK, loaded_at, []

    def bench(self, args, directory, figures=None):
        self.asked.append("filled")

    def pelton(self, args):
        if args[1] == "describe":
            self.asked.append("described")
        count = 1000 + (self.asked.count("described") >= self.loaded_at)
        return json.dumps([{"partitions": [{"latest_offset": count}, {"latest_offset": 1}]}])


class Starts(unittest.TestCase):
    def measure(self, script, loaded_at):
        with tempfile.TemporaryDirectory() as directory:
            peers = FakeStart(directory, script, loaded_at)
            broker = mock.Mock(bootstrap="x", dir=directory)
            broker.start.return_value = 0.1
            broker.kill.side_effect = lambda: peers.asked.append("killed")
            time_ = mock.Mock(monotonic=time.monotonic, sleep=lambda _: time.sleep(0.01))
            with mock.patch.object(starts, "time", time_):
                starts.measure(named("start-10GB"), peers.pace, broker, peers)
            return peers.asked

    def test_a_broker_is_killed_once_the_load_has_records_in_it(self):
        # The start after a clean stop, what was there before the load, and two looks at what it has brought.
        self.assertEqual(self.measure("exec sleep 60", 4), ["filled", *["described"] * 4, "killed", "described"])

    def test_a_load_that_ends_before_is_none_to_be_killed_under(self):
        with self.assertRaises(subprocess.CalledProcessError):
            self.measure("exit 1", 1000)


class Failures(unittest.TestCase):
    def not_all_taken(self):
        of = run("w", "kafka", 450e6)
        counts = {"refused": 0, "given_up": 3, "unsent": 120, "unseen": 0}
        of["bench"]["repeats"][0] |= {"failures": counts}
        of["bench"]["repeats"][0]["produce"]["first_error"] = "Produce: NOT_ENOUGH_REPLICAS"
        return of

    def bench(self, script):
        with tempfile.TemporaryDirectory() as directory:
            peers = FakeBench(directory, script)
            peers.json().write_text(json.dumps(run("w", "pelton", 1e9)["bench"]))
            return peers.bench([], directory, peers.json())

    def test_what_a_broker_did_not_take_stands_on_the_page_and_on_the_terminal(self):
        runs = [self.not_all_taken(), run("w", "pelton", 450e6)]
        told = "requests without an answer: 3, requests never sent: 120 (Produce: NOT_ENOUGH_REPLICAS)"
        page = summary.render(Summary.setting, runs, None)
        self.assertEqual(page.count("Not all of the load was taken by "), 1)
        self.assertIn(f"Not all of the load was taken by kafka, w, round 1: {told}.", page)
        self.assertIn("Not all of the load was taken by kafka", "\n".join(goals.lines(runs)))
        self.assertEqual(summary.in_short(runs[0]), f"450 MB/s, not all taken: {told}")
        self.assertEqual(summary.in_short(runs[1]), "450 MB/s")
        self.assertEqual(failures.text(disk_run("w", write_dsync=1e9)["bench"]), "")

    def test_figures_of_a_load_that_was_not_all_taken_are_kept_with_what_the_bench_said(self):
        bench = json.dumps(self.not_all_taken()["bench"])
        with self.assertRaises(runner.NotAllTaken) as raised:
            self.bench(f"cat > FIGURES <<'END'\n{bench}\nEND\necho table; echo pelton: not all >&2; exit 1")
        self.assertEqual(raised.exception.told, ("table\n", json.loads(bench)))
        self.assertEqual(str(raised.exception), "pelton bench: pelton: not all")

    def test_a_bench_that_ends_early_has_not_the_figures_of_the_run_before(self):
        with self.assertRaises(runner.Stopped) as raised:
            self.bench("echo no broker >&2; exit 1")
        self.assertNotIsInstance(raised.exception, runner.NotAllTaken)
        self.assertEqual(str(raised.exception), "pelton bench: no broker")


class Goals(unittest.TestCase):
    def row(self, runs, figure):
        lines = goals.lines(runs)
        return next(line.strip("| ").split(" | ") for line in lines if line.startswith(f"| {figure} |"))

    def test_ratios_are_of_the_same_round_and_the_median_counts(self):
        runs = []
        for round_, (device, pelton) in enumerate(((2e9, 1.6e9), (4e9, 2e9), (3e9, 2.4e9)), 1):
            runs.append(disk_run(goals.LARGE, round_, write_dsync=device))
            runs += [run(goals.LARGE, "pelton", pelton, round_=round_), run(goals.LARGE, "kafka", 1e9, round_=round_)]
        row = self.row(runs, "the same to the device, overwriting")
        self.assertEqual(row[1:5], ["≥ 0.70", "0.80", "0.80, 0.50, 0.80", "met"])
        self.assertEqual(self.row(runs, "the same to Kafka as shipped")[2:5], ["2.00", "1.60, 2.00, 2.40", "met"])
        plain = self.row(runs, "produce 1000 x 1000 B, 8 connections")
        self.assertEqual(plain[1:6], ["-", "2.00 GB/s", "1.60 GB/s, 2.00 GB/s, 2.40 GB/s", "", "1.00 GB/s"])
        self.assertEqual(plain[-1], "3.00 GB/s")

    def test_a_round_that_one_of_two_does_not_have_is_no_ratio(self):
        runs = [
            disk_run(goals.LARGE, 1, write_dsync=1e9),
            run(goals.LARGE, "pelton", 0, failed="stopped", round_=1),
            run(goals.LARGE, "kafka", 1e9, round_=1),
            disk_run(goals.LARGE, 2, write_dsync=2.5e9),
            run(goals.LARGE, "pelton", 2e9, round_=2),
            run(goals.LARGE, "kafka", 0.5e9, round_=2),
        ]
        row = self.row(runs, "the same to the device, overwriting")
        self.assertEqual(row[2:6], ["0.80", "0.80", "met", "0.60"], "not to the device of the first round")
        self.assertEqual(self.row(runs, "the same to Kafka as shipped")[2:4], ["4.00", "4.00"])
        runs[5]["failed"], runs[5]["bench"] = "stopped", None
        self.assertEqual(self.row(runs, "the same to Kafka as shipped")[2], "not measured", "they share no round")

    def test_what_is_missed_is_said_and_so_is_what_was_not_measured(self):
        runs = [run("16x1000-1000p", "pelton", 400e6), run("16x1000-1000p", "kafka-durable", 30e6)]
        row = self.row(runs, "16 x 1000 B over 1,000 partitions")
        self.assertEqual(row[1:7], ["≥ 500 MB/s", "400 MB/s", "400 MB/s", "**missed**", "-", "30 MB/s"])
        self.assertEqual(self.row(runs, "single records, 8 x 1 in flight")[2], "not measured")

    def test_a_run_that_failed_is_no_figure(self):
        runs = [run("single-8p", "pelton", 0, failed="stopped"), run("single-8p", "pelton", 25e6)]
        self.assertEqual(self.row(runs, "single records, 8 x 1 in flight")[2:5], ["25.0 k/s", "25.0 k/s", "met"])

    def test_starts_compactions_and_rebalances_are_held_against_theirs(self):
        runs = [start_run("pelton", 0.2, 1.4), start_run("kafka", 5, 19), compaction_run(2.5, 0.9)]
        self.assertEqual(self.row(runs, "start on 10 GB, stopped")[2:6], ["0.20 s", "0.20 s", "met", "5.00 s"])
        self.assertEqual(self.row(runs, "start on 10 GB, killed")[4], "**missed**")
        runs[0]["bench"]["data_bytes"] = 9e9
        self.assertEqual(self.row(runs, "start on 10 GB, killed")[2], "not measured")
        self.assertEqual(self.row(runs, "compaction: p99 of the load to that before")[4], "**missed**")
        self.assertEqual(self.row(runs, "compaction: CPU per GB read")[4], "met")
        groups = [groups_run("pelton", ("one_joins", 3.0, 0.1)), groups_run("kafka", ("one_joins", 3.0, 0.4))]
        groups = [each | {"workload": "groups-classic"} for each in groups]
        self.assertEqual(self.row(groups, "1,000 members, classic, one joins: time to Kafka's")[2:5:2], ["1.00", "**missed**"])
        self.assertEqual(self.row(groups, "1,000 members, classic, one joins: CPU to Kafka's")[2:5:2], ["0.25", "met"])

    def test_every_goal_is_about_a_workload_of_the_plan(self):
        runs = []
        for name, (systems, _) in plan.OF_GOALS.items():
            for system in systems:
                if system == "disk":
                    runs.append(disk_run(name, write_dsync=1e9, write_allocated_dsync=1e9))
                elif name.startswith("start"):
                    runs.append(start_run(system, 1, 1) | {"workload": name})
                elif name.startswith("groups"):
                    events = [(event, 1.0, 1.0) for event in ("all_join", "one_joins", "one_leaves")]
                    runs.append(groups_run(system, *events) | {"workload": name})
                elif name == "compaction":
                    runs.append(compaction_run(1, 1))
                else:
                    runs.append(run(name, system, 1e9))
                    runs[-1]["bench"]["repeats"][0]["newcomers"] = {"latency_ns": {"p99": 1e6, "count": 1}}
        self.assertNotIn("not measured", "\n".join(goals.lines(runs)))

    def test_a_page_of_goals_begins_with_them(self):
        setting = Summary.setting | {"pace": "goals"}
        page = summary.render(setting, [run("single-8p", "pelton", 25e6)], None)
        self.assertLess(page.index("## Goals"), page.index("## single-8p"))
        self.assertNotIn("## Goals", summary.render(Summary.setting, [], None))


class Summary(unittest.TestCase):
    setting = {
        "name": "a day",
        "command": "bench/peers/run.py",
        "machine": {"cpu": "A cpu", "cores": 2, "memory_bytes": 8 << 30, "kernel": "6", "mount": ["/dev/x", "ext4", "rw"]},
        "broker_cpus": "0,1",
        "load_cpus": "0,1",
        "kafka_heap": "1G",
        "systems": {"pelton": "ours", "kafka": "theirs"},
        "notes": "Notes.",
        "left_out": ["single-8p (kafka, round 2)"],
    }
    disk = {"figures": [{"test": {"name": "write-dsync"}, "bytes_per_second": 2e9}]}

    def test_medians_over_rounds_and_ratios_to_each_other_and_the_disk(self):
        runs = [run("w", "pelton", 900e6), run("w", "kafka", 500e6), run("w", "pelton", 1100e6)]
        page = summary.render(self.setting, runs, self.disk)
        rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
        self.assertEqual(rows[0], summary.TITLES)
        pelton, kafka = rows[1], rows[2]
        self.assertEqual(pelton[:4], ["pelton", "1 GB/s", "900 MB to 1.1 GB", "1 M/s"])
        self.assertEqual(pelton[4:], ["1.5 ms", "20 ms", "30 ms", "2 s", "0.40 s", "300 MB", "1.00", "0.50"])
        self.assertEqual((kafka[1], kafka[10:]), ("500 MB/s", ["2.00", "0.25"]))
        self.assertIn("Not measured, for want of time: single-8p (kafka, round 2).", page)

    def test_the_device_stands_beside_in_its_own_turns(self):
        runs = [disk_run("w", write_dsync=3e9, write_growing_dsync=1e9), run("w", "pelton", 1e9)]
        runs += [disk_run("w", write_dsync=5e9, write_growing_dsync=1e9), run("w", "pelton", 1e9)]
        page = summary.render(self.setting, runs, self.disk)
        rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
        self.assertEqual([row[0] for row in rows[1:]], ["disk: write-dsync", "disk: write-growing-dsync", "pelton"])
        self.assertEqual(rows[1][1:6], ["4 GB/s", "3 GB to 5 GB", "-", "0.1 ms", "1 ms"])
        self.assertEqual(rows[3][-1], "0.25", "to the median of the device's own turns")

    def test_a_device_at_a_rate_is_no_measure_of_what_it_can_do(self):
        at_rate = disk_run("w", write_dsync=450e6) | {"command": "pelton bench disk --rate 450MB/s"}
        page = summary.render(self.setting, [at_rate, run("w", "pelton", 450e6)], self.disk)
        self.assertIn("| 1.00 | 0.23 |", page)

    def test_newcomers_are_told_of(self):
        fetch = run("w", "pelton", 1e9)
        fetch["bench"]["repeats"][0]["newcomers"] = {"latency_ns": {"count": 512, "p99": 7e6}}
        page = summary.render(self.setting, [fetch], None)
        self.assertIn("pelton: 512, told the versions with a p99 of 7 ms.", page)

    def test_starts_and_compactions_have_tables_of_their_own(self):
        runs = [start_run("pelton", 0.2, 0.4), start_run("pelton", 0.4, 0.6), start_run("kafka", 5, 19)]
        page = summary.render(self.setting, [*runs, compaction_run(1.2, 0.9)], None)
        self.assertIn("| a clean stop | pelton | 2 | 0.10 s | 0.30 s | 0.40 s | 10.0 GB |", page)
        self.assertIn("| kill -9 under load | kafka | 1 | 0.20 s | 19.00 s | 19.00 s | 10.0 GB |", page)
        self.assertIn("| pelton | 1 | 2 ms | 2 ms | 1.20 | 3.00 s | 0.90 s | 1000 |", page)
        self.assertEqual(starts.in_short(runs[0]), "after a clean stop 0.20 s, after kill -9 under load 0.40 s")
        self.assertEqual(compactions.cpu_per_gb([compaction_run(1, None)], "pelton"), [], "nobody told what was read")

    def test_what_a_second_shard_could_bring_at_most(self):
        def of(system, rate, server, client):
            each = run("shards-w", system, rate)
            each["bench"]["repeats"][0] |= {
                "server_cpu_seconds_per_gb": server,
                "seconds": 2.0,
                "client": {"cpu_seconds": client * rate * 2 / 1e9},
            }
            return each

        # One shard: 1 GB/s by its one core. Two, with half a second of load per GB: 2 cores / 1.5 s.
        self.assertAlmostEqual(shards.ceiling((1e9, 1.0, 0.5), (1.3e9, 1.0, 0.5), 2, 2), 4 / 3)
        # With cores of their own, twice as much.
        self.assertAlmostEqual(shards.ceiling((1e9, 1.0, 0.5), (1.3e9, 1.0, 0.5), 2, 4), 2)
        runs = [of("pelton-1-shard", 1e9, 1.0, 0.5), of("pelton", 1.3e9, 1.1, 0.5)]
        page = summary.render(self.setting, runs, None)
        self.assertIn("All shards to one: 1.30 times the throughput, 1.10 times the CPU per GB.", page)
        self.assertIn("there could be 1.25 times the throughput at most, and 1.33 if", page)

    def test_a_run_that_failed_says_why(self):
        page = summary.render(self.setting, [run("w", "pelton", 0, failed="stopped: no end in 300 s")], None)
        self.assertIn("| pelton | stopped: no end in 300 s |", page)

    def test_groups_have_a_line_for_each_event_and_system(self):
        runs = [
            groups_run("pelton", ("all_join", 4.0, 0.1), ("one_leaves", 0.5, 0.02)),
            groups_run("kafka", ("all_join", 8.0, 0.4), ("one_leaves", 1.0, None)),
            groups_run("pelton", ("all_join", 6.0, 0.3), ("one_leaves", 0.7, 0.02)),
            groups_run("kafka", failed="stopped: no end in 300 s"),
        ]
        page = summary.render(self.setting, runs, self.disk)
        self.assertIn("All brokers have `a.b=1`.", page)
        lines = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
        self.assertEqual(
            lines[1:],
            [
                ["all join", "pelton", "2", "5.00 s", "6.00 s", "200 ms", "1.00", "1.00"],
                ["all join", "kafka", "1", "8.00 s", "8.00 s", "400 ms", "0.62", "0.50"],
                ["one leaves", "pelton", "2", "600 ms", "700 ms", "20 ms", "1.00", "1.00"],
                ["one leaves", "kafka", "1", "1.00 s", "1.00 s", "-", "0.60", "-"],
                ["stopped: no end in 300 s", "kafka", *["-"] * 6],
            ],
        )
        self.assertEqual(summary.in_short(runs[0]), "all join 4.00 s, one leaves 500 ms")
        self.assertEqual(summary.in_short(runs[3]), "stopped: no end in 300 s")
        self.assertEqual(summary.throughputs(runs), {}, "groups move no bytes")

    def test_rates_are_medians_and_failures_have_none(self):
        runs = [run("w", "kafka", 1e6), run("w", "kafka", 3e6), run("w", "pelton", 0, failed="x")]
        self.assertEqual(summary.throughputs(runs), {("w", "kafka"): 2e6})

    def test_the_page_is_written_from_the_files_alone(self):
        with tempfile.TemporaryDirectory() as directory:
            os.mkdir(f"{directory}/runs")
            Path(f"{directory}/setting.json").write_text(json.dumps(self.setting))
            Path(f"{directory}/runs/001.json").write_text(json.dumps(run("w", "pelton", 1e9)))
            summary.write(directory)
            self.assertIn("## w", Path(f"{directory}/summary.md").read_text())


if __name__ == "__main__":
    unittest.main()
