"""The processes that are members, and what each of them has seen."""

import signal
import subprocess
import sys
from pathlib import Path

import broker as brokers

HERE = Path(__file__).resolve().parent
# Until then a member that is asked to end has left; a machine may be busy.
END_SECONDS_MAX = 60
COOPERATIVE = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"
RANGE = "org.apache.kafka.clients.consumer.RangeAssignor"
JAVA = ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp",
        f"{brokers.TARGET}/compat/java/classes:{brokers.TARGET}/compat/java/jars/*"]  # fmt: skip


def _script(name, *options):
    return lambda bootstrap, topic, group, file: [
        sys.executable, str(HERE / name), bootstrap, topic, group, str(file), *options]  # fmt: skip


def _java(protocol, instance="", regex=False):
    def command(bootstrap, topic, group, file):
        subscription = f"^{topic[:-2]}.*" if regex else topic
        return [*JAVA, "GroupConsumers", bootstrap, subscription, f"{group}:{protocol}:{instance}:{file}"]

    return command


def _kcat(bootstrap, topic, group, _):
    # With -E it does not end when the broker is away.
    return ["kcat", "-E", "-b", bootstrap, "-u", "-f", "%p %o\n", "-X", "auto.offset.reset=earliest",
            "-X", "session.timeout.ms=6000", "-X", "auto.commit.interval.ms=500", "-G", group, topic]  # fmt: skip


# How each kind of member is started. `next` is the consumer protocol (KIP-848).
COMMANDS = {
    "kcat": _kcat,
    "kafka-python": _script("member_kafka_python.py"),
    "aiokafka": _script("member_aiokafka.py"),
    "confluent": _script("member_confluent.py", "classic"),
    "confluent-next": _script("member_confluent.py", "consumer"),
    "java": _java(COOPERATIVE),
    "java-static": _java(COOPERATIVE, "static"),
    "java-range": _java(RANGE),
    "java-next": _java("consumer"),
    "java-next-static": _java("consumer", "static"),
    "java-next-regex": _java("consumer", regex=True),
}


class Member:
    """One life of one member. It writes a line `partition offset` for each record, to a file of its own."""

    def __init__(self, kind, group, file, process):
        self.kind, self.group, self.file, self.process = kind, group, file, process

    def lines(self):
        return self.file.read_bytes().count(b"\n") if self.file.exists() else 0


class Members:
    """Everybody's processes. Scripts of several groups use it at once; each touches its own group's members only."""

    def __init__(self, folder, bootstrap, topic):
        self.folder, self.bootstrap, self.topic = folder, bootstrap, topic
        self.running, self.ended, self.found_dead = [], [], []

    def start(self, kind, group):
        life = 1 + sum(member.group == group for member in [*self.running, *self.ended])
        file = self.folder / f"{group}.{kind}.{life}"
        command = COMMANDS[kind](self.bootstrap, self.topic, group, file)
        errors = open(self.folder / f"stderr.{file.name}", "ab")
        out = open(file, "ab") if kind == "kcat" else subprocess.DEVNULL
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors)
        member = Member(kind, group, file, process)
        self.running.append(member)
        return member

    def pause(self, member):
        member.process.send_signal(signal.SIGSTOP)

    def resume(self, member):
        member.process.send_signal(signal.SIGCONT)

    def end(self, member, how=signal.SIGTERM):
        if member.process.poll() is not None:
            self.found_dead.append(member.file.name)
        member.process.send_signal(how)
        self._await_end(member)

    def end_all(self):
        self.find_dead()
        for member in self.running:
            self.resume(member)  # what is stopped does not end
            member.process.send_signal(signal.SIGTERM)
        for member in list(self.running):
            self._await_end(member)

    def find_dead(self):
        """Notes who has ended without having been asked."""
        dead = [member for member in self.running if member.process.poll() is not None]
        self.found_dead += [member.file.name for member in dead]
        for member in dead:
            self.running.remove(member)
            self.ended.append(member)

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
        for member in self.ended:
            if member.group != group or member.kind != "kcat":
                continue
            lines = (line.split() for line in member.file.read_text().splitlines())
            last = {int(words[0]): int(words[1]) for words in lines if len(words) == 2}
            dropped |= set(sorted(m for m in missing if last.get(m[0]) == m[1] - 1)[:1])
        return dropped

    def _await_end(self, member):
        try:
            member.process.wait(timeout=END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            member.process.kill()
            member.process.wait()
        self.running.remove(member)
        self.ended.append(member)
