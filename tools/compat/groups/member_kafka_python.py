"""A member of a consumer group by kafka-python: member_kafka_python.py BOOTSTRAP TOPIC GROUP FILE, until SIGTERM.

Writes `partition offset` for every record, then commits what it has written.
"""

import signal
import sys
import time

from kafka import KafkaConsumer
from kafka.errors import KafkaError

SESSION_MS = 6_000


def main(bootstrap, topic, group, path):
    ends = []
    signal.signal(signal.SIGTERM, lambda *_: ends.append(True))
    consumer = None
    while consumer is None and not ends:
        consumer = _consumer(bootstrap, topic, group)
    if consumer is None:
        return
    with open(path, "a") as out:
        while not ends:
            batches = consumer.poll(timeout_ms=200)
            for partition, records in batches.items():
                out.writelines(f"{partition.partition} {record.offset}\n" for record in records)
            out.flush()
            if batches:
                try:
                    consumer.commit(timeout_ms=3_000)
                except KafkaError as error:
                    # What is not committed comes again, to this member or another.
                    print(f"not committed: {error!r}", file=sys.stderr)
    consumer.close(autocommit=False)


def _consumer(bootstrap, topic, group):
    try:
        return KafkaConsumer(
            topic, bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False,
            auto_offset_reset="earliest", session_timeout_ms=SESSION_MS, heartbeat_interval_ms=1_000,
            max_poll_records=200,
        )  # fmt: skip
    except KafkaError as error:  # the broker may be away just now
        print(f"not started: {error!r}", file=sys.stderr)
        time.sleep(0.2)
        return None


if __name__ == "__main__":
    main(*sys.argv[1:])
