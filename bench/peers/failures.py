"""What a broker did not do of what was asked of it: such a run does not pass in silence."""

WHAT = {
    "refused": "requests refused",
    "given_up": "requests without an answer",
    "unsent": "requests never sent",
    "unseen": "batches never seen",
}


def text(bench):
    """Of the figures of `pelton bench`: empty if all of the load was taken, or if they are of something else."""
    if not bench or "repeats" not in bench:
        return ""
    figures = bench["repeats"][0]
    counts = figures.get("failures", {})
    found = ", ".join(f"{what}: {counts[name]}" for name, what in WHAT.items() if counts.get(name))
    errors = [side["first_error"] for name in ("produce", "fetch") if (side := figures.get(name)) and side.get("first_error")]
    return f"{found} ({'; '.join(errors)})" if found and errors else found


def lines(runs):
    """A line for each run in which there were some."""
    found = [
        f"Not all of the load was taken by {run['system']}, {run['workload']}, round {run['round']}: {told}."
        for run in runs
        if (told := text(run.get("bench")))
    ]
    return [line for each in found for line in (each, "")]
