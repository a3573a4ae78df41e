//! Cuts frames and starts them, in order.

use std::future::Future;
use std::pin::pin;

use futures::future::{Either, select};

use super::CloseReason;
use super::pipeline::Pipeline;
use crate::frame::{FrameError, FrameReader};
use crate::service::{Service, Step};
use crate::stop::{StopSignal, Stopped};

/// Runs until there is nothing more to start; the reason for that is also the connection's, once
/// what was started has been answered.
pub(super) async fn read_requests(
    frames: &mut FrameReader,
    service: &dyn Service,
    pipeline: &Pipeline,
    stop: &StopSignal,
) -> CloseReason {
    let mut stopped = stop.stopped();
    loop {
        // Asked here because a connection that never waits would never see the signal below.
        if stop.is_given() || unless(&mut stopped, pipeline.room()).await.is_none() {
            return CloseReason::Stopped;
        }
        let frame = match unless(&mut stopped, frames.next()).await {
            Some(Ok(Some(frame))) => frame,
            Some(Ok(None)) => return CloseReason::PeerClosed,
            Some(Err(FrameError::Io(error))) => return CloseReason::Io(error),
            Some(Err(error)) => return CloseReason::BadFrame(error),
            None => return CloseReason::Stopped,
        };
        service.arrived();
        if !service.runs_ahead(&frame.bytes)
            && unless(&mut stopped, pipeline.drained()).await.is_none()
        {
            return CloseReason::Stopped;
        }
        let frame_bytes = frame.bytes.len();
        // Not given up by a stop: what has begun may have effects, so it is answered.
        match service.start(frame).await {
            Step::Answer(answer) => pipeline.push(frame_bytes, answer),
            Step::Close => return CloseReason::Service,
        }
    }
}

/// The outcome of `wait`, or `None` if the signal comes first.
async fn unless<T>(stopped: &mut Stopped, wait: impl Future<Output = T>) -> Option<T> {
    match select(pin!(wait), stopped).await {
        Either::Left((outcome, _)) => Some(outcome),
        Either::Right(_) => None,
    }
}
