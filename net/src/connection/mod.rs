//! The life of one connection, from its first byte to its close.
//!
//! One future does all of it, without spawning: a *reader* that cuts frames and starts them, a
//! *writer* that sends the answers, and a *watchdog*. They share the [`pipeline`]: the requests
//! that have been started and not yet been answered.
//!
//! - Answers leave in the order of the requests (R1), requests start in the order of their frames
//!   (R2).
//! - What is in flight is bounded in requests and in bytes: at the bound, reading stops, and so
//!   does the client, by TCP (R3).
//! - A client that shuts down its sending half still gets its answers. What precedes a bad frame
//!   is answered before the close.

mod linger;
mod pipeline;
mod reader;
mod watchdog;
mod writer;

use std::future::{Future, poll_fn};
use std::io;
use std::net::Shutdown;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures::future::LocalBoxFuture;

use crate::budget::Budget;
use crate::frame::{FrameError, FrameReader};
use crate::link::Link;
use crate::scratch::Scratch;
use crate::service::Service;
use crate::stop::StopSignal;
use crate::watch::Reading;
use pipeline::Pipeline;

/// Waits for a while by whatever clock there is; a dropped wait costs nothing.
pub type Sleep = Rc<dyn Fn(Duration) -> LocalBoxFuture<'static, ()>>;

/// What one connection may take.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// Kafka's `socket.request.max.bytes`: a frame, without its length.
    pub frame_bytes_max: usize,
    /// Requests that have been started and whose answers have not been sent.
    pub in_flight_requests_max: usize,
    /// No frame is read while at least so many bytes of frames are in flight; so the last frame
    /// may go beyond.
    pub in_flight_bytes_max: usize,
    /// Kafka's `connections.max.idle.ms`: how long the client may keep the connection waiting, for
    /// a request, for the rest of one, or for taking its answers. At most a quarter late. `None`:
    /// for ever.
    pub idle: Option<Duration>,
}

/// What all connections of one shard share.
#[derive(Clone)]
pub struct ShardResources {
    pub budget: Budget,
    pub scratch: Scratch,
    pub sleep: Sleep,
}

/// Why a connection ended.
#[derive(Debug)]
pub enum CloseReason {
    /// The client sends no more, and has all its answers.
    PeerClosed,
    /// A frame's length is not allowed, or the stream ended inside a frame.
    BadFrame(FrameError),
    /// The service asked for it.
    Service,
    /// The client kept us waiting for [`ConnectionLimits::idle`].
    Idle,
    /// The stop signal was given.
    Stopped,
    /// The connection broke.
    Io(io::Error),
}

/// Serves one connection until it ends. After `stop` nothing new is read, what is in flight is
/// answered. Dropping the future breaks the connection off.
pub async fn serve(
    link: Link,
    service: Rc<dyn Service>,
    limits: ConnectionLimits,
    shard: ShardResources,
    stop: StopSignal,
) -> CloseReason {
    let reason = exchange(&link, &*service, &limits, &shard, &stop).await;
    // The service may hold much; the peer may take its time.
    drop(service);
    if linger::is_due(&reason) {
        linger::linger(&link, &shard).await;
    }
    // Fails if the peer was faster, and then there is nothing left to do.
    let _ = link.shutdown(Shutdown::Both);
    reason
}

async fn exchange(
    link: &Link,
    service: &dyn Service,
    limits: &ConnectionLimits,
    shard: &ShardResources,
    stop: &StopSignal,
) -> CloseReason {
    let mut frames = FrameReader::new(link.clone(), shard, limits.frame_bytes_max);
    let watch = frames.watch();
    let pipeline = Pipeline::new(limits.in_flight_requests_max, limits.in_flight_bytes_max);

    let mut reader = pin!(reader::read_requests(&mut frames, service, &pipeline, stop));
    let mut writer = pin!(writer::write_answers(link, service, &pipeline, &watch));
    let mut watchdog = pin!(watchdog::watch(&watch, &pipeline, limits.idle, &shard.sleep));
    let mut reading = true;
    poll_fn(|cx| {
        // The two wait for each other through the pipeline, without wakers: whenever one of them
        // has changed it, both have another look. The link's pauses end this.
        loop {
            pipeline.begin_turn();
            if reading && let Poll::Ready(end) = reader.as_mut().poll(cx) {
                reading = false;
                match end {
                    CloseReason::Io(error) => return Poll::Ready(CloseReason::Io(error)),
                    end => {
                        if matches!(end, CloseReason::PeerClosed) {
                            watch.reading.set(Reading::Ended);
                        }
                        pipeline.end_requests(end);
                    }
                }
            }
            if let Poll::Ready(reason) = writer.as_mut().poll(cx) {
                return Poll::Ready(reason);
            }
            if !pipeline.changed_in_turn() {
                break;
            }
        }
        watchdog.as_mut().poll(cx)
    })
    .await
}

#[cfg(test)]
#[path = "connection_test.rs"]
mod connection_test;
