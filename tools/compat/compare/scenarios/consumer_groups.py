"""Groups of the consumer protocol (KIP-848): ConsumerGroupHeartbeat, ConsumerGroupDescribe, and what the other group
APIs answer for such groups.

Kafka computes an assignment at most once a second, so scenarios wait where one has to come.
"""

import struct
import time

from scenarios.groups import (
    ONE_FOR_EACH_COORDINATOR,
    _commit,
    _fetch,
    _join,
    _leave,
    _offset_delete,
    _ready,
    _sync,
)

ASSIGNMENT_INTERVAL = 1.2
NEWEST = 1
TIMEOUT_MS = 30_000


def _beat(group, member, epoch, version=NEWEST, **more):
    beat = {
        "groupId": group, "memberId": member, "memberEpoch": epoch, "instanceId": None, "rackId": None,
        "rebalanceTimeoutMs": -1, "subscribedTopicNames": None, "serverAssignor": None, "topicPartitions": None,
    }  # fmt: skip
    if version >= 1:
        beat["subscribedTopicRegex"] = None
    return beat | more


def _joining(group, member, topics, version=NEWEST, **more):
    joining = {"rebalanceTimeoutMs": TIMEOUT_MS, "subscribedTopicNames": topics, "topicPartitions": []}
    return _beat(group, member, 0, version, **joining | more)


def _owned(p, *parts):
    return [{"topicId": p.topic_ids[topic], "partitions": partitions} for topic, partitions in parts]


def _ask(p, beat, version=NEWEST):
    return p.ask("ConsumerGroupHeartbeat", version, beat)


def _topic(p, name, partitions):
    """Makes a topic that every coordinator knows: each of Kafka's hears of it in its own time, and a member that comes
    before gets nothing."""
    p.topic(name, partitions)
    unaware = list(ONE_FOR_EACH_COORDINATOR)

    def known():
        unaware[:] = [group for group in unaware if not assigns(group)]
        return not unaware

    def assigns(group):
        joined = p.quiet("ConsumerGroupHeartbeat", NEWEST, _joining(group, "probe", [name]))
        p.quiet("ConsumerGroupHeartbeat", NEWEST, _beat(group, "probe", -1))
        return bool((joined["assignment"] or {}).get("topicPartitions"))

    p.until(f"every coordinator to know {name}", known)
    p.quiet("DeleteGroups", 2, {"groupsNames": ONE_FOR_EACH_COORDINATOR})
    return name


def _describe(p, *groups, **more):
    for version in p.versions("ConsumerGroupDescribe"):
        p.ask("ConsumerGroupDescribe", version, {"groupIds": list(groups), "includeAuthorizedOperations": False} | more)


def _as_member(member, epoch):
    return {"memberId": member, "generationId": epoch}


def _fetch_by(p, version, group, member, epoch, *topics):
    fetch = _fetch(p, version, group, *topics)
    fetch["groups"][0] |= {"memberId": member, "memberEpoch": epoch}
    return fetch


def consumers_come_and_go(p):
    _ready(p)
    name = _topic(p, "cmp-consumers", 4)
    group = "cmp-come-and-go"
    _ask(p, _joining(group, "m1", [name]))
    _describe(p, group)
    _ask(p, _joining(group, "m1", [name]))
    _ask(p, _joining(group, "m2", [name]))
    _describe(p, group)
    _ask(p, _beat(group, "m1", 2))
    time.sleep(ASSIGNMENT_INTERVAL)
    _ask(p, _beat(group, "m2", 2))
    _describe(p, group)
    _ask(p, _beat(group, "m1", 2))
    _ask(p, _beat(group, "m1", 2, topicPartitions=_owned(p, (name, [0, 1, 2, 3]))))
    _describe(p, group)
    for epoch in (1, 3):
        _ask(p, _beat(group, "m1", epoch))
    _ask(p, _beat(group, "m1", 2, topicPartitions=_owned(p, (name, [0, 1]))))
    _ask(p, _beat(group, "m1", 2, topicPartitions=_owned(p, (name, [0]))))  # as if the answer was lost
    _ask(p, _beat(group, "m1", 2, topicPartitions=_owned(p, (name, [0, 3]))))
    _ask(p, _beat(group, "m1", 2))
    _ask(p, _beat(group, "m2", 3))
    _ask(p, _beat(group, "m2", 3))
    _describe(p, group, includeAuthorizedOperations=True)
    everything = {"rebalanceTimeoutMs": TIMEOUT_MS, "subscribedTopicNames": [name]}
    _ask(p, _beat(group, "m2", 3, topicPartitions=_owned(p, (name, [2, 3])), **everything))
    _ask(p, _joining(group, "m1", [name]))
    for version in (5, 6):
        p.ask("DescribeGroups", version, {"groups": [group]})
    for types in ([], ["consumer"], ["Consumer"], ["classic"]):
        p.ask("ListGroups", 5, {"statesFilter": [], "typesFilter": types})
    for states in (["stable"], ["Assigning"], ["Reconciling"]):
        p.ask("ListGroups", 5, {"statesFilter": states, "typesFilter": ["consumer"]})
    p.ask("ListGroups", 3, {})
    p.ask("DeleteGroups", 3, {"groupsNames": [group]})
    p.ask("OffsetDelete", 0, _offset_delete(group, (name, [0]), ("cmp-nowhere", [0])))
    _ask(p, _beat(group, "m1", -1))
    _describe(p, group)
    _ask(p, _beat(group, "m1", -1))
    _ask(p, _beat(group, "m2", 3))
    time.sleep(ASSIGNMENT_INTERVAL)
    _ask(p, _beat(group, "m2", 3))
    _describe(p, group)
    _ask(p, _beat(group, "m2", -1))
    _describe(p, group)
    _ask(p, _joining(group, "m3", [name]))
    _ask(p, _beat(group, "m3", -1))
    p.ask("DeleteGroups", 3, {"groupsNames": [group]})
    _describe(p, group)


def consumers_move(p):
    """Subscriptions change, topics grow and go, another assignor is wanted."""
    _ready(p)
    first, second = _topic(p, "cmp-move-a", 4), _topic(p, "cmp-move-b", 2)
    group = "cmp-move"
    _ask(p, _joining(group, "m1", [first]))
    _ask(p, _joining(group, "m2", [first]))
    time.sleep(ASSIGNMENT_INTERVAL)
    _ask(p, _beat(group, "m1", 2))
    _ask(p, _beat(group, "m1", 2, topicPartitions=_owned(p, (first, [0, 1]))))
    _ask(p, _beat(group, "m2", 2))
    _ask(p, _beat(group, "m1", 3, subscribedTopicNames=[second]))  # gives up before there is a new target
    _describe(p, group)
    _ask(p, _beat(group, "m1", 3, topicPartitions=[]))
    _describe(p, group)
    time.sleep(ASSIGNMENT_INTERVAL)
    _ask(p, _beat(group, "m1", 3))
    _ask(p, _beat(group, "m2", 3))
    _describe(p, group)
    for assignor in ("range", "uniform", "best", ""):
        _ask(p, _beat(group, "m2", 4, serverAssignor=assignor))
    _ask(p, _beat(group, "m2", 4, serverAssignor="range"))
    _ask(p, _beat(group, "m2", 4, rackId="rack", rebalanceTimeoutMs=5_000))
    _describe(p, group)
    time.sleep(ASSIGNMENT_INTERVAL)
    for member in ("m1", "m2"):
        _ask(p, _beat(group, member, 4))
    _describe(p, group)
    p.quiet("CreatePartitions", 3, {"topics": [{"name": second, "count": 3, "assignments": None}], "timeoutMs": 30_000})
    p.until_there(second, 3)
    epoch = _until_epoch_above(p, group, "m1")
    _ask(p, _beat(group, "m1", epoch))
    _until_epoch_above(p, group, "m2", epoch - 1)
    _describe(p, group)
    empty = "cmp-move-nothing"
    _ask(p, _joining(empty, "m1", []))
    _ask(p, _beat(empty, "m1", 1, subscribedTopicNames=["cmp-nowhere"]))
    _describe(p, empty)
    _ask(p, _joining(empty + "-2", "m1", ["cmp-nowhere", "cmp-nowhere"]))
    _describe(p, empty + "-2")


def _epoch(p, group, member):
    described = p.quiet("ConsumerGroupDescribe", 1, {"groupIds": [group], "includeAuthorizedOperations": False})
    return next(m["memberEpoch"] for m in described["groups"][0]["members"] if m["memberId"] == member)


def _until_epoch_above(p, group, member, before=None):
    before = _epoch(p, group, member) if before is None else before

    def moved():
        p.quiet("ConsumerGroupHeartbeat", NEWEST, _beat(group, member, _epoch(p, group, member)))
        return _epoch(p, group, member) > before

    p.until("a new target", moved)
    return _epoch(p, group, member)


def static_consumers(p):
    _ready(p)
    name = _topic(p, "cmp-static-consumers", 4)
    group, fixed = "cmp-static-consumer", {"instanceId": "i1"}
    _ask(p, _joining(group, "m1", [name], **fixed))
    _ask(p, _joining(group, "m2", [name], **fixed))
    _ask(p, _joining(group, "m1", [name], **fixed))
    for more in ({"instanceId": "i2"}, {}, fixed):
        _ask(p, _beat(group, "m1", 2, **more))
    _ask(p, _beat(group, "m2", 2, **fixed))
    _ask(p, _beat(group, "m1", -2))
    for _ in range(2):
        _ask(p, _beat(group, "m1", -2, **fixed))
    _describe(p, group)
    _ask(p, _beat(group, "m1", 2, **fixed))
    p.ask("OffsetCommit", 9, _commit(p, 9, group, (name, 0, 1, ""), joined=_as_member("m1", 2)))
    _ask(p, _joining(group, "m2", [name], **fixed))
    _describe(p, group)
    for epoch in (2, -1, -2, 0):
        _ask(p, _beat(group, "m1", epoch, **fixed))
    p.ask("OffsetCommit", 9, _commit(p, 9, group, (name, 0, 1, ""), joined=_as_member("m1", 2)))
    p.ask("OffsetCommit", 9, _commit(p, 9, group, (name, 0, 1, ""), joined=_as_member("m2", 2)))
    _ask(p, _beat(group, "m2", 2, **fixed))
    p.ask("LeaveGroup", 5, _leave(5, group, ("m1", None), ("", "i9")))
    p.ask("LeaveGroup", 5, _leave(5, group, ("", "i1")))
    _describe(p, group)
    _ask(p, _beat(group, "m2", 2, **fixed))


def consumers_commit(p):
    _ready(p)
    name = _topic(p, "cmp-commits-848", 4)
    group = "cmp-commit-848"
    _ask(p, _joining(group, "m1", [name]))
    _ask(p, _joining(group, "m2", [name]))
    time.sleep(ASSIGNMENT_INTERVAL)
    _ask(p, _beat(group, "m1", 2))
    _ask(p, _beat(group, "m1", 2, topicPartitions=_owned(p, (name, [0, 1]))))
    _ask(p, _beat(group, "m2", 2))

    def commit(version, member, epoch, *partitions):
        rows = [(name, partition, 7, "") for partition in partitions]
        p.ask("OffsetCommit", version, _commit(p, version, group, *rows, joined=_as_member(member, epoch)))

    for version in (9, 10):
        for member, epoch in (("m1", 3), ("m1", 2), ("m1", 1), ("m1", 4), ("m2", 2), ("m2", 3), ("", -1), ("m1", -1), ("x", 3)):
            commit(version, member, epoch, 0, 1)
            commit(version, member, epoch, 2)
        commit(version, "m1", 2, 0, 2)
        commit(version, "m1", 3)
    for version in (2, 8):
        commit(version, "m1", 3, 0)
        commit(version, "", -1, 0)
    for version in (9, 10):
        for member, epoch in (("m1", 3), ("m1", 2), ("m1", 4), ("x", 3), ("", -1), (None, -1), (None, 3), ("m1", -1)):
            p.ask("OffsetFetch", version, _fetch_by(p, version, group, member, epoch, (name, [0])))
    for version in (2, 7, 8):
        p.ask("OffsetFetch", version, _fetch(p, version, group, (name, [0])))
    p.ask("OffsetCommit", 9, _commit(p, 9, "cmp-none-848", (name, 0, 1, ""), joined=_as_member("m", 1)))
    for member, epoch in (("m1", 3), ("m2", 3)):
        _ask(p, _beat(group, member, -1))
    commit(9, "", -1, 3)
    commit(9, "m1", 3, 3)
    p.ask("OffsetFetch", 9, _fetch(p, 9, group))
    _ask(p, _joining(group, "m4", [name]))  # the offsets stay
    p.ask("OffsetFetch", 9, _fetch_by(p, 9, group, "m4", _epoch(p, group, "m4"), (name, [0, 3])))


def bad_heartbeats(p):
    _ready(p)
    name = _topic(p, "cmp-bad-beats", 2)
    group = "cmp-bad"
    for version in p.versions("ConsumerGroupHeartbeat"):

        def refused(beat):
            _ask(p, beat, version)

        for epoch in (-1, -2, 0, 1, -3):
            refused(_beat("", "m", epoch, version))
            refused(_beat(group, "m", epoch, version, instanceId="i"))
            refused(_beat(group, "m", epoch, version))
            refused(_beat(group, "", epoch, version))
        for more in (
            {"instanceId": ""}, {"rackId": ""}, {"rebalanceTimeoutMs": -1}, {"subscribedTopicNames": None},
            {"topicPartitions": None}, {"topicPartitions": _owned(p, (name, [0]))}, {"serverAssignor": ""},
            {"serverAssignor": "best"}, {"memberEpoch": -3}, {"groupId": ""},
        ):  # fmt: skip
            refused(_joining(group, "m", [name], version, **more))
    for regex in ("(", "[", "a)(b", "*", "a{2,1}", "\\"):
        _ask(p, _joining(group, "m", None, subscribedTopicRegex=regex))
    _ask(p, _joining(group, "", [name]))
    given = _ask(p, _joining("cmp-bad-v0", "", [name], 0), 0)
    _ask(p, _beat("cmp-bad-v0", given["memberId"], given["memberEpoch"], 0), 0)
    _ask(p, _joining("cmp-bad-v0", "m", None, subscribedTopicRegex=""))
    _ask(p, _beat("cmp-bad-v0", given["memberId"], given["memberEpoch"], subscribedTopicRegex="("))
    _ask(p, _beat("cmp-bad-v0", given["memberId"], 77, subscribedTopicRegex="("))
    _describe(p, "", "cmp-nobody", "cmp-bad-v0", "cmp-nobody")
    _describe(p)
    _describe(p, "cmp-nobody", includeAuthorizedOperations=True)


def regular_expressions(p):
    """Kafka resolves them behind its first answer, so what is compared is what comes of them."""
    _ready(p)
    names = [_topic(p, "cmp-regex-a", 2), _topic(p, "cmp-regex-b", 1), _topic(p, "not-cmp-regex-a", 1)]
    for number, regex in enumerate(("cmp-regex-.", "cmp-regex-[ac]|x", "cmp-regex-", ".*cmp-regex-a", "cmp\\-regex\\-[a-b]")):
        group = f"cmp-regex-{number}"
        p.quiet("ConsumerGroupHeartbeat", NEWEST, _joining(group, "m1", None, subscribedTopicRegex=regex))
        time.sleep(0.4)
        _describe_topics(p, group)
        p.quiet("ConsumerGroupHeartbeat", NEWEST, _beat(group, "m1", -1))
    p.quiet("DeleteTopics", 6, {"topics": [{"name": name} for name in names], "timeoutMs": 30_000})


def _describe_topics(p, group):
    def settled():
        described = p.quiet("ConsumerGroupDescribe", 1, {"groupIds": [group], "includeAuthorizedOperations": False})
        p.quiet("ConsumerGroupHeartbeat", NEWEST, _beat(group, "m1", described["groups"][0]["members"][0]["memberEpoch"]))
        return described["groups"][0]["groupState"] == "Stable"

    p.until("a stable group", settled)
    _ask(p, _joining(group, "m1", None))
    _describe(p, group)


def two_protocols(p):
    """What groups of one protocol answer to requests of the other."""
    _ready(p)
    name = _topic(p, "cmp-two", 2)
    consumers, classic = "cmp-two-consumers", "cmp-two-classic"
    _ask(p, _joining(consumers, "m1", [name]))
    p.ask("JoinGroup", 9, _join(consumers, kind="connect"))
    p.ask("Heartbeat", 4, {"groupId": consumers, "generationId": 2, "memberId": "m1", "groupInstanceId": None})
    sync = {"groupId": consumers, "generationId": 2, "memberId": "m1", "groupInstanceId": None}
    p.ask("SyncGroup", 5, sync | {"protocolType": "consumer", "protocolName": "range", "assignments": []})
    p.ask("LeaveGroup", 5, _leave(5, consumers, ("stranger", None), ("", "i"), ("m1", "i")))
    p.ask("OffsetCommit", 2, _commit(p, 2, consumers, (name, 0, 1, ""), joined=_as_member("m1", 2)))
    for member in ("stranger", "m1"):
        p.ask("LeaveGroup", 5, _leave(5, consumers, (member, None)))
    _describe(p, consumers)
    joined = p.quiet("JoinGroup", 9, _join(classic, kind="connect"))
    p.quiet("JoinGroup", 9, _join(classic, joined["memberId"], kind="connect"))
    _ask(p, _joining(classic, "m1", [name]))
    for epoch in (-1, 1):
        _ask(p, _beat(classic, "m1", epoch))
    _describe(p, classic)
    p.quiet("LeaveGroup", 5, _leave(5, classic, (joined["memberId"], None)))
    p.ask("OffsetCommit", 9, _commit(p, 9, classic, (name, 0, 5, "")))
    _ask(p, _joining(classic, "m1", [name]))  # nobody is in it any more
    p.ask("OffsetFetch", 9, _fetch(p, 9, classic, (name, [0])))
    _ask(p, _beat(classic, "m1", -1))
    again = p.ask("JoinGroup", 9, _join(classic))
    p.ask("JoinGroup", 9, _join(classic, again["memberId"]))
    _describe(p, classic)
    p.quiet("LeaveGroup", 5, _leave(5, classic, (again["memberId"], None)))


def _assigned(topic, partitions):
    """A ConsumerProtocolAssignment of version 0."""
    indexes = b"".join(struct.pack(">i", partition) for partition in partitions)
    name = struct.pack(">h", len(topic)) + topic.encode()
    return struct.pack(">hi", 0, 1) + name + struct.pack(">i", len(partitions)) + indexes + struct.pack(">i", -1)


def _classic(p, group, topic, partitions):
    """A classic group of one stable member that has so many partitions."""
    joined = p.quiet("JoinGroup", 9, _join(group, topics=[topic]))
    joined = p.quiet("JoinGroup", 9, _join(group, joined["memberId"], topics=[topic]))
    p.quiet("SyncGroup", 5, _sync(group, joined, [(joined["memberId"], _assigned(topic, range(partitions)))]))
    return joined["memberId"], joined["generationId"]


def _classic_beat(p, group, member, generation):
    body = {"groupId": group, "generationId": generation, "memberId": member, "groupInstanceId": None}
    return p.ask("Heartbeat", 4, body)


def upgrade_and_back(p):
    """A member of the consumer protocol joins a classic group, and leaves it again."""
    _ready(p)
    name = _topic(p, "cmp-turn", 4)
    group = "cmp-turn"
    classic, generation = _classic(p, group, name, 4)
    _ask(p, _joining(group, "m1", [name]))
    _describe(p, group)
    p.ask("DescribeGroups", 6, {"groups": [group]})
    p.ask("ListGroups", 5, {"statesFilter": [], "typesFilter": ["consumer"]})
    _classic_beat(p, group, classic, generation)
    _classic_beat(p, group, classic, generation + 1)
    p.ask("SyncGroup", 5, _sync(group, {"generationId": generation, "memberId": classic}))
    joined = p.ask("JoinGroup", 9, _join(group, classic, topics=[name]))
    for more in ({"protocolName": "other"}, {"protocolType": "connect"}, {"generationId": 77}, {}):
        p.ask("SyncGroup", 5, _sync(group, joined, **more))
    _classic_beat(p, group, classic, joined["generationId"])
    for epoch in (joined["generationId"], joined["generationId"] - 1):
        for version in (8, 9):
            p.ask("OffsetCommit", version, _commit(p, version, group, (name, 0, 3, ""), joined=_as_member(classic, epoch)))
    _describe(p, group)
    _ask(p, _beat(group, "m1", 2))
    _describe(p, group)
    p.ask("JoinGroup", 9, _join(group, kind="connect"))
    p.ask("JoinGroup", 9, _join(group, protocols=["other"], topics=[name]))
    p.ask("Heartbeat", 4, {"groupId": group, "generationId": 2, "memberId": "m1", "groupInstanceId": None})
    p.ask("SyncGroup", 5, _sync(group, {"generationId": 2, "memberId": "m1"}))
    _ask(p, _beat(group, "m1", -1))
    _describe(p, group)
    p.ask("DescribeGroups", 6, {"groups": [group]})
    p.ask("ListGroups", 5, {"statesFilter": [], "typesFilter": ["classic"]})
    _classic_beat(p, group, classic, joined["generationId"])
    again = p.ask("JoinGroup", 9, _join(group, classic, topics=[name]))
    p.ask("SyncGroup", 5, _sync(group, again, [(classic, _assigned(name, range(4)))]))
    _classic_beat(p, group, classic, again["generationId"])
    p.quiet("LeaveGroup", 5, _leave(5, group, (classic, None)))


def classic_joins_consumers(p):
    _ready(p)
    name = _topic(p, "cmp-mixed-in", 4)
    group = "cmp-mixed-in"
    _ask(p, _joining(group, "m1", [name]))
    time.sleep(ASSIGNMENT_INTERVAL)
    for version in (3, 4, 9):
        p.ask("JoinGroup", version, _join(f"{group}-none", "stranger", topics=[name]))
    drawn = p.ask("JoinGroup", 9, _join(group, topics=[name]))
    joined = p.ask("JoinGroup", 9, _join(group, drawn["memberId"], topics=[name]))
    p.ask("SyncGroup", 5, _sync(group, joined))
    _describe(p, group)
    _ask(p, _beat(group, "m1", 2))
    _ask(p, _beat(group, "m1", 2, topicPartitions=_owned(p, (name, [0, 1]))))
    _ask(p, _beat(group, "m1", 2, topicPartitions=_owned(p, (name, [2, 3]))))
    _describe(p, group)
    _classic_beat(p, group, joined["memberId"], joined["generationId"])
    joined = p.ask("JoinGroup", 9, _join(group, joined["memberId"], topics=[name]))
    _describe(p, group)
    _classic_beat(p, group, joined["memberId"], joined["generationId"])
    p.ask("LeaveGroup", 5, _leave(5, group, (joined["memberId"], None)))
    _describe(p, group)
    _ask(p, _beat(group, "m1", -1))


def protocol_changed(p):
    """A member goes over to the other protocol under its id."""
    _ready(p)
    name = _topic(p, "cmp-changed", 4)
    group = "cmp-changed"
    classic, generation = _classic(p, group, name, 4)
    _ask(p, _joining(group, "m1", [name]))
    _ask(p, _beat(group, classic, generation))
    _describe(p, group)
    _classic_beat(p, group, classic, generation)
    joined = p.ask("JoinGroup", 9, _join(group, classic, topics=[name]))
    p.ask("SyncGroup", 5, _sync(group, joined))
    _describe(p, group)


def static_goes_back(p):
    """A static member of the consumer protocol comes back with the classic one, alone and beside a classic member."""
    _ready(p)
    name = _topic(p, "cmp-goes-back", 4)
    fixed = {"instanceId": "i1"}
    for group, has_other in (("cmp-goes-back-alone", False), ("cmp-goes-back", True)):
        _ask(p, _joining(group, "m1", [name], **fixed))
        time.sleep(ASSIGNMENT_INTERVAL)
        if has_other:
            drawn = p.ask("JoinGroup", 9, _join(group, topics=[name]))
            other = drawn["memberId"]
            p.quiet("JoinGroup", 9, _join(group, other, topics=[name]))
            _ask(p, _beat(group, "m1", 2, **fixed))
            _ask(p, _beat(group, "m1", 2, topicPartitions=[], **fixed))
            joined = p.ask("JoinGroup", 9, _join(group, other, topics=[name]))
            p.ask("SyncGroup", 5, _sync(group, joined))
        back = p.ask("JoinGroup", 9, _join(group, instance="i1", topics=[name]))
        _ask(p, _beat(group, "m1", 1, **fixed))
        p.ask("DescribeGroups", 6, {"groups": [group]})
        _describe(p, group)
        p.ask("SyncGroup", 5, _sync(group, back, groupInstanceId="i1"))
        p.quiet("LeaveGroup", 5, _leave(5, group, ("", "i1")))


def minds_change_while_giving_up(p):
    """A member that has partitions to give up subscribes to another topic, and still owns them."""
    _ready(p)
    before, after = _topic(p, "cmp-mind-before", 4), _topic(p, "cmp-mind-after", 2)
    group = "cmp-mind"
    _ask(p, _joining(group, "m1", [before]))
    time.sleep(ASSIGNMENT_INTERVAL)
    _ask(p, _joining(group, "m2", [before]))
    everything = _owned(p, (before, [0, 1, 2, 3]))
    _ask(p, _beat(group, "m1", 2, topicPartitions=everything))
    _describe(p, group)
    _ask(p, _beat(group, "m1", 2, topicPartitions=everything, subscribedTopicNames=[after], rebalanceTimeoutMs=30_000))
    _describe(p, group)
    time.sleep(ASSIGNMENT_INTERVAL)
    _ask(p, _beat(group, "m1", 2, topicPartitions=everything))
    _describe(p, group)
    _ask(p, _beat(group, "m1", 2, topicPartitions=[]))
    _describe(p, group)


def configs_of_a_group(p):
    _ready(p)
    name, group = _topic(p, "cmp-group-configs", 1), "cmp-group-configs"
    kind = 32
    wanted = {"consumer.heartbeat.interval.ms": "7000", "consumer.session.timeout.ms": "50000"}
    _ask(p, _joining(group, "m1", [name]))
    for key, value in wanted.items():
        config = {"name": key, "configOperation": 0, "value": value}
        resource = {"resourceType": kind, "resourceName": group, "configs": [config]}
        p.ask("IncrementalAlterConfigs", 1, {"resources": [resource], "validateOnly": False})
        p.until_config(kind, group, key, value)
    _ask(p, _beat(group, "m1", 2))
    _ask(p, _joining(f"{group}-other", "m1", [name]))
    _ask(p, _beat(f"{group}-other", "m1", -1))
    _ask(p, _beat(group, "m1", -1))


SCENARIOS = [
    consumers_come_and_go, consumers_move, static_consumers, consumers_commit, bad_heartbeats, regular_expressions,
    two_protocols, upgrade_and_back, classic_joins_consumers, protocol_changed, static_goes_back, minds_change_while_giving_up, configs_of_a_group,
]  # fmt: skip
