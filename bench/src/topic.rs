//! The topic of a run: made, found, filled, deleted.

use std::sync::Arc;
use std::time::Duration;

use pelton_client::{Admin, ClientOptions, Cluster, NewTopic, OffsetAt, list_offsets};
use pelton_kafka::{StrBytes, TopicRef};
use pelton_model::{PartitionIndex, TopicId};

use crate::clock;
use crate::connection::CLIENT_ID;
use crate::error::{Error, Result};
use crate::plan::TopicPlan;

/// What prepares a run, such as asking for leaders, is tried again for so long.
const RETRY_FOR: Duration = Duration::from_secs(15);

/// To delete the topic of a run that failed.
const CLEAN_UP_WITHIN: Duration = Duration::from_secs(3);

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

/// Connects, has `measure` do its work with the plan's topic, and deletes what was created, whatever has
/// become of it.
///
/// # Errors
/// What went wrong first; at any time [`Error::Interrupted`], if somebody presses Ctrl-C.
pub(crate) async fn with_topic<T>(
    bootstrap: &str,
    plan: &TopicPlan,
    measure: impl AsyncFnOnce(&Cluster, Arc<TopicNames>) -> Result<T>,
) -> Result<T> {
    let mut options = ClientOptions::new(bootstrap);
    options.client_id = CLIENT_ID.into();
    options.retry_timeout = RETRY_FOR;
    let cluster = &until_interrupted(async { Ok(Cluster::connect(options).await?) }).await?;
    let name = match &plan.existing {
        Some(name) => name.clone(),
        None => format!("pelton-bench-{}-{}", std::process::id(), clock::wall_ms()),
    };
    let measured = until_interrupted(async {
        create(cluster, plan, &name).await?;
        measure(cluster, Arc::new(find(cluster, &name).await?)).await
    });
    let measured = measured.await;
    let removing = remove(cluster, plan, &name);
    match measured {
        Ok(figures) => until_interrupted(removing).await.map(|()| figures),
        Err(error) => {
            // The broker may be gone for good, and what went wrong first is what to tell.
            let _ = tokio::time::timeout(CLEAN_UP_WITHIN, removing).await;
            Err(error)
        }
    }
}

/// Once somebody listens for Ctrl-C, it ends the process no more: all that takes long has to listen.
async fn until_interrupted<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        result = work => result,
        _ = tokio::signal::ctrl_c() => Err(Error::Interrupted),
    }
}

async fn create(cluster: &Cluster, plan: &TopicPlan, name: &str) -> Result<()> {
    if plan.existing.is_some() {
        return Ok(());
    }
    let topic = NewTopic {
        name: name.into(),
        partitions: Some(plan.partitions),
        replication_factor: plan.replication_factor,
        configs: plan.configs.clone(),
    };
    let created = Admin::new(cluster.clone()).create_topics(&[topic], false).await?;
    for topic in created {
        topic?;
    }
    Ok(())
}

async fn remove(cluster: &Cluster, plan: &TopicPlan, name: &str) -> Result<()> {
    if plan.existing.is_some() || plan.keep {
        return Ok(());
    }
    let deleted = Admin::new(cluster.clone()).delete_topics(&[name.into()]).await?;
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
