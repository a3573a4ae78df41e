"""ListOffsets, OffsetForLeaderEpoch, DeleteRecords."""

import batch
from scenarios.produce import request


def _fill(p, name):
    """Records at clock, clock + 1; clock + 5, clock + 6; then again clock + 2, clock + 3."""
    for delta in (0, 5, 2):
        data = batch.batch([b"a", b"b"], key=b"k", timestamp=p.clock_ms + delta)
        p.quiet("Produce", 9, request(p, name, (0, data)))


def _list(p, version, name, *timestamps, partition=0, epoch=-1, **more):
    rows = [{"partitionIndex": partition, "timestamp": t, "currentLeaderEpoch": epoch} for t in timestamps]
    p.ask("ListOffsets", version, {"replicaId": -1, "topics": [{"name": name, "partitions": rows}]} | more)


def list_offsets(p):
    name = p.topic("cmp-offsets", 2)
    _fill(p, name)
    for version in p.versions("ListOffsets"):
        for timestamp in (-1, -2, -3, -4, -5, -6, -7, 0):
            _list(p, version, name, timestamp)
    for version in p.edges("ListOffsets"):
        for delta in (-1, 0, 1, 2, 3, 6, 7):
            _list(p, version, name, p.clock_ms + delta)
        for timestamp in (-1, -2, 0):
            _list(p, version, name, timestamp, partition=1)
    _list(p, 11, name, -3, partition=1)


def list_offsets_bad(p):
    name = p.topic("cmp-offsets-bad")
    _fill(p, name)
    for version in p.edges("ListOffsets"):
        _list(p, version, "cmp-offsets-unknown", -1)
        _list(p, version, "not valid", -1)
        _list(p, version, name, -1, partition=9)
        _list(p, version, name, -1, -2)
        _list(p, version, name)
    for version in (2, 11):
        for isolation in (1, 9, -1):
            _list(p, version, name, -1, isolationLevel=isolation)
    for epoch in (-1, -2, 0, 1):
        _list(p, 7, name, -1, epoch=epoch)
    _list(p, 7, name, -1, replicaId=77)


def delete_records(p):
    for version in p.versions("DeleteRecords"):
        name = p.topic(f"cmp-trim-{version}", 2)
        _fill(p, name)

        def ask(offset, partition=0, topic=name, version=version):
            rows = [{"partitionIndex": partition, "offset": offset}]
            p.ask("DeleteRecords", version, {"topics": [{"name": topic, "partitions": rows}], "timeoutMs": 5000})

        for offset in (0, 3, 1, 3, -2, 7, 2**62, -1):
            ask(offset)
            _list(p, 7, name, -2)
        ask(0, partition=1)
        ask(0, partition=9)
        ask(0, topic="cmp-trim-unknown")
        ask(0, topic="not valid")
        _list(p, 11, name, -3)
        _list(p, 11, name, -1)
    compacted = p.topic("cmp-trim-compact", cleanup_policy="compact")
    p.ask("DeleteRecords", 2, {"topics": [{"name": compacted, "partitions": [{"partitionIndex": 0}]}], "timeoutMs": 5000})
    p.ask("DeleteRecords", 2, {"topics": [], "timeoutMs": 5000})


def offset_for_leader_epoch(p):
    name = p.topic("cmp-epochs", 2)
    _fill(p, name)

    def ask(version, topic=name, partition=0, **more):
        row = {"partition": partition, "currentLeaderEpoch": -1, "leaderEpoch": 0} | more
        p.ask("OffsetForLeaderEpoch", version, {"replicaId": -1, "topics": [{"topic": topic, "partitions": [row]}]})

    for version in p.versions("OffsetForLeaderEpoch"):
        for epoch in (0, 1, -1, -2, -5, -(2**31), 100):
            ask(version, leaderEpoch=epoch)
            ask(version, leaderEpoch=epoch, partition=1)
        for epoch in (-2, 0, 1):
            ask(version, currentLeaderEpoch=epoch)
        ask(version, partition=1)
        ask(version, partition=9)
        ask(version, topic="cmp-epochs-unknown")
        ask(version, topic="not valid")
    rows = [{"partitionIndex": 0, "offset": 3}]
    p.ask("DeleteRecords", 2, {"topics": [{"name": name, "partitions": rows}], "timeoutMs": 5000})
    for epoch in (0, 1, -1, -5):
        ask(4, leaderEpoch=epoch)
    rows = [{"partitionIndex": 0, "offset": 6}]
    p.ask("DeleteRecords", 2, {"topics": [{"name": name, "partitions": rows}], "timeoutMs": 5000})
    for epoch in (0, 1, -1, -5):
        ask(4, leaderEpoch=epoch)


SCENARIOS = [list_offsets, list_offsets_bad, delete_records, offset_for_leader_epoch]
