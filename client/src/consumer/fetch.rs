//! One Fetch request to one broker, and what its answer says of each partition.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pelton_kafka::wire::fetch_request::{FetchPartition, FetchTopic};
use pelton_kafka::wire::fetch_response::PartitionData;
use pelton_kafka::wire::{FetchRequest, FetchResponse};
use pelton_kafka::{message, topic_id_of, uuid_of};
use pelton_model::{NodeId, Offset, PartitionIndex, TopicId};

use super::ConsumerOptions;
use crate::cluster::Cluster;
use crate::error::{Error, Result, check};

/// A fetch about to be made. No fetch session is used.
pub(super) struct Fetch {
    pub(super) node: NodeId,
    pub(super) asked: Vec<Asked>,
    pub(super) options: ConsumerOptions,
}

#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) topic: Arc<str>,
    pub(super) topic_id: TopicId,
    pub(super) partition: PartitionIndex,
    pub(super) position: Offset,
    pub(super) is_fresh: bool,
}

/// A fetch that has ended one way or the other.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) node: NodeId,
    pub(super) partitions: Vec<(Asked, Result<Got>)>,
}

#[derive(Clone, Debug)]
pub(super) struct Got {
    pub(super) high_watermark: Offset,
    /// Batches; the last one may be cut.
    pub(super) records: Bytes,
}

impl Fetch {
    pub(super) async fn run(self, cluster: Cluster) -> Fetched {
        let answer = self.call(&cluster).await;
        let mut results = match &answer {
            Ok(answer) => results(answer),
            Err(_) => BTreeMap::new(),
        };
        let partitions = self.asked.into_iter().map(|asked| {
            let result = match &answer {
                Ok(_) => results
                    .remove(&(Named::by(asked.topic_id, &asked.topic), asked.partition))
                    .or_else(|| {
                        results.remove(&(Named::by(TopicId::ZERO, &asked.topic), asked.partition))
                    })
                    .ok_or_else(|| Error::protocol(context(&asked), "is missing in the answer"))
                    .and_then(|data| got(&asked, data)),
                Err(error) => Err(error.clone()),
            };
            (asked, result)
        });
        Fetched { node: self.node, partitions: partitions.collect() }
    }

    async fn call(&self, cluster: &Cluster) -> Result<FetchResponse> {
        let wait = match self.asked.iter().any(|asked| asked.is_fresh) {
            true => Duration::ZERO,
            false => self.options.fetch_wait,
        };
        let request = self.request(wait);
        let connection = cluster.connection(self.node).await?;
        let answer = connection.call_waiting(&request, wait).await?.message;
        check(answer.error_code, None, || format!("fetch from broker {}", self.node))?;
        Ok(answer)
    }

    fn request(&self, wait: Duration) -> FetchRequest {
        let mut topics: Vec<FetchTopic> = Vec::new();
        for asked in &self.asked {
            let partition = message!(FetchPartition {
                partition: asked.partition.get(),
                fetch_offset: asked.position.get(),
                partition_max_bytes: self.options.partition_bytes_max,
            });
            // The order is kept, as it decides who gets bytes first.
            match topics.last_mut() {
                Some(topic) if *topic.topic == *asked.topic => topic.partitions.push(partition),
                _ => topics.push(message!(FetchTopic {
                    topic: (*asked.topic).into(),
                    topic_id: uuid_of(asked.topic_id),
                    partitions: vec![partition],
                })),
            }
        }
        message!(FetchRequest {
            max_wait_ms: i32::try_from(wait.as_millis()).unwrap_or(i32::MAX),
            min_bytes: self.options.fetch_bytes_min,
            max_bytes: self.options.fetch_bytes_max,
            session_id: 0,
            session_epoch: -1,
            topics: topics,
        })
    }
}

/// A topic as an answer names it: by id in newer versions, by name in older ones.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    Id(TopicId),
    Name(String),
}

impl Named {
    fn by(id: TopicId, name: &str) -> Self {
        if id == TopicId::ZERO { Named::Name(name.into()) } else { Named::Id(id) }
    }
}

fn results(answer: &FetchResponse) -> BTreeMap<(Named, PartitionIndex), &PartitionData> {
    let mut results = BTreeMap::new();
    for topic in &answer.responses {
        for data in &topic.partitions {
            let named = Named::by(topic_id_of(topic.topic_id), &topic.topic);
            results.insert((named, PartitionIndex::new(data.partition_index)), data);
        }
    }
    results
}

fn got(asked: &Asked, data: &PartitionData) -> Result<Got> {
    check(data.error_code, None, || context(asked))?;
    Ok(Got {
        high_watermark: Offset::new(data.high_watermark),
        records: data.records.clone().unwrap_or_default(),
    })
}

fn context(asked: &Asked) -> String {
    format!("fetch from {}/{}", asked.topic, asked.partition)
}
