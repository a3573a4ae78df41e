"""What a second shard brings, on a machine that the load has to share."""

import statistics

from windows import figures_of

ONE, ALL = "pelton-1-shard", "pelton"


def medians(runs, system):
    """Bytes a second, and seconds of CPU per GB: the broker's and the load's. None if nothing was measured."""
    found = [figures for run in runs if run["system"] == system and (figures := figures_of(run))]
    found = [each for each in found if each["bytes_per_second"]]
    if not found:
        return None

    def load_per_gb(figures):
        return figures["client"]["cpu_seconds"] / (figures["bytes_per_second"] * figures["seconds"] / 1e9)

    return (
        statistics.median(each["bytes_per_second"] for each in found),
        statistics.median(each["server_cpu_seconds_per_gb"] for each in found),
        statistics.median(map(load_per_gb, found)),
    )


def ceiling(one, every, broker_cores, cores):
    """How many times one shard's throughput there could be at most, if nothing but CPU were scarce.

    Broker and load have `cores` together. One shard has one of them at most.
    """
    _, broker_cpu, load_cpu = one
    with_one = min(1 / broker_cpu, cores / (broker_cpu + load_cpu))
    _, broker_cpu, load_cpu = every
    return min(broker_cores / broker_cpu, cores / (broker_cpu + load_cpu)) / with_one


def lines(runs, broker_cores, cores):
    """What the table of the two does not say. Nothing if one of them has no figures."""
    one, every = medians(runs, ONE), medians(runs, ALL)
    if not one or not every:
        return []
    at_most = ceiling(one, every, broker_cores, cores)
    without_waste = ceiling(one, (None, one[1], every[2]), broker_cores, cores)
    return [
        f"All shards to one: {every[0] / one[0]:.2f} times the throughput, {every[1] / one[1]:.2f} times the CPU per GB."
        f" The load takes {one[2]:.2f} s of CPU per GB beside one shard, {every[2]:.2f} s beside all. From the CPU alone"
        f" there could be {at_most:.2f} times the throughput at most, and {without_waste:.2f} if a GB cost all shards"
        " no more CPU than one: what one shard leaves idle is what the load takes from several.",
        "",
    ]
