//! What partitions cost that nobody uses at the moment.

use std::time::Duration;

use pelton_client::{ClientOptions, Cluster, Producer, ProducerOptions, ProducerRecord};
use pelton_model::PartitionIndex;

use crate::support::clients::create_topic;
use crate::support::{Broker, directory};

const PARTITIONS: i32 = 10_000;

/// Of resident memory, for one partition.
const BYTES_MAX: u64 = 20 << 10;

#[test]
fn an_idle_partition_costs_little_memory_and_no_open_file() {
    let data = directory();
    let broker = Broker::start_with(data.path(), 0, &["--cores", "1"]);
    create_topic(&broker, "small", 1);
    let (bytes, files) = (broker.resident_bytes(), broker.open_files(data.path()));
    let for_each = || broker.resident_bytes().saturating_sub(bytes) / PARTITIONS as u64;

    create_topic(&broker, "wide", PARTITIONS);
    assert!(for_each() <= BYTES_MAX, "{} bytes for one that was created", for_each());
    let opened = broker.open_files(data.path());
    assert!(opened <= files, "{opened} files are open, {files} were");

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(one_record_each(&broker));
    assert!(for_each() <= BYTES_MAX, "{} bytes for one that has a record", for_each());
}

async fn one_record_each(broker: &Broker) {
    let address = broker.address.to_string();
    let cluster = Cluster::connect(ClientOptions::new(&address)).await.expect("connected");
    let producer = Producer::new(cluster, ProducerOptions::default()).expect("a producer");
    for partition in 0..PARTITIONS {
        let partition = Some(PartitionIndex::new(partition));
        let record =
            ProducerRecord { partition, value: Some(b"one"), ..ProducerRecord::to("wide") };
        producer.send(&record).await.expect("taken");
    }
    producer.close(Duration::from_secs(60)).await.expect("every one is acknowledged");
}
