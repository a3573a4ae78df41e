//! Every broker config of Kafka 4.4 that is not internal, and our own, which begin with `pelton.` and
//! are described only where they are set; sorted by name.
//!
//! Synonyms name what stands in when the config itself is unset, the first one first.
//! Two defaults are not Kafka's: `log.flush.interval.messages` is 1 (S1), and
//! `socket.listen.backlog.size` is 1024, for a core that takes connections between other tasks, and
//! whose clients all come at once after a restart.

use super::def::{
    MAX_DOUBLE, MAX_INT, MAX_LONG, NO_READER_LEFT, SYNCED_ANYWAY, Table, boolean, class, double,
    int, list, long, password, short, string,
};

/// The configs of a broker.
pub static BROKER_CONFIGS: Table = Table::new(&[
    int("add.partitions.to.txn.retry.backoff.max.ms")
        .default("100")
        .at_least(0)
        .accept("own peer protocol"),
    int("add.partitions.to.txn.retry.backoff.ms")
        .default("20")
        .at_least(1)
        .accept("own peer protocol"),
    list("advertised.listeners"),
    class("alter.config.policy.class.name").not_applicable("JVM plug-in"),
    int("alter.log.dirs.replication.quota.window.num")
        .default("11")
        .at_least(1)
        .accept("fixed window"),
    int("alter.log.dirs.replication.quota.window.size.seconds")
        .default("1")
        .at_least(1)
        .accept("fixed window"),
    string("authorizer.class.name").default("").accept("security is not served yet"),
    boolean("auto.create.topics.enable").default("true"),
    boolean("auto.leader.rebalance.enable").default("true").accept("replication is not served yet"),
    int("background.threads")
        .default("10")
        .at_least(1)
        .cluster_wide()
        .accept("one thread per core"),
    int("broker.heartbeat.interval.ms").default("2000").accept("own membership"),
    int("broker.id").default("-1").doc("The node id, under its older name."),
    string("broker.rack"),
    int("broker.session.timeout.ms").default("9000").accept("own membership"),
    class("client.quota.callback.class").not_applicable("JVM plug-in"),
    int("compression.gzip.level").default("-1").between_or(1, 9, -1).cluster_wide(),
    int("compression.lz4.level").default("9").between(1, 17).cluster_wide(),
    string("compression.type")
        .default("producer")
        .one_of(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"])
        .cluster_wide(),
    int("compression.zstd.level").default("3").between(-131_072, 22).cluster_wide(),
    list("config.providers").default("").cluster_wide().not_applicable("JVM plug-in"),
    int("connection.failed.authentication.delay.ms")
        .default("100")
        .at_least(0)
        .accept("security is not served yet"),
    long("connections.max.idle.ms").default("600000"),
    long("connections.max.reauth.ms").default("0").accept("security is not served yet"),
    boolean("controlled.shutdown.enable").default("true").accept("own membership"),
    list("controller.listener.names").not_applicable("KRaft"),
    int("controller.quorum.append.linger.ms").default("25").at_least(0).not_applicable("KRaft"),
    boolean("controller.quorum.auto.join.enable").default("false").not_applicable("KRaft"),
    list("controller.quorum.bootstrap.servers").default("").not_applicable("KRaft"),
    int("controller.quorum.election.backoff.max.ms")
        .default("1000")
        .at_least(0)
        .not_applicable("KRaft"),
    int("controller.quorum.election.timeout.ms")
        .default("1000")
        .at_least(0)
        .not_applicable("KRaft"),
    int("controller.quorum.fetch.max.bytes").default("1048576").at_least(1).not_applicable("KRaft"),
    int("controller.quorum.fetch.snapshot.max.bytes")
        .default("1048576")
        .at_least(1)
        .not_applicable("KRaft"),
    int("controller.quorum.fetch.timeout.ms").default("2000").at_least(0).not_applicable("KRaft"),
    int("controller.quorum.request.timeout.ms").default("2000").at_least(0).not_applicable("KRaft"),
    int("controller.quorum.retry.backoff.ms").default("20").at_least(0).not_applicable("KRaft"),
    list("controller.quorum.voters").default("").not_applicable("KRaft"),
    int("controller.quota.window.num")
        .default("11")
        .at_least(1)
        .accept("quotas are not served yet"),
    int("controller.quota.window.size.seconds")
        .default("1")
        .at_least(1)
        .accept("quotas are not served yet"),
    int("controller.socket.timeout.ms").default("30000").accept("own peer protocol"),
    list("cordoned.log.dirs").default("").per_broker().accept("there is one data directory yet"),
    class("create.topic.policy.class.name").not_applicable("JVM plug-in"),
    int("default.replication.factor").default("1"),
    long("delegation.token.expiry.check.interval.ms")
        .default("3600000")
        .at_least(1)
        .accept("security is not served yet"),
    long("delegation.token.expiry.time.ms")
        .default("86400000")
        .at_least(1)
        .accept("security is not served yet"),
    long("delegation.token.max.lifetime.ms")
        .default("604800000")
        .at_least(1)
        .accept("security is not served yet"),
    password("delegation.token.secret.key").accept("security is not served yet"),
    int("delete.records.purgatory.purge.interval.requests").default("1").accept("no purgatory"),
    boolean("delete.topic.enable").default("true"),
    list("early.start.listeners").not_applicable("KRaft"),
    boolean("errors.deadletterqueue.auto.create.topics.enable")
        .default("false")
        .cluster_wide()
        .accept("share groups are not served yet"),
    string("errors.deadletterqueue.topic.name.prefix")
        .default("dlq.")
        .cluster_wide()
        .accept("share groups are not served yet"),
    int("fetch.max.bytes").default("57671680").at_least(1_024),
    int("fetch.purgatory.purge.interval.requests").default("1000").accept("no purgatory"),
    boolean("follower.fetch.last.tiered.offset.enable")
        .default("false")
        .cluster_wide()
        .accept("tiered storage is not served yet"),
    long("follower.replication.throttled.rate")
        .default(MAX_LONG)
        .at_least(0)
        .cluster_wide()
        .accept("replication is not served yet"),
    int("group.consumer.assignment.interval.ms").default("1000").at_least(0).cluster_wide(),
    list("group.consumer.assignors").default("uniform,range"),
    int("group.consumer.heartbeat.interval.ms").default("5000").at_least(1),
    int("group.consumer.max.assignment.interval.ms").default("15000").at_least(0),
    int("group.consumer.max.heartbeat.interval.ms").default("15000").at_least(1),
    int("group.consumer.max.session.timeout.ms").default("60000").at_least(1),
    int("group.consumer.max.size").default(MAX_INT).at_least(1),
    string("group.consumer.migration.policy").default("bidirectional").one_of_any_case(&[
        "DISABLED",
        "DOWNGRADE",
        "UPGRADE",
        "BIDIRECTIONAL",
    ]),
    int("group.consumer.min.assignment.interval.ms").default("0").at_least(0),
    int("group.consumer.min.heartbeat.interval.ms").default("5000").at_least(1),
    int("group.consumer.min.session.timeout.ms").default("45000").at_least(1),
    int("group.consumer.session.timeout.ms").default("45000").at_least(1),
    int("group.coordinator.append.linger.ms")
        .default("-1")
        .at_least(-1)
        .accept("group commit makes them moot"),
    int("group.coordinator.background.threads")
        .default("2")
        .at_least(1)
        .accept("one thread per core"),
    int("group.coordinator.cached.buffer.max.bytes")
        .default("1048588")
        .at_least(524_288)
        .cluster_wide()
        .accept("group commit makes them moot"),
    list("group.coordinator.rebalance.protocols")
        .default("classic,consumer,streams")
        .members_of(&["consumer", "classic", "share", "streams"])
        .accept("all protocols are on"),
    int("group.coordinator.threads").default("4").at_least(1).accept("one thread per core"),
    int("group.initial.rebalance.delay.ms").default("3000"),
    int("group.max.session.timeout.ms").default("1800000"),
    int("group.max.size").default(MAX_INT).at_least(1),
    int("group.min.session.timeout.ms").default("6000"),
    int("group.share.assignment.interval.ms")
        .default("1000")
        .at_least(0)
        .cluster_wide()
        .accept("share groups are not served yet"),
    list("group.share.assignors").default("simple").accept("share groups are not served yet"),
    int("group.share.delivery.count.limit")
        .default("5")
        .between(2, 10)
        .accept("share groups are not served yet"),
    int("group.share.heartbeat.interval.ms")
        .default("5000")
        .at_least(1)
        .accept("share groups are not served yet"),
    int("group.share.max.assignment.interval.ms")
        .default("15000")
        .at_least(0)
        .accept("share groups are not served yet"),
    int("group.share.max.delivery.count.limit")
        .default("10")
        .between(5, 25)
        .accept("share groups are not served yet"),
    int("group.share.max.heartbeat.interval.ms")
        .default("15000")
        .at_least(1)
        .accept("share groups are not served yet"),
    int("group.share.max.partition.max.record.locks")
        .default("4000")
        .between(2_000, 10_000)
        .accept("share groups are not served yet"),
    int("group.share.max.record.lock.duration.ms")
        .default("60000")
        .between(30_000, 3_600_000)
        .accept("share groups are not served yet"),
    int("group.share.max.session.timeout.ms")
        .default("60000")
        .at_least(1)
        .accept("share groups are not served yet"),
    int("group.share.max.share.sessions")
        .default("2000")
        .at_least(1)
        .accept("share groups are not served yet"),
    int("group.share.max.size")
        .default("200")
        .between(1, 1_000)
        .accept("share groups are not served yet"),
    int("group.share.min.assignment.interval.ms")
        .default("0")
        .at_least(0)
        .accept("share groups are not served yet"),
    int("group.share.min.delivery.count.limit")
        .default("2")
        .between(2, 5)
        .accept("share groups are not served yet"),
    int("group.share.min.heartbeat.interval.ms")
        .default("5000")
        .at_least(1)
        .accept("share groups are not served yet"),
    int("group.share.min.partition.max.record.locks")
        .default("100")
        .between(100, 2_000)
        .accept("share groups are not served yet"),
    int("group.share.min.record.lock.duration.ms")
        .default("15000")
        .between(1_000, 30_000)
        .accept("share groups are not served yet"),
    int("group.share.min.session.timeout.ms")
        .default("45000")
        .at_least(1)
        .accept("share groups are not served yet"),
    int("group.share.partition.max.record.locks")
        .default("2000")
        .between(100, 10_000)
        .accept("share groups are not served yet"),
    int("group.share.record.lock.duration.ms")
        .default("30000")
        .between(1_000, 3_600_000)
        .accept("share groups are not served yet"),
    int("group.share.session.timeout.ms")
        .default("45000")
        .at_least(1)
        .accept("share groups are not served yet"),
    int("group.streams.assignment.interval.ms")
        .default("1000")
        .at_least(0)
        .cluster_wide()
        .accept("streams groups are not served yet"),
    list("group.streams.assignors").default("sticky").accept("streams groups are not served yet"),
    int("group.streams.heartbeat.interval.ms")
        .default("5000")
        .at_least(1)
        .accept("streams groups are not served yet"),
    int("group.streams.initial.rebalance.delay.ms")
        .default("3000")
        .at_least(0)
        .accept("streams groups are not served yet"),
    int("group.streams.max.assignment.interval.ms")
        .default("15000")
        .at_least(0)
        .accept("streams groups are not served yet"),
    int("group.streams.max.heartbeat.interval.ms")
        .default("15000")
        .at_least(1)
        .accept("streams groups are not served yet"),
    int("group.streams.max.session.timeout.ms")
        .default("60000")
        .at_least(1)
        .accept("streams groups are not served yet"),
    int("group.streams.max.size")
        .default(MAX_INT)
        .at_least(1)
        .accept("streams groups are not served yet"),
    int("group.streams.max.standby.replicas")
        .default("2")
        .at_least(0)
        .accept("streams groups are not served yet"),
    int("group.streams.min.assignment.interval.ms")
        .default("0")
        .at_least(0)
        .accept("streams groups are not served yet"),
    int("group.streams.min.heartbeat.interval.ms")
        .default("5000")
        .at_least(1)
        .accept("streams groups are not served yet"),
    int("group.streams.min.session.timeout.ms")
        .default("45000")
        .at_least(1)
        .accept("streams groups are not served yet"),
    int("group.streams.num.standby.replicas")
        .default("0")
        .at_least(0)
        .accept("streams groups are not served yet"),
    list("group.streams.rack.aware.assignment.tags")
        .default("")
        .accept("streams groups are not served yet"),
    int("group.streams.session.timeout.ms")
        .default("45000")
        .at_least(1)
        .accept("streams groups are not served yet"),
    class("group.streams.topology.description.plugin.class")
        .accept("streams groups are not served yet"),
    int("initial.broker.registration.timeout.ms").default("60000").accept("own membership"),
    string("inter.broker.listener.name").accept("the peer protocol has its own port"),
    int("kafka.metrics.polling.interval.secs")
        .default("10")
        .at_least(1)
        .not_applicable("JVM metrics"),
    list("kafka.metrics.reporters").default("").not_applicable("JVM metrics"),
    long("leader.imbalance.check.interval.seconds")
        .default("300")
        .at_least(1)
        .accept("replication is not served yet"),
    long("leader.replication.throttled.rate")
        .default(MAX_LONG)
        .at_least(0)
        .cluster_wide()
        .accept("replication is not served yet"),
    string("listener.security.protocol.map")
        .default(concat!(
            "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,",
            "SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT"
        ))
        .per_broker()
        .accept("security is not served yet"),
    list("listeners").default("PLAINTEXT://:9092").per_broker(),
    long("log.cleaner.backoff.ms").default("15000").at_least(0).cluster_wide(),
    long("log.cleaner.dedupe.buffer.size").default("134217728").cluster_wide(),
    long("log.cleaner.delete.retention.ms").default("86400000").at_least(0).cluster_wide(),
    boolean("log.cleaner.enable").default("true").accept("compaction is never off"),
    double("log.cleaner.io.buffer.load.factor")
        .default("0.9")
        .cluster_wide()
        .accept("compaction runs in the shard, in a background queue"),
    int("log.cleaner.io.buffer.size")
        .default("524288")
        .at_least(0)
        .cluster_wide()
        .accept("compaction runs in the shard, in a background queue"),
    double("log.cleaner.io.max.bytes.per.second").default(MAX_DOUBLE).cluster_wide(),
    long("log.cleaner.max.compaction.lag.ms").default(MAX_LONG).at_least(1).cluster_wide(),
    double("log.cleaner.min.cleanable.ratio").default("0.5").between(0, 1).cluster_wide(),
    long("log.cleaner.min.compaction.lag.ms").default("0").at_least(0).cluster_wide(),
    int("log.cleaner.threads")
        .default("1")
        .at_least(0)
        .cluster_wide()
        .accept("compaction runs in the shard, in a background queue"),
    list("log.cleanup.policy").default("delete").members_of(&["compact", "delete"]).cluster_wide(),
    list("log.dir").default("/tmp/kafka-logs"),
    long("log.dir.failure.timeout.ms")
        .default("30000")
        .at_least(1)
        .accept("there is one data directory yet"),
    list("log.dirs"),
    long("log.flush.interval.messages")
        .default("1")
        .at_least(1)
        .cluster_wide()
        .accept(SYNCED_ANYWAY),
    long("log.flush.interval.ms")
        .cluster_wide()
        .synonyms(&["log.flush.scheduler.interval.ms"])
        .accept(SYNCED_ANYWAY),
    int("log.flush.offset.checkpoint.interval.ms")
        .default("60000")
        .at_least(0)
        .accept("journal and checkpoint instead"),
    long("log.flush.scheduler.interval.ms")
        .default(MAX_LONG)
        .accept("journal and checkpoint instead"),
    int("log.flush.start.offset.checkpoint.interval.ms")
        .default("60000")
        .at_least(0)
        .accept("journal and checkpoint instead"),
    int("log.index.interval.bytes")
        .default("4096")
        .at_least(0)
        .cluster_wide()
        .accept("own index, an entry per 64 KiB"),
    int("log.index.size.max.bytes")
        .default("10485760")
        .at_least(4)
        .cluster_wide()
        .accept("own index, an entry per 64 KiB"),
    long("log.local.retention.bytes")
        .default("-2")
        .at_least(-2)
        .cluster_wide()
        .accept("tiered storage is not served yet"),
    long("log.local.retention.ms")
        .default("-2")
        .at_least(-2)
        .cluster_wide()
        .accept("tiered storage is not served yet"),
    long("log.message.timestamp.after.max.ms").default("3600000").at_least(0).cluster_wide(),
    long("log.message.timestamp.before.max.ms").default(MAX_LONG).at_least(0).cluster_wide(),
    string("log.message.timestamp.type")
        .default("CreateTime")
        .one_of(&["CreateTime", "LogAppendTime"])
        .cluster_wide(),
    boolean("log.preallocate").default("false").cluster_wide().accept("always"),
    long("log.remote.copy.lag.bytes")
        .default("-1")
        .at_least(-1)
        .cluster_wide()
        .accept("tiered storage is not served yet"),
    long("log.remote.copy.lag.ms")
        .default("0")
        .at_least(-1)
        .cluster_wide()
        .accept("tiered storage is not served yet"),
    long("log.retention.bytes").default("-1").cluster_wide(),
    long("log.retention.check.interval.ms").default("300000").at_least(1),
    int("log.retention.hours").default("168"),
    int("log.retention.minutes").synonyms(&["log.retention.hours"]),
    long("log.retention.ms")
        .cluster_wide()
        .synonyms(&["log.retention.minutes", "log.retention.hours"]),
    int("log.roll.hours").default("168").at_least(1),
    int("log.roll.jitter.hours").default("0").at_least(0),
    long("log.roll.jitter.ms").cluster_wide().synonyms(&["log.roll.jitter.hours"]),
    long("log.roll.ms").cluster_wide().synonyms(&["log.roll.hours"]),
    int("log.segment.bytes").default("1073741824").at_least(1_048_576).cluster_wide(),
    long("log.segment.delete.delay.ms")
        .default("60000")
        .at_least(0)
        .cluster_wide()
        .accept(NO_READER_LEFT),
    int("max.connection.creation.rate")
        .default(MAX_INT)
        .at_least(0)
        .cluster_wide()
        .accept("quotas are not served yet"),
    int("max.connections").default(MAX_INT).at_least(0).cluster_wide(),
    int("max.connections.per.ip").default(MAX_INT).at_least(0).cluster_wide(),
    string("max.connections.per.ip.overrides").default("").ip_counts().cluster_wide(),
    int("max.decompressed.message.bytes")
        .default("2147483639")
        .between(1, 2_147_483_639)
        .cluster_wide(),
    int("max.incremental.fetch.session.cache.slots").default("1000").at_least(0),
    int("max.request.partition.size.limit").default("2000").at_least(1),
    int("message.max.bytes").default("1048588").at_least(0).cluster_wide(),
    string("metadata.log.dir").not_applicable("KRaft"),
    long("metadata.log.max.record.bytes.between.snapshots")
        .default("20971520")
        .at_least(1)
        .not_applicable("KRaft"),
    long("metadata.log.max.snapshot.interval.ms")
        .default("3600000")
        .at_least(0)
        .not_applicable("KRaft"),
    int("metadata.log.segment.bytes")
        .default("1073741824")
        .at_least(8_388_608)
        .not_applicable("KRaft"),
    long("metadata.log.segment.ms").default("604800000").not_applicable("KRaft"),
    int("metadata.max.idle.interval.ms").default("500").at_least(0).not_applicable("KRaft"),
    long("metadata.max.retention.bytes").default("104857600").not_applicable("KRaft"),
    long("metadata.max.retention.ms").default("604800000").not_applicable("KRaft"),
    list("metric.reporters")
        .default("org.apache.kafka.common.metrics.JmxReporter")
        .cluster_wide()
        .not_applicable("JVM metrics"),
    int("metrics.num.samples").default("2").at_least(1).not_applicable("JVM metrics"),
    string("metrics.recording.level").default("INFO").not_applicable("JVM metrics"),
    long("metrics.sample.window.ms").default("30000").at_least(1).not_applicable("JVM metrics"),
    int("min.insync.replicas").default("1").at_least(1).cluster_wide(),
    int("node.id").at_least(0),
    int("num.io.threads").default("8").at_least(1).cluster_wide().accept("one thread per core"),
    int("num.network.threads")
        .default("3")
        .at_least(1)
        .cluster_wide()
        .accept("one thread per core"),
    int("num.partitions").default("1").at_least(1),
    int("num.recovery.threads.per.data.dir")
        .default("2")
        .at_least(1)
        .cluster_wide()
        .accept("one thread per core"),
    int("num.replica.alter.log.dirs.threads").accept("one thread per core"),
    int("num.replica.fetchers")
        .default("1")
        .at_least(1)
        .cluster_wide()
        .accept("one thread per core"),
    int("offset.metadata.max.bytes").default("4096"),
    int("offsets.commit.timeout.ms")
        .default("5000")
        .at_least(1)
        .doc("How long a request to a group waits to be on stable storage, in milliseconds."),
    int("offsets.load.buffer.size")
        .default("5242880")
        .at_least(1)
        .accept("group commit makes them moot"),
    long("offsets.retention.check.interval.ms").default("600000").at_least(1),
    int("offsets.retention.minutes").default("10080").at_least(1),
    int("offsets.topic.compression.codec").default("0").accept("0 only"),
    int("offsets.topic.num.partitions").default("50").at_least(1),
    short("offsets.topic.replication.factor").default("3").at_least(1),
    int("offsets.topic.segment.bytes").default("104857600").at_least(1),
    int("pelton.group.consumer.min.heartbeat.interval.ms")
        .default("1000")
        .at_least(0)
        .internal()
        .cluster_wide()
        .doc(concat!(
            "The shortest heartbeat interval that members of the consumer protocol are told, ",
            "where the core can afford it; group.consumer.heartbeat.interval.ms is the longest. ",
            "0: always that."
        )),
    class("principal.builder.class")
        .default("org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder")
        .per_broker()
        .not_applicable("JVM plug-in"),
    list("process.roles").members_of(&["broker", "controller"]),
    int("producer.id.expiration.ms").default("86400000").at_least(1).cluster_wide(),
    int("producer.purgatory.purge.interval.requests").default("1000").accept("no purgatory"),
    long("queued.max.request.bytes")
        .default("-1")
        .doc("Bytes of requests held at once, divided among the cores; -1: 128 MiB a core."),
    int("queued.max.requests")
        .default("500")
        .at_least(1)
        .accept("bounds are per connection and per shard"),
    int("quota.window.num").default("11").at_least(1).accept("quotas are not served yet"),
    int("quota.window.size.seconds").default("1").at_least(1).accept("quotas are not served yet"),
    int("remote.fetch.max.wait.ms")
        .default("500")
        .at_least(1)
        .cluster_wide()
        .accept("tiered storage is not served yet"),
    long("remote.list.offsets.request.timeout.ms")
        .default("30000")
        .at_least(1)
        .cluster_wide()
        .accept("tiered storage is not served yet"),
    long("remote.log.index.file.cache.total.size.bytes")
        .default("1073741824")
        .at_least(1)
        .cluster_wide()
        .accept("our tiering has its own scheduler"),
    int("remote.log.manager.copier.thread.pool.size")
        .default("10")
        .at_least(1)
        .cluster_wide()
        .accept("our tiering has its own scheduler"),
    long("remote.log.manager.copy.max.bytes.per.second")
        .default(MAX_LONG)
        .at_least(1)
        .cluster_wide()
        .accept("tiered storage is not served yet"),
    int("remote.log.manager.copy.quota.window.num")
        .default("11")
        .at_least(1)
        .accept("our tiering has its own scheduler"),
    int("remote.log.manager.copy.quota.window.size.seconds")
        .default("1")
        .at_least(1)
        .accept("our tiering has its own scheduler"),
    int("remote.log.manager.expiration.thread.pool.size")
        .default("10")
        .at_least(1)
        .cluster_wide()
        .accept("our tiering has its own scheduler"),
    long("remote.log.manager.fetch.max.bytes.per.second")
        .default(MAX_LONG)
        .at_least(1)
        .cluster_wide()
        .accept("tiered storage is not served yet"),
    int("remote.log.manager.fetch.quota.window.num")
        .default("11")
        .at_least(1)
        .accept("our tiering has its own scheduler"),
    int("remote.log.manager.fetch.quota.window.size.seconds")
        .default("1")
        .at_least(1)
        .accept("our tiering has its own scheduler"),
    int("remote.log.manager.follower.thread.pool.size")
        .default("2")
        .at_least(1)
        .cluster_wide()
        .accept("our tiering has its own scheduler"),
    long("remote.log.manager.task.interval.ms")
        .default("30000")
        .at_least(1)
        .accept("our tiering has its own scheduler"),
    int("remote.log.manager.thread.pool.size")
        .default("2")
        .at_least(1)
        .accept("our tiering has its own scheduler"),
    int("remote.log.metadata.custom.metadata.max.bytes")
        .default("128")
        .at_least(0)
        .accept("our tiering has its own scheduler"),
    string("remote.log.metadata.manager.class.name")
        .default(concat!(
            "org.apache.kafka.server.log.remote.metadata.storage.",
            "TopicBasedRemoteLogMetadataManager"
        ))
        .non_empty()
        .not_applicable("JVM plug-in"),
    string("remote.log.metadata.manager.class.path").not_applicable("JVM plug-in"),
    string("remote.log.metadata.manager.impl.prefix")
        .default("rlmm.config.")
        .non_empty()
        .not_applicable("JVM plug-in"),
    string("remote.log.metadata.manager.listener.name").non_empty().not_applicable("JVM plug-in"),
    int("remote.log.reader.max.pending.tasks")
        .default("100")
        .at_least(1)
        .accept("our tiering has its own scheduler"),
    int("remote.log.reader.threads")
        .default("10")
        .at_least(1)
        .cluster_wide()
        .accept("our tiering has its own scheduler"),
    string("remote.log.storage.manager.class.name").non_empty().not_applicable("JVM plug-in"),
    string("remote.log.storage.manager.class.path").not_applicable("JVM plug-in"),
    string("remote.log.storage.manager.impl.prefix")
        .default("rsm.config.")
        .non_empty()
        .not_applicable("JVM plug-in"),
    boolean("remote.log.storage.system.enable")
        .default("false")
        .accept("tiered storage is not served yet"),
    long("replica.alter.log.dirs.io.max.bytes.per.second")
        .default(MAX_LONG)
        .at_least(0)
        .cluster_wide()
        .accept("there is one data directory yet"),
    int("replica.fetch.backoff.ms").default("1000").at_least(0).accept("own peer protocol"),
    int("replica.fetch.max.bytes").default("1048576").at_least(0).accept("own peer protocol"),
    int("replica.fetch.min.bytes").default("1").accept("own peer protocol"),
    int("replica.fetch.response.max.bytes")
        .default("10485760")
        .at_least(0)
        .accept("own peer protocol"),
    int("replica.fetch.wait.max.ms").default("500").accept("own peer protocol"),
    long("replica.high.watermark.checkpoint.interval.ms")
        .default("5000")
        .accept("journal and checkpoint instead"),
    long("replica.lag.time.max.ms").default("30000").accept("replication is not served yet"),
    string("replica.selector.class").accept("replication is not served yet"),
    int("replica.socket.receive.buffer.bytes").default("65536").accept("own peer protocol"),
    int("replica.socket.timeout.ms").default("30000").accept("own peer protocol"),
    int("replication.quota.window.num").default("11").at_least(1).accept("fixed window"),
    int("replication.quota.window.size.seconds").default("1").at_least(1).accept("fixed window"),
    int("request.timeout.ms").default("30000").accept("own peer protocol"),
    class("sasl.client.callback.handler.class").not_applicable("JVM or client side"),
    list("sasl.enabled.mechanisms")
        .default("GSSAPI")
        .per_broker()
        .accept("security is not served yet"),
    password("sasl.jaas.config").per_broker().accept("security is not served yet"),
    string("sasl.kerberos.kinit.cmd")
        .default("/usr/bin/kinit")
        .per_broker()
        .not_applicable("JVM or client side"),
    long("sasl.kerberos.min.time.before.relogin")
        .default("60000")
        .per_broker()
        .not_applicable("JVM or client side"),
    list("sasl.kerberos.principal.to.local.rules")
        .default("DEFAULT")
        .per_broker()
        .accept("security is not served yet"),
    string("sasl.kerberos.service.name").per_broker().accept("security is not served yet"),
    double("sasl.kerberos.ticket.renew.jitter")
        .default("0.05")
        .per_broker()
        .not_applicable("JVM or client side"),
    double("sasl.kerberos.ticket.renew.window.factor")
        .default("0.8")
        .per_broker()
        .not_applicable("JVM or client side"),
    class("sasl.login.callback.handler.class").not_applicable("JVM or client side"),
    class("sasl.login.class").not_applicable("JVM or client side"),
    int("sasl.login.connect.timeout.ms").not_applicable("JVM or client side"),
    int("sasl.login.read.timeout.ms").not_applicable("JVM or client side"),
    short("sasl.login.refresh.buffer.seconds")
        .default("300")
        .per_broker()
        .not_applicable("JVM or client side"),
    short("sasl.login.refresh.min.period.seconds")
        .default("60")
        .per_broker()
        .not_applicable("JVM or client side"),
    double("sasl.login.refresh.window.factor")
        .default("0.8")
        .per_broker()
        .not_applicable("JVM or client side"),
    double("sasl.login.refresh.window.jitter")
        .default("0.05")
        .per_broker()
        .not_applicable("JVM or client side"),
    long("sasl.login.retry.backoff.max.ms").default("10000").not_applicable("JVM or client side"),
    long("sasl.login.retry.backoff.ms").default("100").not_applicable("JVM or client side"),
    string("sasl.mechanism.controller.protocol")
        .default("GSSAPI")
        .not_applicable("JVM or client side"),
    string("sasl.mechanism.inter.broker.protocol")
        .default("GSSAPI")
        .per_broker()
        .not_applicable("JVM or client side"),
    boolean("sasl.oauthbearer.allow.unverified.audience")
        .default("false")
        .accept("security is not served yet"),
    boolean("sasl.oauthbearer.allow.unverified.issuer")
        .default("false")
        .accept("security is not served yet"),
    string("sasl.oauthbearer.assertion.algorithm")
        .default("RS256")
        .one_of_any_case(&["ES256", "RS256"])
        .not_applicable("client side"),
    string("sasl.oauthbearer.assertion.claim.aud").not_applicable("client side"),
    int("sasl.oauthbearer.assertion.claim.exp.seconds")
        .default("300")
        .between(0, 86_400)
        .not_applicable("client side"),
    string("sasl.oauthbearer.assertion.claim.iss").not_applicable("client side"),
    boolean("sasl.oauthbearer.assertion.claim.jti.include")
        .default("false")
        .not_applicable("client side"),
    int("sasl.oauthbearer.assertion.claim.nbf.seconds")
        .default("60")
        .between(0, 3_600)
        .not_applicable("client side"),
    string("sasl.oauthbearer.assertion.claim.sub").not_applicable("client side"),
    string("sasl.oauthbearer.assertion.file").not_applicable("client side"),
    string("sasl.oauthbearer.assertion.private.key.file").not_applicable("client side"),
    password("sasl.oauthbearer.assertion.private.key.passphrase").not_applicable("client side"),
    string("sasl.oauthbearer.assertion.template.file").not_applicable("client side"),
    string("sasl.oauthbearer.client.credentials.client.id").not_applicable("client side"),
    password("sasl.oauthbearer.client.credentials.client.secret").not_applicable("client side"),
    int("sasl.oauthbearer.clock.skew.seconds").default("30").accept("security is not served yet"),
    list("sasl.oauthbearer.expected.audience").default("").accept("security is not served yet"),
    string("sasl.oauthbearer.expected.issuer").accept("security is not served yet"),
    long("sasl.oauthbearer.jwks.endpoint.refresh.ms")
        .default("3600000")
        .accept("security is not served yet"),
    long("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms")
        .default("10000")
        .accept("security is not served yet"),
    long("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms")
        .default("100")
        .accept("security is not served yet"),
    string("sasl.oauthbearer.jwks.endpoint.url").accept("security is not served yet"),
    class("sasl.oauthbearer.jwt.retriever.class")
        .default("org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever")
        .not_applicable("JVM or client side"),
    class("sasl.oauthbearer.jwt.validator.class")
        .default("org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator")
        .not_applicable("JVM or client side"),
    string("sasl.oauthbearer.scope").not_applicable("JVM or client side"),
    string("sasl.oauthbearer.scope.claim.name")
        .default("scope")
        .accept("security is not served yet"),
    string("sasl.oauthbearer.sub.claim.name").default("sub").accept("security is not served yet"),
    string("sasl.oauthbearer.token.endpoint.url").not_applicable("JVM or client side"),
    class("sasl.server.callback.handler.class").not_applicable("JVM or client side"),
    int("sasl.server.max.receive.size").default("524288").accept("security is not served yet"),
    string("security.inter.broker.protocol")
        .default("PLAINTEXT")
        .one_of(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
        .accept("the peer port is always mutual TLS"),
    string("security.providers").not_applicable("JVM plug-in"),
    int("share.coordinator.append.linger.ms")
        .default("-1")
        .at_least(-1)
        .accept("group commit makes them moot"),
    int("share.coordinator.cached.buffer.max.bytes")
        .default("1048588")
        .at_least(524_288)
        .cluster_wide()
        .accept("group commit makes them moot"),
    int("share.coordinator.load.buffer.size")
        .default("5242880")
        .at_least(1)
        .accept("group commit makes them moot"),
    int("share.coordinator.snapshot.update.records.per.snapshot")
        .default("500")
        .between(0, 500)
        .accept("group commit makes them moot"),
    int("share.coordinator.state.topic.compression.codec").default("0").accept("0 only"),
    short("share.coordinator.state.topic.min.isr")
        .default("2")
        .at_least(1)
        .accept("share groups are not served yet"),
    int("share.coordinator.state.topic.num.partitions")
        .default("50")
        .at_least(1)
        .accept("share groups are not served yet"),
    short("share.coordinator.state.topic.replication.factor")
        .default("3")
        .at_least(1)
        .accept("share groups are not served yet"),
    int("share.coordinator.state.topic.segment.bytes")
        .default("104857600")
        .at_least(1)
        .accept("share groups are not served yet"),
    int("share.coordinator.threads").default("1").at_least(1).accept("one thread per core"),
    int("share.coordinator.write.timeout.ms")
        .default("5000")
        .at_least(1)
        .accept("share groups are not served yet"),
    int("share.fetch.purgatory.purge.interval.requests").default("1000").accept("no purgatory"),
    long("socket.connection.setup.timeout.max.ms").default("30000").accept("own peer protocol"),
    long("socket.connection.setup.timeout.ms").default("10000").accept("own peer protocol"),
    int("socket.listen.backlog.size")
        .default("1024")
        .at_least(1)
        .doc("Connections that the kernel holds for a core until they are accepted; Kafka: 50."),
    int("socket.receive.buffer.bytes").default("102400").accept("the kernel tunes them"),
    int("socket.request.max.bytes").default("104857600").at_least(1),
    int("socket.send.buffer.bytes").default("102400").accept("the kernel tunes them"),
    boolean("ssl.allow.dn.changes").default("false").accept("security is not served yet"),
    boolean("ssl.allow.san.changes").default("false").accept("security is not served yet"),
    list("ssl.cipher.suites").default("").per_broker().accept("security is not served yet"),
    string("ssl.client.auth")
        .default("none")
        .one_of(&["required", "requested", "none"])
        .per_broker()
        .accept("security is not served yet"),
    list("ssl.enabled.protocols")
        .default("TLSv1.2,TLSv1.3")
        .per_broker()
        .accept("security is not served yet"),
    string("ssl.endpoint.identification.algorithm")
        .default("https")
        .per_broker()
        .not_applicable("JVM TLS"),
    class("ssl.engine.factory.class").per_broker().not_applicable("JVM TLS"),
    password("ssl.key.password").per_broker().accept("security is not served yet"),
    string("ssl.keymanager.algorithm").default("SunX509").per_broker().not_applicable("JVM TLS"),
    password("ssl.keystore.certificate.chain").per_broker().accept("security is not served yet"),
    password("ssl.keystore.key").per_broker().accept("security is not served yet"),
    string("ssl.keystore.location").per_broker().accept("security is not served yet"),
    password("ssl.keystore.password").per_broker().accept("PEM needs none"),
    string("ssl.keystore.type").default("JKS").per_broker().accept("security is not served yet"),
    string("ssl.principal.mapping.rules").default("DEFAULT").accept("security is not served yet"),
    string("ssl.protocol").default("TLSv1.3").per_broker().not_applicable("JVM TLS"),
    string("ssl.provider").per_broker().not_applicable("JVM TLS"),
    string("ssl.secure.random.implementation").per_broker().not_applicable("JVM TLS"),
    string("ssl.trustmanager.algorithm").default("PKIX").per_broker().not_applicable("JVM TLS"),
    password("ssl.truststore.certificates").per_broker().accept("security is not served yet"),
    string("ssl.truststore.location").per_broker().accept("security is not served yet"),
    password("ssl.truststore.password").per_broker().accept("PEM needs none"),
    string("ssl.truststore.type").default("JKS").per_broker().accept("security is not served yet"),
    int("telemetry.max.bytes")
        .default("1048576")
        .at_least(1)
        .accept("client metrics are not served yet"),
    int("transaction.abort.timed.out.transaction.cleanup.interval.ms")
        .default("10000")
        .at_least(1)
        .accept("transactions are not served yet"),
    int("transaction.max.timeout.ms")
        .default("900000")
        .at_least(1)
        .accept("transactions are not served yet"),
    boolean("transaction.partition.verification.enable")
        .default("true")
        .cluster_wide()
        .accept("transactions are not served yet"),
    int("transaction.remove.expired.transaction.cleanup.interval.ms")
        .default("3600000")
        .at_least(1)
        .accept("transactions are not served yet"),
    int("transaction.state.log.load.buffer.size")
        .default("5242880")
        .at_least(1)
        .accept("group commit makes them moot"),
    int("transaction.state.log.min.isr")
        .default("2")
        .at_least(1)
        .accept("transactions are not served yet"),
    int("transaction.state.log.num.partitions")
        .default("50")
        .at_least(1)
        .accept("transactions are not served yet"),
    short("transaction.state.log.replication.factor")
        .default("3")
        .at_least(1)
        .accept("transactions are not served yet"),
    int("transaction.state.log.segment.bytes")
        .default("104857600")
        .at_least(1)
        .accept("transactions are not served yet"),
    boolean("transaction.two.phase.commit.enable")
        .default("false")
        .accept("transactions are not served yet"),
    int("transactional.id.expiration.ms")
        .default("604800000")
        .at_least(1)
        .accept("transactions are not served yet"),
    boolean("unclean.leader.election.enable")
        .default("false")
        .cluster_wide()
        .accept("replication is not served yet"),
]);
