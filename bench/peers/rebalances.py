"""What groups of consumers took: the figures of `pelton bench groups` as a part of the page."""

import statistics

AT_REST = "rest"
EVENTS = {"all_join": "all join", AT_REST: "at rest", "one_joins": "one joins", "one_leaves": "one leaves"}
TITLES = ["event", "system", "measured", "time to stable", "worst", "server CPU", "Pelton's time to it", "Pelton's CPU to it"]


def events_of(run):
    """(event, seconds, server's CPU seconds) in order; none of a run that failed or is of something else."""
    groups = (run.get("bench") or {}).get("runs", [])
    return [(each["event"], each["seconds"], each["server_cpu_seconds"]) for group in groups for each in group["events"]]


def medians(runs, event, system):
    """Seconds and seconds of CPU over all rounds and runs; None where nothing was measured."""
    found = [each for run in runs if run["system"] == system for each in events_of(run) if each[0] == event]
    cpu = [each[2] for each in found if each[2] is not None]
    return (
        [each[1] for each in found],
        statistics.median(each[1] for each in found) if found else None,
        statistics.median(cpu) if cpu else None,
    )


def seconds_text(seconds):
    if seconds is None:
        return "-"
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.0f} ms"


def ratio_text(ours, theirs):
    return f"{ours / theirs:.2f}" if ours is not None and theirs else "-"


def rows(runs):
    """A line for each event and system, and one for each run that failed."""
    found = []
    systems = dict.fromkeys(run["system"] for run in runs)
    for event, name in EVENTS.items():
        _, pelton, pelton_cpu = medians(runs, event, "pelton")
        for system in systems:
            all_seconds, seconds, cpu = medians(runs, event, system)
            if not all_seconds:
                continue
            ratios = [ratio_text(pelton, seconds), ratio_text(pelton_cpu, cpu)]
            measured = [str(len(all_seconds)), seconds_text(seconds), seconds_text(max(all_seconds)), seconds_text(cpu)]
            found.append([name, system, *measured, *ratios])
    failed = [run for run in runs if run.get("failed")]
    return found + [[run["failed"], run["system"], *["-"] * 6] for run in failed]


def in_short(run):
    """For whoever watches."""
    return ", ".join(f"{EVENTS.get(event, event)} {seconds_text(seconds)}" for event, seconds, _ in events_of(run))
