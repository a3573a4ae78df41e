//! Every topic config of Kafka 4.4, sorted by name, with the broker names that back it.
//!
//! `flush.messages` is 1 here (design S1): an acknowledged record is on stable storage.

use super::def::{
    MAX_LONG, NO_READER_LEFT, SYNCED_ANYWAY, Table, boolean, double, int, list, long, string,
};

/// The configs of a topic.
pub static TOPIC_CONFIGS: Table = Table::new(&[
    list("cleanup.policy")
        .default("delete")
        .members_of(&["compact", "delete"])
        .synonyms(&["log.cleanup.policy"])
        .doc("`delete` removes old segments, `compact` all but the last record of a key."),
    int("compression.gzip.level")
        .default("-1")
        .between_or(1, 9, -1)
        .synonyms(&["compression.gzip.level"])
        .doc("Level of gzip when the broker compresses."),
    int("compression.lz4.level")
        .default("9")
        .between(1, 17)
        .synonyms(&["compression.lz4.level"])
        .doc("Level of lz4 when the broker compresses."),
    string("compression.type")
        .default("producer")
        .one_of(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"])
        .synonyms(&["compression.type"])
        .doc("How batches are stored; `producer` leaves them as they came."),
    int("compression.zstd.level")
        .default("3")
        .between(-131_072, 22)
        .synonyms(&["compression.zstd.level"])
        .doc("Level of zstd when the broker compresses."),
    long("delete.retention.ms")
        .default("86400000")
        .at_least(0)
        .synonyms(&["log.cleaner.delete.retention.ms"])
        .doc("How long tombstones of a compacted topic stay readable, in milliseconds."),
    boolean("errors.deadletterqueue.group.enable")
        .default("false")
        .accept("share groups are not served yet"),
    long("file.delete.delay.ms")
        .default("60000")
        .at_least(0)
        .synonyms(&["log.segment.delete.delay.ms"])
        .accept(NO_READER_LEFT),
    long("flush.messages")
        .default("1")
        .at_least(1)
        .synonyms(&["log.flush.interval.messages"])
        .accept(SYNCED_ANYWAY),
    long("flush.ms")
        .default(MAX_LONG)
        .at_least(0)
        .synonyms(&["log.flush.interval.ms", "log.flush.scheduler.interval.ms"])
        .accept(SYNCED_ANYWAY),
    list("follower.replication.throttled.replicas")
        .default("")
        .throttled_replicas()
        .accept("replication is not served yet"),
    int("index.interval.bytes")
        .default("4096")
        .at_least(0)
        .synonyms(&["log.index.interval.bytes"])
        .accept("one entry per 64 KiB chunk"),
    int("internal.segment.bytes")
        .internal()
        .doc("Overrides segment.bytes without its lower bound, for tests."),
    list("leader.replication.throttled.replicas")
        .default("")
        .throttled_replicas()
        .accept("replication is not served yet"),
    long("local.retention.bytes")
        .default("-2")
        .at_least(-2)
        .synonyms(&["log.local.retention.bytes"])
        .accept("tiered storage is not served yet"),
    long("local.retention.ms")
        .default("-2")
        .at_least(-2)
        .synonyms(&["log.local.retention.ms"])
        .accept("tiered storage is not served yet"),
    long("max.compaction.lag.ms")
        .default(MAX_LONG)
        .at_least(1)
        .synonyms(&["log.cleaner.max.compaction.lag.ms"])
        .doc("Time after which a record must be compacted, in milliseconds."),
    int("max.decompressed.message.bytes")
        .default("2147483639")
        .between(1, 2_147_483_639)
        .synonyms(&["max.decompressed.message.bytes"])
        .doc("Largest batch once decompressed, in bytes."),
    int("max.message.bytes")
        .default("1048588")
        .at_least(0)
        .synonyms(&["message.max.bytes"])
        .doc("Largest batch as it is stored, in bytes."),
    long("message.timestamp.after.max.ms")
        .default("3600000")
        .at_least(0)
        .synonyms(&["log.message.timestamp.after.max.ms"])
        .doc("How far a timestamp may lie ahead of the clock here, in milliseconds."),
    long("message.timestamp.before.max.ms")
        .default(MAX_LONG)
        .at_least(0)
        .synonyms(&["log.message.timestamp.before.max.ms"])
        .doc("How far a timestamp may lie behind the clock here, in milliseconds."),
    string("message.timestamp.type")
        .default("CreateTime")
        .one_of(&["CreateTime", "LogAppendTime"])
        .synonyms(&["log.message.timestamp.type"])
        .doc("Whether records carry the time of the producer or of the append."),
    double("min.cleanable.dirty.ratio")
        .default("0.5")
        .between(0, 1)
        .synonyms(&["log.cleaner.min.cleanable.ratio"])
        .doc("Share of uncompacted bytes from which a log is compacted."),
    long("min.compaction.lag.ms")
        .default("0")
        .at_least(0)
        .synonyms(&["log.cleaner.min.compaction.lag.ms"])
        .doc("Time for which a record is safe from compaction, in milliseconds."),
    int("min.insync.replicas")
        .default("1")
        .at_least(1)
        .synonyms(&["min.insync.replicas"])
        .doc("In-sync replicas without which acks=all is refused."),
    boolean("preallocate")
        .default("false")
        .synonyms(&["log.preallocate"])
        .accept("always preallocated"),
    long("remote.copy.lag.bytes")
        .default("-1")
        .at_least(-1)
        .synonyms(&["log.remote.copy.lag.bytes"])
        .accept("tiered storage is not served yet"),
    long("remote.copy.lag.ms")
        .default("0")
        .at_least(-1)
        .synonyms(&["log.remote.copy.lag.ms"])
        .accept("tiered storage is not served yet"),
    boolean("remote.log.copy.disable").default("false").accept("tiered storage is not served yet"),
    boolean("remote.log.delete.on.disable")
        .default("false")
        .accept("tiered storage is not served yet"),
    boolean("remote.storage.enable").default("false").accept("tiered storage is not served yet"),
    long("retention.bytes")
        .default("-1")
        .synonyms(&["log.retention.bytes"])
        .doc("Size of a partition above which its oldest segments go; negative is unlimited."),
    long("retention.ms")
        .default("604800000")
        .at_least(-1)
        .synonyms(&["log.retention.ms", "log.retention.minutes", "log.retention.hours"])
        .doc("Age at which records go, in milliseconds; -1 is unlimited."),
    int("segment.bytes")
        .default("1073741824")
        .at_least(1_048_576)
        .synonyms(&["log.segment.bytes"])
        .doc("Size at which a segment is closed."),
    int("segment.index.bytes")
        .default("10485760")
        .at_least(4)
        .synonyms(&["log.index.size.max.bytes"])
        .accept("index grows with the segment"),
    long("segment.jitter.ms")
        .default("0")
        .at_least(0)
        .synonyms(&["log.roll.jitter.ms", "log.roll.jitter.hours"])
        .doc("Random time taken off segment.ms, so that segments do not all roll at once."),
    long("segment.ms")
        .default("604800000")
        .at_least(1)
        .synonyms(&["log.roll.ms", "log.roll.hours"])
        .doc("Age at which a segment is closed, in milliseconds."),
    boolean("unclean.leader.election.enable")
        .default("false")
        .synonyms(&["unclean.leader.election.enable"])
        .accept("replication is not served yet"),
]);
