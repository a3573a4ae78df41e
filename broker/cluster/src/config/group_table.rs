//! Every group config of Kafka 4.4, sorted by name, with the broker name that backs it.

use super::def::{Table, boolean, int, list, long, string};

/// The configs of a group.
pub static GROUP_CONFIGS: Table = Table::new(&[
    int("consumer.assignment.interval.ms")
        .default("1000")
        .at_least(0)
        .synonyms(&["group.consumer.assignment.interval.ms"]),
    boolean("consumer.assignor.offload.enable")
        .default("true")
        .internal()
        .synonyms(&["group.consumer.assignor.offload.enable"])
        .accept("assignors run where the coordinator does"),
    int("consumer.heartbeat.interval.ms")
        .default("5000")
        .at_least(1)
        .synonyms(&["group.consumer.heartbeat.interval.ms"]),
    int("consumer.session.timeout.ms")
        .default("45000")
        .at_least(1)
        .synonyms(&["group.consumer.session.timeout.ms"]),
    boolean("errors.deadletterqueue.copy.record.enable")
        .default("false")
        .accept("share groups are not served yet"),
    string("errors.deadletterqueue.topic.name")
        .default("")
        .accept("share groups are not served yet"),
    int("share.assignment.interval.ms")
        .default("1000")
        .at_least(0)
        .synonyms(&["group.share.assignment.interval.ms"])
        .accept("share groups are not served yet"),
    boolean("share.assignor.offload.enable")
        .default("true")
        .internal()
        .synonyms(&["group.share.assignor.offload.enable"])
        .accept("assignors run where the coordinator does"),
    string("share.auto.offset.reset")
        .default("latest")
        .offset_reset()
        .accept("share groups are not served yet"),
    int("share.delivery.count.limit")
        .default("5")
        .at_least(2)
        .synonyms(&["group.share.delivery.count.limit"])
        .accept("share groups are not served yet"),
    int("share.heartbeat.interval.ms")
        .default("5000")
        .at_least(1)
        .synonyms(&["group.share.heartbeat.interval.ms"])
        .accept("share groups are not served yet"),
    string("share.isolation.level")
        .default("read_uncommitted")
        .one_of(&["read_committed", "read_uncommitted"])
        .accept("share groups are not served yet"),
    int("share.partition.max.record.locks")
        .default("2000")
        .at_least(100)
        .synonyms(&["group.share.partition.max.record.locks"])
        .accept("share groups are not served yet"),
    int("share.record.lock.duration.ms")
        .default("30000")
        .at_least(1_000)
        .synonyms(&["group.share.record.lock.duration.ms"])
        .accept("share groups are not served yet"),
    boolean("share.renew.acknowledge.enable")
        .default("true")
        .accept("share groups are not served yet"),
    int("share.session.timeout.ms")
        .default("45000")
        .at_least(1)
        .synonyms(&["group.share.session.timeout.ms"])
        .accept("share groups are not served yet"),
    long("streams.acceptable.recovery.lag")
        .default("10000")
        .at_least(0)
        .internal()
        .synonyms(&["group.streams.acceptable.recovery.lag"])
        .accept("streams groups are not served yet"),
    int("streams.assignment.interval.ms")
        .default("1000")
        .at_least(0)
        .synonyms(&["group.streams.assignment.interval.ms"])
        .accept("streams groups are not served yet"),
    string("streams.assignor.name")
        .synonyms(&["group.streams.assignors"])
        .accept("streams groups are not served yet"),
    boolean("streams.assignor.offload.enable")
        .default("true")
        .internal()
        .synonyms(&["group.streams.assignor.offload.enable"])
        .accept("assignors run where the coordinator does"),
    int("streams.heartbeat.interval.ms")
        .default("5000")
        .at_least(1)
        .synonyms(&["group.streams.heartbeat.interval.ms"])
        .accept("streams groups are not served yet"),
    int("streams.initial.rebalance.delay.ms")
        .default("3000")
        .at_least(0)
        .synonyms(&["group.streams.initial.rebalance.delay.ms"])
        .accept("streams groups are not served yet"),
    int("streams.num.standby.replicas")
        .default("0")
        .at_least(0)
        .synonyms(&["group.streams.num.standby.replicas"])
        .accept("streams groups are not served yet"),
    int("streams.num.warmup.replicas")
        .default("2")
        .at_least(0)
        .internal()
        .synonyms(&["group.streams.num.warmup.replicas"])
        .accept("streams groups are not served yet"),
    list("streams.rack.aware.assignment.tags")
        .default("")
        .synonyms(&["group.streams.rack.aware.assignment.tags"])
        .accept("streams groups are not served yet"),
    int("streams.session.timeout.ms")
        .default("45000")
        .at_least(1)
        .synonyms(&["group.streams.session.timeout.ms"])
        .accept("streams groups are not served yet"),
    int("streams.task.offset.interval.ms")
        .default("60000")
        .at_least(1)
        .internal()
        .synonyms(&["group.streams.task.offset.interval.ms"])
        .accept("streams groups are not served yet"),
]);
