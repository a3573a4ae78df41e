//! ConsumerGroupHeartbeat (KIP-848): all that a member by that protocol says and hears.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use pelton_kafka::versions::Versions;
use pelton_kafka::wire::consumer_group_heartbeat_request::TopicPartitions;
use pelton_kafka::wire::consumer_group_heartbeat_response::Assignment;
use pelton_kafka::wire::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
use pelton_kafka::{message, topic_id_of, uuid_of};
use pelton_model::{PartitionId, PartitionIndex, TopicId};

use super::Subscription;
use super::reconciliation::{Beat, Beaten};
use crate::cluster::Lane;
use crate::consumer::options::GroupOptions;
use crate::error::{Result, check};
use crate::group::coordinator::Coordinator;

/// From 1 on members choose their ids. 0 was of brokers that had this protocol for trial only.
const VERSIONS: Versions = Versions::new(1, 1);

const UNCHANGED_TIMEOUT: i32 = -1;
const LEAVE_EPOCH: i32 = -1;
/// A static member keeps its partitions until its session ends.
const LEAVE_TO_RETURN_EPOCH: i32 = -2;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A random UUID in base64url, as Kafka's own members call themselves.
pub(super) fn member_id(bits: u128) -> Arc<str> {
    let id = u128::from_be_bytes(*TopicId::from_random(bits).as_bytes());
    // 22 digits of 6 bits are 4 bits more than there are: they stand behind, and are zero.
    let digit = |at: u32| {
        let bits = if at < 21 { id >> (122 - 6 * at) } else { id << 4 };
        char::from(DIGITS[(bits & 63) as usize])
    };
    (0..22).map(digit).collect::<String>().into()
}

pub(super) async fn beat(
    coordinator: &Coordinator,
    options: &GroupOptions,
    beat: Beat,
) -> Result<Beaten> {
    let answer = send(coordinator, options, request(options, beat)).await?;
    Ok(Beaten {
        epoch: answer.member_epoch,
        heartbeat_interval: Duration::from_millis(
            answer.heartbeat_interval_ms.try_into().unwrap_or(0),
        ),
        target: answer.assignment.as_ref().map(target),
    })
}

pub(super) async fn leave(
    coordinator: &Coordinator,
    options: &GroupOptions,
    member_id: &str,
) -> Result<()> {
    let request = message!(ConsumerGroupHeartbeatRequest {
        group_id: (*options.id).into(),
        member_id: member_id.into(),
        member_epoch: match options.instance_id {
            Some(_) => LEAVE_TO_RETURN_EPOCH,
            None => LEAVE_EPOCH,
        },
        instance_id: options.instance_id.as_deref().map(Into::into),
        rebalance_timeout_ms: UNCHANGED_TIMEOUT,
    });
    send(coordinator, options, request).await.map(drop)
}

async fn send(
    coordinator: &Coordinator,
    options: &GroupOptions,
    request: ConsumerGroupHeartbeatRequest,
) -> Result<ConsumerGroupHeartbeatResponse> {
    let wait = Duration::ZERO;
    let answer = coordinator
        .call(Lane::Shared, VERSIONS, wait, |_| request, |answer| answer.error_code)
        .await?;
    let context = || format!("heartbeat in group {}", options.id);
    check(answer.error_code, answer.error_message.as_deref(), context)?;
    Ok(answer)
}

fn request(options: &GroupOptions, beat: Beat) -> ConsumerGroupHeartbeatRequest {
    let (topics, regex) = match beat.subscription {
        // An empty expression takes back one that was there.
        Some(Subscription::Topics(topics)) => (Some(topics), Some("".into())),
        Some(Subscription::Pattern(pattern)) => (Some(BTreeSet::new()), Some(pattern)),
        None => (None, None),
    };
    let topics =
        topics.map(|topics| topics.iter().map(|topic| (**topic).into()).collect::<Vec<_>>());
    let rebalance_timeout_ms =
        || i32::try_from(options.poll_interval_max.as_millis()).unwrap_or(i32::MAX);
    message!(ConsumerGroupHeartbeatRequest {
        group_id: (*options.id).into(),
        member_id: (*beat.member_id).into(),
        member_epoch: beat.epoch,
        instance_id: options.instance_id.as_deref().map(Into::into),
        rebalance_timeout_ms: match beat.is_full {
            true => rebalance_timeout_ms(),
            false => UNCHANGED_TIMEOUT,
        },
        subscribed_topic_names: topics,
        subscribed_topic_regex: regex.map(|regex: Arc<str>| (*regex).into()),
        server_assignor: options
            .server_assignor
            .as_deref()
            .filter(|_| beat.is_full)
            .map(Into::into),
        topic_partitions: beat.owned.map(|owned| by_topic(&owned)),
    })
}

fn by_topic(owned: &BTreeSet<PartitionId>) -> Vec<TopicPartitions> {
    let mut by_topic: BTreeMap<TopicId, Vec<i32>> = BTreeMap::new();
    for of in owned {
        by_topic.entry(of.topic).or_default().push(of.index.get());
    }
    let topics = by_topic.into_iter().map(|(topic, partitions)| {
        message!(TopicPartitions { topic_id: uuid_of(topic), partitions: partitions })
    });
    topics.collect()
}

fn target(assignment: &Assignment) -> BTreeSet<PartitionId> {
    let topics = assignment.topic_partitions.iter().flat_map(|topic| {
        let id = topic_id_of(topic.topic_id);
        topic.partitions.iter().map(move |&index| PartitionId::new(id, PartitionIndex::new(index)))
    });
    topics.collect()
}

#[cfg(test)]
#[path = "consumer_heartbeat_test.rs"]
mod consumer_heartbeat_test;
