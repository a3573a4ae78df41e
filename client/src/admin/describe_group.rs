//! Groups as their coordinators know them, of either protocol.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use pelton_kafka::consumer_protocol::{PROTOCOL_TYPE, decode_assignment};
use pelton_kafka::versions::Versions;
use pelton_kafka::wire::consumer_group_describe_response::{
    Assignment, DescribedGroup, Member as ConsumerMember,
};
use pelton_kafka::wire::describe_groups_response::DescribedGroupMember;
use pelton_kafka::wire::{ConsumerGroupDescribeRequest, DescribeGroupsRequest};
use pelton_kafka::{ErrorCode, message};
use pelton_model::PartitionIndex;

use super::{Admin, unanswered};
use crate::cluster::Lane;
use crate::consumer::TopicPartition;
use crate::error::{Error, Result, check};
use crate::group::lacks_consumer_protocol;

const CLASSIC_VERSIONS: Versions = Versions::new(0, 6);
const CONSUMER_VERSIONS: Versions = Versions::new(0, 1);

/// A group as its coordinator knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDescription {
    pub id: String,
    /// `Dead` for a group that does not exist, from brokers that do not answer with an error.
    pub state: String,
    pub protocol_type: String,
    /// The assignor that the members have agreed on; of the consumer protocol, the broker's.
    pub protocol: String,
    /// Of a group of the consumer protocol (KIP-848); a classic one has none.
    pub epochs: Option<GroupEpochs>,
    pub members: Vec<GroupMember>,
}

/// How often a group of the consumer protocol has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupEpochs {
    /// Raised by each change of members, subscriptions or topics.
    pub group: i32,
    /// The group's epoch that its target assignment was computed for.
    pub assignment: i32,
}

/// A member as its coordinator knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMember {
    pub id: String,
    pub instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    /// Empty while a classic group is not stable, and in groups of other protocol types.
    pub assignment: BTreeSet<TopicPartition>,
    /// In a group of the consumer protocol: the epoch that the member has come to.
    pub epoch: Option<i32>,
    /// In a group of the consumer protocol: what the member is to have in the end. What it has and
    /// is not to have it gives up first.
    pub target: Option<BTreeSet<TopicPartition>>,
}

impl Admin {
    /// A group of either protocol; GROUP_ID_NOT_FOUND, or one that is `Dead`, if there is none.
    pub async fn describe_group(&self, id: &str) -> Result<GroupDescription> {
        match self.describe_consumer_group(id).await {
            // A classic one; a broker that knows no others, or is to have no others.
            Err(error)
                if error.code() == Some(ErrorCode::GroupIdNotFound)
                    || lacks_consumer_protocol(&error) =>
            {
                self.describe_classic_group(id).await
            }
            outcome => outcome,
        }
    }

    async fn describe_consumer_group(&self, id: &str) -> Result<GroupDescription> {
        let context = || format!("describe group {id}");
        let found: DescribedGroup = self
            .at_coordinator(id, async |coordinator| {
                let request = message!(ConsumerGroupDescribeRequest { group_ids: vec![id.into()] });
                let answer = coordinator
                    .call(
                        Lane::Shared,
                        CONSUMER_VERSIONS,
                        Duration::ZERO,
                        |_| request,
                        |answer| answer.groups.first().map_or(0, |group| group.error_code),
                    )
                    .await?;
                let found = answer.groups.into_iter().next();
                let found = found.ok_or_else(|| unanswered(context()))?;
                check(found.error_code, found.error_message.as_deref(), context)?;
                Ok(found)
            })
            .await?;
        Ok(GroupDescription {
            id: found.group_id.to_string(),
            state: found.group_state.to_string(),
            protocol_type: PROTOCOL_TYPE.into(),
            protocol: found.assignor_name.to_string(),
            epochs: Some(GroupEpochs {
                group: found.group_epoch,
                assignment: found.assignment_epoch,
            }),
            members: found.members.iter().map(consumer_member).collect(),
        })
    }

    async fn describe_classic_group(&self, id: &str) -> Result<GroupDescription> {
        let context = || format!("describe group {id}");
        let found = self
            .at_coordinator(id, async |coordinator| {
                let request = message!(DescribeGroupsRequest { groups: vec![id.into()] });
                let answer = coordinator
                    .call(
                        Lane::Shared,
                        CLASSIC_VERSIONS,
                        Duration::ZERO,
                        |_| request,
                        |answer| answer.groups.first().map_or(0, |group| group.error_code),
                    )
                    .await?;
                let found = answer.groups.into_iter().next();
                let found = found.ok_or_else(|| unanswered(context()))?;
                check(found.error_code, found.error_message.as_deref(), context)?;
                Ok(found)
            })
            .await?;
        let is_of_consumers = &*found.protocol_type == PROTOCOL_TYPE;
        let members = found.members.iter().map(|found| classic_member(found, is_of_consumers));
        Ok(GroupDescription {
            id: found.group_id.to_string(),
            state: found.group_state.to_string(),
            protocol_type: found.protocol_type.to_string(),
            protocol: found.protocol_data.to_string(),
            epochs: None,
            members: members.collect::<Result<_>>()?,
        })
    }
}

fn consumer_member(found: &ConsumerMember) -> GroupMember {
    GroupMember {
        id: found.member_id.to_string(),
        instance_id: found.instance_id.as_ref().map(|id| id.to_string()),
        client_id: found.client_id.to_string(),
        client_host: found.client_host.to_string(),
        assignment: partitions(&found.assignment),
        epoch: Some(found.member_epoch),
        target: Some(partitions(&found.target_assignment)),
    }
}

fn partitions(assignment: &Assignment) -> BTreeSet<TopicPartition> {
    let of_topic = assignment.topic_partitions.iter().flat_map(|topic| {
        let name: Arc<str> = (&*topic.topic_name).into();
        topic.partitions.iter().map(move |&index| TopicPartition {
            topic: name.clone(),
            partition: PartitionIndex::new(index),
        })
    });
    of_topic.collect()
}

fn classic_member(found: &DescribedGroupMember, is_of_consumers: bool) -> Result<GroupMember> {
    let mut assignment = BTreeSet::new();
    if is_of_consumers {
        let read = decode_assignment(found.member_assignment.clone()).map_err(|error| {
            Error::protocol(format!("assignment of member {}", &*found.member_id), error)
        })?;
        for topic in read.assigned_partitions {
            let name: Arc<str> = (&*topic.topic).into();
            assignment.extend(topic.partitions.iter().map(|&index| TopicPartition {
                topic: name.clone(),
                partition: PartitionIndex::new(index),
            }));
        }
    }
    Ok(GroupMember {
        id: found.member_id.to_string(),
        instance_id: found.group_instance_id.as_ref().map(|id| id.to_string()),
        client_id: found.client_id.to_string(),
        client_host: found.client_host.to_string(),
        assignment,
        epoch: None,
        target: None,
    })
}
