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
    boolean("errors.deadletterqueue.copy.record.enable").default("false"),
    string("errors.deadletterqueue.topic.name").default(""),
    int("share.assignment.interval.ms")
        .default("1000")
        .at_least(0)
        .synonyms(&["group.share.assignment.interval.ms"]),
    boolean("share.assignor.offload.enable")
        .default("true")
        .internal()
        .synonyms(&["group.share.assignor.offload.enable"])
        .accept("assignors run where the coordinator does"),
    string("share.auto.offset.reset").default("latest").offset_reset(),
    int("share.delivery.count.limit")
        .default("5")
        .at_least(2)
        .synonyms(&["group.share.delivery.count.limit"]),
    int("share.heartbeat.interval.ms")
        .default("5000")
        .at_least(1)
        .synonyms(&["group.share.heartbeat.interval.ms"]),
    string("share.isolation.level")
        .default("read_uncommitted")
        .one_of(&["read_committed", "read_uncommitted"]),
    int("share.partition.max.record.locks")
        .default("2000")
        .at_least(100)
        .synonyms(&["group.share.partition.max.record.locks"]),
    int("share.record.lock.duration.ms")
        .default("30000")
        .at_least(1_000)
        .synonyms(&["group.share.record.lock.duration.ms"]),
    boolean("share.renew.acknowledge.enable").default("true"),
    int("share.session.timeout.ms")
        .default("45000")
        .at_least(1)
        .synonyms(&["group.share.session.timeout.ms"]),
    long("streams.acceptable.recovery.lag")
        .default("10000")
        .at_least(0)
        .internal()
        .synonyms(&["group.streams.acceptable.recovery.lag"]),
    int("streams.assignment.interval.ms")
        .default("1000")
        .at_least(0)
        .synonyms(&["group.streams.assignment.interval.ms"]),
    string("streams.assignor.name").synonyms(&["group.streams.assignors"]),
    boolean("streams.assignor.offload.enable")
        .default("true")
        .internal()
        .synonyms(&["group.streams.assignor.offload.enable"])
        .accept("assignors run where the coordinator does"),
    int("streams.heartbeat.interval.ms")
        .default("5000")
        .at_least(1)
        .synonyms(&["group.streams.heartbeat.interval.ms"]),
    int("streams.initial.rebalance.delay.ms")
        .default("3000")
        .at_least(0)
        .synonyms(&["group.streams.initial.rebalance.delay.ms"]),
    int("streams.num.standby.replicas")
        .default("0")
        .at_least(0)
        .synonyms(&["group.streams.num.standby.replicas"]),
    int("streams.num.warmup.replicas")
        .default("2")
        .at_least(0)
        .internal()
        .synonyms(&["group.streams.num.warmup.replicas"]),
    list("streams.rack.aware.assignment.tags")
        .default("")
        .synonyms(&["group.streams.rack.aware.assignment.tags"]),
    int("streams.session.timeout.ms")
        .default("45000")
        .at_least(1)
        .synonyms(&["group.streams.session.timeout.ms"]),
    int("streams.task.offset.interval.ms")
        .default("60000")
        .at_least(1)
        .internal()
        .synonyms(&["group.streams.task.offset.interval.ms"]),
]);
