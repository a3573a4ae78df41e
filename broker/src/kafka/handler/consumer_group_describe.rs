//! ConsumerGroupDescribe 0–1 (KIP-848): groups of the consumer protocol, in the order of the request.
//! What is not there, or speaks another protocol, is [69]. From 1 members say which protocol they
//! speak.

use pelton_group::{
    Assignment, Command, ConsumerDescription, ConsumerMemberDescription, GroupError, Reply,
};
use pelton_kafka::wire::consumer_group_describe_response::{
    Assignment as ToldAssignment, DescribedGroup, Member, TopicPartitions,
};
use pelton_kafka::wire::{ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse};
use pelton_kafka::{ErrorCode, StrBytes, message, uuid_of};

use crate::group::GroupOutcome;
use crate::kafka::authorize::{GROUP_OPERATIONS, OPERATIONS_OMITTED};
use crate::kafka::context::Call;
use crate::kafka::errors::{group_message, of_group, of_group_fault};

const TELLS_PROTOCOLS: i16 = 1;
const CLASSIC_MEMBER: i8 = 0;
const CONSUMER_MEMBER: i8 = 1;

pub async fn handle(
    call: Call,
    request: ConsumerGroupDescribeRequest,
) -> ConsumerGroupDescribeResponse {
    let operations = match request.include_authorized_operations {
        true => GROUP_OPERATIONS,
        false => OPERATIONS_OMITTED,
    };
    let command = |group| Command::DescribeConsumer { group };
    let answer = |group: &StrBytes, outcome| described(&call, group, outcome, operations);
    let groups = call.describe_groups(&request.group_ids, command, answer).await;
    message!(ConsumerGroupDescribeResponse { groups: groups })
}

fn described(
    call: &Call,
    group: &StrBytes,
    outcome: Option<GroupOutcome>,
    operations: i32,
) -> DescribedGroup {
    match outcome {
        Some(Ok(Reply::ConsumerDescribed(Ok(it)))) => answer(call, group, &it, operations),
        Some(Ok(Reply::ConsumerDescribed(Err(error)))) => {
            // As Kafka, which says nothing of a name that no group can have.
            let says_why = error != GroupError::InvalidGroupId;
            failed(group, of_group(error), says_why.then(|| group_message(error)))
        }
        Some(Err(fault)) => failed(group, of_group_fault(fault), None),
        Some(Ok(_)) => failed(group, ErrorCode::UnknownServerError, None),
        None => failed(group, ErrorCode::GroupAuthorizationFailed, None),
    }
}

fn answer(
    call: &Call,
    group: &StrBytes,
    description: &ConsumerDescription,
    operations: i32,
) -> DescribedGroup {
    let members = description.members.iter().map(|member| told_member(call, member));
    message!(DescribedGroup {
        group_id: group.clone(),
        group_state: description.state.name().into(),
        group_epoch: description.group_epoch,
        assignment_epoch: description.assignment_epoch,
        assignor_name: description.assignor.name().into(),
        members: members.collect(),
        authorized_operations: operations,
    })
}

fn told_member(call: &Call, member: &ConsumerMemberDescription) -> Member {
    let metadata = &member.metadata;
    let mut told = message!(Member {
        member_id: (&*member.member_id).into(),
        instance_id: metadata.instance_id.as_deref().map(Into::into),
        rack_id: metadata.rack_id.as_deref().map(Into::into),
        member_epoch: member.member_epoch,
        client_id: metadata.client_id.as_str().into(),
        client_host: metadata.client_host.as_str().into(),
        subscribed_topic_names: metadata.topics.iter().map(|topic| (&**topic).into()).collect(),
        subscribed_topic_regex: Some(metadata.regex.as_str().into()),
        assignment: told_assignment(call, &member.assignment),
        target_assignment: told_assignment(call, &member.target),
    });
    if call.version() >= TELLS_PROTOCOLS {
        told.member_type = match metadata.classic {
            Some(_) => CLASSIC_MEMBER,
            None => CONSUMER_MEMBER,
        };
    }
    told
}

/// Topics that are gone are left out.
fn told_assignment(call: &Call, assignment: &Assignment) -> ToldAssignment {
    let view = call.shard().view.borrow();
    let topics = assignment.iter().filter_map(|(id, partitions)| {
        let topic = view.cluster.topic_by_id(*id)?;
        Some(message!(TopicPartitions {
            topic_id: uuid_of(*id),
            topic_name: (&*topic.name).into(),
            partitions: partitions.iter().copied().collect(),
        }))
    });
    message!(ToldAssignment { topic_partitions: topics.collect() })
}

fn failed(group: &StrBytes, error: ErrorCode, why: Option<&str>) -> DescribedGroup {
    message!(DescribedGroup {
        group_id: group.clone(),
        error_code: error.code(),
        error_message: why.map(Into::into),
        authorized_operations: OPERATIONS_OMITTED,
    })
}
