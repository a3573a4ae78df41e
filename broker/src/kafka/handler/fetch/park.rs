//! Waiting for records, holding no buffer (R5).

use std::collections::BTreeMap;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture, select, select_all};
use pelton_kafka::fetch::FetchPartitionResponse;
use pelton_model::{Offset, PartitionId, ShardId};
use pelton_net::StopSignal;

use super::plan::{Place, Read};
use crate::kafka::context::Call;
use crate::message::Request;
use crate::router::Canceller;
use crate::runtime::Lane;
use crate::shard::Shard;

/// What is waited for at one owner.
#[derive(Default)]
pub struct Wait {
    positions: Vec<(PartitionId, Offset)>,
    bytes_min: usize,
}

/// With several owners each sees only its part, so each tells of anything beyond what it has.
pub fn waits(
    reads: &[Read],
    responses: &[FetchPartitionResponse],
    bytes_min: usize,
) -> BTreeMap<ShardId, Wait> {
    let mut waits: BTreeMap<ShardId, Wait> = BTreeMap::new();
    for (Read { wanted, place }, response) in reads.iter().zip(responses) {
        let Place::At(owner, id) = place else { continue };
        let wait = waits.entry(*owner).or_insert(Wait { bytes_min: 1, ..Wait::default() });
        wait.positions.push((*id, Offset::new(wanted.partition.fetch_offset)));
        wait.bytes_min += response.records_bytes();
    }
    if waits.len() == 1 {
        waits.values_mut().for_each(|wait| wait.bytes_min = bytes_min);
    }
    waits
}

/// The first owner that has what is waited for, or the time, ends all waits.
pub async fn park(call: &Call, waits: BTreeMap<ShardId, Wait>, wait: Duration) {
    // Owners may take their time to hear of it.
    let time = call.shard().env.sleep(wait);
    drop(select(pin!(first_of(call, waits)), time).await);
}

async fn first_of(call: &Call, waits: BTreeMap<ShardId, Wait>) {
    let shard = call.shard();
    let here = StopSignal::new();
    let mut local: Option<LocalBoxFuture<'_, ()>> = None;
    let mut elsewhere = Elsewhere { shard: shard.clone(), waits: Vec::new() };
    let mut remote = Vec::new();
    for (owner, Wait { positions, bytes_min }) in waits {
        if owner == shard.id {
            local = Some(shard.wait_for_bytes(positions, bytes_min, here.clone()).boxed_local());
        } else if let Some(mut pending) =
            call.send(owner, Request::Await { positions, bytes_min }).await
        {
            pending.keep_no_slot();
            elsewhere.waits.push(pending.canceller());
            remote.push(pending);
        }
    }
    let mut waits: Vec<LocalBoxFuture<'_, ()>> = local.into_iter().collect();
    waits.push(shard.stop.stopped().boxed_local());
    waits.extend(
        remote.into_iter().map(|pending| async { drop(pending.reply().await) }.boxed_local()),
    );
    select_all(waits).await;
}

/// Waits of one fetch at other shards. Once this is dropped, with its connection perhaps, those that
/// are left are told that nobody listens: they have no end of their own.
struct Elsewhere {
    shard: Rc<Shard>,
    waits: Vec<Canceller>,
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let left: Vec<_> = self.waits.drain(..).filter(Canceller::is_open).collect();
        if !left.is_empty() {
            self.shard.env.spawn(Lane::Foreground, async {
                for wait in left {
                    wait.cancel().await;
                }
            });
        }
    }
}
