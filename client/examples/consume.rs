//! Reads a topic from its beginning to its end, without a group: `consume [HOST:PORT] [TOPIC]`.

use pelton_client::{
    ClientOptions, Cluster, Consumer, ConsumerOptions, Event, Partitions, Result, StartAt,
    TopicPartition,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let brokers = arguments.next().unwrap_or_else(|| "127.0.0.1:9092".into());
    let topic = arguments.next().unwrap_or_else(|| "greetings".into());

    let cluster = Cluster::connect(ClientOptions::new(&brokers)).await?;
    let consumer = Consumer::new(cluster, ConsumerOptions::default())?;
    let partitions = consumer.assign(&topic, &Partitions::All, StartAt::Beginning).await?;

    let (mut count, mut ends) = (0, 0);
    let mut latest = None;
    while ends < partitions.len() {
        match consumer.next().await? {
            Event::Record(record) => {
                count += 1;
                latest = latest.max(Some(record.timestamp));
            }
            Event::EndOfPartition { .. } => ends += 1,
        }
    }
    println!("{count} records in {} partitions of {topic}", partitions.len());

    // Once more, from the newest record's time on.
    let all: Vec<_> =
        partitions.iter().map(|index| TopicPartition::new(&topic, index.get())).collect();
    if let Some(latest) = latest {
        consumer.seek(&all, StartAt::Timestamp(latest))?;
        if let Event::Record(record) = consumer.next().await? {
            let lag = consumer.lag(&TopicPartition::new(&topic, record.partition.get()));
            println!("again {}/{}; behind it {lag:?}", record.partition, record.offset);
        }
    }
    Ok(())
}
