"""InitProducerId, idempotent produce, DescribeProducers."""

import batch
from scenarios.produce import request

NEW = {"transactionalId": None, "transactionTimeoutMs": 60_000}


def _until_ids_are_given(p):
    """A broker that has just started may not have its first block of producer ids yet: a retriable error."""
    p.until("producer ids", lambda: p.quiet("InitProducerId", 4, NEW)["errorCode"] == 0)


def init(p):
    _until_ids_are_given(p)
    for version in p.versions("InitProducerId"):
        p.ask("InitProducerId", version, NEW)
    for timeout in (0, -1):
        p.ask("InitProducerId", 4, NEW | {"transactionTimeoutMs": timeout})


def init_bad(p):
    _until_ids_are_given(p)
    for version in p.edges("InitProducerId"):
        p.ask("InitProducerId", version, NEW | {"transactionalId": ""})
    for version in (3, 5):
        for producer, epoch in ((5, -1), (-1, 5), (4000, 3)):
            p.ask("InitProducerId", version, NEW | {"producerId": producer, "producerEpoch": epoch})


def sequences(p):
    name = p.topic("cmp-idempotent")
    _until_ids_are_given(p)
    producer = p.ask("InitProducerId", 4, NEW).get("producerId", 1)

    def ask(sequence, epoch=0, count=1, version=9):
        values = [b"v%d" % n for n in range(count)]
        data = batch.batch(values, timestamp=p.clock_ms + sequence, producer=(producer, epoch, sequence))
        p.ask("Produce", version, request(p, name, (0, data)))

    ask(0)
    ask(0)  # a duplicate
    ask(1, count=3)
    ask(1, count=3)
    for sequence in range(4, 10):
        ask(sequence)
    for late in (5, 0, 2, 1):  # known, older than five, inside a known one, across known ones
        ask(late)
    ask(12)  # a gap
    ask(-1)
    ask(0, epoch=1, version=13)
    ask(10, epoch=0)
    ask(5, epoch=2)
    ask(0, epoch=-1)
    ask(0, epoch=2)
    p.ask("DescribeProducers", 0, {"topics": [{"name": name, "partitionIndexes": [0]}]})


def sequences_of_a_stranger(p):
    name = p.topic("cmp-stranger")
    for sequence in (2**31 - 2, 2**31 - 2, 0, 0, 1):  # wraps: two records from 2147483646 end at 2147483647
        count = 2 if sequence > 1 else 1
        data = batch.batch([b"x"] * count, timestamp=p.clock_ms, producer=(987_654_321, 3, sequence))
        p.ask("Produce", 9, request(p, name, (0, data)))


def describe(p):
    name = p.topic("cmp-producers", 2)
    for topic, partitions in ((name, [0, 1]), (name, [9]), (name, []), ("cmp-producers-unknown", [0]), ("not valid", [0])):
        p.ask("DescribeProducers", 0, {"topics": [{"name": topic, "partitionIndexes": partitions}]})


SCENARIOS = [init, init_bad, sequences, sequences_of_a_stranger, describe]
