//! FindCoordinator 0–6. Groups have their coordinators here; the topic that they live on is made
//! when the first one is looked for. Transactions and share groups are not served yet: [15], which
//! clients retry. From 4 several keys are asked for at once; share keys are known from 6 and have
//! the form `group:topic id:partition`.

use pelton_kafka::wire::find_coordinator_response::Coordinator;
use pelton_kafka::wire::{FindCoordinatorRequest, FindCoordinatorResponse};
use pelton_kafka::{ErrorCode, StrBytes, message};

use crate::group::ensure_offsets_topic;
use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;

/// From this version on several keys are asked for at once.
const BATCHED: i16 = 4;
const SHARE: i16 = 6;

const GROUP_KEY: i8 = 0;
const TRANSACTION_KEY: i8 = 1;
const SHARE_KEY: i8 = 2;

/// What Kafka writes as the message of a success up to version 3.
const NO_ERROR: &str = "NONE";

pub async fn handle(call: Call, request: FindCoordinatorRequest) -> FindCoordinatorResponse {
    let version = call.version();
    if version < BATCHED {
        let found = find(&call, request.key_type, &request.key).await;
        let mut answer = message!(FindCoordinatorResponse { node_id: -1, port: -1 });
        let message = match found {
            Ok(()) => {
                (answer.node_id, answer.host, answer.port) = here(&call);
                NO_ERROR.to_owned()
            }
            Err(error) => {
                answer.error_code = error.code();
                error.name().to_owned()
            }
        };
        if version >= 1 {
            answer.error_message = Some(message.as_str().into());
        }
        return answer;
    }
    let mut coordinators = Vec::with_capacity(request.coordinator_keys.len());
    for key in request.coordinator_keys {
        let mut coordinator = message!(Coordinator { node_id: -1, port: -1 });
        coordinator.error_message = Some("".into());
        match find(&call, request.key_type, &key).await {
            Ok(()) => (coordinator.node_id, coordinator.host, coordinator.port) = here(&call),
            Err(error) => {
                coordinator.error_code = error.code();
                // Of a share key that is none Kafka says nothing.
                if request.key_type != SHARE_KEY {
                    coordinator.error_message = Some(error.name().into());
                }
            }
        }
        coordinator.key = key;
        coordinators.push(coordinator);
    }
    message!(FindCoordinatorResponse { coordinators: coordinators })
}

/// One broker: it is here, or nowhere.
async fn find(call: &Call, key_type: i8, key: &StrBytes) -> Result<(), ErrorCode> {
    match key_type {
        GROUP_KEY => {
            if !call.may(Operation::Describe, Resource::Group(key.as_str())) {
                return Err(ErrorCode::GroupAuthorizationFailed);
            }
            match ensure_offsets_topic(call).await {
                true => Ok(()),
                false => Err(ErrorCode::CoordinatorNotAvailable),
            }
        }
        TRANSACTION_KEY => {
            match call.may(Operation::Describe, Resource::TransactionalId(key.as_str())) {
                true => Err(ErrorCode::CoordinatorNotAvailable),
                false => Err(ErrorCode::TransactionalIdAuthorizationFailed),
            }
        }
        SHARE_KEY if call.version() >= SHARE && is_share_key(key.as_str()) => {
            match call.may(Operation::Describe, Resource::Cluster) {
                true => Err(ErrorCode::CoordinatorNotAvailable),
                false => Err(ErrorCode::ClusterAuthorizationFailed),
            }
        }
        _ => Err(ErrorCode::InvalidRequest),
    }
}

fn here(call: &Call) -> (i32, StrBytes, i32) {
    let shard = call.shard();
    let host = shard.config.advertise_host.as_str().into();
    (shard.config.node_id.get(), host, i32::from(shard.port))
}

/// Group and topic id and partition, from the right, since a group's name may have colons.
fn is_share_key(key: &str) -> bool {
    let mut parts = key.rsplitn(3, ':');
    let partition = parts.next().is_some_and(|it| it.parse::<i32>().is_ok_and(|it| it >= 0));
    let topic = parts.next().is_some_and(|it| it.len() == TOPIC_ID_CHARACTERS);
    let group = parts.next().is_some_and(|it| !it.is_empty());
    partition && topic && group
}

/// Of a topic id as Kafka writes it: base64 without padding.
const TOPIC_ID_CHARACTERS: usize = 22;
