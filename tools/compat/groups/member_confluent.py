"""A member of a consumer group by confluent-kafka, and so by librdkafka, in the consumer protocol (KIP-848):
confluent.py BOOTSTRAP TOPIC GROUP FILE, until SIGTERM.

Writes `partition offset` for every record, then commits what it has written.
"""

import signal
import sys

from confluent_kafka import Consumer, KafkaException


def main(bootstrap, topic, group, path):
    ends = []
    signal.signal(signal.SIGTERM, lambda *_: ends.append(True))
    consumer = Consumer({
        "bootstrap.servers": bootstrap, "group.id": group, "group.protocol": "consumer",
        "enable.auto.commit": False, "auto.offset.reset": "earliest",
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
