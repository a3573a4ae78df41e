//! The offsets that a group has committed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pelton_kafka::versions::Versions;
use pelton_kafka::wire::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use pelton_kafka::wire::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use pelton_kafka::wire::{OffsetCommitRequest, OffsetFetchRequest, OffsetFetchResponse};
use pelton_kafka::{ErrorCode, message};
use pelton_model::{LeaderEpoch, Offset, PartitionIndex};

use super::coordinator::Coordinator;
use super::instance::instance_id;
use crate::cluster::Lane;
use crate::consumer::TopicPartition;
use crate::error::{Error, Result, check};
use crate::retry::Retry;

/// Topics by name: 10 names them by id.
const COMMIT_VERSIONS: Versions = Versions::new(2, 9);
/// Before, nobody has an instance id.
const COMMIT_WITH_INSTANCE_FROM: i16 = 7;
const FETCH_VERSIONS: Versions = Versions::new(1, 9);
/// From here on a request is about several groups.
const FETCH_BY_GROUP_FROM: i16 = 8;

/// From here on a member by the protocol of KIP-848 says who it is.
const FETCH_AS_MEMBER_FROM: i16 = 9;

/// Of a member that has none.
pub(crate) const NO_GENERATION: i32 = -1;

/// An offset as it is committed: of the next record to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    pub offset: Offset,
    /// Of the last record that was read.
    pub leader_epoch: Option<LeaderEpoch>,
    /// For the user's own purposes; Kafka takes up to 4096 characters.
    pub metadata: String,
}

impl From<Offset> for Committed {
    fn from(offset: Offset) -> Self {
        Self { offset, leader_epoch: None, metadata: String::new() }
    }
}

/// As whom something is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) member_id: Arc<str>,
    /// None outside of a group.
    pub(crate) term: Option<Term>,
    pub(crate) instance_id: Option<String>,
}

/// Which of a group's changes a member has seen last, by the protocol that it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Term {
    Generation(i32),
    /// Of a member by the protocol of KIP-848.
    Epoch(i32),
}

impl Identity {
    fn generation_or_epoch(&self) -> i32 {
        match self.term {
            Some(Term::Generation(number) | Term::Epoch(number)) => number,
            None => NO_GENERATION,
        }
    }
}

/// Commits all or tells the first error; tries again while that is worth it. Not for a topic that is
/// gone, as everybody who wants to commit waits meanwhile, and so does a hand-over.
pub(crate) async fn commit(
    coordinator: &Coordinator,
    group: &str,
    identity: &Identity,
    offsets: &BTreeMap<TopicPartition, Committed>,
) -> Result<()> {
    if offsets.is_empty() {
        return Ok(());
    }
    let mut retry = Retry::new(coordinator.cluster().options());
    loop {
        match try_commit(coordinator, group, identity, offsets).await {
            Ok(()) => return Ok(()),
            Err(error) => {
                check_membership(group, &error)?;
                if error.code() == Some(ErrorCode::UnknownTopicOrPartition) {
                    return Err(error);
                }
                retry.after(error).await?;
            }
        }
    }
}

/// Fails with [`Error::NotAMember`] if that is what an error comes down to.
fn check_membership(group: &str, error: &Error) -> Result<()> {
    match error.code() {
        Some(
            code @ (ErrorCode::UnknownMemberId
            | ErrorCode::IllegalGeneration
            | ErrorCode::FencedInstanceId),
        ) => Err(Error::NotAMember { group: group.into(), reason: code.name().into() }),
        _ => Ok(()),
    }
}

async fn try_commit(
    coordinator: &Coordinator,
    group: &str,
    identity: &Identity,
    offsets: &BTreeMap<TopicPartition, Committed>,
) -> Result<()> {
    let mut topics: BTreeMap<&Arc<str>, Vec<OffsetCommitRequestPartition>> = BTreeMap::new();
    for (of, committed) in offsets {
        let partition = message!(OffsetCommitRequestPartition {
            partition_index: of.partition.get(),
            committed_offset: committed.offset.get(),
            committed_leader_epoch: committed.leader_epoch.map_or(-1, LeaderEpoch::get),
            committed_metadata: Some((*committed.metadata).into()),
        });
        topics.entry(&of.topic).or_default().push(partition);
    }
    let topics = topics.into_iter().map(|(topic, partitions)| {
        message!(OffsetCommitRequestTopic { name: (**topic).into(), partitions: partitions })
    });
    let topics = topics.collect();
    let request = |version| {
        message!(OffsetCommitRequest {
            group_id: group.into(),
            generation_id_or_member_epoch: identity.generation_or_epoch(),
            member_id: (*identity.member_id).into(),
            group_instance_id: instance_id(
                identity.instance_id.as_deref(),
                version,
                COMMIT_WITH_INSTANCE_FROM,
            ),
            topics: topics,
        })
    };
    let first_code = |answer: &pelton_kafka::wire::OffsetCommitResponse| {
        let codes = answer.topics.iter().flat_map(|topic| &topic.partitions);
        codes.map(|partition| partition.error_code).find(|&code| code != 0).unwrap_or(0)
    };
    let answer = coordinator
        .call(Lane::Shared, COMMIT_VERSIONS, Duration::ZERO, request, first_code)
        .await?;
    for topic in &answer.topics {
        for partition in &topic.partitions {
            let context =
                || format!("commit of {}/{} in {group}", &*topic.name, partition.partition_index);
            check(partition.error_code, None, context)?;
        }
    }
    Ok(())
}

/// What the group has committed of these partitions, or of all; one of which it has nothing is
/// missing.
pub(crate) async fn committed(
    coordinator: &Coordinator,
    group: &str,
    identity: &Identity,
    partitions: Option<&[TopicPartition]>,
) -> Result<BTreeMap<TopicPartition, Committed>> {
    let mut retry = Retry::new(coordinator.cluster().options());
    loop {
        match try_committed(coordinator, group, identity, partitions).await {
            Ok(found) => return Ok(found),
            Err(error) => {
                check_membership(group, &error)?;
                retry.after(error).await?;
            }
        }
    }
}

async fn try_committed(
    coordinator: &Coordinator,
    group: &str,
    identity: &Identity,
    partitions: Option<&[TopicPartition]>,
) -> Result<BTreeMap<TopicPartition, Committed>> {
    if partitions.is_some_and(<[_]>::is_empty) {
        return Ok(BTreeMap::new());
    }
    let by_topic = partitions.map(|partitions| {
        let mut by_topic: BTreeMap<&Arc<str>, Vec<i32>> = BTreeMap::new();
        for of in partitions {
            by_topic.entry(&of.topic).or_default().push(of.partition.get());
        }
        by_topic
    });
    let request = |version| fetch_request(group, identity, by_topic.as_ref(), version);
    let code = |answer: &OffsetFetchResponse| match answer.groups.first() {
        Some(group) => group.error_code,
        None => answer.error_code,
    };
    let answer =
        coordinator.call(Lane::Shared, FETCH_VERSIONS, Duration::ZERO, request, code).await?;
    let context = || format!("offsets of group {group}");
    check(code(&answer), None, context)?;

    let mut found = BTreeMap::new();
    let mut learn =
        |topic: &str, index: i32, offset: i64, epoch: i32, metadata: Option<&str>, code| {
            check(code, None, || format!("committed offset of {topic}/{index}"))?;
            if offset >= 0 {
                let partition = PartitionIndex::new(index);
                let committed = Committed {
                    offset: Offset::new(offset),
                    leader_epoch: (epoch >= 0).then(|| LeaderEpoch::new(epoch)),
                    metadata: metadata.unwrap_or_default().into(),
                };
                found.insert(TopicPartition { topic: topic.into(), partition }, committed);
            }
            Ok::<(), Error>(())
        };
    for topic in &answer.topics {
        for p in &topic.partitions {
            let metadata = p.metadata.as_deref();
            let epoch = p.committed_leader_epoch;
            let (index, offset) = (p.partition_index, p.committed_offset);
            learn(&topic.name, index, offset, epoch, metadata, p.error_code)?;
        }
    }
    for topic in answer.groups.iter().flat_map(|group| &group.topics) {
        for p in &topic.partitions {
            let metadata = p.metadata.as_deref();
            let epoch = p.committed_leader_epoch;
            let (index, offset) = (p.partition_index, p.committed_offset);
            learn(&topic.name, index, offset, epoch, metadata, p.error_code)?;
        }
    }
    Ok(found)
}

fn fetch_request(
    group: &str,
    identity: &Identity,
    by_topic: Option<&BTreeMap<&Arc<str>, Vec<i32>>>,
    version: i16,
) -> OffsetFetchRequest {
    if version < FETCH_BY_GROUP_FROM {
        let topic = |(topic, partitions): (&&Arc<str>, &Vec<i32>)| {
            message!(OffsetFetchRequestTopic {
                name: (***topic).into(),
                partition_indexes: partitions.clone(),
            })
        };
        return message!(OffsetFetchRequest {
            group_id: group.into(),
            topics: by_topic.map(|topics| topics.iter().map(topic).collect()),
        });
    }
    let topic = |(topic, partitions): (&&Arc<str>, &Vec<i32>)| {
        message!(OffsetFetchRequestTopics {
            name: (***topic).into(),
            partition_indexes: partitions.clone(),
        })
    };
    // Only the coordinator of KIP-848 looks at who asks.
    let asker = match identity.term {
        Some(Term::Epoch(epoch)) if version >= FETCH_AS_MEMBER_FROM => {
            Some((&*identity.member_id, epoch))
        }
        _ => None,
    };
    message!(OffsetFetchRequest {
        groups: vec![message!(OffsetFetchRequestGroup {
            group_id: group.into(),
            member_id: asker.map(|(member_id, _)| member_id.into()),
            member_epoch: asker.map_or(NO_GENERATION, |(_, epoch)| epoch),
            topics: by_topic.map(|topics| topics.iter().map(topic).collect()),
        })],
        // Offsets of a transaction that is still open are waited for.
        require_stable: true,
    })
}
