#!/usr/bin/env python3
"""A folder of results as a page for readers.

    summary.py RESULTS      writes RESULTS/summary.md from RESULTS/runs/*.json
"""

import json
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import compactions  # noqa: E402
import failures  # noqa: E402
import goals  # noqa: E402
import rebalances  # noqa: E402
import shards  # noqa: E402
import starts  # noqa: E402
import windows  # noqa: E402
from windows import figures_of, too_few  # noqa: E402

# What is no load has a table of its own, by the first word of its name.
PARTS = {"groups": rebalances, "start": starts, "compaction": compactions}
QUANTILES = ("p50", "p99", "p99.9", "max")


def load(results):
    """All runs in the order in which they were made."""
    return [json.loads(path.read_text()) for path in sorted((Path(results) / "runs").glob("*.json"))]


def device_of(run):
    """What the device did in its turn, by the test's name."""
    bench = run.get("bench") if run["system"] == "disk" else None
    return {figure["test"]["name"]: figure for figure in (bench or {}).get("figures", [])}


def part_of(run):
    return PARTS.get(run["workload"].split("-")[0])


def in_short(run):
    """A run for whoever watches."""
    if run.get("failed"):
        return run["failed"]
    if part := part_of(run):
        return part.in_short(run)
    if device := device_of(run):
        return ", ".join(f"{name} {bytes_text(each['bytes_per_second'])}/s" for name, each in device.items())
    if reason := too_few(run):
        return f"too few answers: {reason}"
    told = failures.text(run["bench"])
    return f"{bytes_text(figures_of(run)['bytes_per_second'])}/s" + (f", not all taken: {told}" if told else "")


def throughputs(runs):
    """The median over rounds, bytes a second, by (workload, system)."""
    found = {}
    for run in runs:
        if figures := figures_of(run):
            key = run["workload"], run["system"]
            found.setdefault(key, []).append(figures["bytes_per_second"])
    return {key: statistics.median(values) for key, values in found.items()}


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def bytes_text(value):
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g} B"


def count_text(value):
    for unit, size in ((" M", 1e6), (" k", 1e3)):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def latency_text(nanos):
    if nanos is None:
        return "-"
    return f"{nanos / 1e6:.3g} ms" if nanos < 1e9 else f"{nanos / 1e9:.3g} s"


def disk_reference(disk, runs=()):
    """Bytes a second of the device, written and synced: in its own turns if it had some; none if not measured.

    At a rate it says nothing of what the device can do.
    """
    turns = [device_of(run)["write-dsync"] for run in runs if "write-dsync" in device_of(run)]
    if turns and "--rate" not in next(run["command"] for run in runs if run["system"] == "disk"):
        return statistics.median(each["bytes_per_second"] for each in turns)
    for figure in (disk or {}).get("figures", []):
        if figure["test"]["name"] == "write-dsync":
            return figure["bytes_per_second"]
    return None


def row(system, runs, disk, pelton):
    """One system's line: medians over its rounds."""
    figures = [figures for run in runs if (figures := figures_of(run))]
    failed = [run["failed"] for run in runs if run.get("failed")]
    if not figures:
        return [system, failed[0] if failed else "too few answers" if any(map(too_few, runs)) else "not run"] + ["-"] * 10
    rates = [each["bytes_per_second"] for each in figures]
    rate = statistics.median(rates)
    latency = [
        median([each["latency_ns"] and each["latency_ns"][quantile] for each in figures]) for quantile in QUANTILES
    ]
    per_gb = median([each["server_cpu_seconds_per_gb"] for each in figures])
    memory = median([(each["server"] or {}).get("resident_bytes_peak") for each in figures])
    spread = f"{bytes_text(min(rates))} to {bytes_text(max(rates))}" if len(rates) > 1 else "-"
    return [
        system,
        f"{bytes_text(rate)}/s",
        spread,
        f"{count_text(statistics.median(each['records_per_second'] for each in figures))}/s",
        *map(latency_text, latency),
        "-" if per_gb is None else f"{per_gb:.2f} s",
        "-" if memory is None else bytes_text(memory),
        f"{pelton / rate:.2f}" if pelton and rate else "-",
        f"{rate / disk:.2f}" if disk else "-",
    ]


def device_rows(runs):
    """A line for each test that the device went through in its turns: medians over them."""
    turns = [device for run in runs if (device := device_of(run))]
    rows = []
    for name in dict.fromkeys(name for turn in turns for name in turn):
        figures = [turn[name] for turn in turns if name in turn]
        rates = [each["bytes_per_second"] for each in figures]
        spread = f"{bytes_text(min(rates))} to {bytes_text(max(rates))}" if len(rates) > 1 else "-"
        latency = [median([each["latency_ns"] and each["latency_ns"][q] for each in figures]) for q in QUANTILES]
        rate = f"{bytes_text(statistics.median(rates))}/s"
        rows.append([f"disk: {name}", rate, spread, "-", *map(latency_text, latency), *["-"] * 4])
    return rows


TITLES = ["system", "throughput", "rounds", "records", *QUANTILES, "CPU per GB", "memory", "Pelton to it", "to disk"]


def table(rows, titles=TITLES):
    lines = ["| " + " | ".join(titles) + " |", "|" + "--|" * len(titles)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def render(setting, runs, disk):
    """The page. `setting`: what `run.py` wrote beside the runs."""
    machine = setting["machine"]
    reference = disk_reference(disk)
    lines = [
        f"# {setting['name']}",
        "",
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.1f} GiB, Linux"
        f" {machine['kernel']}, {' '.join(machine['mount'][:2])}. Broker on cores {setting['broker_cpus']}, load on"
        f" {setting['load_cpus']}. Kafka's heap: {setting['kafka_heap']}.",
        "",
        "    " + setting["command"],
        "",
    ]
    lines += [f"- **{name}**: {says}" for name, says in setting["systems"].items()]
    lines += ["", "Only one broker runs at a time. " + setting["notes"], ""]
    if reference:
        lines += [f"The device, written and synced by `pelton bench disk`: {bytes_text(reference)}/s.", ""]
    if setting.get("pace") == "goals":
        lines += goals.lines(runs)
    order = list(dict.fromkeys(run["workload"] for run in runs))
    for workload in order:
        of = [run for run in runs if run["workload"] == workload]
        commands = dict.fromkeys(run[line] for line in ("filled_by", "command") for run in of if line in run)
        lines += [f"## {workload}", "", *("    " + command for command in commands), ""]
        if same := of[0].get("settings"):
            lines += ["All brokers have " + ", ".join(f"`{setting}`" for setting in same) + ".", ""]
        if part := part_of(of[0]):
            lines += [*table(part.rows(of), part.TITLES), ""]
            continue
        pelton = throughputs(of).get((workload, "pelton"))
        device = disk_reference(disk, of)
        systems = dict.fromkeys(run["system"] for run in of if not device_of(run))
        rows = [row(system, [run for run in of if run["system"] == system], device, pelton) for system in systems]
        lines += [*table([*device_rows(of), *rows]), ""]
        lines += windows.lines(of)
        lines += failures.lines(of)
        lines += newcomers(of)
        if workload.startswith("shards-"):
            count = len(setting["broker_cpus"].split(","))
            lines += shards.lines(of, count, len({*setting["broker_cpus"].split(","), *setting["load_cpus"].split(",")}))
    if setting.get("left_out"):
        lines += ["Not measured, for want of time: " + ", ".join(setting["left_out"]) + ".", ""]
    return "\n".join(lines)


def newcomers(runs):
    """How long those who came beside the load waited, by system."""
    found = []
    for system in dict.fromkeys(run["system"] for run in runs):
        of = [figures for run in runs if run["system"] == system and (figures := figures_of(run))]
        waited = [each["newcomers"]["latency_ns"] for each in of if each.get("newcomers")]
        if waited:
            p99 = ", ".join(latency_text(each["p99"]) for each in waited)
            count = sum(each["count"] for each in waited)
            found.append(f"New connections beside the load, {system}: {count}, told the versions with a p99 of {p99}.")
    return [line for each in found for line in (each, "")]


def write(results):
    results = Path(results)
    setting = json.loads((results / "setting.json").read_text())
    disk = results / "disk.json"
    disk = json.loads(disk.read_text()) if disk.exists() else None
    (results / "summary.md").write_text(render(setting, load(results), disk))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write(sys.argv[1])
