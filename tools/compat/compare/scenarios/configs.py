"""DescribeConfigs, AlterConfigs, IncrementalAlterConfigs."""

TOPIC, BROKER, CLIENT_METRICS, GROUP = 2, 4, 16, 32
SET, DELETE, APPEND, SUBTRACT = 0, 1, 2, 3

# Broker settings that mean the same in any broker; the whole list is Kafka's own business.
BROKER_KEYS = ["message.max.bytes", "log.retention.ms", "log.retention.hours", "num.partitions",
               "auto.create.topics.enable", "default.replication.factor", "min.insync.replicas",
               "log.cleanup.policy", "compression.type", "log.message.timestamp.type",
               "log.flush.interval.messages", "socket.listen.backlog.size"]  # fmt: skip


def _describe(p, version, *resources, keys=None, **more):
    rows = [{"resourceType": t, "resourceName": n, "configurationKeys": keys} for t, n in resources]
    return p.ask("DescribeConfigs", version, {"resources": rows} | more)


def describe_topic(p):
    p.topic("cmp-configs-plain")
    p.topic("cmp-configs-set", retention_ms=3_600_000, cleanup_policy="compact,delete", max_message_bytes=2000)
    for version in p.versions("DescribeConfigs"):
        _describe(p, version, (TOPIC, "cmp-configs-plain"), (TOPIC, "cmp-configs-set"))
    _describe(p, 4, (TOPIC, "cmp-configs-set"), includeSynonyms=True)
    _describe(p, 1, (TOPIC, "cmp-configs-plain"), includeSynonyms=True)
    keys = ["retention.ms", "unknown.key", "max.message.bytes"]
    _describe(p, 4, (TOPIC, "cmp-configs-set"), keys=keys, includeSynonyms=True)
    _describe(p, 4, (TOPIC, "cmp-configs-set"), keys=[])
    _describe(p, 4, (TOPIC, "cmp-configs-set"), (TOPIC, "cmp-configs-set"), keys=["retention.ms"])


def describe_broker(p):
    for version in p.edges("DescribeConfigs"):
        _describe(p, version, (BROKER, str(p.node_id)), keys=BROKER_KEYS, includeSynonyms=True)
        _describe(p, version, (BROKER, ""), keys=BROKER_KEYS)


def describe_group(p):
    for version in p.edges("DescribeConfigs"):
        for name in ("cmp-group", ""):
            _describe(p, version, (GROUP, name), includeSynonyms=True)
    _describe(p, 4, (GROUP, "cmp-group"), keys=["share.auto.offset.reset", "unknown.key"])


def describe_client_metrics(p):
    for version in p.edges("DescribeConfigs"):
        for name in ("cmp-metrics", ""):
            _describe(p, version, (CLIENT_METRICS, name), includeSynonyms=True)
    for key, value in (("interval.ms", "1000"), ("metrics", "org.apache."), ("match", "client_id=x"), ("interval.ms", "1")):
        _incremental(p, 1, "cmp-metrics-set", (SET, key, value), kind=CLIENT_METRICS)
    p.until_config(CLIENT_METRICS, "cmp-metrics-set", "match", "client_id=x")
    _describe(p, 4, (CLIENT_METRICS, "cmp-metrics-set"), includeSynonyms=True)
    _alter(p, 2, "cmp-metrics-set", kind=CLIENT_METRICS)


def alter_group(p):
    name = "cmp-group-alter"
    for key, value in (
        ("consumer.session.timeout.ms", "50000"), ("consumer.session.timeout.ms", "1"),
        ("consumer.heartbeat.interval.ms", "abc"), ("share.auto.offset.reset", "by_duration:PT1H"),
        ("share.auto.offset.reset", "never"), ("share.isolation.level", "read_committed"),
        ("share.delivery.count.limit", "3"), ("streams.num.standby.replicas", "1"),
        ("errors.deadletterqueue.topic.name", "cmp-dead"), ("errors.deadletterqueue.copy.record.enable", "true"),
        ("unknown.key", "1"), ("share.renew.acknowledge.enable", "false"),
    ):  # fmt: skip
        _incremental(p, 1, name, (SET, key, value), kind=GROUP)
    p.until_config(GROUP, name, "share.renew.acknowledge.enable", "false")
    _describe(p, 4, (GROUP, name), includeSynonyms=True)
    _incremental(p, 1, name, (DELETE, "consumer.session.timeout.ms", None), kind=GROUP)
    _incremental(p, 1, "", (SET, "consumer.session.timeout.ms", "50000"), kind=GROUP)
    p.until_config(GROUP, name, "consumer.session.timeout.ms", "45000")
    _alter(p, 2, name, kind=GROUP, share_isolation_level="read_uncommitted")
    p.until_config(GROUP, name, "share.renew.acknowledge.enable", "true")
    _describe(p, 4, (GROUP, name), includeSynonyms=True)
    _alter(p, 2, name, kind=GROUP)


def describe_bad(p):
    for version in p.edges("DescribeConfigs"):
        for kind, name in ((TOPIC, "cmp-configs-unknown"), (TOPIC, "not valid"), (TOPIC, ""), (BROKER, "77"),
                           (BROKER, "abc"), (0, "x"), (1, "x"), (3, "x"), (99, "x")):  # fmt: skip
            _describe(p, version, (kind, name))
    _describe(p, 4)


def _incremental(p, version, name, *changes, kind=TOPIC, validate=False):
    configs = [{"name": k, "configOperation": operation, "value": v} for operation, k, v in changes]
    resource = {"resourceType": kind, "resourceName": name, "configs": configs}
    p.ask("IncrementalAlterConfigs", version, {"resources": [resource], "validateOnly": validate})


def incremental_alter(p):
    for version in p.versions("IncrementalAlterConfigs"):
        name = p.topic(f"cmp-alter-{version}")
        _incremental(p, version, name, (SET, "retention.ms", "7200000"))
        p.until_config(TOPIC, name, "retention.ms", "7200000")
        _incremental(p, version, name, (APPEND, "cleanup.policy", "compact"))
        p.until_config(TOPIC, name, "cleanup.policy", "delete,compact")
        _incremental(p, version, name, (SUBTRACT, "cleanup.policy", "delete"))
        p.until_config(TOPIC, name, "cleanup.policy", "compact")
        _describe(p, 4, (TOPIC, name), includeSynonyms=True)
        _incremental(p, version, name, (DELETE, "retention.ms", None), (DELETE, "cleanup.policy", "given"))
        p.until_config(TOPIC, name, "cleanup.policy", "delete")
        _describe(p, 4, (TOPIC, name), includeSynonyms=True)


def incremental_alter_bad(p):
    name = p.topic("cmp-alter-bad")
    for version in p.edges("IncrementalAlterConfigs"):
        for change in (
            (SET, "retention.ms", None), (APPEND, "cleanup.policy", None), (SUBTRACT, "cleanup.policy", None),
            (SET, "retention.ms", "abc"), (SET, "retention.ms", "-2"), (SET, "unknown.key", "1"),
            (DELETE, "unknown.key", None), (DELETE, "retention.ms", None), (APPEND, "retention.ms", "1"),
            (SUBTRACT, "retention.ms", "1"), (APPEND, "cleanup.policy", "delete"),
            (SUBTRACT, "cleanup.policy", "compact"), (SET, "cleanup.policy", "shred"), (SET, "", "1"),
            (9, "retention.ms", "1"),
        ):  # fmt: skip
            _incremental(p, version, name, change)
        _incremental(p, version, name, (SET, "retention.ms", "5"), (SET, "retention.ms", "6"))
        _incremental(p, version, name, (SET, "retention.ms", "5"), (DELETE, "retention.ms", None))
        _incremental(p, version, name, (SET, "flush.ms", "5"), (SET, "unknown.key", "6"))
        _incremental(p, version, name)
        _incremental(p, version, name, (SET, "retention.ms", "5"), validate=True)
        _incremental(p, version, "cmp-alter-unknown", (SET, "retention.ms", "5"))
        _incremental(p, version, "not valid", (SET, "retention.ms", "5"))
        _incremental(p, version, "x", (SET, "retention.ms", "5"), kind=3)
        _incremental(p, version, "77", (SET, "log.retention.ms", "5"), kind=BROKER)
    row = {"resourceType": TOPIC, "resourceName": name, "configs": []}
    p.ask("IncrementalAlterConfigs", 1, {"resources": [row, row]})
    _describe(p, 4, (TOPIC, name), keys=["retention.ms", "flush.ms", "cleanup.policy"])


def incremental_alter_broker(p):
    me = str(p.node_id)
    for key, value in (("num.partitions", "3"), ("message.max.bytes", "abc"), ("message.max.bytes", "-1")):
        _incremental(p, 1, me, (SET, key, value), kind=BROKER)
    _incremental(p, 1, "", (SET, "message.max.bytes", "1048700"), kind=BROKER)
    p.until_config(BROKER, me, "message.max.bytes", "1048700")
    _incremental(p, 1, me, (SET, "message.max.bytes", "1048600"), kind=BROKER)
    p.until_config(BROKER, me, "message.max.bytes", "1048600")
    name = p.topic("cmp-alter-broker")
    _describe(p, 4, (TOPIC, name), keys=["max.message.bytes"], includeSynonyms=True)
    _describe(p, 4, (BROKER, me), (BROKER, ""), keys=["message.max.bytes"], includeSynonyms=True)
    _incremental(p, 1, me, (DELETE, "message.max.bytes", None), kind=BROKER)
    _incremental(p, 1, "", (DELETE, "message.max.bytes", None), kind=BROKER)
    p.until_config(BROKER, me, "message.max.bytes", "1048588")  # the default
    _describe(p, 4, (BROKER, ""), keys=["message.max.bytes"])


def _alter(p, version, name, kind=TOPIC, validate=False, **configs):
    values = [{"name": k.replace("_", "."), "value": v} for k, v in configs.items()]
    resource = {"resourceType": kind, "resourceName": name, "configs": values}
    p.ask("AlterConfigs", version, {"resources": [resource], "validateOnly": validate})


def alter(p):
    for version in p.versions("AlterConfigs"):
        name = p.topic(f"cmp-replace-{version}", flush_ms=1000)
        _alter(p, version, name, retention_ms="7200000")
        p.until_config(TOPIC, name, "retention.ms", "7200000")
        _describe(p, 4, (TOPIC, name), keys=["retention.ms", "flush.ms"])
        _alter(p, version, name, retention_ms="1", validate=True)
        _alter(p, version, name, retention_ms="abc")
        _alter(p, version, name, retention_ms=None)
        _alter(p, version, name, unknown_key="1")
        _alter(p, version, "cmp-replace-unknown", retention_ms="1")
        _alter(p, version, "not valid", retention_ms="1")
        _alter(p, version, "x", kind=3, retention_ms="1")
        _alter(p, version, "77", kind=BROKER, log_retention_ms="1")
        _describe(p, 4, (TOPIC, name), keys=["retention.ms", "flush.ms"])


SCENARIOS = [
    *(describe_topic, describe_broker, describe_group, describe_client_metrics, describe_bad, alter_group),
    *(incremental_alter, incremental_alter_bad, incremental_alter_broker, alter),
]
