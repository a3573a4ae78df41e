"""The clients under test: one that produces, and every one that reads a topic from start to end.

A reader takes (bootstrap, topic) and returns Sums. It has SECONDS_MAX; what does not come by then is a failure.
"""

import os
import subprocess
import time

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient

from broker import PELTON, TARGET
from dataset import SEPARATOR
from digest import Digest, Sums

SECONDS_MAX = 90
JAVA_CLASSPATH = f"{TARGET}/compat/java/classes:{TARGET}/compat/java/jars/*"

# Key, SEPARATOR, value and a line feed for every record from the first on; exits at the end of all partitions.
PELTON_CONSUME = ["consume", "{topic}", "--bootstrap", "{bootstrap}", "--offset", "beginning", "--exit-eof",
                  "--key-separator", SEPARATOR]  # fmt: skip


def create_topic(bootstrap, topic, partitions):
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.create_topics(
            {topic: {"num_partitions": partitions, "replication_factor": 1}}, wait_for_metadata=True
        )
    finally:
        admin.close()


def produce_with_kcat(bootstrap, topic, keyed_path, codec):
    """Every line of the file; returns when all are acknowledged by all in-sync replicas.

    Idempotent, so that a retry can neither double nor reorder: the broker's part in that is under test too.
    """
    settings = {"enable.idempotence": "true", "acks": "all", "compression.codec": codec, "linger.ms": "20"}
    command = ["kcat", "-P", "-b", bootstrap, "-t", topic, "-K", SEPARATOR, "-l"]
    for name, value in settings.items():
        command += ["-X", f"{name}={value}"]
    # `-l` reads the file line by line; without it kcat would send the whole file as one message.
    _run([*command, str(keyed_path)])


def read_with_kafka_python(bootstrap, topic):
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, check_crcs=True, max_poll_records=10_000
    )
    try:
        partitions = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic))]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        ends = consumer.end_offsets(partitions)
        digest = Digest()
        deadline = time.monotonic() + SECONDS_MAX
        while any(consumer.position(p) < ends[p] for p in partitions):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not at the end after {SECONDS_MAX} s")
            for records in consumer.poll(timeout_ms=500).values():
                for record in records:
                    digest.add(record.key, record.value)
        return digest.finish()
    finally:
        consumer.close()


def read_with_java(bootstrap, topic):
    # The second compiler costs more than it earns in a program of two seconds.
    command = ["java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", JAVA_CLASSPATH]
    return Sums.parse(_run([*command, "FlightsConsumer", bootstrap, topic, str(SECONDS_MAX)]).decode())


def read_with_kcat(bootstrap, topic):
    command = ["kcat", "-C", "-b", bootstrap, "-t", topic, "-o", "beginning", "-e", "-q", "-X", "check.crcs=true"]
    return _sums_of_lines([*command, "-f", f"%k{SEPARATOR}%s\n"])


def read_with_pelton(bootstrap, topic):
    arguments = [a.format(bootstrap=bootstrap, topic=topic) for a in PELTON_CONSUME]
    return _sums_of_lines([str(PELTON), *arguments])


def pelton_can_consume():
    if not PELTON.exists():
        return False
    probe = subprocess.run([str(PELTON), "consume", "--help"], capture_output=True, timeout=10, check=False)
    return probe.returncode == 0 and bool(probe.stdout)


READERS = {
    "kafka-python": read_with_kafka_python,
    "java": read_with_java,
    "kcat": read_with_kcat,
    "pelton consume": read_with_pelton,
}


def _sums_of_lines(command):
    digest = Digest()
    for line in _run(command).split(b"\n")[:-1]:
        key, _, value = line.partition(SEPARATOR.encode())
        digest.add(key, value)
    return digest.finish()


def _run(command):
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS_MAX + 10, check=False
    )
    if done.returncode != 0:
        name = os.path.basename(command[0])
        raise RuntimeError(f"{name} exited with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout
