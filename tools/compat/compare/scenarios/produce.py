"""Produce: good batches in every version, and every kind of bad one."""

import batch
from probe import encoded
from scenarios.cluster import UNKNOWN_ID


def request(p, topic, *partitions, acks=-1, **more):
    """`partitions` are (index, batch bytes); the topic goes by name and by id, whichever the version wants."""
    rows = [{"index": index, "records": None if data is None else encoded(data)} for index, data in partitions]
    topic_id = p.topic_ids.get(topic, UNKNOWN_ID)
    return {
        "acks": acks,
        "timeoutMs": 5000,
        "topicData": [{"name": topic, "topicId": topic_id, "partitionData": rows}],
    } | more


def good(p):
    name = p.topic("cmp-produce", 2)
    for version in p.versions("Produce"):
        data = batch.batch([b"a", b"bb", b"ccc"], key=b"k", timestamp=p.clock_ms)
        p.ask("Produce", version, request(p, name, (0, data), (1, data)))
    p.ask("Produce", 9, request(p, name, (1, batch.batch([b"z" * 1000], timestamp=p.clock_ms, codec=batch.GZIP))))
    p.ask("Produce", 9, request(p, name, (0, batch.batch([b"one"], timestamp=p.clock_ms)), acks=1))


def not_there(p):
    name = p.topic("cmp-produce-there")
    data = batch.batch([b"a"], timestamp=p.clock_ms)
    for version in p.versions("Produce"):
        p.ask("Produce", version, request(p, "cmp-produce-unknown", (0, data)))
        p.ask("Produce", version, request(p, name, (7, data), (-1, data), (0, data)))
    for bad in ("not valid", ""):
        p.ask("Produce", 9, request(p, bad, (0, data)))
    p.ask("Produce", 9, request(p, name))
    p.ask("Produce", 9, {"acks": -1, "timeoutMs": 5000})


def acks(p):
    name = p.topic("cmp-produce-acks")
    data = batch.batch([b"a"], timestamp=p.clock_ms)
    for version in p.edges("Produce"):
        for wanted in (2, -2, 32767):
            p.ask("Produce", version, request(p, name, (0, data), acks=wanted))
            p.ask("Produce", version, request(p, "cmp-produce-unknown", (0, data), acks=wanted))
        p.ask_without_answer("Produce", version, request(p, name, (0, data), acks=0))
        # An error under acks=0 closes the connection: the Metadata behind it gets no answer.
        p.ask_without_answer("Produce", version, request(p, name, (7, data), acks=0))


def bad_batches(p):
    name = p.topic("cmp-produce-bad")

    def make(**changes):
        return batch.batch([b"a", b"b"], timestamp=p.clock_ms, **changes)

    sound = make()
    gap = b"".join(batch.record(b"x", offset_delta=d) for d in (0, 2))
    swapped = b"".join(batch.record(b"x", offset_delta=d) for d in (1, 0))
    cases = [
        *(make(bad_crc=True), make(magic=3), make(magic=-1), make(magic=0), make(magic=1)),
        *(make(length=2**31 - 1), make(length=-1), make(length=10), make(length=0)),
        *(make(count=3), make(count=0), make(count=-1), make(last_delta=5), make(last_delta=-1)),
        *(make(base_offset=10), make(epoch=5), make(records=gap), make(records=swapped)),
        *(make(records=b""), make(records=b"\xff\xff\xff\xff\x0f"), make(attributes=batch.CONTROL)),
        *(make(attributes=batch.TRANSACTIONAL), make(attributes=batch.LOG_APPEND_TIME), make(attributes=0x80)),
        *(sound + sound, sound[:-1], sound[:30], b"\0", sound + b"\0\0"),
        *(batch.batch([], timestamp=p.clock_ms), make(max_timestamp=1)),
        *(make(codec=5), make(codec=7), make(attributes=batch.GZIP)),
    ]
    for number, data in enumerate(cases):
        p.case(f"produce.bad_batches {number}")
        for version in (8, 9, 13):
            p.ask("Produce", version, request(p, name, (0, data)))


def timestamps(p):
    name = p.topic("cmp-produce-time")
    day = 24 * 3_600_000
    for offset in (-400 * day, 2 * day):
        for version in p.edges("Produce"):
            p.ask("Produce", version, request(p, name, (0, batch.batch([b"a", b"b"], timestamp=p.clock_ms + offset))))
    for timestamp in (-1, -2, 0):
        p.ask("Produce", 9, request(p, name, (0, batch.batch([b"a"], timestamp=timestamp))))
    strict = p.topic("cmp-produce-strict", message_timestamp_before_max_ms=1000)
    p.ask("Produce", 9, request(p, strict, (0, batch.batch([b"a"], timestamp=p.clock_ms))))
    stamped = p.topic("cmp-produce-stamped", message_timestamp_type="LogAppendTime")
    for version in p.edges("Produce"):
        p.ask("Produce", version, request(p, stamped, (0, batch.batch([b"a"], timestamp=p.clock_ms))))


def sizes(p):
    name = p.topic("cmp-produce-size", max_message_bytes=1000)
    room = 1000 - len(batch.batch([b""], timestamp=p.clock_ms))
    for size in (room - 4, room - 2, room, room + 1, 5000):
        for version in p.edges("Produce"):
            p.ask("Produce", version, request(p, name, (0, batch.batch([b"x" * size], timestamp=p.clock_ms))))


def compacted(p):
    name = p.topic("cmp-produce-compact", cleanup_policy="compact")
    for version in p.edges("Produce"):
        for key in (None, b"", b"k"):
            data = batch.batch([b"a", b"b"], key=key, timestamp=p.clock_ms)
            p.ask("Produce", version, request(p, name, (0, data)))


def several_at_once(p):
    name = p.topic("cmp-produce-several", 3)
    data = batch.batch([b"a"], timestamp=p.clock_ms)
    bad = batch.batch([b"a"], timestamp=p.clock_ms, bad_crc=True)
    for version in p.edges("Produce"):
        p.ask("Produce", version, request(p, name, (2, data), (0, bad), (1, data)))
        p.ask("Produce", version, request(p, name, (0, data), (0, batch.batch([b"last"], timestamp=p.clock_ms))))


def one_fault_for_all(p):
    """What Kafka finds before it looks at partitions fails the whole request."""
    name = p.topic("cmp-produce-all", 3)
    good = batch.batch([b"a"], timestamp=p.clock_ms)
    magic = batch.batch([b"a"], timestamp=p.clock_ms, magic=5)
    short = batch.batch([b"a"], timestamp=p.clock_ms, length=13)
    transactional = batch.batch([b"a"], timestamp=p.clock_ms, attributes=batch.TRANSACTIONAL)
    for version in p.edges("Produce"):
        for bad in (magic, short, transactional):
            p.ask("Produce", version, request(p, name, (2, good), (0, bad), (1, good), (9, good)))
        p.ask("Produce", version, request(p, name, (0, transactional), (1, magic)))
        p.ask("Produce", version, request(p, name, (0, magic), (1, transactional)))
        p.ask("Produce", version, request(p, name, (0, magic), (0, good), (7, good)))
        p.ask("Produce", version, request(p, "cmp-produce-all-unknown", (0, magic)))
        for data in (good + good, good[:-1], b"", batch.batch([b"a"], timestamp=p.clock_ms, bad_crc=True)):
            p.ask("Produce", version, request(p, name, (0, data), acks=5))
    p.ask_without_answer("Produce", 9, request(p, name, (0, transactional), acks=0))
    rows = [{"partitionIndex": 0, "timestamp": -1}, {"partitionIndex": 1, "timestamp": -1}]
    p.ask("ListOffsets", 7, {"replicaId": -1, "topics": [{"name": name, "partitions": rows}]})


def transactional_id(p):
    name = p.topic("cmp-produce-txn")
    data = batch.batch([b"a"], timestamp=p.clock_ms)
    for version in p.edges("Produce"):
        p.ask("Produce", version, request(p, name, (0, data), transactionalId=""))


SCENARIOS = [good, not_there, acks, bad_batches, timestamps, sizes, compacted, several_at_once, one_fault_for_all,
             transactional_id]  # fmt: skip
