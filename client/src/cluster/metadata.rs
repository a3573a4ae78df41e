//! What Metadata and later answers told, and how old it is. Pure: time is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use pelton_kafka::wire::MetadataResponse;
use pelton_kafka::wire::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use pelton_kafka::{CurrentLeader, ErrorCode, NodeEndpoint, topic_id_of};
use pelton_model::{LeaderEpoch, NodeId, PartitionIndex, TopicId};
use tokio::time::Instant;

use super::{Broker, Partition, Topic, address};

#[derive(Debug, Default)]
pub(super) struct Metadata {
    pub(super) cluster_id: Option<Arc<str>>,
    pub(super) controller: Option<NodeId>,
    pub(super) brokers: BTreeMap<NodeId, Broker>,
    topics: BTreeMap<Arc<str>, Known>,
    /// Topics that somebody has found to be out of date.
    wanted: BTreeSet<Arc<str>>,
}

#[derive(Debug)]
struct Known {
    topic: Arc<Topic>,
    learned: Instant,
    used: Instant,
    /// Somebody knows that it is not so any more.
    is_outdated: bool,
}

impl Metadata {
    pub(super) fn learn(&mut self, answer: &MetadataResponse, now: Instant) {
        self.cluster_id = answer.cluster_id.as_deref().map(Arc::from);
        self.controller = node(answer.controller_id);
        let brokers = answer.brokers.iter().map(|broker| {
            let id = NodeId::new(broker.node_id);
            let rack = broker.rack.as_ref().map(|rack| rack.to_string());
            (id, Broker { id, address: address(&broker.host, broker.port), rack })
        });
        self.brokers = brokers.collect();
        for answered in &answer.topics {
            let Some(name) = answered.name.as_deref() else { continue };
            self.wanted.remove(name);
            match topic_of(answered) {
                Some(topic) => self.put(topic, now),
                // A topic that is known stays so until its absence is certain.
                None if answered.error_code == ErrorCode::UnknownTopicOrPartition.code() => {
                    self.topics.remove(name);
                }
                None => {}
            }
        }
    }

    fn put(&mut self, mut topic: Topic, now: Instant) {
        let mut used = now;
        if let Some(before) = self.topics.get(&topic.name) {
            used = before.used;
            if before.topic.id == topic.id {
                // A broker that lags behind does not take back what a faster one has told.
                for (new, old) in topic.partitions.iter_mut().zip(&before.topic.partitions) {
                    if old.leader_epoch > new.leader_epoch && new.leader_epoch.is_some() {
                        *new = old.clone();
                    }
                }
            }
        }
        let known = Known { topic: Arc::new(topic), learned: now, used, is_outdated: false };
        self.topics.insert(known.topic.name.clone(), known);
    }

    /// A leader that another answer named (KIP-951). Whether that was news.
    pub(super) fn learn_leader(
        &mut self,
        topic: &str,
        partition: PartitionIndex,
        leader: &CurrentLeader,
        endpoints: &[NodeEndpoint],
    ) -> bool {
        let Some(id) = node(leader.leader_id) else { return false };
        let epoch = LeaderEpoch::new(leader.leader_epoch);
        if let Some(endpoint) = endpoints.iter().find(|endpoint| endpoint.node_id == id.get()) {
            let address = address(&endpoint.host, endpoint.port);
            let rack = endpoint.rack.as_ref().map(|rack| rack.to_string());
            self.brokers.insert(id, Broker { id, address, rack });
        }
        if !self.brokers.contains_key(&id) {
            return false;
        }
        let Some(known) = self.topics.get_mut(topic) else { return false };
        let at = usize::try_from(partition.get()).unwrap_or(usize::MAX);
        let Some(found) = known.topic.partitions.get(at) else { return false };
        if found.leader_epoch >= Some(epoch) {
            return false;
        }
        let mut topic = Topic::clone(&known.topic);
        if let Some(partition) = topic.partitions.get_mut(at) {
            partition.leader = Some(id);
            partition.leader_epoch = Some(epoch);
        }
        known.topic = Arc::new(topic);
        true
    }

    pub(super) fn topic(&mut self, name: &str, now: Instant) -> Option<Arc<Topic>> {
        let known = self.topics.get_mut(name)?;
        known.used = now;
        Some(known.topic.clone())
    }

    /// As [`Metadata::topic`], unless somebody has found that out of date.
    pub(super) fn current_topic(&mut self, name: &str, now: Instant) -> Option<Arc<Topic>> {
        let is_outdated = self.topics.get(name)?.is_outdated;
        self.topic(name, now).filter(|_| !is_outdated)
    }

    /// The names of those topics that are known.
    pub(super) fn names_of(&self, ids: &BTreeSet<TopicId>) -> BTreeMap<TopicId, Arc<str>> {
        let topics = self.topics.values().map(|known| (known.topic.id, known.topic.name.clone()));
        topics.filter(|(id, _)| ids.contains(id)).collect()
    }

    /// The next who needs a topic as it is now asks; for the others it stays known until the answer.
    pub(super) fn outdate(&mut self, name: &str) {
        if let Some(known) = self.topics.get_mut(name) {
            known.is_outdated = true;
        }
    }

    /// Has a topic asked for soon; what is known of it stays until the answer. Whether that is new.
    pub(super) fn want(&mut self, name: &str) -> bool {
        !self.wanted.contains(name) && self.wanted.insert(name.into())
    }

    /// Whether a topic has all its leaders: who wants it then wants other ones.
    pub(super) fn is_led(&self, name: &str) -> bool {
        let has_leader = |partition: &Partition| partition.leader.is_some();
        self.topics.get(name).is_some_and(|known| known.topic.partitions.iter().all(has_leader))
    }

    /// The topics to be asked for: those found out of date, and those that are old but in use.
    /// Those that are old and not in use are forgotten.
    pub(super) fn due(&mut self, now: Instant, age_max: Duration) -> Vec<Arc<str>> {
        let mut due = self.wanted.clone();
        self.topics.retain(|name, known| {
            let is_old = now >= known.learned + age_max;
            if is_old && known.used > known.learned {
                due.insert(name.clone());
            }
            !is_old || known.used > known.learned
        });
        due.into_iter().collect()
    }
}

fn node(id: i32) -> Option<NodeId> {
    (id >= 0).then(|| NodeId::new(id))
}

/// None if the topic is reported with an error, or with partitions missing.
pub(super) fn topic_of(topic: &MetadataResponseTopic) -> Option<Topic> {
    let name = topic.name.as_deref()?;
    let mut partitions: Vec<_> = topic.partitions.iter().map(partition_of).collect();
    partitions.sort_by_key(|partition| partition.index);
    let gapless =
        partitions.iter().zip(0..).all(|(partition, index)| partition.index.get() == index);
    (topic.error_code == ErrorCode::None.code() && gapless && !partitions.is_empty()).then(|| {
        Topic {
            name: name.into(),
            id: topic_id_of(topic.topic_id),
            is_internal: topic.is_internal,
            partitions,
        }
    })
}

fn partition_of(partition: &MetadataResponsePartition) -> Partition {
    let nodes = |ids: &[i32]| ids.iter().copied().map(NodeId::new).collect();
    Partition {
        index: PartitionIndex::new(partition.partition_index),
        leader: node(partition.leader_id),
        leader_epoch: (partition.leader_epoch >= 0)
            .then(|| LeaderEpoch::new(partition.leader_epoch)),
        replicas: nodes(&partition.replica_nodes),
        in_sync_replicas: nodes(&partition.isr_nodes),
        offline_replicas: nodes(&partition.offline_replicas),
    }
}

#[cfg(test)]
#[path = "metadata_test.rs"]
mod metadata_test;
