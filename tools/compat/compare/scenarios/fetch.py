"""Fetch: every version, limits, sessions and errors."""

import batch
from scenarios.cluster import UNKNOWN_ID
from scenarios.produce import request


def _fill(p, name, partition=0, batches=3):
    """`batches` batches of two records; one call, one batch."""
    for number in range(batches):
        data = batch.batch([b"v%d" % number, b"w" * 100], key=b"k", timestamp=p.clock_ms + 10 * number)
        p.quiet("Produce", 9, request(p, name, (partition, data)))


def _fetch(p, version, name, *partitions, **more):
    """`partitions` are fetch partitions' fields; a bare number is an offset of partition 0."""
    defaults = {"partition": 0, "partitionMaxBytes": 1 << 20}
    rows = [defaults | ({"fetchOffset": row} if isinstance(row, int) else row) for row in partitions]
    topic = {"topic": name, "topicId": p.topic_ids.get(name, UNKNOWN_ID), "partitions": rows}
    head = {"maxWaitMs": 100, "minBytes": 1, "maxBytes": 1 << 20, "sessionEpoch": -1}
    return p.ask("Fetch", version, head | {"topics": [topic]} | more)


def good(p):
    name = p.topic("cmp-fetch", 2)
    _fill(p, name)
    for version in p.versions("Fetch"):
        _fetch(p, version, name, 0, {"partition": 1, "fetchOffset": 0})
    for version in p.edges("Fetch"):
        for offset in (1, 2, 3, 5, 6):
            _fetch(p, version, name, offset)
        _fetch(p, version, name, 0, isolationLevel=1)


def out_of_range(p):
    name = p.topic("cmp-fetch-range")
    _fill(p, name)
    for version in p.edges("Fetch"):
        for offset in (-1, -2, 7, 2**62):
            _fetch(p, version, name, offset)
        _fetch(p, version, name, 7, isolationLevel=1)
    rows = [{"partitionIndex": 0, "offset": 3}]
    p.ask("DeleteRecords", 2, {"topics": [{"name": name, "partitions": rows}], "timeoutMs": 5000})
    for offset in (0, 2, 3):
        _fetch(p, 16, name, offset)


def not_there(p):
    name = p.topic("cmp-fetch-there")
    for version in p.edges("Fetch"):
        for isolation in (0, 1):
            _fetch(p, version, "cmp-fetch-unknown", 0, isolationLevel=isolation)
            _fetch(p, version, name, {"partition": 9, "fetchOffset": 0}, isolationLevel=isolation)
        _fetch(p, version, name, {"partition": -1, "fetchOffset": 0})
        p.ask("Fetch", version, {"maxWaitMs": 0, "minBytes": 0, "maxBytes": 1000, "sessionEpoch": -1})
    _fetch(p, 12, "not valid", 0)


def limits(p):
    name = p.topic("cmp-fetch-limits", 2)
    _fill(p, name, 0)
    _fill(p, name, 1)
    for size in (0, 1, 100, 190, 250, 380, 10_000):
        _fetch(p, 12, name, {"fetchOffset": 0, "partitionMaxBytes": size}, {"partition": 1, "partitionMaxBytes": size})
        _fetch(p, 12, name, 0, {"partition": 1, "fetchOffset": 0}, maxBytes=size)
    _fetch(p, 12, name, {"partition": 1, "fetchOffset": 0}, 0)
    for size in (0, 1):
        rest = {"partition": 1, "fetchOffset": 0, "partitionMaxBytes": size}
        _fetch(p, 12, name, 0, rest, isolationLevel=1)
    second = {"partition": 1, "fetchOffset": 0}
    for offset in (0, 6, 7):
        _fetch(p, 12, name, {"fetchOffset": offset, "partitionMaxBytes": -1}, second)
        _fetch(p, 12, name, offset, second, maxBytes=-1)
    _fetch(p, 12, name, second, {"fetchOffset": 0, "partitionMaxBytes": -1})
    _fetch(p, 12, name, {"fetchOffset": 0, "partitionMaxBytes": -1, "currentLeaderEpoch": 3})
    _fetch(p, 12, name, 6, minBytes=0, maxWaitMs=0)
    _fetch(p, 12, name, 6, minBytes=1, maxWaitMs=-1)
    _fetch(p, 12, name, 0, minBytes=2**31 - 1, maxWaitMs=50)


def epochs(p):
    name = p.topic("cmp-fetch-epoch")
    _fill(p, name)
    for version in (9, 12, 18):
        for epoch in (-1, -2, 0, 1, 100):
            _fetch(p, version, name, {"fetchOffset": 0, "currentLeaderEpoch": epoch})
    for version in (12, 18):
        for epoch in (-1, 0, 1):
            _fetch(p, version, name, {"fetchOffset": 0, "lastFetchedEpoch": epoch})
        for isolation in (0, 1):
            _fetch(p, version, name, {"fetchOffset": 9, "lastFetchedEpoch": 0}, isolationLevel=isolation)


def odd_readers(p):
    name = p.topic("cmp-fetch-odd")
    _fill(p, name)
    for isolation in (2, -1):
        for version in p.edges("Fetch"):
            _fetch(p, version, name, 0, isolationLevel=isolation)
    _fetch(p, 4, name, 0, replicaId=77)
    _fetch(p, 15, name, 0, replicaState={"replicaId": 77, "replicaEpoch": 1})
    _fetch(p, 12, name, 0, {"partition": 0, "fetchOffset": 4})
    _fetch(p, 11, name, 0, rackId="somewhere")


def sessions(p):
    name = p.topic("cmp-fetch-session", 2)
    _fill(p, name)
    for version in (7, 12, 13, 18):
        both = ({"fetchOffset": 0}, {"partition": 1, "fetchOffset": 0})
        session = _fetch(p, version, name, *both, sessionEpoch=0).get("sessionId", 0)
        nothing = {"topics": [], "sessionId": session}
        _fetch(p, version, name, sessionEpoch=1, **nothing)
        _fetch(p, version, name, 6, sessionId=session, sessionEpoch=2)
        _fetch(p, version, name, sessionEpoch=3, **nothing)
        _fetch(p, version, name, sessionEpoch=9, **nothing)
        forgotten = {"topic": name, "topicId": p.topic_ids[name], "partitions": [0]}
        _fetch(p, version, name, sessionEpoch=4, forgottenTopicsData=[forgotten], **nothing)
        _fetch(p, version, name, sessionEpoch=-1, **nothing)
        _fetch(p, version, name, sessionEpoch=1, **nothing)
        # An unknown one with the highest bit that a session id may have. The last eight ids are outside of the array
        # by which Kafka finds a session's lock: it answers them with an internal error.
        _fetch(p, version, name, 0, sessionId=2**31 - 9, sessionEpoch=1)
    for version in (12, 13):
        session = _fetch(p, version, name, {"partition": 9}, 0, sessionEpoch=0).get("sessionId", 0)
        _fetch(p, version, name, sessionId=session, sessionEpoch=1, topics=[])
        _fetch(p, version, name, sessionId=session, sessionEpoch=-1, topics=[])
    session = _fetch(p, 13, name, 0, sessionEpoch=0).get("sessionId", 0)
    _fetch(p, 12, name, 0, sessionId=session, sessionEpoch=1)
    _fetch(p, 13, name, 0, sessionId=session, sessionEpoch=0)


def _session_fetch(p, version, session, epoch, *topics, forgotten=(), **more):
    """Several topics at once; `topics` are (name, partition fields...)."""
    rows = []
    for name, *partitions in topics:
        partitions = [{"partition": 0, "partitionMaxBytes": 1 << 20} | partition for partition in partitions]
        rows.append({"topic": name, "topicId": p.topic_ids.get(name, UNKNOWN_ID), "partitions": partitions})
    gone = [{"topic": n, "topicId": p.topic_ids.get(n, UNKNOWN_ID), "partitions": indices} for n, indices in forgotten]
    head = {"maxWaitMs": 100, "minBytes": 1, "maxBytes": 1 << 20, "sessionId": session, "sessionEpoch": epoch}
    return p.ask("Fetch", version, head | {"topics": rows, "forgottenTopicsData": gone} | more)


def _one(partition, offset, **more):
    return {"partition": partition, "fetchOffset": offset} | more


def sessions_keep_an_order(p):
    """What gave records goes to the end; what is new comes behind that; answers follow, errors last."""
    first, second = p.topic("cmp-fetch-order-a", 3), p.topic("cmp-fetch-order-b", 2)
    for version in (12, 18):
        start = [(first, _one(2, 0), _one(0, 0)), (second, _one(1, 0)), (first, _one(1, 0), _one(7, 0))]
        begun = _session_fetch(p, version, 0, 0, *start, minBytes=0)
        session = begun.get("sessionId", 0)
        _fill(p, first, 0, 1)
        _fill(p, second, 1, 1)
        at = p.quiet("ListOffsets", 7, _end_of(first, 0))["topics"][0]["partitions"][0]["offset"] - 2
        _session_fetch(p, version, session, 1, (first, _one(0, at)), (second, _one(1, at), _one(0, 0)))
        _fill(p, first, 2, 1)
        _fill(p, first, 0, 1)
        _session_fetch(p, version, session, 2, (first, _one(0, at + 2), _one(2, at)), maxBytes=1)
        _session_fetch(p, version, session, 3)
        _session_fetch(p, version, session, 4, (first, _one(0, at + 4), _one(2, at + 2), _one(7, 0), _one(8, 0)))
        _session_fetch(p, version, session, 5, forgotten=[(first, [7, 8, 9]), ("cmp-fetch-order-c", [0])], maxWaitMs=1)
        _session_fetch(p, version, session, -1)


def _end_of(name, partition):
    rows = [{"partitionIndex": partition, "timestamp": -1}]
    return {"replicaId": -1, "topics": [{"name": name, "partitions": rows}]}


def sessions_name_a_partition_twice(p):
    name = p.topic("cmp-fetch-twice", 2)
    _fill(p, name, 0, 2)
    for version in (7, 12, 18):
        twice = (name, _one(0, 4), _one(1, 0), _one(0, 2))
        _session_fetch(p, version, 0, -1, twice)
        _session_fetch(p, version, 0, -1, (name, _one(0, 4)), (name, _one(1, 0)), (name, _one(0, 2)))
        session = _session_fetch(p, version, 0, 0, twice).get("sessionId", 0)
        _session_fetch(p, version, session, 1, (name, _one(0, 2), _one(0, 4)))
        _session_fetch(p, version, session, 2, (name, _one(0, 0)), forgotten=[(name, [0, 0])], maxWaitMs=1)
        _session_fetch(p, version, session, 3, forgotten=[(name, [1])])
        _session_fetch(p, version, session, 4)


def sessions_end(p):
    name = p.topic("cmp-fetch-end")
    _fill(p, name, 0, 1)
    for version in (7, 18):
        empty = _session_fetch(p, version, 0, 0).get("sessionId", 0)
        _session_fetch(p, version, empty, 1)
        empty = _session_fetch(p, version, 0, 0).get("sessionId", 0)
        _session_fetch(p, version, empty, 1, (name, _one(0, 0)))
        _session_fetch(p, version, empty, 0, (name, _one(0, 2)), minBytes=0)
        _session_fetch(p, version, empty, 2)
        for session, epoch in ((0, 1), (0, 7), (0, -2), (-1, 1), (-1, 0), (5, -1)):
            _session_fetch(p, version, session, epoch, (name, _one(0, 0)))
        session = _session_fetch(p, version, 0, 0, (name, _one(0, 0))).get("sessionId", 0)
        for epoch in (-2, -(2**31), 2**31 - 1):
            _session_fetch(p, version, session, epoch)
        _session_fetch(p, version, session, 1, (name, _one(0, 0)), isolationLevel=9)
        _session_fetch(p, version, session, 1, (name, _one(0, 0)))
        _session_fetch(p, version, session, 2, (name, _one(0, 0)))
        replica = {"replicaState": {"replicaId": 5}} if version >= 15 else {"replicaId": 5}
        _session_fetch(p, version, session, 2, (name, _one(0, 0)), **replica)
        _session_fetch(p, version, session, 3, (name, _one(0, 0, partitionMaxBytes=-1)))
        _session_fetch(p, version, session, 4, (name, _one(0, 0, currentLeaderEpoch=9)))
        _session_fetch(p, version, session, 5, maxBytes=-1)
        _session_fetch(p, version, session, -1)


def sessions_outlive_topics(p):
    for version in (12, 18):
        kept, gone = p.topic(f"cmp-fetch-kept-{version}"), p.topic(f"cmp-fetch-gone-{version}")
        _fill(p, gone, 0, 1)
        late = f"cmp-fetch-late-{version}"
        session = _session_fetch(p, version, 0, 0, (kept, _one(0, 0)), (gone, _one(0, 0)), (late, _one(0, 0))).get("sessionId", 0)
        p.quiet("DeleteTopics", 6, {"topics": [{"name": gone}], "timeoutMs": 30_000})
        p.until_gone(gone)
        _session_fetch(p, version, session, 1)
        _session_fetch(p, version, session, 2)
        old = p.topic_ids[gone]
        p.topic(gone)
        p.topic(late)
        _fill(p, gone, 0, 2)
        _session_fetch(p, version, session, 3)
        if version >= 13:
            p.topic_ids[gone], new = old, p.topic_ids[gone]
            _session_fetch(p, version, session, 4, (gone, _one(0, 2)))
            p.topic_ids[gone] = new
            _session_fetch(p, version, session, 5, (gone, _one(0, 2)))
        _session_fetch(p, version, session, -1)


def stored_as_sent(p):
    """What comes back of batches with unusual, yet accepted, headers."""
    stamped = p.topic("cmp-fetch-stamped", message_timestamp_type="LogAppendTime")
    plain = p.topic("cmp-fetch-plain")
    data = [
        batch.batch([b"a"], timestamp=p.clock_ms, epoch=5),
        batch.batch([b"a", b"b"], timestamp=p.clock_ms, max_timestamp=1),
        batch.batch([b"a"], timestamp=p.clock_ms, attributes=batch.LOG_APPEND_TIME),
        batch.batch([b"a" * 300] * 3, timestamp=p.clock_ms, codec=batch.GZIP),
        batch.batch([b"a"], timestamp=p.clock_ms) + b"\0\0",
        batch.batch([b"a"], timestamp=-1),
        batch.batch([b"a", b"b"], timestamp=p.clock_ms, attributes=0x100),
        batch.batch([b"a", b"b"], timestamp=p.clock_ms, max_timestamp=1, attributes=0x100),
    ]
    for one in data:
        for name in (plain, stamped):
            p.ask("Produce", 9, request(p, name, (0, one)))
    for name in (plain, stamped):
        _fetch(p, 12, name, 0)
        _fetch(p, 18, name, 0)


SCENARIOS = [
    *(good, out_of_range, not_there, limits, epochs, odd_readers, stored_as_sent),
    *(sessions, sessions_keep_an_order, sessions_name_a_partition_twice, sessions_end, sessions_outlive_topics),
]
