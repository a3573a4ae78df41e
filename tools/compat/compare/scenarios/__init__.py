"""What is asked of both brokers. A scenario is a function of a Probe; its name is the case's name.

Topics are called `cmp-...`; every scenario makes its own, so that each can run alone (run.py --only).
"""

from scenarios import cluster, configs, consumer_groups, fetch, frames, groups, offsets, produce, producers, topics

PREFIX = "cmp-"
ALL = [
    scenario
    for module in (frames, cluster, topics, configs, produce, producers, fetch, offsets, groups, consumer_groups)
    for scenario in module.SCENARIOS
]
