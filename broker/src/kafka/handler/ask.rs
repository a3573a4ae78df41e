//! What several handlers ask in the same way: a change of shard 0, a look of the owners.

use pelton_cluster::ClusterError;
use pelton_model::{PartitionId, ShardId};

use crate::kafka::context::Call;
use crate::message::{Change, ChangeOutcome, Look, LookOutcome, Reply, Request};

/// A question about a partition, and who owns it.
pub type Question = (ShardId, (PartitionId, Look));

/// Has the metadata changed; `None`, with the reason in the log, if nothing could be.
pub async fn change(call: &Call, change: Change) -> Option<ChangeOutcome> {
    match call.ask(ShardId::ZERO, Request::Change(change)).await {
        Reply::Changed(ChangeOutcome::Failed(why)) | Reply::Failed(why) => {
            let api = call.header.api_key.name();
            tracing::warn!(api, why, "the cluster's metadata could not be changed");
            None
        }
        Reply::Changed(outcome) => Some(outcome),
        _ => None,
    }
}

/// The same where each thing asked is answered by success or an error, in order.
pub async fn change_each(call: &Call, wish: Change) -> Option<Vec<Result<(), ClusterError>>> {
    match change(call, wish).await? {
        ChangeOutcome::Each(outcomes) => Some(outcomes),
        _ => None,
    }
}

/// The owners' answers in the order of the questions; `None` where an owner has stopped.
pub async fn look(call: &Call, questions: Vec<Question>) -> Vec<Option<LookOutcome>> {
    call.ask_owners(questions, Request::Look, |reply| match reply {
        Reply::Looked(outcomes) => Some(outcomes),
        _ => None,
    })
    .await
}
