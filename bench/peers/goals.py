"""What was to be reached, and what was: the first table of a page whose run was about the goals."""

import statistics
from dataclasses import dataclass
from typing import Callable

import compactions
import failures
import rebalances
import starts
import windows

TITLES = ["figure", "goal", "Pelton", "rounds", "", "Kafka as shipped", "Kafka durable", "the device alone"]
PELTON, ONE_SHARD, KAFKA, KAFKA_DURABLE = "pelton", "pelton-1-shard", "kafka", "kafka-durable"


def rate(figures):
    return figures["bytes_per_second"]


def records(figures):
    return figures["records_per_second"]


def cpu_per_gb(figures):
    return figures["server_cpu_seconds_per_gb"]


def p99(figures):
    return figures["latency_ns"] and figures["latency_ns"]["p99"]


def newcomers_p99(figures):
    return figures["newcomers"] and figures["newcomers"]["latency_ns"]["p99"]


class Results:
    """Figures by round: a run that has failed, or was left out, leaves a gap in them and moves none of the others.

    `figures_of` says which runs have some.
    """

    def __init__(self, runs, figures_of=windows.figures_of):
        self.runs, self.figures_of = runs, figures_of

    def with_few_answers(self):
        return Results(self.runs, windows.figures_if_any)

    def runs_of(self, workload):
        return [run for run in self.runs if run["workload"] == workload]

    def of(self, workload, system, metric):
        runs = [run for run in self.runs_of(workload) if run["system"] == system]
        values = {run["round"]: metric(figures) for run in runs if (figures := self.figures_of(run))}
        return {round_: value for round_, value in values.items() if value is not None}

    def device(self, workload, test, metric):
        runs = [run for run in self.runs_of(workload) if run["system"] == "disk" and run.get("bench")]
        return {run["round"]: metric(each) for run in runs for each in run["bench"]["figures"] if each["test"]["name"] == test}


def ratios(ours, theirs):
    """Of the rounds that both have: those of a round were measured one right after the other."""
    return {round_: ours[round_] / theirs[round_] for round_ in ours if theirs.get(round_)}


def by_number(values):
    """Of what is no figure of a round: in order."""
    return dict(enumerate(values, 1))


@dataclass(frozen=True)
class Goal:
    """One line. `of` gives Pelton's value by round, `beside` those of others by the table's column.

    Without a bound it says what the ratios of the next lines are made of.
    """

    figure: str
    at_least: float | None
    at_most: float | None
    text: Callable
    of: Callable
    beside: Callable = lambda results: {}

    def row(self, results):
        values = self.of(results)
        bound = self.bound()
        others = self.beside(results)
        told = [median_text(others.get(column, {}), self.text) for column in TITLES[5:]]
        if not values:
            absent = "-" if self.of(results.with_few_answers()) else "not measured"
            return [self.figure, bound, absent, "-", "", *told]
        value = statistics.median(values.values())
        rounds = ", ".join(self.text(values[round_]) for round_ in sorted(values))
        return [self.figure, bound, self.text(value), rounds, self.verdict(value), *told]

    def bound(self):
        if self.at_least is not None:
            return f"≥ {self.text(self.at_least)}"
        return f"≤ {self.text(self.at_most)}" if self.at_most is not None else "-"

    def verdict(self, value):
        if self.at_least is None and self.at_most is None:
            return ""
        is_met = value >= self.at_least if self.at_least is not None else value <= self.at_most
        return "met" if is_met else "**missed**"


def median_text(values, text):
    return text(statistics.median(values.values())) if values else "-"


def gigabytes(value):
    return f"{value / 1e9:.2f} GB/s"


def megabytes(value):
    return f"{value / 1e6:.0f} MB/s"


def thousands(value):
    return f"{value / 1e3:.1f} k/s"


def millions(value):
    return f"{value / 1e6:.1f} M/s"


def seconds(value):
    return f"{value:.2f} s"


def milliseconds(value):
    return f"{value / 1e6:.2f} ms"


def times(value):
    return f"{value:.2f}"


def peers(workload, metric, *tests):
    """The same figure of Kafka, and of the device by these tests."""

    def beside(results):
        found = {
            "Kafka as shipped": results.of(workload, KAFKA, metric),
            "Kafka durable": results.of(workload, KAFKA_DURABLE, metric),
        }
        for test in tests:
            found["the device alone"] = results.device(workload, test, metric)
        return found

    return beside


def load(figure, workload, metric, text, at_least=None, at_most=None, tests=()):
    values = lambda results: results.of(workload, PELTON, metric)  # noqa: E731
    return Goal(figure, at_least, at_most, text, values, peers(workload, metric, *tests))


def to_device(figure, workload, metric, test, at_least=None, at_most=None):
    """Pelton's figure to that of the device in the same round."""

    def of(results):
        return ratios(results.of(workload, PELTON, metric), results.device(workload, test, metric))

    def beside(results):
        device = results.device(workload, test, metric)
        return {
            "Kafka as shipped": ratios(results.of(workload, KAFKA, metric), device),
            "Kafka durable": ratios(results.of(workload, KAFKA_DURABLE, metric), device),
            "the device alone": ratios(device, device),
        }

    return Goal(figure, at_least, at_most, times, of, beside)


def between(figure, ours, theirs, metric, at_least=None, at_most=None):
    """One figure of Pelton to another: each is (workload, system)."""
    of = lambda results: ratios(results.of(*ours, metric), results.of(*theirs, metric))  # noqa: E731
    return Goal(figure, at_least, at_most, times, of)


def start(figure, workload, kind, at_most, data_bytes=0):
    """Of brokers that had as much data as the goal speaks of."""

    def ends(system):
        def of(results):
            runs = results.runs_of(workload)
            filled = [run for run in runs if (run.get("bench") or {}).get("data_bytes", 0) >= data_bytes]
            return by_number(each["ends_seconds"] for each in starts.starts_of(filled, kind, system))

        return of

    beside = lambda results: {"Kafka as shipped": ends(KAFKA)(results)}  # noqa: E731
    return Goal(figure, None, at_most, seconds, ends(PELTON), beside)


def rebalance(figure, workload, event, at):
    """Ours to Kafka's: `at` 1 is the time, 2 the CPU. Of all rounds together, as each has several."""

    def of(results):
        of_workload = results.runs_of(workload)
        ours, theirs = (rebalances.medians(of_workload, event, system)[at] for system in (PELTON, KAFKA))
        return by_number([ours / theirs] if ours is not None and theirs else [])

    return Goal(figure, None, 0.5, times, of)


def rebalance_goals():
    for protocol in ("classic", "consumer"):
        for event, says in rebalances.EVENTS.items():
            # How long it is watched is given, and is no goal.
            if event == rebalances.AT_REST:
                continue
            for at, what in ((1, "time"), (2, "CPU")):
                yield rebalance(f"1,000 members, {protocol}, {says}: {what} to Kafka's", f"groups-{protocol}", event, at)


LARGE, SMALL, AT_450MB, AT_200MB = "1000x1000-8p", "16x1000-{}p", "rate-450MB-1000x1000-8p", "rate-200MB-100x1000-16p"
DENSE, SPARSE = ("density-16x1000-10000p", PELTON), ("density-16x1000-8p", PELTON)
GOALS = (
    load("produce 1000 x 1000 B, 8 connections", LARGE, rate, gigabytes, tests=("write-dsync",)),
    to_device("the same to the device, overwriting", LARGE, rate, "write-dsync", at_least=0.7),
    to_device("the same to the device, into allocated files", LARGE, rate, "write-allocated-dsync", at_least=0.7),
    between("the same to Kafka as shipped", (LARGE, PELTON), (LARGE, KAFKA), rate, at_least=1),
    load("server CPU per GB produced", LARGE, cpu_per_gb, seconds, at_most=0.45),
    load("server CPU per GB fetched", "fetch-1000x1000-8p", cpu_per_gb, seconds, at_most=0.25),
    load("produce 1000 x 100 B", "1000x100-8p", records, millions, at_least=10e6),
    load("single records, 8 x 1 in flight", "single-8p", records, thousands, at_least=20e3),
    load("single records, 8 x 64 in flight", "single-8p-64", records, thousands, at_least=75e3),
    load("450 MB/s open loop, p99", AT_450MB, p99, milliseconds, tests=("write-dsync",)),
    to_device("the same to the device, overwriting", AT_450MB, p99, "write-dsync", at_most=2),
    to_device("the same to the device, into allocated files", AT_450MB, p99, "write-allocated-dsync", at_most=2),
    load("16 x 1000 B over 1,000 partitions", "16x1000-1000p", rate, megabytes, at_least=500e6, tests=("write-dsync",)),
    load(
        "64 new connections at once beside a fetch, p99",
        "fairness-fetch-1000x1000-8p",
        newcomers_p99,
        milliseconds,
        at_most=50e6,
    ),
    *(
        between(f"{shape}, two shards to one: {what}", (of, PELTON), (of, ONE_SHARD), metric, **bound)
        for shape, of in (("1000 x 1000 B", "shards-1000x1000-8p"), ("1000 x 100 B", "shards-1000x100-8p"))
        for what, metric, bound in (
            ("throughput", rate, {"at_least": 1.4}),
            ("CPU per GB", cpu_per_gb, {"at_most": 1.15}),
        )
    ),
    between(
        "16 x 1000 B, 10,000 partitions to 8: throughput",
        (SMALL.format(10_000), PELTON),
        (SMALL.format(8), PELTON),
        rate,
        at_least=0.9,
    ),
    between("the same, one batch a request", DENSE, SPARSE, rate, at_least=0.9),
    between("the same, one batch a request, p99", DENSE, SPARSE, p99, at_most=1.5),
    load("200 MB/s open loop in batches of 100, p99", AT_200MB, p99, milliseconds, at_most=5e6, tests=("write-dsync",)),
    start("start on 10 GB, stopped", "start-10GB", "stop", 0.3, data_bytes=10e9),
    start("start on 10 GB, killed", "start-10GB", "kill", 1, data_bytes=10e9),
    start("start on 10,000 partitions, stopped", "start-10000p", "stop", 0.3),
    start("start on 10,000 partitions, killed", "start-10000p", "kill", 1),
    Goal(
        "compaction: p99 of the load to that before", None, 1.3, times,
        lambda results: by_number(compactions.p99_ratios(results.runs_of("compaction"), PELTON)),
    ),
    Goal(
        "compaction: CPU per GB read", None, 1.5, seconds,
        lambda results: by_number(compactions.cpu_per_gb(results.runs_of("compaction"), PELTON)),
    ),
    *rebalance_goals(),
)


def lines(runs):
    results = Results(runs)
    rows = [goal.row(results) for goal in GOALS]
    return [
        "## Goals",
        "",
        "Of each figure the median over all rounds, and all rounds. Ratios are of two figures of the same round, which"
        " were measured one right after the other.",
        "",
        "| " + " | ".join(TITLES) + " |",
        "|" + "--|" * len(TITLES),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
        *windows.lines(runs),
        *failures.lines(runs),
    ]
