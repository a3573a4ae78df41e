"""What compaction costs, and what a load notices of it: the figures of `pelton bench compaction`."""

import statistics

TITLES = ["system", "runs", "p99 before", "p99 meanwhile", "ratio", "took", "CPU per GB read", "records left"]


def figures_of(runs, system):
    return [run["bench"] for run in runs if run["system"] == system and run.get("bench")]


def p99_ratios(runs, system):
    return [each["p99_ratio"] for each in figures_of(runs, system) if each["p99_ratio"] is not None]


def cpu_per_gb(runs, system):
    """Nothing for a broker that does not tell how much it read."""
    per_gb = (each["server_cpu_seconds_per_gb_read"] for each in figures_of(runs, system))
    return [each for each in per_gb if each is not None]


def rows(runs):
    found = []
    for system in dict.fromkeys(run["system"] for run in runs):
        of = figures_of(runs, system)
        if not of:
            continue

        def p99(part):
            values = [each[part]["latency_ns"]["p99"] / 1e6 for each in of if each[part]["latency_ns"]]
            return f"{statistics.median(values):.3g} ms" if values else "-"

        ratios, per_gb = p99_ratios(runs, system), cpu_per_gb(runs, system)
        seconds = [each["seconds"] for each in of if each["seconds"] is not None]
        found.append(
            [
                system,
                str(len(of)),
                p99("before"),
                p99("compacting"),
                f"{statistics.median(ratios):.2f}" if ratios else "-",
                f"{statistics.median(seconds):.2f} s" if seconds else "-",
                f"{statistics.median(per_gb):.2f} s" if per_gb else "-",
                str(of[-1]["verdict"]["records"]),
            ]
        )
    failed = [run for run in runs if run.get("failed")]
    return found + [[run["system"], run["failed"], *["-"] * 6] for run in failed]


def in_short(run):
    """For whoever watches."""
    ratio, seconds = run["bench"]["p99_ratio"], run["bench"]["seconds"]
    return f"compacted in {seconds or 0:.1f} s, p99 {ratio or 0:.2f} times that before"
