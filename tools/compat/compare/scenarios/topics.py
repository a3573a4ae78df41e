"""CreateTopics, DeleteTopics, CreatePartitions."""

from scenarios.cluster import UNKNOWN_ID


def _create(p, version, *topics, **more):
    defaults = {"numPartitions": 1, "replicationFactor": 1}
    p.ask("CreateTopics", version, {"topics": [defaults | t for t in topics], "timeoutMs": 30_000} | more)


def create(p):
    for version in p.versions("CreateTopics"):
        _create(p, version, {"name": f"cmp-create-{version}", "numPartitions": 2})
        p.until_there(f"cmp-create-{version}", 2)
        _create(p, version, {"name": f"cmp-create-{version}"})
    _create(p, 4, {"name": "cmp-create-defaults-4", "numPartitions": -1, "replicationFactor": -1})
    _create(p, 7, {"name": "cmp-create-defaults-7", "numPartitions": -1, "replicationFactor": -1})


def create_validate_only(p):
    for version in p.edges("CreateTopics"):
        _create(p, version, {"name": "cmp-create-only"}, validateOnly=True)
    p.ask("Metadata", 9, {"topics": [{"name": "cmp-create-only"}], "allowAutoTopicCreation": False})


def create_bad_names(p):
    for name in ("", ".", "..", "not valid", "x" * 249 + "y", "a/b", "\u00e9", "__cluster_metadata"):
        for version in p.edges("CreateTopics"):
            _create(p, version, {"name": name})


def create_colliding_names(p):
    p.topic("cmp-collide_1")
    _create(p, 7, {"name": "cmp-collide.1"})
    _create(p, 7, {"name": "cmp-twice"}, {"name": "cmp-twice"}, {"name": "cmp-beside-twice"})


def create_bad_counts(p):
    for version in p.edges("CreateTopics"):
        for count in (0, -2, 10_001, 2**31 - 1):
            _create(p, version, {"name": "cmp-count", "numPartitions": count})
        for factor in (0, -2, 2, 32767):
            _create(p, version, {"name": "cmp-factor", "replicationFactor": factor})


def create_assignments(p):
    def ask(*rows, **topic):
        rows = [{"partitionIndex": index, "brokerIds": brokers} for index, brokers in rows]
        counts = {"numPartitions": -1, "replicationFactor": -1}
        _create(p, 7, counts | {"name": f"cmp-assign-{ask.number}", "assignments": rows} | topic)
        ask.number += 1

    ask.number = 0
    me = p.node_id
    ask((0, [me]), (1, [me]))
    ask((0, [me]), numPartitions=1)
    ask((0, [me]), replicationFactor=1)
    ask((0, [me]), (2, [me]))
    ask((1, [me]))
    ask((0, [me]), (0, [me]))
    ask((0, [me, me]))
    ask((0, [77]))
    ask((0, []))
    ask((0, [me]), (1, [me, 77]))


def create_configs(p):
    def ask(version, **configs):
        name = f"cmp-create-configs-{ask.number}"
        ask.number += 1
        values = [{"name": k.replace("_", "."), "value": v} for k, v in configs.items()]
        _create(p, version, {"name": name, "configs": values})

    ask.number = 0
    ask(7, retention_ms="3600000", cleanup_policy="compact")
    ask(7, max_message_bytes=" 100000 ")
    ask(7, min_compaction_lag_ms="10", max_compaction_lag_ms="5")
    for version in p.edges("CreateTopics"):
        ask(version, unknown_key="1")
        ask(version, retention_ms=None)
        ask(version, retention_ms="abc")
        ask(version, retention_ms="-2")
        ask(version, cleanup_policy="shred")
        ask(version, compression_type="brotli")
        ask(version, segment_bytes="1")
    twice = [{"name": "retention.ms", "value": "1000000"}, {"name": "retention.ms", "value": "2000000"}]
    _create(p, 7, {"name": "cmp-create-configs-twice", "configs": twice})


def create_timeouts(p):
    for timeout in (0, -1):
        _create(p, 7, {"name": f"cmp-timeout{timeout}"}, timeoutMs=timeout)
    _create(p, 7)


def delete(p):
    for version in p.versions("DeleteTopics"):
        name = f"cmp-delete-{version}"
        p.topic(name)
        body = {"topics": [{"name": name}]} if version >= 6 else {"topicNames": [name]}
        p.ask("DeleteTopics", version, body | {"timeoutMs": 30_000})
        p.until_gone(name)
        p.ask("DeleteTopics", version, body | {"timeoutMs": 30_000})


def delete_bad(p):
    p.topic("cmp-delete-kept")
    known = p.topic_ids["cmp-delete-kept"]

    def ask(*topics, **more):
        p.ask("DeleteTopics", 6, {"topics": list(topics), "timeoutMs": 30_000} | more)

    ask({"name": None, "topicId": UNKNOWN_ID})
    ask({"name": "cmp-delete-kept", "topicId": known})
    ask({"name": None})
    ask({"name": "cmp-delete-kept"}, {"name": "cmp-delete-kept"})
    ask({"name": "cmp-delete-kept"}, {"name": None, "topicId": known})
    ask({"name": None, "topicId": known}, {"name": None, "topicId": known})
    ask({"name": "not valid"})
    ask({"name": ""})
    ask()
    for version in (1, 4, 5):
        p.ask("DeleteTopics", version, {"topicNames": ["not valid", "cmp-delete-unknown"], "timeoutMs": 30_000})
    p.ask("Metadata", 9, {"topics": [{"name": "cmp-delete-kept"}], "allowAutoTopicCreation": False})


def delete_by_id_and_create_again(p):
    p.topic("cmp-again")
    old = p.topic_ids["cmp-again"]
    p.ask("DeleteTopics", 6, {"topics": [{"name": None, "topicId": old}], "timeoutMs": 30_000})
    p.until_gone("cmp-again")
    p.topic("cmp-again")
    p.ask("Metadata", 12, {"topics": [{"topicId": old, "name": None}], "allowAutoTopicCreation": False})
    p.ask("Metadata", 12, {"topics": [{"name": "cmp-again"}], "allowAutoTopicCreation": False})


def create_partitions(p):
    grown = {"count": 3, "assignments": None}
    for version in p.versions("CreatePartitions"):
        name = f"cmp-grow-{version}"
        p.topic(name)
        p.ask("CreatePartitions", version, {"topics": [grown | {"name": name}], "timeoutMs": 30_000})
        p.until_there(name, 3)
        p.ask("Metadata", 9, {"topics": [{"name": name}], "allowAutoTopicCreation": False})
    name = p.topic("cmp-grow-assigned")
    assigned = {"name": name, "count": 2, "assignments": [{"brokerIds": [p.node_id]}]}
    p.ask("CreatePartitions", 3, {"topics": [assigned], "timeoutMs": 30_000})
    p.until_there(name, 2)


def create_partitions_bad(p):
    p.topic("cmp-grow-bad", 2)

    def ask(version, *topics, **more):
        topics = [{"name": "cmp-grow-bad", "assignments": None} | t for t in topics]
        p.ask("CreatePartitions", version, {"topics": topics, "timeoutMs": 30_000} | more)

    for version in p.edges("CreatePartitions"):
        for count in (2, 1, 0, -1):
            ask(version, {"count": count})
        ask(version, {"count": 3, "name": "cmp-grow-unknown"})
        ask(version, {"count": 3, "name": "not valid"})
        ask(version, {"count": 3}, {"count": 4})
        ask(version, {"count": 3}, validateOnly=True)
        ask(version, {"count": 3, "assignments": [{"brokerIds": [77]}]})
        ask(version, {"count": 3, "assignments": [{"brokerIds": [p.node_id, p.node_id]}]})
        ask(version, {"count": 4, "assignments": [{"brokerIds": [p.node_id]}]})
        ask(version, {"count": 3, "assignments": []})
    p.ask("Metadata", 9, {"topics": [{"name": "cmp-grow-bad"}], "allowAutoTopicCreation": False})


SCENARIOS = [
    *(create, create_validate_only, create_bad_names, create_colliding_names, create_bad_counts),
    *(create_assignments, create_configs, create_timeouts, delete, delete_bad, delete_by_id_and_create_again),
    *(create_partitions, create_partitions_bad),
]
