"""Metadata, DescribeCluster, DescribeTopicPartitions, DescribeLogDirs, ListConfigResources."""

import batch
from probe import encoded

UNKNOWN_ID = "QUJDREVGR0hJSktMTU5PUA"


def metadata(p):
    p.topic("cmp-meta-one")
    p.topic("cmp-meta-three", 3)
    for version in p.versions("Metadata"):
        names = [{"name": "cmp-meta-three"}, {"name": "cmp-meta-one"}]
        # Before 4 there is no such field: those versions always create.
        p.ask("Metadata", version, {"topics": names} | ({"allowAutoTopicCreation": False} if version >= 4 else {}))


def metadata_of_nothing(p):
    for version in (1, 9, 13):
        p.ask("Metadata", version, {"topics": []})


def metadata_bad_topics(p):
    p.topic("cmp-meta-good")
    names = ["cmp-meta-unknown", "not valid", "..", "", "x" * 250, "cmp-meta-good"]
    for version in (4, 8, 9, 12, 13):
        for name in names:
            p.ask("Metadata", version, {"topics": [{"name": name}], "allowAutoTopicCreation": False})
    twice = [{"name": "cmp-meta-good"}, {"name": "cmp-meta-good"}, {"name": "cmp-meta-unknown"}]
    p.ask("Metadata", 12, {"topics": twice, "allowAutoTopicCreation": False})


def metadata_by_id(p):
    p.topic("cmp-meta-id")
    known = p.topic_ids["cmp-meta-id"]
    for version in (10, 11, 12, 13):
        p.ask("Metadata", version, {"topics": [{"topicId": known, "name": None}], "allowAutoTopicCreation": False})
    for version in (12, 13):
        for topics in (
            [{"topicId": UNKNOWN_ID, "name": None}],
            [{"topicId": one, "name": None} for one in (known, known, UNKNOWN_ID, UNKNOWN_ID)],
            [{"topicId": known, "name": "ignored"}],
            [{"name": None}],
            [{"topicId": known, "name": None}, {"name": "cmp-meta-id"}],
        ):
            p.ask("Metadata", version, {"topics": topics, "allowAutoTopicCreation": False})


def metadata_authorized_operations(p):
    p.topic("cmp-meta-ops")
    topics = [{"name": "cmp-meta-ops"}, {"name": "cmp-meta-ops-unknown"}]
    for version in (8, 10, 13):
        flags = {"includeTopicAuthorizedOperations": True, "allowAutoTopicCreation": False}
        if version <= 10:
            flags["includeClusterAuthorizedOperations"] = True
        p.ask("Metadata", version, {"topics": topics} | flags)


def metadata_creates(p):
    for version, name in ((1, "cmp-meta-auto-1"), (9, "cmp-meta-auto-9"), (13, "cmp-meta-auto-13")):
        body = {"topics": [{"name": name}], "allowAutoTopicCreation": True}
        p.ask("Metadata", version, body)
        p.until_there(name, 1)
        p.ask("Metadata", version, body)


def describe_cluster(p):
    for version in p.versions("DescribeCluster"):
        p.ask("DescribeCluster", version, {})
        p.ask("DescribeCluster", version, {"includeClusterAuthorizedOperations": True})
    for endpoint_type in (0, 2, 3, 9):
        p.ask("DescribeCluster", 1, {"endpointType": endpoint_type})
    p.ask("DescribeCluster", 2, {"includeFencedBrokers": True})


def describe_topic_partitions(p):
    p.topic("cmp-dtp-b", 3)
    p.topic("cmp-dtp-a", 2)
    both = [{"name": "cmp-dtp-b"}, {"name": "cmp-dtp-a"}]

    def ask(topics, limit=2000, cursor=None):
        p.ask("DescribeTopicPartitions", 0, {"topics": topics, "responsePartitionLimit": limit, "cursor": cursor})

    ask(both)
    ask([*both, {"name": "cmp-dtp-b"}, {"name": "cmp-dtp-unknown"}, {"name": "not valid"}])
    for limit in (-1, 0, 1, 2, 3, 4, 5):
        ask(both, limit)
    for topic, partition in (("cmp-dtp-a", 1), ("cmp-dtp-b", 0), ("cmp-dtp-b", 2), ("cmp-dtp-b", 9), ("zzz", 0)):
        ask(both, 2, {"topicName": topic, "partitionIndex": partition})
    ask(both, 2, {"topicName": "cmp-dtp-a", "partitionIndex": -1})
    ask([{"name": ""}])


def describe_log_dirs(p):
    p.topic("cmp-dirs", 2)
    records = encoded(batch.batch([b"x" * 100], timestamp=p.clock_ms))
    partition = [{"index": 0, "records": records}]
    p.quiet("Produce", 9, {"acks": -1, "timeoutMs": 5000, "topicData": [{"name": "cmp-dirs", "partitionData": partition}]})
    for version in p.versions("DescribeLogDirs"):
        p.ask("DescribeLogDirs", version, {"topics": [{"topic": "cmp-dirs", "partitions": [0, 1]}]})
    p.ask("DescribeLogDirs", 4, {"topics": [{"topic": "cmp-dirs-unknown", "partitions": [0]}]})
    p.ask("DescribeLogDirs", 4, {"topics": [{"topic": "cmp-dirs", "partitions": [1, 9]}]})
    p.ask("DescribeLogDirs", 4, {"topics": []})


def list_config_resources(p):
    p.ask("ListConfigResources", 0, {})
    p.topic("cmp-resources")
    for types in ([4], [8], [16], [32], [99], [0], [4, 99]):
        p.ask("ListConfigResources", 1, {"resourceTypes": types})


SCENARIOS = [
    *(metadata, metadata_of_nothing, metadata_bad_topics, metadata_by_id, metadata_authorized_operations),
    *(metadata_creates, describe_cluster, describe_topic_partitions, describe_log_dirs, list_config_resources),
]
