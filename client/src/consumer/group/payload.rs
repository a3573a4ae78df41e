//! Members' subscriptions and assignments, as bytes and as what they mean.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use pelton_kafka::consumer_protocol::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, decode_assignment,
    decode_subscription, encode_assignment, encode_subscription,
};
use pelton_kafka::message;
use pelton_kafka::messages::{DecodeError, EncodeError};
use pelton_kafka::wire::{consumer_protocol_assignment, consumer_protocol_subscription};
use pelton_model::PartitionIndex;

use super::assign::Member;
use crate::consumer::options::Assignor;
use crate::consumer::record::TopicPartition;

/// What is written; others' older versions are read.
const SUBSCRIPTION_VERSION: i16 = 3;
const ASSIGNMENT_VERSION: i16 = 3;

/// What a member says when it joins. For cooperative-sticky the generation stands in the user data
/// as well, as an i32: where Kafka's own assignor reads it.
pub(super) fn subscription(
    assignor: Assignor,
    topics: &BTreeSet<Arc<str>>,
    owned: &BTreeSet<TopicPartition>,
    generation: i32,
) -> Result<Bytes, EncodeError> {
    let owned = by_topic(owned).into_iter().map(|(topic, partitions)| {
        message!(consumer_protocol_subscription::TopicPartition {
            topic: (**topic).into(),
            partitions: partitions,
        })
    });
    let user_data = match assignor {
        Assignor::CooperativeSticky => Some(Bytes::copy_from_slice(&generation.to_be_bytes())),
        Assignor::Range | Assignor::RoundRobin => None,
    };
    let subscription = message!(ConsumerProtocolSubscription {
        topics: topics.iter().map(|topic| (**topic).into()).collect(),
        user_data: user_data,
        owned_partitions: owned.collect(),
        generation_id: generation,
    });
    encode_subscription(&subscription, SUBSCRIPTION_VERSION)
}

/// What the leader reads.
pub(super) fn member(
    id: &str,
    instance_id: Option<&str>,
    subscription: Bytes,
) -> Result<Member, DecodeError> {
    let read = decode_subscription(subscription)?;
    // Members of before KIP-792 say their generation in the user data only.
    let in_user_data = read.user_data.and_then(|mut data| data.try_get_i32().ok());
    let owned = read.owned_partitions.iter().flat_map(|topic| {
        let name: Arc<str> = (&*topic.topic).into();
        topic.partitions.iter().map(move |&index| TopicPartition {
            topic: name.clone(),
            partition: PartitionIndex::new(index),
        })
    });
    Ok(Member {
        id: id.into(),
        instance_id: instance_id.map(Arc::from),
        topics: read.topics.iter().map(|topic| Arc::from(&**topic)).collect(),
        owned: owned.collect(),
        generation: if read.generation_id >= 0 {
            read.generation_id
        } else {
            in_user_data.unwrap_or(-1)
        },
    })
}

/// What the leader writes for one member.
pub(super) fn assignment(share: &BTreeSet<TopicPartition>) -> Result<Bytes, EncodeError> {
    let assigned = by_topic(share).into_iter().map(|(topic, partitions)| {
        message!(consumer_protocol_assignment::TopicPartition {
            topic: (**topic).into(),
            partitions: partitions,
        })
    });
    let assignment =
        message!(ConsumerProtocolAssignment { assigned_partitions: assigned.collect() });
    encode_assignment(&assignment, ASSIGNMENT_VERSION)
}

/// What the member reads.
pub(super) fn share(assignment: Bytes) -> Result<BTreeSet<TopicPartition>, DecodeError> {
    let read = decode_assignment(assignment)?;
    let share = read.assigned_partitions.iter().flat_map(|topic| {
        let name: Arc<str> = (&*topic.topic).into();
        topic.partitions.iter().map(move |&index| TopicPartition {
            topic: name.clone(),
            partition: PartitionIndex::new(index),
        })
    });
    Ok(share.collect())
}

fn by_topic(partitions: &BTreeSet<TopicPartition>) -> BTreeMap<&Arc<str>, Vec<i32>> {
    let mut by_topic: BTreeMap<_, Vec<i32>> = BTreeMap::new();
    for of in partitions {
        by_topic.entry(&of.topic).or_default().push(of.partition.get());
    }
    by_topic
}
