#!/usr/bin/env python3
"""Consumer groups with real clients: members come, go and are killed, and so is the broker.

    check.py                   our broker; about 50 s
    check.py --broker kafka    the same on the real Kafka

Eight groups read one topic while it is written to. By the classic protocol: of kcat, of kafka-python, of the Java client
(cooperative, static members), and one of all three together. By the consumer protocol (KIP-848, `next-...`): of the Java
client (a static member, and one that subscribes by a regular expression), of confluent-kafka, and one of both and of
kafka-python's classic member among them. The eighth, `turning`, is a classic group of kcat that a member of the consumer
protocol joins and leaves again. Each must see every record at least once, and no committed offset that anybody
was told may ever go back, also over kill -9 of the broker. The last line reads `N passed, N failed`.
"""

import argparse
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
from committed import NotYet, committed  # noqa: E402
from confluent_kafka import ConsumerGroupType  # noqa: E402
from confluent_kafka.admin import AdminClient  # noqa: E402
from kafka.admin import KafkaAdminClient  # noqa: E402
from table import Table, finish  # noqa: E402

TOPIC, PARTITIONS = "grouped", 6
RECORDS_PER_SECOND, WRITING_SECONDS = 400, 24
RECORDS = RECORDS_PER_SECOND * WRITING_SECONDS
NEXT = {"next-java", "next-confluent", "next-mixed"}
GROUPS = ("kcat", "python", "java", "mixed", "turning", *sorted(NEXT))
# Of the consumer protocol the broker sets the timeouts: short ones, for members that are killed.
SETTINGS = {
    "group.consumer.min.session.timeout.ms": 6_000, "group.consumer.session.timeout.ms": 6_000,
    "group.consumer.min.heartbeat.interval.ms": 500, "group.consumer.heartbeat.interval.ms": 1_000,
}  # fmt: skip
CATCH_UP_SECONDS_MAX = 30
COOPERATIVE = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"
RANGE = "org.apache.kafka.clients.consumer.RangeAssignor"
JAVA = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp",
        f"{brokers.TARGET}/compat/java/classes:{brokers.TARGET}/compat/java/jars/*"]  # fmt: skip


class Members:
    """Member processes by name (kcat gets -E, with which it does not end when the broker is away). Each life writes to a file of its own: `<group>.<name>.<life>`."""

    def __init__(self, folder, bootstrap):
        self.folder, self.bootstrap, self.lives, self.running = folder, bootstrap, 0, {}
        self.kcat_files = {}
        self.asked_to_end = []  # files of kcats that were

    def start(self, name):
        self.lives += 1
        kind, _, group = name.partition("-in-")
        group = group.rstrip("0123456789")
        file = self.file(group, name)
        if kind == "kcat":
            command = ["kcat", "-E", "-b", self.bootstrap, "-u", "-f", "%p %o\n", "-X", "auto.offset.reset=earliest",
                       "-X", "session.timeout.ms=6000", "-X", "auto.commit.interval.ms=500", "-G", group, TOPIC]  # fmt: skip
            self._run(name, command, stdout=file)
            self.kcat_files[name] = file
        elif kind == "confluent":
            self._run(name, [sys.executable, str(HERE / "confluent.py"), self.bootstrap, TOPIC, group, str(file)])
        elif kind == "next":
            members = [f"next-java:consumer:{fixed}:{self.file('next-java', name + fixed)}" for fixed in ("", "next-1")]
            members.append(f"next-mixed:consumer::{self.file('next-mixed', name)}")
            self._run(name, [*JAVA, "GroupConsumers", self.bootstrap, TOPIC, *members])
        elif kind == "regex":
            member = f"next-java:consumer::{self.file('next-java', name)}"
            self._run(name, [*JAVA, "GroupConsumers", self.bootstrap, f"^{TOPIC[:4]}.*", member])
        elif kind == "python":
            self._run(name, [sys.executable, str(HERE / "member.py"), self.bootstrap, TOPIC, group, str(file)])
        else:
            members = [f"java:{COOPERATIVE}:java-{n}:{self.file('java', f'{name}-{n}')}" for n in range(2)]
            members.append(f"mixed:{RANGE}::{self.file('mixed', name)}")
            self._run(name, [*JAVA, "GroupConsumers", self.bootstrap, TOPIC, *members])

    def end(self, name, how):
        process = self.running.pop(name)
        process.send_signal(how)
        if how == signal.SIGTERM and name in self.kcat_files:
            self.asked_to_end.append(self.kcat_files[name])
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def end_all(self):
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for name in list(self.running):
            self.end(name, signal.SIGTERM)

    def dead(self):
        return [name for name, process in self.running.items() if process.poll() is not None]

    def file(self, group, name):
        return self.folder / f"{group}.{name}.{self.lives}"

    def seen(self, group):
        """Every (partition, offset) that some life of some member has written; a last line may be torn by a kill."""
        seen = set()
        for file in self.folder.glob(f"{group}.*"):
            for line in file.read_text().splitlines():
                words = line.split()
                if len(words) == 2 and all(word.isdigit() for word in words):
                    seen.add((int(words[0]), int(words[1])))
        return seen

    def dropped_by_kcat(self, group, missing):
        """Those of the missing records that kcat itself may have lost.

        Told to end, it drops the one record that it holds, and commits it all the same: on every broker. That record
        follows the last one that the same life has written of its partition.
        """
        dropped = set()
        for file in self.asked_to_end:
            if not file.name.startswith(f"{group}."):
                continue
            last = dict(map(int, line.split()) for line in file.read_text().splitlines())
            dropped |= set(sorted(m for m in missing if last.get(m[0]) == m[1] - 1)[:1])
        return dropped

    def _run(self, name, command, stdout=None):
        errors = open(self.folder / f"stderr.{name}.{self.lives}", "ab")
        out = open(stdout, "ab") if stdout else subprocess.DEVNULL
        self.running[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors)


class Watch(threading.Thread):
    """Asks for every group's committed offsets all the time, and notes each that went back."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.ended, self.looks, self.back, self.last = port, threading.Event(), 0, [], {}

    def run(self):
        while not self.ended.wait(0.1):
            for group in GROUPS:
                try:
                    self.look(group)
                except NotYet:
                    pass
                except ValueError as error:
                    self.back.append(f"{group}: {error}")

    def look(self, group):
        offsets = committed(self.port, group, TOPIC, PARTITIONS)
        before = self.last.get(group, offsets)
        for partition, (old, new) in enumerate(zip(before, offsets)):
            if new < old:
                self.back.append(f"{group}: partition {partition} went from {old} back to {new}")
        self.last[group], self.looks = offsets, self.looks + 1
        return offsets

    def stop(self):
        self.ended.set()
        self.join()


def write(bootstrap, done):
    """RECORDS numbered records at an even pace; kcat waits out the broker's absence and sends again."""
    settings = ["-X", "enable.idempotence=true", "-X", "acks=all", "-X", "linger.ms=20", "-X", "message.timeout.ms=60000"]
    process = subprocess.Popen(["kcat", "-E", "-P", "-b", bootstrap, "-t", TOPIC, "-K", ":", *settings], stdin=subprocess.PIPE)
    begin = time.monotonic()
    for number in range(RECORDS):
        process.stdin.write(b"%d:%d\n" % (number, number))
        if number % 20 == 0:
            process.stdin.flush()
            time.sleep(max(0, begin + number / RECORDS_PER_SECOND - time.monotonic()))
    process.stdin.close()
    done.append(process.wait(timeout=60))


def play(server, members):
    """Who comes and goes, second by second."""
    acts = [
        (0, lambda: [members.start(m) for m in ("kcat-in-kcat", "python-in-python", "java-in-", "kcat-in-mixed", "kcat-in-turning")]),
        (1, lambda: [members.start(m) for m in ("next-in-", "confluent-in-next-confluent", "confluent-in-next-mixed")]),
        (3, lambda: [members.start(m) for m in ("kcat-in-kcat2", "python-in-python2", "python-in-mixed")]),
        (4, lambda: [members.start(m) for m in ("confluent-in-next-confluent2", "regex-in-next-java")]),
        (5, lambda: members.start("python-in-next-mixed")),
        (7, lambda: members.end("kcat-in-kcat", signal.SIGTERM)),
        (8, lambda: members.end("python-in-python", signal.SIGKILL)),
        # Not while kcat still waits to join: turned away then, it ends. As on Kafka.
        (8.3, lambda: members.start("confluent-in-turning")),
        (8.5, lambda: members.end("confluent-in-next-confluent", signal.SIGKILL)),
        (9, lambda: members.start("kcat-in-kcat3")),
        (10, lambda: [server.kill(), server.start()]),
        (13, lambda: members.start("python-in-python3")),
        (13.5, lambda: members.start("confluent-in-next-confluent3")),
        (13.7, lambda: members.end("python-in-next-mixed", signal.SIGTERM)),
        (14, lambda: members.end("next-in-", signal.SIGKILL)),
        (15, lambda: members.end("java-in-", signal.SIGKILL)),
        (16, lambda: members.start("java-in-")),
        (16.5, lambda: members.start("next-in-")),
        (17.9, lambda: members.end("confluent-in-next-mixed", signal.SIGTERM)),
        (18, lambda: members.end("kcat-in-mixed", signal.SIGTERM)),
        # In the middle of the rebalance that this leave has set off.
        (18.2, lambda: [server.kill(), server.start()]),
        (20, lambda: members.end("python-in-python2", signal.SIGTERM)),
        (20.4, lambda: members.end("confluent-in-turning", signal.SIGTERM)),
    ]
    begin = time.monotonic()
    for at, act in acts:
        time.sleep(max(0, begin + at - time.monotonic()))
        act()


def consumer_groups(bootstrap):
    """The groups that really speak the consumer protocol, as the broker tells them."""
    admin = AdminClient({"bootstrap.servers": bootstrap})  # held: without it the question ends
    asked = admin.list_consumer_groups(types={ConsumerGroupType.CONSUMER})
    return {group.group_id for group in asked.result(timeout=10).valid}


def check(server, folder):
    table, members, written = Table("{:<42} {:<60} {}"), Members(folder, server.bootstrap), []
    admin = KafkaAdminClient(bootstrap_servers=server.bootstrap)
    admin.create_topics({TOPIC: {"num_partitions": PARTITIONS, "replication_factor": 1}}, wait_for_metadata=True)
    admin.close()
    writer = threading.Thread(target=write, args=(server.bootstrap, written))
    watch = Watch(server.port)
    writer.start()
    watch.start()
    try:
        play(server, members)
        writer.join()
        table.verdict(written == [0], "writing", f"{RECORDS} records acknowledged")
        deadline = time.monotonic() + CATCH_UP_SECONDS_MAX
        behind = dict.fromkeys(GROUPS, RECORDS)
        while any(behind.values()) and time.monotonic() < deadline:
            time.sleep(0.2)
            behind = {g: RECORDS - sum(max(0, o) for o in watch.last.get(g, ())) for g in GROUPS}
        dead = members.dead()
        by_protocol = consumer_groups(server.bootstrap)
        ends = {(p, o) for p, end in enumerate(watch.last["python"]) for o in range(end)}
        members.end_all()
        table.verdict(not dead, "members", f"ended by themselves: {', '.join(dead) or 'none'}")
        table.verdict(by_protocol == NEXT, "protocols", f"by the consumer protocol: {', '.join(sorted(by_protocol))}")
        for group in GROUPS:
            missing = ends - members.seen(group)
            excused = members.dropped_by_kcat(group, missing)
            note = f"{len(missing - excused)} of {RECORDS} never seen, {len(excused)} dropped by a kcat that was ended"
            table.verdict(not missing - excused, f"group {group}: every record", note)
            table.verdict(behind[group] == 0, f"group {group}: all committed", f"{behind[group]} not committed")
    finally:
        members.end_all()
        watch.stop()
    operate(server, table)
    table.verdict(not watch.back, "committed offsets never go back", f"{watch.looks} looks; {watch.back[:2] or 'none did'}")
    return table


def operate(server, table):
    """What an operator does with groups that nobody uses any more, by `pelton group`."""

    def pelton(*arguments):
        command = [str(brokers.PELTON), "group", *arguments, "--bootstrap", server.bootstrap]
        return subprocess.run(command, capture_output=True, timeout=20, check=True, text=True).stdout

    def offsets():
        return {p["partition"]: (p["committed"], p["lag"]) for p in json.loads(pelton("offsets", "kcat", "--json"))}

    listed = [group["group"] for group in json.loads(pelton("list", "--json"))]
    table.verdict(listed == sorted(GROUPS), "pelton group list", " ".join(listed))
    before = offsets()
    table.verdict({lag for _, lag in before.values()} == {0}, "pelton group offsets", "no lag")
    pelton("seek", "kcat", "--to", "beginning")
    table.verdict(offsets() == before, "pelton group seek, dry", "moves nothing")
    pelton("seek", "kcat", "--shift", "-7", "--execute")
    moved = {partition: (committed - 7, 7) for partition, (committed, _) in before.items()}
    table.verdict(offsets() == moved, "pelton group seek --shift -7", "every partition, and so much lag")
    pelton("seek", "kcat", "--topic", f"{TOPIC}:1", "--to", "beginning", "--execute")
    moved[1] = (0, before[1][0])
    table.verdict(offsets() == moved, "pelton group seek --to beginning", "one partition")
    pelton("delete", "kcat", "--execute")
    table.verdict(offsets() == {}, "pelton group delete", "with all that it has committed")


def _arguments(kind):
    settings = [f"{name}={value}" for name, value in SETTINGS.items()]
    return settings if kind == "kafka" else [word for setting in settings for word in ("--set", setting)]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--broker", choices=["pelton", "kafka"], default="pelton")
    options = options.parse_args()
    begin = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="groups-", dir=brokers.TARGET / "compat"))
    server = brokers.Broker(options.broker, folder / "broker", brokers.free_port(), _arguments(options.broker))
    try:
        server.start()
        table = check(server, folder)
    finally:
        server.kill()
    return finish(table, folder, begin)


if __name__ == "__main__":
    sys.exit(main())
