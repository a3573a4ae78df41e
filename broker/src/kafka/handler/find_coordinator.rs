//! FindCoordinator 0–6. There are no coordinators yet: every key is answered with [15], which
//! clients retry. It is served all the same, because librdkafka takes it for the sign of a broker
//! that knows lz4, and would otherwise send such batches uncompressed without a word.

use pelton_kafka::wire::find_coordinator_response::Coordinator;
use pelton_kafka::wire::{FindCoordinatorRequest, FindCoordinatorResponse};
use pelton_kafka::{ErrorCode, message};

use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;

/// From this version on several keys are asked for at once.
const BATCHED: i16 = 4;

const WHY: &str = "consumer groups and transactions are not served yet";

pub async fn handle(call: Call, request: FindCoordinatorRequest) -> FindCoordinatorResponse {
    let code = ErrorCode::CoordinatorNotAvailable.code();
    if call.version() < BATCHED {
        call.may(Operation::Describe, Resource::Group(request.key.as_str()));
        let mut answer =
            message!(FindCoordinatorResponse { error_code: code, node_id: -1, port: -1 });
        if call.version() >= 1 {
            answer.error_message = Some(WHY.into());
        }
        return answer;
    }
    let coordinators = request.coordinator_keys.into_iter().map(|key| {
        call.may(Operation::Describe, Resource::Group(key.as_str()));
        message!(Coordinator {
            key: key,
            node_id: -1,
            port: -1,
            error_code: code,
            error_message: Some(WHY.into()),
        })
    });
    message!(FindCoordinatorResponse { coordinators: coordinators.collect() })
}
