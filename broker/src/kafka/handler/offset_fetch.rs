//! OffsetFetch 1–10. What is not committed is answered by -1 and no error, be it that the group,
//! the topic or the partition is unknown. No topics (from 2) means all that the group has. From 8
//! several groups are asked for at once; from 10 topics are identified, and an unknown id is [100].
//! From 9 a member of the consumer protocol says who it is and its epoch, which have to be right.
//! There are no transactions yet, so every offset is stable.

use pelton_group::{Command, FetchOffsets, FetchedOffset, Reply, TopicOffsets, TopicPartitions};
use pelton_kafka::wire::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use pelton_kafka::wire::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use pelton_kafka::wire::{OffsetFetchRequest, OffsetFetchResponse};
use pelton_kafka::{ErrorCode, StrBytes, message, topic_id_of, uuid_of};

use crate::group::{GroupFault, GroupOutcome};
use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::{of_group, of_group_fault};

/// From here on an error of the group stands at the top, and not beside each partition.
const TOP_LEVEL_ERROR: i16 = 2;
const BATCHED: i16 = 8;
const BY_ID: i16 = 10;

pub async fn handle(call: Call, request: OffsetFetchRequest) -> OffsetFetchResponse {
    if call.version() < BATCHED {
        return single(&call, request).await;
    }
    let asked = request.groups.iter().map(|group| Asked::of(&call, group));
    let command = |asked: &mut Asked| {
        let is_allowed = asked.refused.is_none();
        is_allowed.then(|| Command::FetchOffsets(std::mem::take(&mut asked.command)))
    };
    let answer = |asked: Asked, outcome| asked.answer(&call, outcome);
    let groups = call.ask_each_group(asked, command, answer).await;
    message!(OffsetFetchResponse { groups: groups })
}

/// One group of a request.
struct Asked {
    group: StrBytes,
    command: FetchOffsets,
    /// The whole group is, by this.
    refused: Option<ErrorCode>,
    /// Topics that the coordinator need not be asked about, as they are answered.
    unknown: Vec<OffsetFetchResponseTopics>,
}

impl Asked {
    fn of(call: &Call, group: &OffsetFetchRequestGroup) -> Self {
        let mut unknown = Vec::new();
        let topics = group.topics.as_ref().map(|topics| {
            let known = topics.iter().filter_map(|topic| match known_topic(call, topic) {
                Ok(name) => Some(TopicPartitions {
                    topic: name.as_str().into(),
                    partitions: topic.partition_indexes.clone(),
                }),
                Err(error) => {
                    unknown.push(refused_topic(topic, error));
                    None
                }
            });
            known.collect()
        });
        let may = call.may(Operation::Describe, Resource::Group(group.group_id.as_str()));
        Self {
            group: group.group_id.clone(),
            command: FetchOffsets {
                group: group.group_id.as_str().into(),
                topics,
                member_id: group.member_id.as_ref().map(|id| id.as_str().into()),
                member_epoch: group.member_epoch,
            },
            refused: (!may).then_some(ErrorCode::GroupAuthorizationFailed),
            unknown,
        }
    }

    fn answer(self, call: &Call, outcome: Option<GroupOutcome>) -> OffsetFetchResponseGroup {
        let offsets = match self.refused {
            Some(error) => Err(error),
            None => offsets_of(outcome),
        };
        match offsets {
            Ok(offsets) => {
                let known = offsets.into_iter().map(|topic| topic_of_group(call, topic));
                message!(OffsetFetchResponseGroup {
                    group_id: self.group,
                    topics: known.chain(self.unknown).collect(),
                })
            }
            Err(error) => message!(OffsetFetchResponseGroup {
                group_id: self.group,
                error_code: error.code(),
            }),
        }
    }
}

fn offsets_of(outcome: Option<GroupOutcome>) -> Result<Vec<TopicOffsets>, ErrorCode> {
    match outcome {
        Some(Ok(Reply::Fetched(Ok(offsets)))) => Ok(offsets),
        Some(Ok(Reply::Fetched(Err(error)))) => Err(of_group(error)),
        Some(Err(fault)) => Err(unanswered(fault)),
        Some(Ok(_)) | None => Err(ErrorCode::UnknownServerError),
    }
}

/// As Kafka: Java consumers before 3.9 end over COORDINATOR_NOT_AVAILABLE here. NOT_COORDINATOR they
/// take for a reason to look for the coordinator again, which is as good.
fn unanswered(fault: GroupFault) -> ErrorCode {
    match fault {
        GroupFault::Unavailable => ErrorCode::NotCoordinator,
        fault => of_group_fault(fault),
    }
}

/// The name to ask the coordinator for.
fn known_topic(call: &Call, topic: &OffsetFetchRequestTopics) -> Result<StrBytes, ErrorCode> {
    let name = match call.version() {
        ..BY_ID => topic.name.clone(),
        _ => {
            let view = call.shard().view.borrow();
            let known = view.cluster.topic_by_id(topic_id_of(topic.topic_id));
            known.map(|known| (&*known.name).into()).ok_or(ErrorCode::UnknownTopicId)?
        }
    };
    match call.may(Operation::Describe, Resource::Topic(name.as_str())) {
        true => Ok(name),
        false => Err(ErrorCode::TopicAuthorizationFailed),
    }
}

fn refused_topic(topic: &OffsetFetchRequestTopics, error: ErrorCode) -> OffsetFetchResponseTopics {
    let partitions = topic.partition_indexes.iter().map(|index| {
        message!(OffsetFetchResponsePartitions {
            partition_index: *index,
            committed_offset: -1,
            committed_leader_epoch: -1,
            metadata: Some("".into()),
            error_code: error.code(),
        })
    });
    message!(OffsetFetchResponseTopics {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: partitions.collect(),
    })
}

fn topic_of_group(call: &Call, offsets: TopicOffsets) -> OffsetFetchResponseTopics {
    let partitions = offsets.partitions.into_iter().map(|offset| {
        message!(OffsetFetchResponsePartitions {
            partition_index: offset.partition,
            committed_offset: offset.offset,
            committed_leader_epoch: offset.leader_epoch,
            metadata: Some((&*offset.metadata).into()),
        })
    });
    let mut topic = message!(OffsetFetchResponseTopics { partitions: partitions.collect() });
    if call.version() < BY_ID {
        topic.name = (&*offsets.topic).into();
    } else {
        let view = call.shard().view.borrow();
        topic.topic_id =
            view.cluster.topic(&offsets.topic).map(|it| uuid_of(it.id)).unwrap_or_default();
    }
    topic
}

/// Versions before 8.
async fn single(call: &Call, request: OffsetFetchRequest) -> OffsetFetchResponse {
    let may = call.may(Operation::Describe, Resource::Group(request.group_id.as_str()));
    let outcome = match may {
        true => {
            let topics = request.topics.as_ref().map(|topics| {
                let asked = topics.iter().map(|topic| TopicPartitions {
                    topic: topic.name.as_str().into(),
                    partitions: topic.partition_indexes.clone(),
                });
                asked.collect()
            });
            let group = request.group_id.as_str().into();
            let fetch = FetchOffsets { group, topics, ..FetchOffsets::default() };
            offsets_of(Some(call.ask_group(Command::FetchOffsets(fetch)).await))
        }
        false => Err(ErrorCode::GroupAuthorizationFailed),
    };
    match outcome {
        Ok(offsets) => {
            let described = offsets
                .into_iter()
                .filter(|topic| call.may(Operation::Describe, Resource::Topic(&topic.topic)));
            let topics = described.map(|topic| {
                let partitions = topic.partitions.into_iter().map(single_partition);
                message!(OffsetFetchResponseTopic {
                    name: (&*topic.topic).into(),
                    partitions: partitions.collect(),
                })
            });
            message!(OffsetFetchResponse { topics: topics.collect() })
        }
        Err(error) if call.version() >= TOP_LEVEL_ERROR => {
            message!(OffsetFetchResponse { error_code: error.code() })
        }
        Err(error) => {
            let topics = request.topics.iter().flatten().map(|topic| {
                let partitions = topic.partition_indexes.iter().map(|index| {
                    message!(OffsetFetchResponsePartition {
                        partition_index: *index,
                        committed_offset: -1,
                        metadata: Some("".into()),
                        error_code: error.code(),
                    })
                });
                message!(OffsetFetchResponseTopic {
                    name: topic.name.clone(),
                    partitions: partitions.collect(),
                })
            });
            message!(OffsetFetchResponse { topics: topics.collect() })
        }
    }
}

fn single_partition(offset: FetchedOffset) -> OffsetFetchResponsePartition {
    message!(OffsetFetchResponsePartition {
        partition_index: offset.partition,
        committed_offset: offset.offset,
        committed_leader_epoch: offset.leader_epoch,
        metadata: Some((&*offset.metadata).into()),
    })
}

#[cfg(test)]
#[path = "offset_fetch_test.rs"]
mod offset_fetch_test;
