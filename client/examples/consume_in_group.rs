//! Reads a number of records as a member of a group, and commits them:
//! `consume_in_group [HOST:PORT] [TOPIC] [GROUP] [COUNT]`.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::StreamExt;
use pelton_client::{
    ClientOptions, Cluster, Consumer, ConsumerOptions, GroupOptions, GroupProtocol,
    RebalanceListener, Result, TopicPartition,
};

/// Tells what the group gives.
struct Told;

impl RebalanceListener for Told {
    fn assigned<'a>(
        &'a self,
        _: &'a Consumer,
        partitions: &'a [TopicPartition],
    ) -> BoxFuture<'a, ()> {
        println!("assigned {} partitions", partitions.len());
        Box::pin(std::future::ready(()))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let brokers = arguments.next().unwrap_or_else(|| "127.0.0.1:9092".into());
    let topic = arguments.next().unwrap_or_else(|| "greetings".into());
    let group = arguments.next().unwrap_or_else(|| "greeters".into());
    let count = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(1000);

    let cluster = Cluster::connect(ClientOptions::new(&brokers)).await?;
    let group = GroupOptions {
        // KIP-848 where the broker has it, else the classic protocol.
        protocol: GroupProtocol::Auto,
        auto_commit: None,
        ..GroupOptions::new(&group)
    };
    let options = ConsumerOptions { group: Some(group), ..ConsumerOptions::default() };
    let consumer = Consumer::new(cluster, options)?;
    consumer.subscribe_with(&[&topic], Arc::new(Told))?;

    let mut records = consumer.stream().take(count);
    while let Some(record) = records.next().await {
        // Here the record would be worked on.
        drop(record?);
    }
    consumer.commit().await?;
    for (partition, committed) in consumer.committed(&consumer.assignment()).await? {
        println!("committed {partition} at {}", committed.offset);
    }
    // Leaves, so that the group need not wait for the session to time out.
    consumer.close(Duration::from_secs(30)).await
}
