//! Sends a thousand greetings and tells where they are: `produce [HOST:PORT] [TOPIC]`.

use std::collections::BTreeMap;
use std::time::Duration;

use pelton_client::{
    ClientOptions, Cluster, Compression, Producer, ProducerOptions, ProducerRecord, Result,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let brokers = arguments.next().unwrap_or_else(|| "127.0.0.1:9092".into());
    let topic = arguments.next().unwrap_or_else(|| "greetings".into());

    let cluster = Cluster::connect(ClientOptions::new(&brokers)).await?;
    // Idempotent, acks=all and a linger of 5 ms, unless something else is said.
    let options = ProducerOptions { compression: Compression::Zstd, ..ProducerOptions::default() };
    let producer = Producer::new(cluster, options)?;

    let mut deliveries = Vec::new();
    for number in 0..1000 {
        // A key's records stay in one partition, and in order.
        let (key, value) = (format!("guest {}", number % 10), format!("hello {number}"));
        let record = ProducerRecord {
            key: Some(key.as_bytes()),
            value: Some(value.as_bytes()),
            headers: &[(b"language", Some(b"en"))],
            ..ProducerRecord::to(&topic)
        };
        // Waits for room in the buffer, not for the broker.
        deliveries.push(producer.send(&record).await?);
    }
    // Sends what still waits for more, and ends when all is acknowledged.
    producer.close(Duration::from_secs(30)).await?;

    let mut counts = BTreeMap::new();
    for delivery in deliveries {
        *counts.entry(delivery.await?.partition).or_insert(0) += 1;
    }
    for (partition, count) in counts {
        println!("{count} in {topic}/{partition}");
    }
    Ok(())
}
