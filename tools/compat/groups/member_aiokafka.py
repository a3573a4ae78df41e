"""A member of a consumer group by aiokafka: member_aiokafka.py BOOTSTRAP TOPIC GROUP FILE, until SIGTERM.

Writes `partition offset` for every record, then commits what it has written.
"""

import asyncio
import signal
import sys

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import KafkaError

SESSION_MS = 6_000


async def main(bootstrap, topic, group, path):
    ends = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ends.set)
    consumer = None
    while consumer is None and not ends.is_set():
        consumer = await _consumer(bootstrap, topic, group)
    if consumer is None:
        return
    with open(path, "a") as out:
        while not ends.is_set():
            batches = await consumer.getmany(timeout_ms=200, max_records=200)
            for partition, records in batches.items():
                out.writelines(f"{partition.partition} {record.offset}\n" for record in records)
            out.flush()
            if batches:
                try:
                    await consumer.commit()
                except KafkaError as error:
                    # What is not committed comes again, to this member or another.
                    print(f"not committed: {error!r}", file=sys.stderr)
    await consumer.stop()


async def _consumer(bootstrap, topic, group):
    # Others in a mixed group know the range assignor; by itself aiokafka offers another alone.
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False,
        auto_offset_reset="earliest", session_timeout_ms=SESSION_MS, heartbeat_interval_ms=1_000,
        partition_assignment_strategy=(RangePartitionAssignor, RoundRobinPartitionAssignor),
    )  # fmt: skip
    try:
        await consumer.start()
        return consumer
    except KafkaError as error:  # the broker may be away just now
        print(f"not started: {error!r}", file=sys.stderr)
        await consumer.stop()
        await asyncio.sleep(0.2)
        return None


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
