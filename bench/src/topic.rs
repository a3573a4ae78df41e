//! The topic of a run: made, found, filled, deleted.

use std::sync::Arc;

use pelton_client::{Admin, Cluster, NewTopic, OffsetAt, list_offsets};
use pelton_kafka::{StrBytes, TopicRef};
use pelton_model::{PartitionIndex, TopicId};

use crate::clock;
use crate::error::{Error, Result};
use crate::plan::TopicPlan;

/// A topic and how to reach its partitions.
#[derive(Clone, Debug)]
pub(crate) struct TopicNames {
    pub name: StrBytes,
    pub id: TopicId,
    /// `host:port` of each partition's leader.
    pub leaders: Vec<Arc<str>>,
}

impl TopicNames {
    /// As a request names it.
    pub fn reference(&self, by_id: bool) -> TopicRef {
        if by_id { TopicRef::Id(self.id) } else { TopicRef::Name(self.name.clone()) }
    }

    pub fn partitions(&self) -> Vec<PartitionIndex> {
        (0..).take(self.leaders.len()).map(PartitionIndex::new).collect()
    }
}

/// Finds the plan's topic, or creates one whose name nobody else has.
pub(crate) async fn prepare(cluster: &Cluster, plan: &TopicPlan) -> Result<TopicNames> {
    if let Some(name) = &plan.existing {
        return find(cluster, name).await;
    }
    let name = format!("pelton-bench-{}-{}", std::process::id(), clock::wall_ms());
    let topic = NewTopic {
        name: name.clone(),
        partitions: Some(plan.partitions),
        replication_factor: plan.replication_factor,
        configs: plan.configs.clone(),
    };
    let created = Admin::new(cluster.clone()).create_topics(&[topic], false).await?;
    for topic in created {
        topic?;
    }
    find(cluster, &name).await
}

/// Deletes what [`prepare`] created.
pub(crate) async fn remove(cluster: &Cluster, plan: &TopicPlan, topic: &TopicNames) -> Result<()> {
    if plan.existing.is_some() || plan.keep {
        return Ok(());
    }
    let deleted = Admin::new(cluster.clone()).delete_topics(&[topic.name.to_string()]).await?;
    for topic in deleted {
        topic?;
    }
    Ok(())
}

async fn find(cluster: &Cluster, name: &str) -> Result<TopicNames> {
    cluster.forget(name);
    // A new topic's partitions may be without a leader for a moment: asking for the ends of all
    // tries again until each has answered.
    let topic = cluster.topic(name).await?;
    let partitions: Vec<_> = topic.partitions.iter().map(|partition| partition.index).collect();
    list_offsets(cluster, name, &partitions, OffsetAt::Latest).await?;
    let topic = cluster.topic(name).await?;
    let brokers = cluster.brokers();
    let leader_of = |partition: &pelton_client::Partition| {
        let leader = partition.leader?;
        let broker = brokers.iter().find(|broker| broker.id == leader)?;
        Some(broker.address.clone())
    };
    let leaders: Option<Vec<_>> = topic.partitions.iter().map(leader_of).collect();
    Ok(TopicNames {
        name: name.into(),
        id: topic.id,
        leaders: leaders
            .ok_or_else(|| Error::Invalid(format!("a partition of {name} has no leader")))?,
    })
}

/// First or next offsets of all partitions, in order.
pub(crate) async fn offsets(
    cluster: &Cluster,
    topic: &TopicNames,
    at: OffsetAt,
) -> Result<Vec<i64>> {
    let offsets = list_offsets(cluster, &topic.name, &topic.partitions(), at).await?;
    let of = |index: PartitionIndex| offsets.get(&index).map(|offset| offset.get());
    let all: Option<Vec<_>> = topic.partitions().into_iter().map(of).collect();
    all.ok_or_else(|| Error::Invalid(format!("a partition of {} tells no offset", topic.name)))
}
