//! Makes a topic, changes it, and tells what the cluster looks like: `administer [HOST:PORT] [TOPIC]`.

use std::collections::BTreeMap;

use pelton_client::{
    Admin, ClientOptions, Cluster, ConfigChange, ConfigResource, NewTopic, OffsetAt, Result,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let brokers = arguments.next().unwrap_or_else(|| "127.0.0.1:9092".into());
    let name = arguments.next().unwrap_or_else(|| "greetings".into());
    let admin = Admin::new(Cluster::connect(ClientOptions::new(&brokers)).await?);

    let topic = NewTopic {
        name: name.clone(),
        partitions: Some(2),
        replication_factor: None,
        configs: [("retention.ms".into(), "86400000".into())].into(),
    };
    for created in admin.create_topics(&[topic], false).await? {
        // The request came through; each topic has a result of its own.
        println!("created {}", created?.name);
    }
    admin.create_partitions(&name, 3).await?;
    let resource = ConfigResource::Topic(name.clone());
    let longer = ConfigChange::Set("172800000".into());
    let changes = BTreeMap::from([("retention.ms".to_string(), longer)]);
    admin.alter_configs(&resource, &changes, false).await?;
    // The controller has it; the broker that is asked may hear of it a moment later.
    for config in admin.describe_configs(&resource).await? {
        if config.name == "retention.ms" {
            println!("retention.ms is {} ({:?})", config.value.unwrap_or_default(), config.source);
        }
    }

    let topic = admin.describe_topic(&name).await?;
    let partitions: Vec<_> = topic.partitions.iter().map(|partition| partition.index).collect();
    for (partition, end) in admin.list_offsets(&name, &partitions, OffsetAt::Latest).await? {
        println!("{name}/{partition} ends at {end}");
    }
    for group in admin.list_groups().await? {
        println!("group {} is {}", group.id, group.state);
    }
    let cluster = admin.describe_cluster().await?;
    println!("{} brokers in cluster {}", cluster.brokers.len(), cluster.id);
    Ok(())
}
