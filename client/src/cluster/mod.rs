//! What a client knows of its cluster: brokers, topics, leaders, and a connection to each broker.

mod connections;
mod metadata;
mod refresh;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pelton_kafka::messages::RequestResponsePair;
use pelton_kafka::wire::metadata_request::MetadataRequestTopic;
use pelton_kafka::wire::{MetadataRequest, MetadataResponse};
use pelton_kafka::{CurrentLeader, ErrorCode, NodeEndpoint, message, uuid_of};
use pelton_model::{LeaderEpoch, NodeId, PartitionIndex, TopicId};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use connections::Connections;
pub(crate) use connections::Lane;
use metadata::{Metadata, topic_of};

use crate::connection::{Answer, Connection};
use crate::error::{Error, Result, check};
use crate::options::ClientOptions;
use crate::random;
use crate::retry::Retry;

/// A handle; clones share connections and what was learnt.
#[derive(Clone, Debug)]
pub struct Cluster(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: ClientOptions,
    known: Mutex<Metadata>,
    connections: Connections,
    /// Counts answers to Metadata.
    version: watch::Sender<u64>,
    /// For the task that keeps the metadata fresh.
    news: Arc<Notify>,
    refresh: Mutex<Option<AbortHandle>>,
}

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
    /// Finds a broker that answers and learns the others from it. Tries each address once, so
    /// that a wrong one is told at once; fails with [`Error::Connection`], or [`Error::Invalid`]
    /// if the options contradict themselves.
    pub async fn connect(options: ClientOptions) -> Result<Cluster> {
        options.check()?;
        let cluster = Cluster(Arc::new(Shared {
            options,
            known: Mutex::default(),
            connections: Connections::default(),
            version: watch::Sender::new(0),
            news: Arc::default(),
            refresh: Mutex::default(),
        }));
        cluster.metadata(Some(&[])).await?;
        let shared = Arc::downgrade(&cluster.0);
        let task = tokio::spawn(refresh::keep_fresh(shared, cluster.0.news.clone()));
        *cluster.0.refresh.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(task.abort_handle());
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
        self.known().topic(name, Instant::now())
    }

    /// What is known of a topic; asks, and tries again while the topic is unknown, if nothing is.
    pub async fn topic(&self, name: &str) -> Result<Arc<Topic>> {
        if let Some(topic) = self.known().current_topic(name, Instant::now()) {
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

    /// The names of topics by their ids; asks, once, for those that are not known. Those that do
    /// not exist are missing.
    pub(crate) async fn topic_names(
        &self,
        ids: &BTreeSet<TopicId>,
    ) -> Result<BTreeMap<TopicId, Arc<str>>> {
        let known = self.known().names_of(ids);
        let unknown = ids.iter().filter(|id| !known.contains_key(id));
        let unknown: Vec<_> = unknown
            .map(|id| message!(MetadataRequestTopic { topic_id: uuid_of(*id), name: None }))
            .collect();
        if unknown.is_empty() {
            return Ok(known);
        }
        self.ask_metadata(Some(unknown)).await?;
        Ok(self.known().names_of(ids))
    }

    /// Asks for all topics, in order of their names.
    pub async fn topics(&self) -> Result<Vec<Arc<Topic>>> {
        let answer = self.metadata(None).await?;
        let mut topics: Vec<_> = answer.topics.iter().filter_map(topic_of).map(Arc::new).collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }

    /// Asks the leaders of a topic's partitions, and while that is worth it again, by what is known of
    /// the topic then.
    pub(crate) async fn persist<T>(
        &self,
        topic: &str,
        ask: impl AsyncFn(&Topic) -> Result<T>,
    ) -> Result<T> {
        let mut retry = Retry::new(self.options());
        let mut known = self.topic(topic).await?;
        loop {
            match ask(&known).await {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    retry.after(error).await?;
                    known = self.refresh(topic).await.unwrap_or(known);
                }
            }
        }
    }

    /// Has the next [`Cluster::topic`] ask. Until the answer, [`Cluster::known_topic`] is what was
    /// known.
    pub fn forget(&self, name: &str) {
        self.known().outdate(name);
    }

    /// Has what is known of a topic asked for anew, soon and in the background.
    pub(crate) fn want(&self, name: &str) {
        if self.known().want(name) {
            self.0.news.notify_one();
        }
    }

    /// Changes whenever metadata was learnt.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.0.version.subscribe()
    }

    /// A leader that another answer named.
    pub(crate) fn learn_leader(
        &self,
        topic: &str,
        partition: PartitionIndex,
        leader: &CurrentLeader,
        endpoints: &[NodeEndpoint],
    ) {
        if self.known().learn_leader(topic, partition, leader, endpoints) {
            self.0.version.send_modify(|version| *version += 1);
        }
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
        self.connection_in(node, Lane::Shared).await
    }

    /// As [`Cluster::connection`], in a lane of one's own.
    pub(crate) async fn connection_in(&self, node: NodeId, lane: Lane) -> Result<Arc<Connection>> {
        let address = self.known().brokers.get(&node).map(|broker| broker.address.clone());
        match address {
            Some(address) => self.connection_at(&address, lane).await,
            None => Err(Error::broker(format!("broker {node}"), ErrorCode::LeaderNotAvailable)),
        }
    }

    /// As [`Cluster::connection_in`], for a broker that another answer named.
    pub(crate) async fn connection_at(
        &self,
        address: &Arc<str>,
        lane: Lane,
    ) -> Result<Arc<Connection>> {
        self.0.connections.get(address, lane, self.options()).await
    }

    /// Lets go of a lane's connections.
    pub(crate) fn close_lane(&self, lane: Lane) {
        self.0.connections.close(lane);
    }

    /// A connection to any broker: the known ones in an order by chance, then those of the
    /// bootstrap list; brokers that were just found unreachable last.
    pub async fn any_connection(&self) -> Result<Arc<Connection>> {
        let mut addresses: Vec<Arc<str>> =
            self.known().brokers.values().map(|broker| broker.address.clone()).collect();
        if !addresses.is_empty() {
            let first = random::number() as usize % addresses.len();
            addresses.rotate_left(first);
        }
        addresses.extend(self.options().bootstrap.iter().map(|address| Arc::from(&**address)));
        addresses.sort_by_key(|address| self.0.connections.is_backing_off(address, Lane::Shared));
        let mut failed = Error::Invalid("no bootstrap address".into());
        for address in addresses {
            match self.0.connections.get(&address, Lane::Shared, self.options()).await {
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
        let by_name = |name: &&str| message!(MetadataRequestTopic { name: Some((*name).into()) });
        self.ask_metadata(topics.map(|topics| topics.iter().map(by_name).collect())).await
    }

    async fn ask_metadata(
        &self,
        topics: Option<Vec<MetadataRequestTopic>>,
    ) -> Result<MetadataResponse> {
        let request = message!(MetadataRequest {
            topics: topics,
            allow_auto_topic_creation: self.options().create_topics,
        });
        let answer = self.any_connection().await?.call(&request).await?.message;
        check(answer.error_code, None, || "metadata".into())?;
        self.known().learn(&answer, Instant::now());
        self.0.version.send_modify(|version| *version += 1);
        Ok(answer)
    }

    /// Never held across an await. What a panicking holder left is whole: nothing in between fails.
    fn known(&self) -> MutexGuard<'_, Metadata> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let task = self.refresh.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.take() {
            task.abort();
        }
    }
}

/// IPv6 addresses stand in brackets before a port.
pub(crate) fn address(host: &str, port: i32) -> Arc<str> {
    if host.contains(':') {
        format!("[{host}]:{port}").into()
    } else {
        format!("{host}:{port}").into()
    }
}

#[cfg(test)]
#[path = "cluster_test.rs"]
mod cluster_test;
