//! One Fetch request to one broker, and what its answer says of each partition.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use pelton_kafka::fetch::{
    FetchPartition, FetchPartitionResponse, FetchRequest, FetchResponse, FetchTopic,
    ForgottenTopic, VERSIONS,
};
use pelton_kafka::{ApiKey, ErrorCode, TopicRef};
use pelton_model::{LeaderEpoch, NodeId, Offset, TopicId};

use super::ConsumerOptions;
use super::record::TopicPartition;
use super::session::SessionRequest;
use crate::cluster::{Cluster, Lane};
use crate::error::{Error, Result, check};

/// Topics are named by id from this version on.
const BY_ID_FROM: i16 = 13;

/// A fetch about to be made.
pub(super) struct Fetch {
    pub(super) node: NodeId,
    pub(super) lane: Lane,
    pub(super) session: SessionRequest,
    /// All partitions that the answer may be about, with their topics' ids.
    pub(super) told: BTreeMap<TopicPartition, TopicId>,
    pub(super) wait: Duration,
    pub(super) options: ConsumerOptions,
}

/// A fetch that has ended one way or the other.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) node: NodeId,
    pub(super) answer: Result<FetchedAnswer>,
}

#[derive(Debug, Default)]
pub(super) struct FetchedAnswer {
    pub(super) session_id: i32,
    /// For how long the broker, a quota of which is exceeded, wants to be asked nothing.
    pub(super) throttle: Duration,
    pub(super) partitions: BTreeMap<TopicPartition, Result<Got>>,
}

#[derive(Clone, Debug)]
pub(super) struct Got {
    pub(super) high_watermark: Offset,
    pub(super) log_start_offset: Option<Offset>,
    /// Batches; the last one may be cut.
    pub(super) records: Bytes,
}

impl Fetch {
    pub(super) async fn run(self, cluster: Cluster) -> Fetched {
        Fetched { node: self.node, answer: self.call(&cluster).await }
    }

    async fn call(&self, cluster: &Cluster) -> Result<FetchedAnswer> {
        let connection = cluster.connection_in(self.node, self.lane).await?;
        let version = connection.version_within(ApiKey::FETCH, VERSIONS)?;
        let request = self.request(version);
        let encode = |correlation_id, client_id: Option<&str>| {
            request.encode(correlation_id, client_id, version)
        };
        let pending = connection.begin(ApiKey::FETCH, version, self.wait, encode).await?;
        let body = pending.answer().await?;
        let context = || format!("fetch from broker {}", self.node);
        let answer = FetchResponse::decode(body, version)
            .map_err(|error| Error::protocol(context(), error))?;
        check(answer.error.code(), None, context)?;
        Ok(self.sort_out(answer, version, cluster))
    }

    fn request(&self, version: i16) -> FetchRequest {
        let mut topics: Vec<FetchTopic> = Vec::new();
        for (of, asked) in &self.session.asked {
            let index = of.partition.get();
            let mut partition =
                FetchPartition::new(index, asked.position.get(), self.options.partition_bytes_max);
            partition.current_leader_epoch = asked.leader_epoch.map_or(-1, LeaderEpoch::get);
            let topic = named(of, asked.topic_id, version);
            // The order is kept, as it decides who gets bytes first.
            match topics.last_mut() {
                Some(last) if last.topic == topic => last.partitions.push(partition),
                _ => topics.push(FetchTopic { topic, partitions: vec![partition] }),
            }
        }
        let mut forgotten_topics: Vec<ForgottenTopic> = Vec::new();
        for (of, topic_id) in &self.session.forgotten {
            let (topic, index) = (named(of, *topic_id, version), of.partition.get());
            match forgotten_topics.last_mut() {
                Some(last) if last.topic == topic => last.partitions.push(index),
                _ => forgotten_topics.push(ForgottenTopic { topic, partitions: vec![index] }),
            }
        }
        FetchRequest {
            max_wait_ms: i32::try_from(self.wait.as_millis()).unwrap_or(i32::MAX),
            min_bytes: self.options.fetch_bytes_min,
            max_bytes: self.options.fetch_bytes_max,
            session_id: self.session.id,
            session_epoch: self.session.epoch,
            topics,
            forgotten_topics,
            ..FetchRequest::default()
        }
    }

    /// Partitions that nobody asked for are left out.
    fn sort_out(&self, answer: FetchResponse, version: i16, cluster: &Cluster) -> FetchedAnswer {
        let by_name: BTreeMap<(TopicRef, i32), &TopicPartition> = self
            .told
            .iter()
            .map(|(of, id)| ((named(of, *id, version), of.partition.get()), of))
            .collect();
        let throttle_ms = u64::try_from(answer.throttle_time_ms).unwrap_or(0);
        let mut sorted = FetchedAnswer {
            session_id: answer.session_id,
            throttle: Duration::from_millis(throttle_ms),
            partitions: BTreeMap::new(),
        };
        for topic in answer.topics {
            for partition in topic.partitions {
                let Some(of) = by_name.get(&(topic.topic.clone(), partition.index)) else {
                    continue;
                };
                if let Some(leader) = &partition.current_leader {
                    cluster.learn_leader(&of.topic, of.partition, leader, &answer.node_endpoints);
                }
                sorted.partitions.insert((*of).clone(), got(of, partition));
            }
        }
        sorted
    }
}

fn named(of: &TopicPartition, id: TopicId, version: i16) -> TopicRef {
    match version {
        BY_ID_FROM.. => TopicRef::Id(id),
        _ => TopicRef::Name((&*of.topic).into()),
    }
}

fn got(of: &TopicPartition, partition: FetchPartitionResponse) -> Result<Got> {
    check(partition.error.code(), None, || format!("fetch from {of}"))?;
    let records = partition.records.unwrap_or_default();
    if partition.diverging_epoch.is_some() {
        // Only for those that say what they have; we do not.
        return Err(Error::broker(format!("fetch from {of}"), ErrorCode::FencedLeaderEpoch));
    }
    Ok(Got {
        high_watermark: Offset::new(partition.high_watermark),
        log_start_offset: (partition.log_start_offset >= 0)
            .then(|| Offset::new(partition.log_start_offset)),
        // A decoded answer has one slice of its frame, or none.
        records: records.into_iter().next().unwrap_or_default(),
    })
}
