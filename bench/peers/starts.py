"""How long a broker takes to start on what it has."""

import json
import statistics
import subprocess
import time

import machine

# What goes on when the broker is killed has gone on for so long.
KILL_AFTER_SECONDS = 1.5
# Until a load has encoded its batches, connected, and brought in the first of them.
LOAD_BEGINS_SECONDS_MAX = 60
LOOK_EVERY = 0.1

TITLES = ["start after", "system", "starts", "until it answers", "until it tells all ends", "worst", "data"]
KINDS = {"stop": "a clean stop", "kill": "kill -9 under load"}


def measure(workload, pace, broker, peers):
    """Fills a topic, and starts the broker anew twice: stopped as it should be, and killed while it is written to.

    A start is over when the ends of all partitions are told, which an open port alone does not show.
    """
    topic = ["--topic", "filled"]
    create = ["topic", "create", "filled", "--partitions", str(workload.partitions)]
    peers.pelton([*create, "--bootstrap", broker.bootstrap])
    to_topic = [*topic, "--bootstrap", broker.bootstrap]
    peers.bench([*workload.fill_args(pace), *to_topic], broker.dir)
    broker.stop()
    found = {"data_bytes": machine.used_bytes(broker.dir), "stop": start(broker, peers)}
    filled = records(broker, peers)
    load = peers.begin_bench([*workload.load_args(), *to_topic, "--quiet"])
    try:
        wait_for(load, lambda: records(broker, peers) > filled)
        time.sleep(KILL_AFTER_SECONDS)
        broker.kill()
    finally:
        # Its broker is gone: it ends by itself.
        load.kill()
        load.communicate()
    return found | {"kill": start(broker, peers)}


def wait_for(load, has_begun):
    begin = time.monotonic()
    while not has_begun():
        if load.poll() is not None:
            raise subprocess.CalledProcessError(load.returncode, load.args)
        if time.monotonic() - begin > LOAD_BEGINS_SECONDS_MAX:
            raise subprocess.TimeoutExpired(load.args, LOAD_BEGINS_SECONDS_MAX)
        time.sleep(LOOK_EVERY)


def records(broker, peers):
    """All that the topic ever had."""
    told = json.loads(described(broker, peers))
    return sum(partition["latest_offset"] for partition in told[0]["partitions"])


def described(broker, peers):
    return peers.pelton(["topic", "describe", "filled", "--json", "--bootstrap", broker.bootstrap])


def start(broker, peers):
    begin = time.monotonic()
    answers = broker.start()
    described(broker, peers)
    return {"answers_seconds": round(answers, 3), "ends_seconds": round(time.monotonic() - begin, 3)}


def starts_of(runs, kind, system):
    """All that were measured, in order."""
    return [run["bench"][kind] for run in runs if run["system"] == system and run.get("bench")]


def rows(runs):
    """A line for each kind of start and system, and one for each run that failed."""
    found = []
    for kind, says in KINDS.items():
        for system in dict.fromkeys(run["system"] for run in runs):
            of = starts_of(runs, kind, system)
            if not of:
                continue
            ends = [each["ends_seconds"] for each in of]
            answers = statistics.median(each["answers_seconds"] for each in of)
            data = max(run["bench"]["data_bytes"] for run in runs if run["system"] == system and run.get("bench"))
            texts = [f"{seconds:.2f} s" for seconds in (answers, statistics.median(ends), max(ends))]
            found.append([says, system, str(len(of)), *texts, f"{data / 1e9:.1f} GB"])
    failed = [run for run in runs if run.get("failed")]
    return found + [[run["failed"], run["system"], *["-"] * 5] for run in failed]


def in_short(run):
    """For whoever watches."""
    return ", ".join(f"after {says} {run['bench'][kind]['ends_seconds']:.2f} s" for kind, says in KINDS.items())
