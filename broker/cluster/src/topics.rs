//! CreateTopics, DeleteTopics and CreatePartitions, one topic at a time.
//!
//! All topics of one request are looked at in the state before the request, as Kafka does: two new
//! topics whose names collide with each other are both created.

use std::collections::{BTreeMap, BTreeSet};

use pelton_model::limits::PARTITIONS_PER_REQUEST_MAX;
use pelton_model::{NodeId, TopicId};

use crate::config::alter::check_sizes;
use crate::config::resolve::BrokerLayers;
use crate::config::topic_rules::check_topic_configs;
use crate::record::{ConfigResource, Record};
use crate::state::{ClusterState, Overrides, PARTITIONS_PER_TOPIC_MAX};
use crate::topic_name::{CLUSTER_METADATA_TOPIC, check_topic_name};
use crate::{ClusterError, ErrorKind};

/// A topic to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewTopic<'a> {
    pub name: &'a str,
    /// -1: `num.partitions`. Must be -1 beside assignments.
    pub partition_count: i32,
    /// -1: `default.replication.factor`. Must be -1 beside assignments.
    pub replication_factor: i16,
    /// Which brokers hold which partition; empty: the cluster decides.
    pub assignments: &'a [Assignment],
    /// In the order of the request; the last value of a name wins.
    pub configs: &'a [(&'a str, Option<&'a str>)],
}

impl<'a> NewTopic<'a> {
    /// A topic with the brokers' defaults, as automatic creation makes it.
    pub const fn with_defaults(name: &'a str) -> Self {
        Self { name, partition_count: -1, replication_factor: -1, assignments: &[], configs: &[] }
    }
}

/// The replicas of one partition, as a client wants them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    pub partition: i32,
    pub brokers: Vec<NodeId>,
}

/// The names that stand more than once in a request: each is answered once, INVALID_REQUEST.
pub fn find_duplicates<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| !seen.insert(*name)).collect()
}

/// Refuses a CreateTopics request as a whole if it asks for too many partitions.
///
/// # Errors
/// POLICY_VIOLATION, for every topic of the request.
pub fn check_partition_total<'a>(
    broker: &BrokerLayers<'_>,
    topics: impl IntoIterator<Item = &'a NewTopic<'a>>,
) -> Result<(), ClusterError> {
    let total: usize = topics.into_iter().map(|topic| requested_partitions(broker, topic)).sum();
    if total > PARTITIONS_PER_REQUEST_MAX { Err(too_many_partitions(total)) } else { Ok(()) }
}

/// The records that make a topic.
///
/// # Errors
/// INVALID_REQUEST, INVALID_TOPIC_EXCEPTION, TOPIC_ALREADY_EXISTS, INVALID_PARTITIONS,
/// INVALID_REPLICATION_FACTOR, INVALID_REPLICA_ASSIGNMENT, INVALID_CONFIG, POLICY_VIOLATION.
pub fn create_topic(
    state: &ClusterState,
    broker: &BrokerLayers<'_>,
    request: &NewTopic<'_>,
    new_id: TopicId,
) -> Result<Vec<Record>, ClusterError> {
    check_new_name(state, request.name)?;
    let overrides = overrides_of(request)?;
    check_sizes(&overrides)?;
    check_topic_configs(&overrides, broker)?;
    let (partition_count, replication_factor) = if request.assignments.is_empty() {
        counts_without_assignments(state, broker, request)?
    } else {
        counts_of_assignments(state, request)?
    };

    let topic = Record::Topic {
        id: new_id,
        name: request.name.to_owned(),
        partition_count,
        replication_factor,
    };
    let configs = overrides.into_iter().map(|(name, value)| Record::ConfigSet {
        resource: ConfigResource::Topic(request.name.to_owned()),
        name,
        value: Some(value),
    });
    Ok(std::iter::once(topic).chain(configs).collect())
}

fn check_new_name(state: &ClusterState, name: &str) -> Result<(), ClusterError> {
    if name == CLUSTER_METADATA_TOPIC {
        return Err(ClusterError::invalid_request(format!("{name} cannot be created")));
    }
    check_topic_name(name)?;
    if state.topic(name).is_some() {
        let message = format!("topic '{name}' already exists");
        return Err(ClusterError::new(ErrorKind::TopicAlreadyExists, message));
    }
    if let Some(other) = state.colliding_topic(name) {
        let message = format!("'{name}' differs from the topic '{other}' only in '.' and '_'");
        return Err(ClusterError::new(ErrorKind::InvalidTopicException, message));
    }
    Ok(())
}

fn counts_without_assignments(
    state: &ClusterState,
    broker: &BrokerLayers<'_>,
    request: &NewTopic<'_>,
) -> Result<(i32, i16), ClusterError> {
    let replication_factor = match request.replication_factor {
        -1 => default_replication_factor(broker),
        factor => factor,
    };
    if replication_factor < 1 {
        let message =
            format!("replication factor {replication_factor}: there must be one replica at least");
        return Err(ClusterError::new(ErrorKind::InvalidReplicationFactor, message));
    }

    let partition_count = match request.partition_count {
        -1 => default_partition_count(broker),
        count => count,
    };
    if partition_count < 1 {
        let message = format!("{partition_count} partitions: there must be one at least");
        return Err(ClusterError::new(ErrorKind::InvalidPartitions, message));
    }
    if partition_count as usize > PARTITIONS_PER_REQUEST_MAX {
        return Err(too_many_partitions(partition_count as usize));
    }

    // A cluster that has not registered its first broker yet still has the one that asks.
    let broker_count = state.broker_count().max(1);
    if replication_factor as usize > broker_count {
        let message = format!("{replication_factor} replicas on {broker_count} brokers");
        return Err(ClusterError::new(ErrorKind::InvalidReplicationFactor, message));
    }
    Ok((partition_count, replication_factor))
}

fn counts_of_assignments(
    state: &ClusterState,
    request: &NewTopic<'_>,
) -> Result<(i32, i16), ClusterError> {
    if request.partition_count != -1 || request.replication_factor != -1 {
        return Err(ClusterError::invalid_request(
            "beside assignments the partition count and the replication factor must be -1",
        ));
    }
    if request.assignments.len() > PARTITIONS_PER_REQUEST_MAX {
        return Err(too_many_partitions(request.assignments.len()));
    }
    let mut by_partition = BTreeMap::new();
    for assignment in request.assignments {
        if by_partition.insert(assignment.partition, &*assignment.brokers).is_some() {
            let message = format!("partition {} is assigned twice", assignment.partition);
            return Err(ClusterError::new(ErrorKind::InvalidReplicaAssignment, message));
        }
    }
    if !by_partition.keys().copied().eq((0..).take(by_partition.len())) {
        return Err(ClusterError::new(
            ErrorKind::InvalidReplicaAssignment,
            "assigned partitions must be numbered from 0 without gaps",
        ));
    }
    let replication_factor = check_replicas(state, by_partition.values().copied(), None)?;
    Ok((by_partition.len() as i32, replication_factor))
}

/// Checks the replica lists of new partitions and returns how many replicas each has.
fn check_replicas<'a>(
    state: &ClusterState,
    replica_lists: impl Iterator<Item = &'a [NodeId]>,
    mut replica_count: Option<usize>,
) -> Result<i16, ClusterError> {
    let refuse =
        |message: String| Err(ClusterError::new(ErrorKind::InvalidReplicaAssignment, message));
    for replicas in replica_lists {
        if replicas.is_empty() {
            return refuse("an assignment names no broker".into());
        }
        if replicas.len() != *replica_count.get_or_insert(replicas.len()) {
            return refuse("all partitions must have the same number of replicas".into());
        }
        let mut seen = BTreeSet::new();
        for node_id in replicas {
            if !seen.insert(*node_id) {
                return refuse(format!("an assignment names broker {node_id} twice"));
            }
            if !state.has_broker(*node_id) {
                return refuse(format!("an assignment names broker {node_id}, which is unknown"));
            }
        }
    }
    // Distinct known brokers, of which there are fewer than node ids.
    Ok(replica_count.and_then(|count| i16::try_from(count).ok()).unwrap_or(i16::MAX))
}

fn overrides_of(request: &NewTopic<'_>) -> Result<Overrides, ClusterError> {
    let mut overrides = Overrides::new();
    for (name, value) in request.configs {
        let Some(value) = value else {
            return Err(ClusterError::invalid_config(format!("the value of {name} is null")));
        };
        overrides.insert((*name).to_owned(), (*value).to_owned());
    }
    Ok(overrides)
}

fn requested_partitions(broker: &BrokerLayers<'_>, topic: &NewTopic<'_>) -> usize {
    let count = match (topic.assignments, topic.partition_count) {
        ([], -1) => default_partition_count(broker),
        ([], count) => count,
        (assignments, _) => return assignments.len(),
    };
    usize::try_from(count).unwrap_or(0)
}

fn default_partition_count(broker: &BrokerLayers<'_>) -> i32 {
    broker.integer("num.partitions").try_into().unwrap_or(i32::MAX)
}

fn default_replication_factor(broker: &BrokerLayers<'_>) -> i16 {
    broker.integer("default.replication.factor").try_into().unwrap_or(i16::MAX)
}

fn too_many_partitions(count: usize) -> ClusterError {
    ClusterError::new(
        ErrorKind::PolicyViolation,
        format!("{count} partitions in one request, {PARTITIONS_PER_REQUEST_MAX} at most"),
    )
}

/// How DeleteTopics names a topic: by name, or from version 6 on by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionTarget {
    pub name: Option<String>,
    /// [`TopicId::ZERO`]: not named by id.
    pub id: TopicId,
}

/// The answer for one topic of a DeleteTopics request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    pub name: Option<String>,
    pub id: TopicId,
    pub outcome: Result<Vec<Record>, ClusterError>,
}

/// Decides every topic of a DeleteTopics request. A topic named more than once gets one answer, and
/// is not deleted.
pub fn delete_topics(
    state: &ClusterState,
    broker: &BrokerLayers<'_>,
    targets: &[DeletionTarget],
) -> Vec<Deletion> {
    let is_enabled = broker.boolean("delete.topic.enable");
    let mut mentions: BTreeMap<DeletionKey<'_>, Mentions> = BTreeMap::new();
    for target in targets {
        let mentions = mentions.entry(DeletionKey::of(state, target)).or_default();
        mentions.by_name |= target.name.is_some();
        mentions.by_id |= target.id != TopicId::ZERO;
        mentions.count += 1;
    }
    let mut answered = BTreeSet::new();
    let mut deletions = Vec::with_capacity(targets.len());
    for target in targets {
        let key = DeletionKey::of(state, target);
        let mentions = mentions.get(&key).copied().unwrap_or_default();
        // A target that names nothing is nobody's twin: each is answered.
        if key == DeletionKey::Nothing || answered.insert(key) {
            deletions.push(decide_deletion(target, key, mentions, is_enabled));
        }
    }
    deletions
}

/// How a request speaks of one topic.
#[derive(Clone, Copy, Default)]
struct Mentions {
    by_name: bool,
    by_id: bool,
    count: usize,
}

/// What a target stands for: targets with equal keys are the same topic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum DeletionKey<'a> {
    Existing(&'a str, TopicId),
    UnknownName(&'a str),
    UnknownId(TopicId),
    NameAndId(&'a str, TopicId),
    Nothing,
}

impl<'a> DeletionKey<'a> {
    fn of(state: &'a ClusterState, target: &'a DeletionTarget) -> Self {
        match (target.name.as_deref(), target.id) {
            (None, TopicId::ZERO) => Self::Nothing,
            (Some(name), TopicId::ZERO) => match state.topic(name) {
                Some(topic) => Self::Existing(&topic.name, topic.id),
                None => Self::UnknownName(name),
            },
            (None, id) => match state.topic_by_id(id) {
                Some(topic) => Self::Existing(&topic.name, topic.id),
                None => Self::UnknownId(id),
            },
            (Some(name), id) => Self::NameAndId(name, id),
        }
    }
}

const TWICE: &str = "the topic stands twice in the request";

fn decide_deletion(
    target: &DeletionTarget,
    key: DeletionKey<'_>,
    mentions: Mentions,
    is_enabled: bool,
) -> Deletion {
    let is_repeated = mentions.count > 1;
    let refuse = |error| Deletion { name: target.name.clone(), id: target.id, outcome: Err(error) };
    match key {
        DeletionKey::Nothing => {
            refuse(ClusterError::invalid_request("neither a topic name nor a topic id"))
        }
        DeletionKey::NameAndId(..) => {
            refuse(ClusterError::invalid_request("a topic is named either by name or by id"))
        }
        // Told back is what the client said, no more.
        DeletionKey::Existing(name, id) if is_repeated => Deletion {
            name: mentions.by_name.then(|| name.to_owned()),
            id: if mentions.by_id { id } else { TopicId::ZERO },
            outcome: Err(ClusterError::invalid_request(TWICE)),
        },
        _ if is_repeated => refuse(ClusterError::invalid_request(TWICE)),
        _ if !is_enabled => refuse(ClusterError::new(
            ErrorKind::TopicDeletionDisabled,
            "delete.topic.enable is false",
        )),
        DeletionKey::UnknownName(_) => {
            refuse(ClusterError::new(ErrorKind::UnknownTopicOrPartition, "no topic has this name"))
        }
        DeletionKey::UnknownId(_) => {
            refuse(ClusterError::new(ErrorKind::UnknownTopicId, "no topic has this id"))
        }
        DeletionKey::Existing(name, id) => Deletion {
            name: Some(name.to_owned()),
            id,
            outcome: Ok(vec![Record::TopicRemoved { topic: id }]),
        },
    }
}

/// A topic that is to have more partitions.
#[derive(Clone, Copy, Debug)]
pub struct MorePartitions<'a> {
    pub name: &'a str,
    /// How many there shall be afterwards.
    pub partition_count: i32,
    /// The replicas of each new partition; `None`: the cluster decides.
    pub assignments: Option<&'a [Vec<NodeId>]>,
}

/// The records that add partitions.
///
/// # Errors
/// UNKNOWN_TOPIC_OR_PARTITION (with a null message), INVALID_PARTITIONS, POLICY_VIOLATION,
/// INVALID_REPLICA_ASSIGNMENT.
pub fn create_partitions(
    state: &ClusterState,
    request: &MorePartitions<'_>,
) -> Result<Vec<Record>, ClusterError> {
    let Some(topic) = state.topic(request.name) else {
        return Err(ClusterError::without_message(ErrorKind::UnknownTopicOrPartition));
    };
    let (before, after) = (topic.partition_count, request.partition_count);
    if after <= before {
        let message = format!("the topic has {before} partitions, {after} are not more");
        return Err(ClusterError::new(ErrorKind::InvalidPartitions, message));
    }
    if after > PARTITIONS_PER_TOPIC_MAX {
        let message = format!("a topic has {PARTITIONS_PER_TOPIC_MAX} partitions at most");
        return Err(ClusterError::new(ErrorKind::InvalidPartitions, message));
    }
    let added = (after - before) as usize;
    if added > PARTITIONS_PER_REQUEST_MAX {
        return Err(too_many_partitions(added));
    }
    if let Some(assignments) = request.assignments {
        if assignments.len() != added {
            let message = format!("{} assignments for {added} new partitions", assignments.len());
            return Err(ClusterError::new(ErrorKind::InvalidReplicaAssignment, message));
        }
        let replica_count = usize::try_from(topic.replication_factor).ok();
        check_replicas(state, assignments.iter().map(Vec::as_slice), replica_count)?;
    }
    Ok(vec![Record::PartitionsAdded { topic: topic.id, partition_count: after }])
}

#[cfg(test)]
#[path = "topics_test.rs"]
mod topics_test;
