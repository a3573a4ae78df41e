#!/usr/bin/env python3
"""Consumer groups with real clients: members come, go, are paused and killed, and so is the broker.

    check.py                   our broker; about two minutes
    check.py --broker kafka    the same on the real Kafka
    check.py --only flights    one of the two rounds

Ten groups (`play.py` names their members) read one topic while it is written to. By the classic protocol: of kcat, of
kafka-python, of aiokafka, of confluent-kafka, of the Java client (cooperative, a static member), and one of all of them
together. By the consumer protocol (KIP-848, `next-...`): of the Java client (a static member, and one that subscribes by
a regular expression), of confluent-kafka, and one of both with a classic member of kafka-python among them. The tenth,
`turning`, is a classic group of kcat that a member of the consumer protocol joins and leaves, twice. Each must see every
record at least once, and no committed offset that anybody was told may ever go back.

Two rounds: `numbers`, and `flights`, whose input is the flights of 2013 and where the broker is killed (-9) as well. The
last line reads `N passed, N failed`.
"""

import argparse
import itertools
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import broker as brokers  # noqa: E402
from confluent_kafka import ConsumerGroupType  # noqa: E402
from kafka.admin import KafkaAdminClient  # noqa: E402
from members import Members  # noqa: E402
from play import ALL, NEXT, Play  # noqa: E402
from table import Table, ended, tidy  # noqa: E402
from watch import PATIENCE_SECONDS, DidNotHappen, Watch  # noqa: E402

PARTITIONS = 6
RECORDS_PER_SECOND = 600
BROKER_KILLS = 2
FLIGHTS_CSV = brokers.TARGET / "compat" / "flights" / "flights.csv"
# Of the consumer protocol the broker sets the timeouts: short ones, for members that are paused and killed.
SETTINGS = {
    "group.consumer.min.session.timeout.ms": 6_000, "group.consumer.session.timeout.ms": 6_000,
    "group.consumer.min.heartbeat.interval.ms": 500, "group.consumer.heartbeat.interval.ms": 3_000,
}  # fmt: skip


def numbers():
    """No record more than the play needs."""
    return [], itertools.count()


def flights():
    """Every row at least once; over and over for as long as the play goes on."""
    with open(FLIGHTS_CSV) as file:
        rows = file.read().splitlines()[1:]
    return rows, itertools.cycle(rows)


ROUNDS = {"numbers": numbers, "flights": flights}


class Writer(threading.Thread):
    """Writes at an even pace until told to finish, then what is left of the input at once.

    kcat waits out the broker's absence and sends again. `records` are written when `status` is 0.
    """

    def __init__(self, bootstrap, topic, must, values):
        super().__init__()
        self.must, self.values = len(must), values
        self.records, self.status, self.finishing = 0, None, threading.Event()
        settings = {"enable.idempotence": "true", "acks": "all", "linger.ms": "20",
                    "message.timeout.ms": 1000 * PATIENCE_SECONDS}  # fmt: skip
        options = [word for name, value in settings.items() for word in ("-X", f"{name}={value}")]
        command = ["kcat", "-E", "-P", "-b", bootstrap, "-t", topic, "-K", ":", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE)

    def run(self):
        begin = time.monotonic()
        while not self.finishing.is_set():
            self._write(20)
            time.sleep(max(0, begin + self.records / RECORDS_PER_SECOND - time.monotonic()))
        self._write(max(0, self.must - self.records))
        self.process.stdin.close()
        try:
            self.status = self.process.wait(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:  # what is not written by now is missed below
            self.process.kill()

    def finish(self):
        self.finishing.set()
        self.join()

    def _write(self, count):
        for value in itertools.islice(self.values, count):
            self.process.stdin.write(f"{self.records}:{value}\n".encode())
            self.records += 1
        self.process.stdin.flush()


def one_round(name, server, folder, table, is_killed):
    topic = f"{name}-1"
    admin = KafkaAdminClient(bootstrap_servers=server.bootstrap)
    admin.create_topics({topic: {"num_partitions": PARTITIONS, "replication_factor": 1}}, wait_for_metadata=True)
    admin.close()
    members, watch = Members(folder, server.bootstrap, topic), Watch(server.port, topic, PARTITIONS, ALL)
    writer = Writer(server.bootstrap, topic, *ROUNDS[name]())
    writer.start()
    watch.start()
    play = Play(server, members, watch, is_killed)
    try:
        play.run()
        writer.finish()
        ends = watch.log_ends()
        behind = _catch_up(watch, ends)
        members.find_dead()
        described = {group: describe(server, group) for group in ("kcat", "next-java", "next-mixed")}
        by_protocol = {group for group, (_, protocol) in play.listed().items() if protocol == ConsumerGroupType.CONSUMER}
    finally:
        writer.finish()
        members.end_all()
        watch.stop()
    written = writer.status == 0 and sum(ends) == writer.records
    table.verdict(written, f"{name}: writing", f"{writer.records} records acknowledged, {sum(ends)} there")
    if is_killed:
        table.verdict(play.kills == BROKER_KILLS, f"{name}: the broker", f"killed {play.kills} times")
    table.verdict(not play.failures, f"{name}: the play", f"did not happen: {play.failures or 'nothing'}")
    dead = ", ".join(members.found_dead) or "none"
    table.verdict(not members.found_dead, f"{name}: members", f"ended by themselves: {dead}")
    table.verdict(by_protocol == NEXT, f"{name}: protocols", f"by the consumer protocol: {', '.join(sorted(by_protocol))}")
    for group, told in described.items():
        good, note = is_whole(told, group)
        table.verdict(good, f"{name}: pelton group describe {group}", note)
    written = {(partition, offset) for partition, end in enumerate(ends) for offset in range(end)}
    for group in ALL:
        missing = written - members.seen(group)
        excused = members.dropped_by_kcat(group, missing)
        lost = missing - excused
        note = f"{len(lost)} of {sum(ends)} never seen, {len(excused)} dropped by a kcat that was ended"
        table.verdict(not lost, f"{name}: {group}: every record", f"{note} {sorted(lost)[:3] or ''}")
        table.verdict(behind[group] == 0, f"{name}: {group}: all committed", f"{behind[group]} not committed")
    note = f"{watch.looks} looks; {watch.back[:2] or 'none did'}"
    table.verdict(not watch.back, f"{name}: committed offsets never go back", note)


def _catch_up(watch, ends):
    """How many records each group has not committed when all have, or will no longer."""

    def behind():
        return {group: sum(ends) - sum(max(0, offset) for offset in watch.last.get(group, ())) for group in ALL}

    try:
        watch.until("every group has committed everything", lambda: not any(behind().values()))
    except DidNotHappen:
        pass
    return behind()


def pelton_group(server, *arguments):
    command = [str(brokers.PELTON), "group", *arguments, "--bootstrap", server.bootstrap]
    return subprocess.run(command, capture_output=True, timeout=PATIENCE_SECONDS, check=True, text=True).stdout


def describe(server, group):
    return json.loads(pelton_group(server, "describe", group, "--json"))[0]


def is_whole(told, group):
    """Whether `pelton group describe` shows a stable group that has everything, and nothing left to read."""
    read = sorted(p for member in told["members"] for ps in member["assignment"].values() for p in ps)
    lag = sum(offset["lag"] for offset in told["offsets"])
    good = told["state"] == "Stable" and read == list(range(PARTITIONS)) and lag == 0
    epochs = {told["epoch"], told["assignment_epoch"], *(member["epoch"] for member in told["members"])}
    if group in NEXT:
        good = good and len(epochs) == 1 and all(m["target"] == m["assignment"] for m in told["members"])
    else:
        good = good and epochs == {None}
    return good, f"{told['state']}, {len(told['members'])} members read {read}, lag {lag}, epochs {epochs}"


def operate(server, topic, table):
    """What an operator does with groups that nobody uses any more, by `pelton group`."""

    def pelton(*arguments):
        return pelton_group(server, *arguments)

    def offsets():
        return {p["partition"]: (p["committed"], p["lag"]) for p in json.loads(pelton("offsets", "kcat", "--json"))}

    listed = [group["group"] for group in json.loads(pelton("list", "--json"))]
    table.verdict(listed == sorted(ALL), "pelton group list", " ".join(listed))
    before = offsets()
    table.verdict({lag for _, lag in before.values()} == {0}, "pelton group offsets", "no lag")
    pelton("seek", "kcat", "--to", "beginning")
    table.verdict(offsets() == before, "pelton group seek, dry", "moves nothing")
    pelton("seek", "kcat", "--shift", "-7", "--execute")
    moved = {partition: (committed - 7, 7) for partition, (committed, _) in before.items()}
    table.verdict(offsets() == moved, "pelton group seek --shift -7", "every partition, and so much lag")
    pelton("seek", "kcat", "--topic", f"{topic}:1", "--to", "beginning", "--execute")
    moved[1] = (0, before[1][0])
    table.verdict(offsets() == moved, "pelton group seek --to beginning", "one partition")
    ends = {partition: committed for partition, (committed, _) in before.items()}
    for name, to, place in (
        ("an offset", "5", lambda end: 5),
        ("so many before the end", "-3", lambda end: end - 3),
        ("a time before all records", "@0", lambda end: 0),
        ("a time that is to come", "@99999999999999", lambda end: end),
        ("the beginning", "beginning", lambda end: 0),
        ("the end", "end", lambda end: end),
    ):
        pelton("seek", "kcat", "--to", to, "--execute")
        moved = {partition: (place(end), end - place(end)) for partition, end in ends.items()}
        table.verdict(offsets() == moved, f"pelton group seek --to {to}", f"every partition at {name}")
    pelton("delete", "kcat")
    table.verdict(offsets() == moved, "pelton group delete, dry", "deletes nothing")
    pelton("delete", "kcat", "--execute")
    table.verdict(offsets() == {}, "pelton group delete", "with all that it has committed")


def _arguments(kind):
    settings = [f"{name}={value}" for name, value in SETTINGS.items()]
    return settings if kind == "kafka" else [word for setting in settings for word in ("--set", setting)]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--broker", choices=["pelton", "kafka"], default="pelton")
    options.add_argument("--only", choices=list(ROUNDS))
    options = options.parse_args()
    # Members and broker end with it, also when a clock ends it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    begin, table = time.monotonic(), Table("{:<48} {:<72} {}")
    for name in [options.only] if options.only else ROUNDS:
        failed_before = table.failed
        folder = Path(tempfile.mkdtemp(prefix=f"groups-{name}-", dir=brokers.TARGET / "compat"))
        server = brokers.Broker(options.broker, folder / "broker", brokers.free_port(), _arguments(options.broker))
        try:
            server.start()
            one_round(name, server, folder, table, is_killed=name == "flights")
            operate(server, f"{name}-1", table)
        finally:
            server.kill()
        tidy(folder, table.failed > failed_before)
    return ended(table, begin)


if __name__ == "__main__":
    sys.exit(main())
