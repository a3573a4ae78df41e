"""Classic consumer groups: FindCoordinator, JoinGroup, SyncGroup, Heartbeat, LeaveGroup, OffsetCommit, OffsetFetch,
OffsetDelete, DescribeGroups, ListGroups, DeleteGroups.

A group that forms waits for `group.initial.rebalance.delay.ms` (3 s), so scenarios form as few as they can.
"""

import base64
import struct

# The first versions that ask for several keys, members or groups at once, and that identify topics.
FIND_BATCHED, LEAVE_BATCHED, FETCH_BATCHED, BY_ID = 4, 3, 8, 10
SESSION_MS, REBALANCE_MS = 45_000, 60_000
UNKNOWN_ID = "ASNFZ4mrzQGO3LqYdlQyAQ"
NOBODY = {"memberId": "", "generationId": -1}


# Names whose hash codes follow one another: one for each of the 50 partitions of the offsets topic.
ONE_FOR_EACH_COORDINATOR = [f"cmp-ready-{chr(ord('0') + i)}" for i in range(50)]
COORDINATOR_NOT_READY = {14, 15, 16}  # load in progress, not available, not coordinator


def _ready(p):
    """The offsets topic is made by the first question, which Kafka answers with an error; then each of its partitions
    is loaded, one after the other, and a group is refused until its own is."""

    def good():
        ask = {"keyType": 0, "coordinatorKeys": ONE_FOR_EACH_COORDINATOR}
        found = p.quiet("FindCoordinator", 4, ask)["coordinators"]
        return not any(c["errorCode"] for c in found) and all(map(loaded, ONE_FOR_EACH_COORDINATOR))

    def loaded(group):
        beat = _beat(group, NOBODY | {"memberId": "nobody"})
        return p.quiet("Heartbeat", 4, beat)["errorCode"] not in COORDINATOR_NOT_READY

    p.until("every coordinator", good)


def _base64(data):
    return base64.b64encode(data).decode()


def _subscription(*topics):
    names = b"".join(struct.pack(">h", len(t)) + t.encode() for t in topics)
    return _base64(struct.pack(">hi", 0, len(topics)) + names + struct.pack(">i", -1))


def _join(group, member="", instance=None, protocols=("range",), kind="consumer", topics=("cmp-groups",), **more):
    metadata = _subscription(*topics)
    return {
        "groupId": group, "memberId": member, "groupInstanceId": instance, "protocolType": kind,
        "sessionTimeoutMs": SESSION_MS, "rebalanceTimeoutMs": REBALANCE_MS, "reason": None,
        "protocols": [{"name": name, "metadata": metadata} for name in protocols],
    } | more  # fmt: skip


def _sync(group, joined, parts=(), member=None, **more):
    assignments = [{"memberId": m, "assignment": _base64(part)} for m, part in parts]
    return {
        "groupId": group, "generationId": joined["generationId"], "memberId": member or joined["memberId"],
        "groupInstanceId": None, "protocolType": "consumer", "protocolName": "range", "assignments": assignments,
    } | more  # fmt: skip


def _beat(group, joined, **more):
    beat = {"generationId": joined["generationId"], "memberId": joined["memberId"], "groupInstanceId": None}
    return {"groupId": group} | beat | more


def _leave(version, group, *members):
    if version < LEAVE_BATCHED:
        return {"groupId": group, "memberId": members[0][0]}
    return {"groupId": group, "members": [{"memberId": m, "groupInstanceId": i, "reason": None} for m, i in members]}


def _topic(p, version, name):
    return {"name": name} if version < BY_ID else {"topicId": p.topic_ids.get(name, UNKNOWN_ID)}


def _commit(p, version, group, *rows, joined=NOBODY, **more):
    topics = {}
    for topic, partition, offset, metadata in rows:
        row = {"partitionIndex": partition, "committedOffset": offset, "committedLeaderEpoch": -1}
        topics.setdefault(topic, []).append(row | {"committedMetadata": metadata})
    return {
        "groupId": group, "generationIdOrMemberEpoch": joined["generationId"], "memberId": joined["memberId"],
        "groupInstanceId": None, "retentionTimeMs": -1,
        "topics": [_topic(p, version, t) | {"partitions": r} for t, r in topics.items()],
    } | more  # fmt: skip


def _fetch(p, version, group, *topics, stable=False):
    asked = [_topic(p, version, t) | {"partitionIndexes": list(i)} for t, i in topics]
    asked = asked if topics or version < 2 else None
    if version < FETCH_BATCHED:
        return {"groupId": group, "topics": asked, "requireStable": stable}
    entry = {"groupId": group, "memberId": None, "memberEpoch": -1, "topics": asked}
    return {"groups": [entry], "requireStable": stable}


def _form(p, group, version=9, **more):
    """A lone leader of a new group that has not assigned yet."""
    first = p.ask("JoinGroup", version, _join(group, **more))
    if first.get("errorCode") == 79:
        first = p.ask("JoinGroup", version, _join(group, first["memberId"], **more))
    return first


def find_coordinator(p):
    _ready(p)
    for version in p.versions("FindCoordinator"):
        for kind in (0, 3, -1):
            if version == 0 and kind != 0:
                continue
            keys = {"key": "g"} if version < FIND_BATCHED else {"coordinatorKeys": ["g", "", "h"]}
            p.ask("FindCoordinator", version, {"keyType": kind} | keys)
    for version in (5, 6):
        for key in ("g", "g:x:0", "g:AAAAAAAAAAAAAAAAAAAAAA:-"):
            p.ask("FindCoordinator", version, {"keyType": 2, "coordinatorKeys": [key]})


def alone(p):
    _ready(p)
    p.topic("cmp-groups", 2)
    group = "cmp-alone"
    joined = _form(p, group)
    p.ask("JoinGroup", 9, _join(group, joined["memberId"]))  # while it completes: the same again
    for version in p.versions("OffsetCommit"):
        p.ask("OffsetCommit", version, _commit(p, version, group, ("cmp-groups", 0, 1, ""), joined=joined))
    p.ask("SyncGroup", 5, _sync(group, joined, [(joined["memberId"], b"mine")]))
    for version in p.versions("SyncGroup"):
        p.ask("SyncGroup", version, _sync(group, joined))
    for version in p.versions("Heartbeat"):
        p.ask("Heartbeat", version, _beat(group, joined))
    for version in p.versions("DescribeGroups"):
        for operations in (False, True) if version >= 3 else (False,):
            body = {"groups": [group, "cmp-unknown", ""], "includeAuthorizedOperations": operations}
            p.ask("DescribeGroups", version, body)
    for version in p.versions("ListGroups"):
        p.ask("ListGroups", version, {"statesFilter": [], "typesFilter": []})
    for states, types in ((["sTABLE"], []), (["Empty", "Dead"], []), ([], ["Classic"]), ([], ["consumer"]), (["x"], [])):
        p.ask("ListGroups", 5, {"statesFilter": states, "typesFilter": types})
    for version in p.edges("OffsetCommit"):
        for who in (joined, NOBODY, joined | {"generationId": -1}, joined | {"generationId": 7},
                    joined | {"memberId": "x"}, NOBODY | {"generationId": 1}):  # fmt: skip
            p.ask("OffsetCommit", version, _commit(p, version, group, ("cmp-groups", 0, 5, "m"), joined=who))
    for version in p.versions("OffsetFetch"):
        p.ask("OffsetFetch", version, _fetch(p, version, group, ("cmp-groups", [0, 1])))
    p.ask("OffsetDelete", 0, _offset_delete(group, ("cmp-groups", [0])))
    for version in p.versions("DeleteGroups"):
        p.ask("DeleteGroups", version, {"groupsNames": [group, "cmp-unknown", group]})
    for more in ({"memberId": "x"}, {"generationId": 9}, {"groupInstanceId": "i"}):
        p.ask("Heartbeat", 4, _beat(group, joined, **more))
        p.ask("SyncGroup", 5, _sync(group, joined, **more))
    for more in ({"protocolType": None}, {"protocolName": None}, {"protocolType": "x"}, {"protocolName": "x"}):
        p.ask("SyncGroup", 5, _sync(group, joined, **more))
    for version in (0, 9):
        p.ask("JoinGroup", version, _join(group, joined["memberId"], protocols=("other",)))
        p.ask("JoinGroup", version, _join(group, joined["memberId"], kind="connect"))
        p.ask("JoinGroup", version, _join(group, "stranger"))
    again = p.ask("JoinGroup", 9, _join(group, joined["memberId"]))  # the leader: a new generation
    p.ask("Heartbeat", 4, _beat(group, joined))
    p.ask("SyncGroup", 5, _sync(group, again, [(again["memberId"], b"again"), ("nobody", b"x")]))
    p.ask("LeaveGroup", 5, _leave(5, group, ("x", None), (again["memberId"], "i"), (again["memberId"], None)))
    p.ask("LeaveGroup", 5, _leave(5, group, (again["memberId"], None)))
    p.ask("DescribeGroups", 5, {"groups": [group]})
    p.ask("OffsetCommit", 9, _commit(p, 9, group, ("cmp-groups", 0, 6, ""), joined=again))
    p.ask("OffsetDelete", 0, _offset_delete(group, ("cmp-groups", [0, 1, 7]), ("cmp-nowhere", [0])))
    p.ask("DeleteGroups", 3, {"groupsNames": [group, group]})
    p.ask("DescribeGroups", 6, {"groups": [group]})


def old_versions(p):
    """Without member ids that have to be fetched first, and with the session for the rebalance timeout."""
    _ready(p)
    p.topic("cmp-groups-old")
    group = "cmp-old"
    joined = p.ask("JoinGroup", 0, _join(group, topics=["cmp-groups-old"]))
    p.ask("SyncGroup", 0, _sync(group, joined, [(joined["memberId"], b"mine")]))
    for version in range(1, 4):
        joined = p.ask("JoinGroup", version, _join(group, joined["memberId"], topics=["cmp-groups-old"]))
        p.ask("SyncGroup", min(version, 3), _sync(group, joined, [(joined["memberId"], b"mine")]))
    for version in range(3):
        p.ask("LeaveGroup", version, _leave(version, group, ("x", None)))
    p.ask("LeaveGroup", 2, _leave(2, group, (joined["memberId"], None)))


def together(p):
    _ready(p)
    p.topic("cmp-groups-two")
    group, topics = "cmp-together", ["cmp-groups-two"]
    first = _form(p, group, topics=topics, protocols=("range", "sticky"))
    p.ask("SyncGroup", 5, _sync(group, first, [(first["memberId"], b"all")]))
    second = p.ask("JoinGroup", 9, _join(group, topics=topics, protocols=("sticky", "range")))
    begun = p.begin("JoinGroup", 9, _join(group, second["memberId"], topics=topics, protocols=("sticky", "range")))
    p.until("a rebalance", lambda: p.quiet("Heartbeat", 4, _beat(group, first))["errorCode"] == 27)
    p.ask("Heartbeat", 4, _beat(group, first))
    p.ask("SyncGroup", 5, _sync(group, first))
    p.ask("OffsetCommit", 9, _commit(p, 9, group, ("cmp-groups-two", 0, 3, ""), joined=first))
    p.ask("DescribeGroups", 6, {"groups": [group]})
    first = p.ask("JoinGroup", 9, _join(group, first["memberId"], topics=topics))
    second = p.finish(begun)
    p.ask("DescribeGroups", 6, {"groups": [group]})
    waiting = p.begin("SyncGroup", 5, _sync(group, second))
    p.ask("SyncGroup", 5, _sync(group, first, [(first["memberId"], b"one"), (second["memberId"], b"two")]))
    p.finish(waiting)
    p.ask("JoinGroup", 9, _join(group, second["memberId"], topics=topics, protocols=("sticky", "range")))  # unchanged
    p.ask("LeaveGroup", 5, _leave(5, group, (first["memberId"], None)))
    p.ask("Heartbeat", 4, _beat(group, second))
    p.ask("LeaveGroup", 5, _leave(5, group, (second["memberId"], None), (second["memberId"], None)))
    p.ask("DeleteGroups", 3, {"groupsNames": [group]})


def static_members(p):
    _ready(p)
    p.topic("cmp-groups-static")
    group, topics = "cmp-static", ["cmp-groups-static"]
    first = p.ask("JoinGroup", 9, _join(group, instance="a", topics=topics))
    p.ask("SyncGroup", 5, _sync(group, first, [(first["memberId"], b"all")], groupInstanceId="a"))
    for version in (9, 8, 5):
        back = p.ask("JoinGroup", version, _join(group, instance="a", topics=topics))
        p.ask("SyncGroup", 5, _sync(group, back, groupInstanceId="a"))
        p.ask("Heartbeat", 4, _beat(group, first, groupInstanceId="a"))
        p.ask("Heartbeat", 4, _beat(group, first))
        p.ask("Heartbeat", 4, _beat(group, back, groupInstanceId="b"))
        p.ask("OffsetCommit", 9, _commit(p, 9, group, ("cmp-groups-static", 0, 3, ""), joined=first, groupInstanceId="a"))
        first = back
    p.ask("JoinGroup", 9, _join(group, "x", instance="a", topics=topics))
    p.ask("JoinGroup", 9, _join(group, "x", instance="b", topics=topics))
    p.ask("DescribeGroups", 6, {"groups": [group]})
    p.ask("LeaveGroup", 5, _leave(5, group, ("", "b"), ("x", "a"), ("", "a")))
    p.ask("DescribeGroups", 6, {"groups": [group]})
    p.ask("DeleteGroups", 3, {"groupsNames": [group]})


def refused(p):
    _ready(p)
    for version in p.versions("JoinGroup"):
        p.ask("JoinGroup", version, _join(""))
        p.ask("JoinGroup", version, _join("cmp-refused", "stranger"))
        for timeout in (0, -1, 5_999, 1_800_001):
            p.ask("JoinGroup", version, _join("cmp-refused", sessionTimeoutMs=timeout))
        p.ask("JoinGroup", version, _join("cmp-refused", kind=""))
        p.ask("JoinGroup", version, _join("cmp-refused", protocols=()))
    stranger = {"generationId": 1, "memberId": "stranger"}
    for group in ("", "cmp-nobody"):
        for version in p.versions("Heartbeat"):
            p.ask("Heartbeat", version, _beat(group, stranger))
        for version in p.versions("SyncGroup"):
            p.ask("SyncGroup", version, _sync(group, stranger))
        for version in p.versions("LeaveGroup"):
            p.ask("LeaveGroup", version, _leave(version, group, ("stranger", None)))
        p.ask("LeaveGroup", 5, _leave(5, group, ("stranger", None), ("", "i"), ("", None)))
        p.ask("LeaveGroup", 5, _leave(5, group))
        p.ask("OffsetDelete", 0, _offset_delete(group, ("cmp-nowhere", [0])))


def _offset_delete(group, *topics):
    asked = [{"name": t, "partitions": [{"partitionIndex": i} for i in indexes]} for t, indexes in topics]
    return {"groupId": group, "topics": asked}


def simple_commits(p):
    _ready(p)
    name = p.topic("cmp-commits", 3)
    for group in ("cmp-simple", ""):
        for version in p.versions("OffsetCommit"):
            p.ask("OffsetCommit", version, _commit(p, version, group, (name, 0, 10 + version, "m"), (name, 1, -1, None)))
            p.ask("OffsetCommit", version, _commit(p, version, group, (name, 9, 1, ""), ("cmp-nowhere", 0, 1, ""), (name, 2, -2, "")))
            p.ask("OffsetFetch", min(version, 9), _fetch(p, min(version, 9), group, (name, [0, 1, 2, 9])))
        for version in p.versions("OffsetFetch"):
            p.ask("OffsetFetch", version, _fetch(p, version, group, (name, [0, 1, 2, 9]), ("cmp-nowhere", [0])))
            p.ask("OffsetFetch", version, _fetch(p, version, group))
            p.ask("OffsetFetch", version, _fetch(p, version, group, (name, [0]), stable=version >= 7))
        p.ask("DescribeGroups", 6, {"groups": [group]})
        p.ask("ListGroups", 5, {"statesFilter": [], "typesFilter": []})
    big, utf16 = "x" * 4097, "\N{ROCKET}" * 2048
    for text in ("x" * 4096, big, utf16, utf16 + "x"):
        p.ask("OffsetCommit", 9, _commit(p, 9, "cmp-simple", (name, 0, 1, text), (name, 1, 1, "")))
    p.ask("OffsetCommit", 9, _commit(p, 9, "cmp-simple"))
    for version in (2, 8, 9):
        p.ask("OffsetCommit", version, _commit(p, version, "cmp-none", (name, 0, 1, ""), joined={"generationId": 0, "memberId": "m"}))
    p.ask("OffsetCommit", 9, _commit(p, 9, "cmp-simple", (name, 0, 1, ""), joined={"generationId": 0, "memberId": "m"}))
    p.ask("OffsetCommit", 9, _commit(p, 9, "cmp-simple", (name, 0, 1, ""), joined={"generationId": -1, "memberId": "m"}))
    twice = _fetch(p, 9, "cmp-simple", (name, [0]))
    p.ask("OffsetFetch", 9, twice | {"groups": twice["groups"] * 2 + _fetch(p, 9, "cmp-none")["groups"]})
    p.ask("OffsetDelete", 0, _offset_delete("cmp-simple", (name, [0, 0, 2]), (name, [9])))
    p.ask("OffsetFetch", 9, _fetch(p, 9, "cmp-simple"))
    p.quiet("DeleteTopics", 6, {"topics": [{"name": name}], "timeoutMs": 30_000})
    p.until_gone(name)
    everything = _fetch(p, 9, "cmp-simple")
    p.until("offsets to go", lambda: not p.quiet("OffsetFetch", 9, everything)["groups"][0]["topics"])
    p.ask("OffsetFetch", 9, everything)
    for version in p.versions("DeleteGroups"):
        p.ask("DeleteGroups", version, {"groupsNames": ["cmp-simple", "", "cmp-simple"]})


SCENARIOS = [find_coordinator, alone, old_versions, together, static_members, refused, simple_commits]
