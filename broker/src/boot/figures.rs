//! What those who watch the broker are told, gathered on shard 0.

use std::collections::BTreeMap;
use std::time::Duration;

use pelton_model::{Offset, PartitionId, PartitionIndex, ShardId, TimestampMs};

use super::{RunningShard, ask_all, ask_each};
use crate::message::{Look, LookOutcome, Reply, Request};
use crate::metrics::{PartitionFigures, Position, ShardFigures};
use crate::shard::Shard;

/// What one owner is asked, and at which places of the list the answers go.
type Part = (Vec<usize>, Vec<(PartitionId, Look)>);

/// Positions whose owners are found before others get the core.
const POSITIONS_A_SLICE: usize = 256;

impl RunningShard {
    /// The figures of all shards; called on shard 0.
    pub fn figures(&self) -> impl Future<Output = Vec<ShardFigures>> + 'static {
        let shard = self.shard.clone();
        async move {
            let replies = ask_all(&shard, || Request::Metrics).await;
            let figures = replies.into_iter().filter_map(|(_, reply)| match reply {
                Reply::Metrics(figures) => Some(*figures),
                _ => None,
            });
            figures.collect()
        }
    }

    /// The figures of all partitions; called on shard 0.
    pub fn partition_figures(&self) -> impl Future<Output = Vec<PartitionFigures>> + 'static {
        let shard = self.shard.clone();
        async move {
            let replies = ask_all(&shard, || Request::PartitionMetrics).await;
            let figures = replies.into_iter().filter_map(|(_, reply)| match reply {
                Reply::PartitionMetrics(figures) => Some(figures),
                _ => None,
            });
            figures.flatten().collect()
        }
    }

    /// How long ago the records at some positions were written, as far as that is known without
    /// reading them: they are at least so old. In the order of the positions; called on shard 0.
    pub fn ages(
        &self,
        positions: Vec<Position>,
    ) -> impl Future<Output = Vec<Option<Duration>>> + 'static {
        let shard = self.shard.clone();
        async move {
            let mut ages = vec![None; positions.len()];
            let mut by_owner: BTreeMap<ShardId, Part> = BTreeMap::new();
            for (at, position) in positions.iter().enumerate() {
                if let Some((partition, owner)) = locate(&shard, position) {
                    let (places, questions) = by_owner.entry(owner).or_default();
                    places.push(at);
                    questions.push((partition, Look::TimeNear(Offset::new(position.offset))));
                }
                if at % POSITIONS_A_SLICE == POSITIONS_A_SLICE - 1 {
                    shard.env.breathe().await;
                }
            }
            let (mut places, mut requests) = (BTreeMap::new(), Vec::new());
            for (owner, (part, questions)) in by_owner {
                places.insert(owner, part);
                requests.push((owner, Request::Look(questions)));
            }
            for (owner, reply) in ask_each(&shard, requests.into_iter()).await {
                let (Reply::Looked(outcomes), Some(part)) = (reply, places.get(&owner)) else {
                    continue;
                };
                for (place, outcome) in part.iter().zip(outcomes) {
                    if let LookOutcome::TimeNear(Some(time)) = outcome {
                        ages[*place] = Some(age(time, shard.env.now()));
                    }
                }
            }
            ages
        }
    }
}

/// The partition at a position and its owner, if there is one.
fn locate(shard: &Shard, position: &Position) -> Option<(PartitionId, ShardId)> {
    let view = shard.view.borrow();
    let topic = view.cluster.topic(&position.topic)?;
    let partition = PartitionId::new(topic.id, PartitionIndex::new(position.partition));
    Some((partition, view.owner(partition)?))
}

/// A producer's clock may be ahead of ours: such a record has no age.
fn age(time: TimestampMs, now: TimestampMs) -> Duration {
    Duration::from_millis(u64::try_from(now.get().saturating_sub(time.get())).unwrap_or(0))
}
