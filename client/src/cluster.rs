//! What a client knows of its cluster: brokers, topics, leaders, and a connection to each broker.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pelton_kafka::messages::RequestResponsePair;
use pelton_kafka::wire::metadata_request::MetadataRequestTopic;
use pelton_kafka::wire::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use pelton_kafka::wire::{MetadataRequest, MetadataResponse};
use pelton_kafka::{ErrorCode, message, topic_id_of};
use pelton_model::{LeaderEpoch, NodeId, PartitionIndex, TopicId};

use crate::connection::{Answer, Connection};
use crate::error::{Error, Result, check};
use crate::options::ClientOptions;
use crate::retry::Retry;

/// A handle; clones share connections and what was learnt.
#[derive(Clone, Debug)]
pub struct Cluster(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: ClientOptions,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    cluster_id: Option<Arc<str>>,
    controller: Option<NodeId>,
    brokers: BTreeMap<NodeId, Broker>,
    topics: BTreeMap<Arc<str>, Arc<Topic>>,
    /// By address. The lock is held while connecting, so that nobody connects twice.
    connections: BTreeMap<Arc<str>, Slot>,
}

type Slot = Arc<tokio::sync::Mutex<Option<Arc<Connection>>>>;

/// A broker as Metadata names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    pub id: NodeId,
    /// `host:port`.
    pub address: Arc<str>,
    pub rack: Option<String>,
}

/// A topic as Metadata told it last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    pub name: Arc<str>,
    /// [`TopicId::ZERO`] from a broker that knows no topic ids.
    pub id: TopicId,
    pub is_internal: bool,
    /// In order of their index, from 0, without gaps.
    pub partitions: Vec<Partition>,
}

/// A partition as Metadata told it last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    pub index: PartitionIndex,
    /// None while there is none.
    pub leader: Option<NodeId>,
    /// None from a broker too old to tell.
    pub leader_epoch: Option<LeaderEpoch>,
    pub replicas: Vec<NodeId>,
    pub in_sync_replicas: Vec<NodeId>,
    pub offline_replicas: Vec<NodeId>,
}

impl Cluster {
    /// Finds a broker that answers and learns the others from it.
    pub async fn connect(options: ClientOptions) -> Result<Cluster> {
        if options.bootstrap.is_empty() {
            return Err(Error::Invalid("no bootstrap address".into()));
        }
        let cluster = Cluster(Arc::new(Shared { options, known: Mutex::new(Known::default()) }));
        cluster.metadata(Some(&[])).await?;
        Ok(cluster)
    }

    pub fn options(&self) -> &ClientOptions {
        &self.0.options
    }

    /// The cluster's id, if its brokers told one.
    pub fn cluster_id(&self) -> Option<Arc<str>> {
        self.known().cluster_id.clone()
    }

    /// The brokers as of the last Metadata.
    pub fn brokers(&self) -> Vec<Broker> {
        self.known().brokers.values().cloned().collect()
    }

    /// What is known of a topic, without asking.
    pub fn known_topic(&self, name: &str) -> Option<Arc<Topic>> {
        self.known().topics.get(name).cloned()
    }

    /// What is known of a topic; asks, and tries again while the topic is unknown, if nothing is.
    pub async fn topic(&self, name: &str) -> Result<Arc<Topic>> {
        if let Some(topic) = self.known_topic(name) {
            return Ok(topic);
        }
        let mut retry = Retry::new(self.options());
        loop {
            match self.refresh(name).await {
                Ok(topic) => return Ok(topic),
                Err(error) => retry.after(error).await?,
            }
        }
    }

    /// Asks for one topic, once.
    pub async fn refresh(&self, name: &str) -> Result<Arc<Topic>> {
        let answer = self.metadata(Some(&[name])).await?;
        let found = answer.topics.iter().find(|topic| topic.name.as_deref() == Some(name));
        let context = || format!("topic {name}");
        let found = found.ok_or_else(|| Error::protocol(context(), "is missing in the answer"))?;
        check(found.error_code, None, context)?;
        self.known_topic(name).ok_or_else(|| Error::protocol(context(), "has partitions missing"))
    }

    /// Asks for all topics, in order of their names.
    pub async fn topics(&self) -> Result<Vec<Arc<Topic>>> {
        let answer = self.metadata(None).await?;
        let mut topics: Vec<_> = answer.topics.iter().filter_map(topic_of).map(Arc::new).collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }

    /// Forgets a topic, so that the next question about it is asked.
    pub fn forget(&self, name: &str) {
        self.known().topics.remove(name);
    }

    /// Who leads a partition, as far as is known; an error worth a retry while nobody does.
    pub fn leader_of(&self, topic: &Topic, partition: PartitionIndex) -> Result<NodeId> {
        let context = || format!("{}/{partition}", topic.name);
        let at = usize::try_from(partition.get()).ok();
        let found = at
            .and_then(|at| topic.partitions.get(at))
            .ok_or_else(|| Error::broker(context(), ErrorCode::UnknownTopicOrPartition))?;
        found.leader.ok_or_else(|| Error::broker(context(), ErrorCode::LeaderNotAvailable))
    }

    /// The connection to a broker, made if there is none.
    pub async fn connection(&self, node: NodeId) -> Result<Arc<Connection>> {
        let address = self.known().brokers.get(&node).map(|broker| broker.address.clone());
        match address {
            Some(address) => self.connection_to(&address).await,
            None => Err(Error::broker(format!("broker {node}"), ErrorCode::LeaderNotAvailable)),
        }
    }

    /// A connection to any broker: the known ones first, then those of the bootstrap list.
    pub async fn any_connection(&self) -> Result<Arc<Connection>> {
        let mut addresses: Vec<Arc<str>> =
            self.known().brokers.values().map(|broker| broker.address.clone()).collect();
        addresses.extend(self.options().bootstrap.iter().map(|address| Arc::from(&**address)));
        let mut failed = Error::Invalid("no bootstrap address".into());
        for address in addresses {
            match self.connection_to(&address).await {
                Ok(connection) => return Ok(connection),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// Asks the controller, as far as it is known, else any broker: those pass it on. Tries again
    /// while the connection fails or `check` finds an error worth it.
    pub async fn call_controller<R: RequestResponsePair>(
        &self,
        request: &R,
        check: impl Fn(&R::Response) -> Result<()>,
    ) -> Result<R::Response> {
        let mut retry = Retry::new(self.options());
        loop {
            let attempt = async {
                let controller = self.known().controller;
                let connection = match controller {
                    Some(node) => match self.connection(node).await {
                        Ok(connection) => connection,
                        Err(_) => self.any_connection().await?,
                    },
                    None => self.any_connection().await?,
                };
                let Answer { message, .. } = connection.call(request).await?;
                check(&message)?;
                Ok(message)
            };
            match attempt.await {
                Ok(message) => return Ok(message),
                Err(error) => {
                    retry.after(error).await?;
                    // It may have moved. If nobody answers now, the next attempt will say so.
                    if let Err(error) = self.metadata(Some(&[])).await {
                        tracing::debug!(%error, "no fresh metadata");
                    }
                }
            }
        }
    }

    async fn metadata(&self, topics: Option<&[&str]>) -> Result<MetadataResponse> {
        let request = message!(MetadataRequest {
            topics: topics.map(|topics| {
                topics
                    .iter()
                    .map(|name| message!(MetadataRequestTopic { name: Some((*name).into()) }))
                    .collect()
            }),
            allow_auto_topic_creation: self.options().create_topics,
        });
        let answer = self.any_connection().await?.call(&request).await?.message;
        check(answer.error_code, None, || "metadata".into())?;
        self.learn(&answer);
        Ok(answer)
    }

    fn learn(&self, answer: &MetadataResponse) {
        let mut known = self.known();
        known.cluster_id = answer.cluster_id.as_deref().map(Arc::from);
        known.controller = node(answer.controller_id);
        let brokers = answer.brokers.iter().map(|broker| {
            let id = NodeId::new(broker.node_id);
            let rack = broker.rack.as_ref().map(|rack| rack.to_string());
            (id, Broker { id, address: address(&broker.host, broker.port), rack })
        });
        known.brokers = brokers.collect();
        for topic in &answer.topics {
            if let Some(topic) = topic_of(topic) {
                known.topics.insert(topic.name.clone(), Arc::new(topic));
            } else if let Some(name) = topic.name.as_deref() {
                known.topics.remove(name);
            }
        }
    }

    async fn connection_to(&self, address: &Arc<str>) -> Result<Arc<Connection>> {
        let slot = self.known().connections.entry(address.clone()).or_default().clone();
        let mut slot = slot.lock().await;
        if let Some(connection) = &*slot
            && !connection.is_closed()
        {
            return Ok(connection.clone());
        }
        *slot = None;
        let connection = Arc::new(Connection::connect(address, self.options()).await?);
        *slot = Some(connection.clone());
        Ok(connection)
    }

    /// Never held across an await. What a panicking holder left is whole: nothing in between fails.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn node(id: i32) -> Option<NodeId> {
    (id >= 0).then(|| NodeId::new(id))
}

/// IPv6 addresses stand in brackets before a port.
pub(crate) fn address(host: &str, port: i32) -> Arc<str> {
    if host.contains(':') {
        format!("[{host}]:{port}").into()
    } else {
        format!("{host}:{port}").into()
    }
}

/// None if the topic is reported with an error, or with partitions missing.
fn topic_of(topic: &MetadataResponseTopic) -> Option<Topic> {
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
#[path = "cluster_test.rs"]
mod cluster_test;
