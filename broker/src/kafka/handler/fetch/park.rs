//! Waiting for records, holding no buffer (R5).

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture, select, select_all};
use pelton_kafka::fetch::FetchPartitionResponse;
use pelton_model::{Offset, PartitionId, ShardId};
use pelton_net::StopSignal;

use super::plan::{Place, Read};
use crate::kafka::context::Call;
use crate::message::Request;
use crate::router::Pending;

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
    let shard = call.shard();
    let here = StopSignal::new();
    let mut local: Option<LocalBoxFuture<'_, ()>> = None;
    let mut remote = Vec::new();
    for (owner, Wait { positions, bytes_min }) in waits {
        if owner == shard.id {
            local = Some(shard.wait_for_bytes(positions, bytes_min, here.clone()).boxed_local());
        } else if let Some(pending) =
            call.send(owner, Request::Await { positions, bytes_min }).await
        {
            remote.push(pending);
        }
    }
    let mut waits: Vec<LocalBoxFuture<'_, ()>> = local.into_iter().collect();
    waits.push(shard.stop.stopped().boxed_local());
    let handles: Vec<_> = remote.iter().map(Pending::canceller).collect();
    waits.extend(
        remote.into_iter().map(|pending| async { drop(pending.reply().await) }.boxed_local()),
    );
    drop(select(select_all(waits), shard.env.sleep(wait)).await);
    // The waits that are left are told that nobody listens.
    for handle in handles {
        handle.cancel().await;
    }
}
