use pelton_client::Acks;
use pelton_model::Compression;

use super::*;

const WORKLOAD: &str = "
name: ten topics
topics: 10
partitionsPerTopic: 16
messageSize: 1024
useRandomizedPayloads: true
randomBytesRatio: 0.25
randomizedPayloadPoolSize: 1000
subscriptionsPerTopic: 1
consumerPerSubscription: 2
producersPerTopic: 4
producerRate: 40000
consumerBacklogSizeGB: 0
testDurationMinutes: 15
";

const DRIVER: &str = "
name: Kafka
driverClass: io.openmessaging.benchmark.driver.kafka.KafkaBenchmarkDriver
replicationFactor: 3
reset: true
topicConfig: |
  min.insync.replicas=2
  flush.messages=1
commonConfig: |
  bootstrap.servers=kafka:9092
  default.api.timeout.ms=600000
producerConfig: |
  acks=1
  linger.ms=10
  batch.size=131072
  compression.type=lz4
  max.in.flight.requests.per.connection=1
consumerConfig: |
  auto.offset.reset=earliest
  max.partition.fetch.bytes=10485760
";

fn translated(workload: &str, driver: &str, overrides: &Overrides) -> Result<Translation> {
    translate(&OmbWorkload::parse(workload)?, &OmbDriver::parse(driver)?, overrides)
}

fn refused(workload: &str, driver: &str) -> String {
    translated(workload, driver, &Overrides::default()).unwrap_err().to_string()
}

#[test]
fn files_become_a_plan() {
    let Translation { plan, notes } = translated(WORKLOAD, DRIVER, &Overrides::default()).unwrap();
    assert_eq!(plan.workload, Workload::EndToEnd);
    assert_eq!(plan.bootstrap, "kafka:9092");
    assert_eq!((plan.topic.partitions, plan.topic.replication_factor), (160, Some(3)));
    assert_eq!(plan.topic.configs["flush.messages"], "1");
    assert_eq!(plan.topic.configs["min.insync.replicas"], "2");
    assert_eq!((plan.connections, plan.consumers, plan.in_flight), (40, 20, 1));
    assert_eq!((plan.acks, plan.batch.compression), (Acks::Leader, Compression::Lz4));
    assert_eq!(plan.rate, Some(Rate::RecordsPerSecond(40e3)));
    // 40 producers send 1000 a second each: in 10 ms, 10.
    assert_eq!((plan.batch.records, plan.batch.value_bytes), (10, 1024));
    assert_eq!(plan.batch.compressibility, 0.75);
    assert_eq!(plan.fetch.partition_max_bytes, 10 << 20);
    assert_eq!((plan.warm_up.as_secs(), plan.duration.as_secs()), (60, 900));
    assert!(notes.iter().any(|note| note.contains("one topic of 160")), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("default.api.timeout.ms")), "{notes:?}");
    assert_eq!(notes.len(), 2);
}

#[test]
fn the_command_line_goes_before_the_files() {
    let overrides = Overrides {
        bootstrap: Some("localhost:1".into()),
        replication_factor: Some(1),
        rate: Some(Rate::RecordsPerSecond(1e6)),
        warm_up: Some(Duration::from_secs(1)),
        duration: Some(Duration::from_secs(2)),
        backlog_bytes: None,
    };
    let Translation { plan, notes } = translated(WORKLOAD, DRIVER, &overrides).unwrap();
    assert_eq!((plan.bootstrap.as_str(), plan.topic.replication_factor), ("localhost:1", Some(1)));
    assert_eq!((plan.warm_up.as_secs(), plan.duration.as_secs()), (1, 2));
    // 25,000 a second each: a batch of 128 KiB is full before 10 ms are over.
    assert_eq!(plan.batch.records, 128);
    // One replica cannot have two in sync.
    assert!(!plan.topic.configs.contains_key("min.insync.replicas"));
    assert!(notes.iter().any(|note| note.contains("min.insync.replicas=2")), "{notes:?}");
}

#[test]
fn a_backlog_is_drained_and_keys_spread_over_partitions() {
    let workload = WORKLOAD
        .replace("consumerBacklogSizeGB: 0", "consumerBacklogSizeGB: 4")
        .replace("name:", "keyDistributor: \"KEY_ROUND_ROBIN\"\nname:");
    let Translation { plan, notes } = translated(&workload, DRIVER, &Overrides::default()).unwrap();
    assert_eq!((plan.workload, plan.backlog_bytes), (Workload::CatchUp, 4 << 30));
    for left_out in ["testDurationMinutes 15", "warmupDurationMinutes 1"] {
        assert!(notes.iter().any(|note| note.contains(left_out)), "{notes:?}");
    }
    assert_eq!((plan.batch.key_bytes, plan.batch.keys), (12, 10_000));
    assert_eq!((plan.batches_per_request, plan.batch.records), (4, 3));
}

#[test]
fn without_a_subscription_it_only_produces() {
    let workload = WORKLOAD.replace("subscriptionsPerTopic: 1", "subscriptionsPerTopic: 0");
    let plan = translated(&workload, DRIVER, &Overrides::default()).unwrap().plan;
    assert_eq!(plan.workload, Workload::Produce);
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let change = |from: &str, to: &str| refused(&WORKLOAD.replace(from, to), DRIVER);
    assert!(
        change("subscriptionsPerTopic: 1", "subscriptionsPerTopic: 3").contains("subscriptions")
    );
    assert!(change("producersPerTopic: 4", "producersPerTopic: 0").contains("producersPerTopic"));
    assert!(change("topics:", "producerIncrementRate: 5\ntopics:").contains("producerIncrement"));
    assert!(change("topics:", "keyDistributor: SOME\ntopics:").contains("keyDistributor SOME"));
    assert!(change("topics:", "pauseAll: 5\ntopics:").contains("pauseAll"));
    assert!(change("topics: 10", "topics: 10000000").contains("--partitions"));
    assert!(change("topics: 10", "").contains("topics"));
    let without = "topics: 0\nkeyDistributor: RANDOM_NANO";
    assert!(change("topics: 10", without).contains("topics and partitionsPerTopic"));
    let years = format!("testDurationMinutes: {}", u64::MAX);
    assert!(change("testDurationMinutes: 15", &years).contains("--duration"));
    assert!(refused("- a list", DRIVER).contains("not a workload"));

    let change = |from: &str, to: &str| refused(WORKLOAD, &DRIVER.replace(from, to));
    assert!(change("KafkaBench", "PulsarBench").contains("only Kafka's"));
    assert!(change("acks=1", "acks=2").contains("acks=2"));
    assert!(change("acks=1", "transactional.id=x").contains("transactional.id"));
    assert!(change("acks=1", "sasl.mechanism=PLAIN").contains("sasl.mechanism"));
    assert!(change("lz4", "brotli").contains("compression.type=brotli"));
    assert!(change("131072", "many").contains("batch.size=many"));
    assert!(change("bootstrap.servers", "no.servers").contains("--bootstrap"));
}
