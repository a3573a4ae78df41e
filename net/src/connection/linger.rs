//! Closes without destroying what has just been sent.
//!
//! A socket that is closed with unread bytes in it sends a reset (RFC 1122, 4.2.2.13), and the
//! reset makes the peer forget answers that it has not read yet. So where we are the ones who
//! stop reading, we say that we send no more, and let the peer finish, within bounds.

use std::future::{Future, poll_fn};
use std::net::Shutdown;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures::future::select;

use super::{CloseReason, ShardResources};
use crate::link::Link;

/// More than a round trip and a client's reaction, less than anyone would wait for.
const LINGER: Duration = Duration::from_secs(1);

/// What a client may have had under way: about a receive buffer.
const DISCARDED_BYTES_MAX: usize = 4 << 20;

/// Whether the peer may still be sending.
pub(super) fn is_due(reason: &CloseReason) -> bool {
    match reason {
        CloseReason::BadFrame(_) | CloseReason::Service | CloseReason::Stopped => true,
        CloseReason::PeerClosed | CloseReason::Idle | CloseReason::Io(_) => false,
    }
}

pub(super) async fn linger(link: &Link, shard: &ShardResources) {
    if link.shutdown(Shutdown::Write).is_err() {
        return;
    }
    let discard = pin!(discard(link, shard));
    select(discard, (shard.sleep)(LINGER)).await;
}

fn discard(link: &Link, shard: &ShardResources) -> impl Future<Output = ()> {
    let mut room = DISCARDED_BYTES_MAX;
    poll_fn(move |cx| {
        while room > 0 {
            let read = shard.scratch.with(|scratch| link.poll_read(cx, scratch));
            match read {
                Poll::Ready(Ok(count)) if count > 0 => room = room.saturating_sub(count),
                Poll::Ready(_) => break,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    })
}
