"""A member of a consumer group by confluent-kafka, and so by librdkafka: member_confluent.py BOOTSTRAP TOPIC GROUP FILE
classic|consumer, until SIGTERM.

Writes `partition offset` for every record, then commits what it has written.
"""

import signal
import sys

from confluent_kafka import Consumer, KafkaException

# Of the consumer protocol the broker sets the timeouts.
CLASSIC = {"session.timeout.ms": 6_000, "heartbeat.interval.ms": 1_000}


def main(bootstrap, topic, group, path, protocol):
    ends = []
    signal.signal(signal.SIGTERM, lambda *_: ends.append(True))
    consumer = Consumer({
        "bootstrap.servers": bootstrap, "group.id": group, "group.protocol": protocol,
        "enable.auto.commit": False, "auto.offset.reset": "earliest", **(CLASSIC if protocol == "classic" else {}),
    })  # fmt: skip
    consumer.subscribe([topic])
    with open(path, "a") as out:
        while not ends:
            messages = consumer.consume(num_messages=200, timeout=0.2)
            records = [message for message in messages if message.error() is None]
            out.writelines(f"{record.partition()} {record.offset()}\n" for record in records)
            out.flush()
            for message in messages:
                if message.error() is not None:
                    print(message.error(), file=sys.stderr)
            if records:
                try:
                    consumer.commit(asynchronous=False)
                except KafkaException as error:
                    # What is not committed comes again, to this member or another.
                    print(f"not committed: {error!r}", file=sys.stderr)
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
