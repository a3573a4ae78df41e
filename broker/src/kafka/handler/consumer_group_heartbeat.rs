//! ConsumerGroupHeartbeat 0–1 (KIP-848): joining, staying, and leaving a group of the consumer
//! protocol. From 1 a member draws its id itself, and may subscribe by a regular expression. Every
//! error is told at the top, with a message and nothing else.

use pelton_group::{Assignment, Command, ConsumerBeat, ConsumerHeartbeat, MemberId, Reply};
use pelton_kafka::wire::consumer_group_heartbeat_request::TopicPartitions as Owned;
use pelton_kafka::wire::consumer_group_heartbeat_response::{
    Assignment as ToldAssignment, TopicPartitions,
};
use pelton_kafka::wire::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
use pelton_kafka::{ErrorCode, message, topic_id_of, uuid_of};
use pelton_model::TopicId;

use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::{group_message, of_group, of_group_fault};

/// From here on the member id has to be there.
const REQUIRES_MEMBER_ID: i16 = 1;

pub async fn handle(
    call: Call,
    request: ConsumerGroupHeartbeatRequest,
) -> ConsumerGroupHeartbeatResponse {
    if !call.may(Operation::Read, Resource::Group(request.group_id.as_str())) {
        return failed(ErrorCode::GroupAuthorizationFailed, None);
    }
    for topic in request.subscribed_topic_names.iter().flatten() {
        if !call.may(Operation::Describe, Resource::Topic(topic.as_str())) {
            return failed(ErrorCode::TopicAuthorizationFailed, None);
        }
    }
    let beat = to_beat(&call, &request);
    match call.ask_group(Command::ConsumerHeartbeat(beat)).await {
        Ok(Reply::ConsumerBeaten(Ok(beat))) => answer(&beat),
        Ok(Reply::ConsumerBeaten(Err(error))) => {
            failed(of_group(error), Some(group_message(error)))
        }
        Ok(_) => failed(ErrorCode::UnknownServerError, None),
        Err(fault) => failed(of_group_fault(fault), None),
    }
}

/// Copied: the group keeps it, and must not keep the request's frame with it.
fn to_beat(call: &Call, request: &ConsumerGroupHeartbeatRequest) -> ConsumerHeartbeat {
    let shard = call.shard();
    let bits = u128::from(shard.env.random()) << 64 | u128::from(shard.env.random());
    let topics = request.subscribed_topic_names.as_ref();
    let regex = request.subscribed_topic_regex.as_ref();
    ConsumerHeartbeat {
        group: request.group_id.as_str().into(),
        member_id: request.member_id.as_str().into(),
        member_epoch: request.member_epoch,
        instance_id: request.instance_id.as_ref().map(|id| id.as_str().into()),
        rack_id: request.rack_id.as_ref().map(|rack| rack.as_str().to_owned()),
        rebalance_timeout_ms: request.rebalance_timeout_ms,
        client_id: call.header.client_id.as_deref().unwrap_or_default().to_owned(),
        client_host: format!("/{}", call.session.peer.ip()),
        topics: topics.map(|names| names.iter().map(|name| name.as_str().into()).collect()),
        regex: regex.map(|regex| regex.as_str().to_owned()),
        server_assignor: request.server_assignor.as_ref().map(|name| name.as_str().to_owned()),
        owned: request.topic_partitions.as_deref().map(owned),
        requires_member_id: call.version() >= REQUIRES_MEMBER_ID,
        fresh_id: MemberId::new(TopicId::from_random(bits).to_string()),
    }
}

fn owned(topics: &[Owned]) -> Assignment {
    let mut owned = Assignment::new();
    for topic in topics {
        owned.entry(topic_id_of(topic.topic_id)).or_default().extend(&topic.partitions);
    }
    owned
}

fn answer(beat: &ConsumerBeat) -> ConsumerGroupHeartbeatResponse {
    let told = beat.assignment.as_ref().map(|assignment| {
        let topics = assignment.iter().map(|(topic, partitions)| {
            message!(TopicPartitions {
                topic_id: uuid_of(*topic),
                partitions: partitions.iter().copied().collect(),
            })
        });
        message!(ToldAssignment { topic_partitions: topics.collect() })
    });
    message!(ConsumerGroupHeartbeatResponse {
        member_id: Some((&*beat.member_id).into()),
        member_epoch: beat.member_epoch,
        heartbeat_interval_ms: beat.heartbeat_interval_ms,
        assignment: told,
    })
}

fn failed(error: ErrorCode, why: Option<&str>) -> ConsumerGroupHeartbeatResponse {
    message!(ConsumerGroupHeartbeatResponse {
        error_code: error.code(),
        error_message: why.map(Into::into),
    })
}
