"""Whether what was measured says anything of a broker: a ratio to a handful of answers does not."""

# What a window begins and ends with in the middle of a request is then a small part of it.
ANSWERS_A_CONNECTION_MIN = 5
# As fast as it goes: of a window that the typical request takes more of, few rounds of requests are over at its end.
# At a rate a broker that falls behind has such latencies, and many answers.
REQUEST_SHARE_MAX = 1 / 4


def figures_of(run):
    """What a run of a load measured; none if it failed, says too little, or was of something else."""
    return None if too_few(run) else figures_if_any(run)


def figures_if_any(run):
    """The same, however little it says."""
    bench = run.get("bench")
    return bench["repeats"][0] if bench and "repeats" in bench else None


def too_few(run):
    """Why a run's figures are none; nothing if they are, or if there are none."""
    if not (figures := figures_if_any(run)):
        return None
    plan = run["bench"]["plan"]
    side, of_side = ("produce", "connections") if plan["workload"] == "produce" else ("fetch", "consumers")
    answers, connections = (figures[side] or {"counts": {"requests": 0}})["counts"]["requests"], plan[of_side]
    p50 = figures["latency_ns"]["p50"] / 1e9 if figures["latency_ns"] else 0
    is_long = plan["rate"] is None and p50 > figures["seconds"] * REQUEST_SHARE_MAX
    if answers >= ANSWERS_A_CONNECTION_MIN * connections and not is_long:
        return None
    return f"{answers} answers to {connections} connections in {figures['seconds']:g} s, p50 {p50:.2g} s"


def lines(runs):
    """A line for each run whose figures are left out."""
    found = [
        f"No figures of {run['system']}, {run['workload']}, round {run['round']}: {reason} say too little."
        for run in runs
        if (reason := too_few(run))
    ]
    return [line for each in found for line in (each, "")]
