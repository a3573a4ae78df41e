"""The parts of the comparison that need no broker. python3 bench/peers/peers_test.py"""

import json
import os
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import machine  # noqa: E402
import plan  # noqa: E402
import summary  # noqa: E402


def run(workload, system, rate, failed=None):
    """A run as `run.py` writes it, with what the summary reads of it."""
    figures = {
        "bytes_per_second": rate,
        "records_per_second": rate / 1000,
        "latency_ns": {"p50": 1_500_000, "p99": 20_000_000, "p99.9": 30_000_000, "max": 2_000_000_000},
        "server_cpu_seconds_per_gb": 0.4,
        "server": {"resident_bytes_peak": 300e6},
    }
    bench = None if failed else {"repeats": [figures]}
    return {"workload": workload, "system": system, "command": "pelton bench x", "bench": bench, "failed": failed}


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


class Plan(unittest.TestCase):
    def test_systems_take_turns(self):
        once = [system.name for system in plan.SYSTEMS]
        names = [(system.name, round_) for system, round_ in plan.turns(plan.workloads()[0], 2, once)]
        self.assertEqual(once, ["pelton", "kafka", "kafka-durable"])
        self.assertEqual(names, [(name, 1) for name in once] + [(name, 2) for name in once])

    def test_every_shape_meets_every_number_of_partitions(self):
        names = {workload.name for workload in plan.workloads()}
        for shape in ("1000x1000", "1000x100", "16x1000", "single"):
            for partitions in (1, 8, 100, 1000):
                self.assertIn(f"{shape}-{partitions}p", names)
        self.assertLessEqual({*plan.QUICK, *plan.HALF_LOAD}, names)

    def test_requests_are_filled_where_partitions_allow(self):
        of = {each.name: list(each.args) for each in plan.workloads() if each.command == "produce"}

        def batches(name):
            return of[name][of[name].index("--batches-per-request") + 1]

        self.assertEqual([batches(f"16x1000-{count}p") for count in (1, 8, 100, 1000)], ["1", "1", "12", "65"])

    def test_the_load_before_is_bounded_by_bytes_and_has_the_same_shape(self):
        fetch = next(workload for workload in plan.workloads() if workload.command == "fetch")
        warm = fetch.warm_args(quick=False)
        self.assertEqual((warm[0], warm.count("--backlog"), warm[-1]), ("catch-up", 1, str(plan.GB)))
        self.assertEqual(warm[1:-2], [arg for arg in fetch.args if arg not in ("--backlog", str(2 * plan.GB))])

    def test_half_load_is_half_of_the_slower_one_and_both_get_it(self):
        workload = next(each for each in plan.workloads() if each.name == "1000x1000-8p")
        rates = {("1000x1000-8p", "pelton"): 900e6, ("1000x1000-8p", "kafka"): 1300e6}
        half = plan.half_load(workload, plan.PAIRS[0], rates)
        self.assertEqual((half.rate, [system.name for system in half.systems]), ("450.000MB/s", ["pelton", "kafka"]))
        self.assertIn("450.000MB/s", half.bench_args(quick=False))
        self.assertIsNone(plan.half_load(workload, plan.PAIRS[1], rates))

    def test_groups_of_both_protocols_have_a_thousand_members_and_all_brokers_the_same_times(self):
        groups = [workload for workload in plan.workloads() if workload.command == "groups"]
        self.assertEqual([each.protocol for each in groups], ["classic", "consumer"])
        for workload in groups:
            args = workload.bench_args(quick=False)
            self.assertEqual(args[:5], ["groups", "--members", "1000", "--partitions", "1000"])
            self.assertIn("100", workload.bench_args(quick=True))
            rest_of = [given[given.index("--rest") + 1] for given in (args, workload.warm_args(quick=False))]
            self.assertEqual(rest_of, ["10", "0"], "what is measured is watched at rest as well")
            self.assertLess(int(workload.warm_args(quick=False)[2]), 1000)
            given = [plan.broker_args(system, workload) for system in workload.systems]
            self.assertEqual([each for each in given[0] if each != "--set"], list(given[1]))
            self.assertIn("group.initial.rebalance.delay.ms=3000", given[1])
        load = plan.workloads()[0]
        self.assertEqual(plan.broker_args(plan.KAFKA_DURABLE, load), plan.KAFKA_DURABLE.args)

    def test_a_life_of_the_fastest_broker_leaves_room_on_the_disk(self):
        for workload in plan.workloads():
            if workload.command == "produce" and not workload.name.startswith("single"):
                # Whoever writes 1.3 GB/s of large batches, and half of that of others.
                rate = 1.3e9 if "x1000-" in workload.name and workload.name.startswith("1000") else 0.8e9
                self.assertLess(workload.warm_bytes + (workload.seconds + 1) * rate, 9 << 30, workload.name)


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
