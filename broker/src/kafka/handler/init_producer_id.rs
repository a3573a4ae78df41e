//! InitProducerId 0–5. Without a transactional id every call gives a new producer id, whatever it
//! brings, as long as id and epoch come together. Transactional ids wait for transactions.

use pelton_kafka::wire::{InitProducerIdRequest, InitProducerIdResponse};
use pelton_kafka::{ErrorCode, message};
use pelton_model::ShardId;

use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::message::{Reply, Request};

pub async fn handle(call: Call, request: InitProducerIdRequest) -> InitProducerIdResponse {
    match producer_id(&call, &request).await {
        Ok(id) => message!(InitProducerIdResponse { producer_id: id, producer_epoch: 0 }),
        Err(error) => message!(InitProducerIdResponse {
            error_code: error.code(),
            producer_id: -1,
            producer_epoch: -1,
        }),
    }
}

async fn producer_id(call: &Call, request: &InitProducerIdRequest) -> Result<i64, ErrorCode> {
    match request.transactional_id.as_ref().map(|id| id.as_str()) {
        None => {}
        Some("") => return Err(ErrorCode::InvalidRequest),
        Some(id) => {
            call.may(Operation::Write, Resource::TransactionalId(id));
            return Err(ErrorCode::TransactionalIdAuthorizationFailed);
        }
    }
    if (request.producer_id == -1) != (request.producer_epoch == -1) {
        return Err(ErrorCode::InvalidRequest);
    }
    if !call.may(Operation::IdempotentWrite, Resource::Cluster) {
        return Err(ErrorCode::ClusterAuthorizationFailed);
    }
    let shard = call.shard();
    loop {
        if let Some(id) = shard.producer_ids.borrow_mut().next() {
            return Ok(id);
        }
        match call.ask(ShardId::ZERO, Request::ProducerIds).await {
            // What another request has fetched meanwhile is used up first.
            Reply::ProducerIds(Ok(block)) => {
                let mut ids = shard.producer_ids.borrow_mut();
                if ids.is_empty() {
                    *ids = block;
                }
            }
            _ => return Err(ErrorCode::CoordinatorNotAvailable),
        }
    }
}
