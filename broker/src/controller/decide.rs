//! From a client's wish to the records that fulfil it; nothing here changes anything.

use pelton_cluster::config::{Alteration, BrokerLayers, incremental_alter, replace_all};
use pelton_cluster::log_format::PAYLOAD_BYTES_MAX;
use pelton_cluster::record::encode_records;
use pelton_cluster::topics::{
    MorePartitions, NewTopic, check_partition_total, create_partitions, create_topic, delete_topics,
};
use pelton_cluster::{ClusterError, ClusterState, ErrorKind, Record};
use pelton_model::TopicId;

use crate::config::BrokerConfig;
use crate::message::{
    Change, ChangeOutcome, ConfigsToAlter, ConfigsToReplace, CreatedTopic, DeletedTopic,
    TopicToCreate,
};

/// What to write, and what to answer once it is written.
pub struct Decision {
    pub records: Vec<Record>,
    pub outcome: ChangeOutcome,
}

pub fn decide(
    state: &ClusterState,
    config: &BrokerConfig,
    change: &Change,
    new_id: &mut dyn FnMut() -> TopicId,
) -> Decision {
    let broker = BrokerLayers::new(state, config.node_id, &config.kafka);
    let mut entry = Entry::default();
    let (outcome, validate_only) = match change {
        Change::CreateTopics { topics, validate_only } => {
            let created = create_topics(state, &broker, topics, new_id, &mut entry);
            (ChangeOutcome::TopicsCreated(created), *validate_only)
        }
        Change::DeleteTopics { targets } => {
            let deleted = delete_topics(state, &broker, targets)
                .into_iter()
                .map(|deletion| DeletedTopic {
                    name: deletion.name,
                    id: deletion.id,
                    outcome: deletion.outcome.and_then(|made| entry.add(made)),
                })
                .collect();
            (ChangeOutcome::TopicsDeleted(deleted), false)
        }
        Change::CreatePartitions { topics, validate_only } => {
            let each = topics
                .iter()
                .map(|topic| {
                    let request = MorePartitions {
                        name: &topic.name,
                        partition_count: topic.partition_count,
                        assignments: topic.assignments.as_deref(),
                    };
                    create_partitions(state, &request).and_then(|made| entry.add(made))
                })
                .collect();
            (ChangeOutcome::Each(each), *validate_only)
        }
        Change::AlterConfigs { resources, validate_only } => {
            let each = resources
                .iter()
                .map(|it| alter(state, &broker, it).and_then(|made| entry.add(made)))
                .collect();
            (ChangeOutcome::Each(each), *validate_only)
        }
        Change::ReplaceConfigs { resources, validate_only } => {
            let each = resources
                .iter()
                .map(|it| replace(state, &broker, it).and_then(|made| entry.add(made)))
                .collect();
            (ChangeOutcome::Each(each), *validate_only)
        }
    };
    let records = if validate_only { Vec::new() } else { entry.records };
    Decision { records, outcome }
}

/// What one request changes is written at once, in an entry of the cluster log, whose bytes are
/// bounded.
#[derive(Default)]
struct Entry {
    records: Vec<Record>,
    bytes: usize,
}

impl Entry {
    /// # Errors
    /// What does not go with the rest of the request is refused alone; as Kafka's controller refuses
    /// what makes more records than it writes at once.
    fn add(&mut self, made: Vec<Record>) -> Result<(), ClusterError> {
        let mut encoded = Vec::new();
        encode_records(&made, &mut encoded);
        if encoded.len() > PAYLOAD_BYTES_MAX - self.bytes {
            let why = format!(
                "Unable to perform excessively large batch operation: one request may write \
                 {PAYLOAD_BYTES_MAX} bytes of metadata."
            );
            return Err(ClusterError::new(ErrorKind::PolicyViolation, why));
        }
        self.bytes += encoded.len();
        self.records.extend(made);
        Ok(())
    }
}

fn create_topics(
    state: &ClusterState,
    broker: &BrokerLayers<'_>,
    topics: &[TopicToCreate],
    new_id: &mut dyn FnMut() -> TopicId,
    entry: &mut Entry,
) -> Vec<Result<CreatedTopic, ClusterError>> {
    let configs: Vec<Vec<(&str, Option<&str>)>> =
        topics.iter().map(|topic| borrowed(&topic.configs)).collect();
    let requests: Vec<NewTopic<'_>> = topics
        .iter()
        .zip(&configs)
        .map(|(topic, configs)| NewTopic {
            name: &topic.name,
            partition_count: topic.partition_count,
            replication_factor: topic.replication_factor,
            assignments: &topic.assignments,
            configs,
        })
        .collect();
    if let Err(error) = check_partition_total(broker, &requests) {
        return topics.iter().map(|_| Err(error.clone())).collect();
    }
    requests
        .iter()
        .map(|request| {
            let made = create_topic(state, broker, request, new_id())?;
            let created = created(&made);
            entry.add(made)?;
            Ok(created)
        })
        .collect()
}

fn created(records: &[Record]) -> CreatedTopic {
    let mut created = CreatedTopic {
        id: TopicId::ZERO,
        partition_count: 0,
        replication_factor: 0,
        configs: Default::default(),
    };
    for record in records {
        match record {
            Record::Topic { id, partition_count, replication_factor, .. } => {
                created.id = *id;
                created.partition_count = *partition_count;
                created.replication_factor = *replication_factor;
            }
            Record::ConfigSet { name, value: Some(value), .. } => {
                created.configs.insert(name.clone(), value.clone());
            }
            _ => {}
        }
    }
    created
}

fn alter(
    state: &ClusterState,
    broker: &BrokerLayers<'_>,
    request: &ConfigsToAlter,
) -> Result<Vec<Record>, ClusterError> {
    let alterations: Vec<Alteration<'_>> = request
        .alterations
        .iter()
        .map(|(name, operation, value)| Alteration {
            name,
            operation: *operation,
            value: value.as_deref(),
        })
        .collect();
    incremental_alter(state, broker, &request.resource, &alterations)
}

fn replace(
    state: &ClusterState,
    broker: &BrokerLayers<'_>,
    request: &ConfigsToReplace,
) -> Result<Vec<Record>, ClusterError> {
    replace_all(state, broker, &request.resource, &borrowed(&request.configs))
}

fn borrowed(configs: &[(String, Option<String>)]) -> Vec<(&str, Option<&str>)> {
    configs.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect()
}
