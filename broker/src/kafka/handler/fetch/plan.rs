//! What of a fetch can be read, and where.

use pelton_kafka::fetch::FetchRequest;
use pelton_kafka::{ErrorCode, TopicRef};
use pelton_model::{PartitionId, PartitionIndex, ShardId};

use super::failure;
use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::fetch_session::{Answered, Wanted};

/// A partition that there is.
pub struct Read {
    pub wanted: Wanted,
    pub place: Place,
}

pub enum Place {
    At(ShardId, PartitionId),
    /// It is not read; that is said where its records would stand.
    Refused(ErrorCode),
}

/// Parts what there is from what there is not: topic ids that are unknown, then everything else.
pub fn plan(
    call: &Call,
    request: &FetchRequest,
    all: Vec<Wanted>,
) -> (Vec<Read>, impl Iterator<Item = Answered>) {
    let (mut reads, mut unknown_ids, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for mut wanted in all {
        match locate(call, &mut wanted) {
            Ok(place) => {
                let place = match place {
                    // Brokers fetch by our own protocol, so whoever says to be one is none of
                    // ours. Below 0 are consumers and what debugs them.
                    Place::At(..) if request.replica_id >= 0 => {
                        Place::Refused(ErrorCode::NotLeaderOrFollower)
                    }
                    _ => place,
                };
                reads.push(Read { wanted, place });
            }
            Err(error) => {
                let response = failure(wanted.partition.index, error);
                match error {
                    ErrorCode::UnknownTopicId => unknown_ids.push(Answered { wanted, response }),
                    _ => failed.push(Answered { wanted, response }),
                }
            }
        }
    }
    (reads, unknown_ids.into_iter().chain(failed))
}

/// A topic keeps the name under which its session first found it. So a deleted topic is not an
/// unknown id for the session but a name that is gone, or that is another topic's now.
fn locate(call: &Call, wanted: &mut Wanted) -> Result<Place, ErrorCode> {
    let view = call.shard().view.borrow();
    if let (TopicRef::Id(id), None) = (&wanted.topic, &wanted.name) {
        let topic = view.cluster.topic_by_id(*id).ok_or(ErrorCode::UnknownTopicId)?;
        wanted.name = Some(topic.name.clone());
    }
    let name = wanted.topic_name();
    if !call.may(Operation::Read, Resource::Topic(name)) {
        return Err(ErrorCode::TopicAuthorizationFailed);
    }
    let index = PartitionIndex::new(wanted.partition.index);
    let topic = view
        .cluster
        .topic(name)
        .filter(|topic| topic.has_partition(index))
        .ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if matches!(wanted.topic, TopicRef::Id(id) if id != topic.id) {
        return Ok(Place::Refused(ErrorCode::InconsistentTopicId));
    }
    let partition = PartitionId::new(topic.id, index);
    let owner = view.owner(partition).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    Ok(Place::At(owner, partition))
}
