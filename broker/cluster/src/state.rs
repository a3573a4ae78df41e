//! The cluster's metadata as of one entry of its log.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use pelton_model::{LeaderEpoch, NodeId, PartitionId, PartitionIndex, ProducerId, TopicId};

use crate::record::{ConfigResource, Record};
use crate::topic_name::collision_key;

/// Partitions of one topic: ten requests of the largest size, each a folder and a log at its owner.
pub const PARTITIONS_PER_TOPIC_MAX: i32 = 100_000;

/// What was set on a resource, by config name. The values are valid but not trimmed.
pub type Overrides = BTreeMap<String, String>;

static NO_OVERRIDES: Overrides = Overrides::new();

/// One life of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    pub id: TopicId,
    pub name: Arc<str>,
    /// Partitions are `0..partition_count`; at least 1, at most [`PARTITIONS_PER_TOPIC_MAX`].
    pub partition_count: i32,
    pub replication_factor: i16,
    pub configs: Overrides,
    /// Only the partitions whose epoch is above 0: most never get there.
    leader_epochs: BTreeMap<PartitionIndex, LeaderEpoch>,
}

impl Topic {
    /// The epoch in which the partition is led, 0 from its creation.
    pub fn leader_epoch(&self, index: PartitionIndex) -> LeaderEpoch {
        self.leader_epochs.get(&index).copied().unwrap_or_default()
    }

    /// Whether the topic has this partition.
    pub fn has_partition(&self, index: PartitionIndex) -> bool {
        (0..self.partition_count).contains(&index.get())
    }

    /// The topic's partitions in order.
    pub fn partitions(&self) -> impl Iterator<Item = PartitionId> + use<> {
        let topic = self.id;
        (0..self.partition_count)
            .map(move |index| PartitionId::new(topic, PartitionIndex::new(index)))
    }
}

/// A member of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    pub node_id: NodeId,
    pub rack: Option<String>,
}

/// Everything that the cluster log says, ready to be looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterState {
    revision: u64,
    topics: BTreeMap<Arc<str>, Topic>,
    names_by_id: BTreeMap<TopicId, Arc<str>>,
    names_by_collision_key: BTreeMap<String, BTreeSet<Arc<str>>>,
    brokers: BTreeMap<NodeId, Broker>,
    all_brokers_configs: Overrides,
    broker_configs: BTreeMap<NodeId, Overrides>,
    group_configs: BTreeMap<String, Overrides>,
    client_metrics_configs: BTreeMap<String, Overrides>,
    next_producer_id: ProducerId,
}

impl ClusterState {
    /// The state that a snapshot's records describe, as of the log entry `revision`.
    ///
    /// # Errors
    /// If the records contradict each other: the snapshot is damaged.
    pub fn restore(revision: u64, records: &[Record]) -> Result<Self, ApplyError> {
        let mut state = Self::default();
        for record in records {
            state.apply_record(record)?;
        }
        state.revision = revision;
        Ok(state)
    }

    /// Takes over the records of the log entry `index`, one above the revision, which it becomes.
    ///
    /// # Errors
    /// If they do not fit the state, which no record of a verb does. The state may then hold a
    /// part of them and must not be used any more.
    pub fn apply(&mut self, index: u64, records: &[Record]) -> Result<(), ApplyError> {
        // A gap is a lost snapshot or a lost log: going on would forget topics, and then their data.
        if Some(index) != self.revision.checked_add(1) {
            return Err(ApplyError::OutOfOrder { revision: self.revision, index });
        }
        for record in records {
            self.apply_record(record)?;
        }
        self.revision = index;
        Ok(())
    }

    /// The records that [`ClusterState::restore`] makes this state from.
    pub fn to_records(&self) -> Vec<Record> {
        let mut records = vec![Record::ProducerIdBlock { next: self.next_producer_id }];
        records.extend(
            self.brokers.values().map(|broker| Record::Broker {
                node_id: broker.node_id,
                rack: broker.rack.clone(),
            }),
        );
        for topic in self.topics.values() {
            records.push(Record::Topic {
                id: topic.id,
                name: topic.name.to_string(),
                partition_count: topic.partition_count,
                replication_factor: topic.replication_factor,
            });
            records.extend(topic.leader_epochs.iter().map(|(index, leader_epoch)| {
                Record::LeaderEpochRaised {
                    partition: PartitionId::new(topic.id, *index),
                    leader_epoch: *leader_epoch,
                }
            }));
        }
        for (resource, overrides) in self.configured_resources() {
            records.extend(overrides.iter().map(|(name, value)| Record::ConfigSet {
                resource: resource.clone(),
                name: name.clone(),
                value: Some(value.clone()),
            }));
        }
        records
    }

    /// The index of the last log entry applied, 0 for none.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn topic(&self, name: &str) -> Option<&Topic> {
        self.topics.get(name)
    }

    pub fn topic_by_id(&self, id: TopicId) -> Option<&Topic> {
        self.topics.get(self.names_by_id.get(&id)?)
    }

    /// All topics by name.
    pub fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.topics.values()
    }

    /// A topic whose name is the same once dots are taken for underscores.
    pub fn colliding_topic(&self, name: &str) -> Option<&str> {
        let names = self.names_by_collision_key.get(&collision_key(name))?;
        names.iter().map(|other| &**other).find(|other| *other != name)
    }

    pub fn brokers(&self) -> impl Iterator<Item = &Broker> {
        self.brokers.values()
    }

    pub fn has_broker(&self, node_id: NodeId) -> bool {
        self.brokers.contains_key(&node_id)
    }

    pub fn broker_count(&self) -> usize {
        self.brokers.len()
    }

    /// The first producer id that nobody has been given.
    pub fn next_producer_id(&self) -> ProducerId {
        self.next_producer_id
    }

    /// What was set on a resource; nothing for one that does not exist.
    pub fn overrides(&self, resource: &ConfigResource) -> &Overrides {
        match resource {
            ConfigResource::Topic(name) => self.topic(name).map(|topic| &topic.configs),
            ConfigResource::Broker(node_id) => self.broker_configs.get(node_id),
            ConfigResource::AllBrokers => Some(&self.all_brokers_configs),
            ConfigResource::ClientMetrics(name) => self.client_metrics_configs.get(name),
            ConfigResource::Group(name) => self.group_configs.get(name),
        }
        .unwrap_or(&NO_OVERRIDES)
    }

    /// Every resource on which something was set, with what was set.
    pub fn configured_resources(&self) -> impl Iterator<Item = (ConfigResource, &Overrides)> {
        let topics = self
            .topics
            .values()
            .map(|topic| (ConfigResource::Topic(topic.name.to_string()), &topic.configs));
        let brokers =
            self.broker_configs.iter().map(|(id, configs)| (ConfigResource::Broker(*id), configs));
        let groups = self
            .group_configs
            .iter()
            .map(|(name, configs)| (ConfigResource::Group(name.clone()), configs));
        let client_metrics = self
            .client_metrics_configs
            .iter()
            .map(|(name, configs)| (ConfigResource::ClientMetrics(name.clone()), configs));
        std::iter::once((ConfigResource::AllBrokers, &self.all_brokers_configs))
            .chain(brokers)
            .chain(topics)
            .chain(groups)
            .chain(client_metrics)
            .filter(|(_, configs)| !configs.is_empty())
    }

    fn apply_record(&mut self, record: &Record) -> Result<(), ApplyError> {
        match record {
            Record::Topic { id, name, partition_count, replication_factor } => {
                if self.topics.contains_key(&**name) || self.names_by_id.contains_key(id) {
                    return Err(ApplyError::TopicExists(name.clone()));
                }
                check_partition_count(*id, 1, *partition_count)?;
                self.insert_topic(*id, Arc::from(&**name), *partition_count, *replication_factor);
            }
            Record::PartitionsAdded { topic, partition_count } => {
                let topic = self.topic_mut(*topic)?;
                let least = topic.partition_count.saturating_add(1);
                check_partition_count(topic.id, least, *partition_count)?;
                topic.partition_count = *partition_count;
            }
            Record::TopicRemoved { topic } => self.remove_topic(*topic)?,
            Record::ConfigSet { resource, name, value } => {
                self.set_config(resource, name, value.as_deref())?;
            }
            Record::ProducerIdBlock { next } => {
                if *next < self.next_producer_id {
                    return Err(ApplyError::ProducerIdsGoBack(*next));
                }
                self.next_producer_id = *next;
            }
            Record::Broker { node_id, rack } => {
                let broker = Broker { node_id: *node_id, rack: rack.clone() };
                self.brokers.insert(*node_id, broker);
            }
            Record::LeaderEpochRaised { partition, leader_epoch } => {
                let topic = self.topic_mut(partition.topic)?;
                let is_raised = *leader_epoch > topic.leader_epoch(partition.index);
                if !topic.has_partition(partition.index) || !is_raised {
                    return Err(ApplyError::LeaderEpoch(*partition));
                }
                topic.leader_epochs.insert(partition.index, *leader_epoch);
            }
        }
        Ok(())
    }

    fn insert_topic(&mut self, id: TopicId, name: Arc<str>, partition_count: i32, factor: i16) {
        let topic = Topic {
            id,
            name: name.clone(),
            partition_count,
            replication_factor: factor,
            configs: Overrides::new(),
            leader_epochs: BTreeMap::new(),
        };
        let key = collision_key(&name);
        self.names_by_collision_key.entry(key).or_default().insert(name.clone());
        self.names_by_id.insert(id, name.clone());
        self.topics.insert(name, topic);
    }

    fn remove_topic(&mut self, id: TopicId) -> Result<(), ApplyError> {
        let name = self.names_by_id.remove(&id).ok_or(ApplyError::NoSuchTopic(id))?;
        self.topics.remove(&name);
        let key = collision_key(&name);
        if let Some(names) = self.names_by_collision_key.get_mut(&key) {
            names.remove(&name);
            if names.is_empty() {
                self.names_by_collision_key.remove(&key);
            }
        }
        Ok(())
    }

    fn set_config(
        &mut self,
        resource: &ConfigResource,
        name: &str,
        value: Option<&str>,
    ) -> Result<(), ApplyError> {
        match resource {
            ConfigResource::Topic(topic) => {
                let topic = self
                    .topics
                    .get_mut(&**topic)
                    .ok_or_else(|| ApplyError::NoSuchTopicName(topic.clone()))?;
                set_override(&mut topic.configs, name, value);
            }
            ConfigResource::AllBrokers => {
                set_override(&mut self.all_brokers_configs, name, value);
            }
            ConfigResource::Broker(id) => set_in(&mut self.broker_configs, *id, name, value),
            ConfigResource::Group(group) => {
                set_in(&mut self.group_configs, group.clone(), name, value);
            }
            ConfigResource::ClientMetrics(subscription) => {
                set_in(&mut self.client_metrics_configs, subscription.clone(), name, value);
            }
        }
        Ok(())
    }

    fn topic_mut(&mut self, id: TopicId) -> Result<&mut Topic, ApplyError> {
        let name = self.names_by_id.get(&id).ok_or(ApplyError::NoSuchTopic(id))?;
        self.topics.get_mut(name).ok_or(ApplyError::NoSuchTopic(id))
    }
}

fn check_partition_count(topic: TopicId, least: i32, count: i32) -> Result<(), ApplyError> {
    if (least..=PARTITIONS_PER_TOPIC_MAX).contains(&count) {
        Ok(())
    } else {
        Err(ApplyError::PartitionCount { topic, count })
    }
}

/// A resource with no overrides left is forgotten: groups come and go.
fn set_in<K: Ord>(all: &mut BTreeMap<K, Overrides>, key: K, name: &str, value: Option<&str>) {
    let entry = all.entry(key);
    match entry {
        std::collections::btree_map::Entry::Occupied(mut occupied) => {
            set_override(occupied.get_mut(), name, value);
            if occupied.get().is_empty() {
                occupied.remove();
            }
        }
        std::collections::btree_map::Entry::Vacant(vacant) => {
            if let Some(value) = value {
                vacant.insert(Overrides::from([(name.to_owned(), value.to_owned())]));
            }
        }
    }
}

fn set_override(overrides: &mut Overrides, name: &str, value: Option<&str>) {
    match value {
        Some(value) => {
            overrides.insert(name.to_owned(), value.to_owned());
        }
        None => {
            overrides.remove(name);
        }
    }
}

/// A record does not fit the state: the log is damaged, or a verb has a bug. Stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplyError {
    OutOfOrder { revision: u64, index: u64 },
    TopicExists(String),
    NoSuchTopic(TopicId),
    NoSuchTopicName(String),
    PartitionCount { topic: TopicId, count: i32 },
    ProducerIdsGoBack(ProducerId),
    LeaderEpoch(PartitionId),
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfOrder { revision, index } => {
                write!(f, "entry {index} after revision {revision}")
            }
            Self::TopicExists(name) => write!(f, "topic {name} or its id exists already"),
            Self::NoSuchTopic(id) => write!(f, "no topic has the id {id}"),
            Self::NoSuchTopicName(name) => write!(f, "there is no topic {name}"),
            Self::PartitionCount { topic, count } => {
                write!(f, "topic {topic} cannot have {count} partitions")
            }
            Self::ProducerIdsGoBack(next) => write!(f, "producer ids cannot go back to {next}"),
            Self::LeaderEpoch(partition) => {
                write!(f, "the leader epoch of {partition} is not raised")
            }
        }
    }
}

impl std::error::Error for ApplyError {}

#[cfg(test)]
#[path = "state_test.rs"]
mod state_test;
