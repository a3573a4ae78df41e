//! Sends the answers, in order.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use bytes::Bytes;

use super::CloseReason;
use super::pipeline::{Answered, Pipeline};
use crate::budget::Charge;
use crate::link::Link;
use crate::service::{Answer, Mark, Service};
use crate::watch::Watch;

/// Answers that are ready are gathered into one write up to this size.
const GATHERED_BYTES_MAX: usize = 256 << 10;

/// Slices of one gathered write: they are what makes a write with few bytes large.
const GATHERED_PIECES_MAX: usize = 256;

/// A larger answer is written in parts of this size, each of which the client has to take within
/// the idle time.
const WRITE_BYTES_MAX: usize = 1 << 20;

/// Runs until no further answer will come, or can be sent.
pub(super) async fn write_answers(
    link: &Link,
    service: &dyn Service,
    pipeline: &Pipeline,
    watch: &Watch,
) -> CloseReason {
    loop {
        let first = match poll_fn(|cx| pipeline.poll_answer(cx)).await {
            Ok(first) => first,
            Err(reason) => return reason,
        };
        let mut batch = Batch::default();
        batch.add(first);
        while !batch.is_full() {
            match poll_fn(|cx| Poll::Ready(pipeline.poll_answer(cx))).await {
                Poll::Ready(Ok(next)) => batch.add(next),
                Poll::Ready(Err(reason)) => {
                    batch.end = Some(reason);
                }
                Poll::Pending => break,
            }
        }
        if let Err(error) = send(link, batch.pieces, watch).await {
            return CloseReason::Io(error);
        }
        batch.marks.into_iter().for_each(|mark| service.sent(mark));
        drop(batch.charges);
        pipeline.sent(batch.requests, batch.frame_bytes);
        if let Some(reason) = batch.end {
            return reason;
        }
    }
}

/// Answers that leave together.
#[derive(Default)]
struct Batch {
    pieces: Vec<Bytes>,
    bytes: usize,
    charges: Vec<Charge>,
    marks: Vec<Mark>,
    requests: usize,
    frame_bytes: usize,
    /// Nothing leaves after these.
    end: Option<CloseReason>,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.end.is_some()
            || self.bytes >= GATHERED_BYTES_MAX
            || self.pieces.len() >= GATHERED_PIECES_MAX
    }

    fn add(&mut self, answered: Answered) {
        self.requests += 1;
        self.frame_bytes += answered.frame_bytes;
        match answered.answer {
            Answer::Reply(reply) => {
                self.bytes += reply.pieces.iter().map(Bytes::len).sum::<usize>();
                self.pieces.extend(reply.pieces);
                self.charges.extend(reply.charge);
                self.charges.extend(reply.cargo);
                self.marks.extend(reply.mark);
            }
            Answer::Nothing => {}
            Answer::Close => self.end = Some(CloseReason::Service),
        }
    }
}

async fn send(link: &Link, pieces: Vec<Bytes>, watch: &Watch) -> io::Result<()> {
    for part in parts(pieces) {
        link.relax().await;
        watch.writing.set(true);
        let sent = link.write_all(part).await;
        watch.writing.set(false);
        sent?;
        watch.note_progress();
    }
    Ok(())
}

/// Cuts a write into parts of at most [`WRITE_BYTES_MAX`] bytes.
fn parts(pieces: Vec<Bytes>) -> impl Iterator<Item = Vec<Bytes>> {
    let mut rest = pieces.into_iter();
    let mut cut: Option<Bytes> = None;
    std::iter::from_fn(move || {
        let mut part = Vec::new();
        let mut room = WRITE_BYTES_MAX;
        while room > 0 {
            let Some(mut piece) = cut.take().or_else(|| rest.next()) else { break };
            if piece.len() > room {
                cut = Some(piece.split_off(room));
            }
            room -= piece.len();
            if !piece.is_empty() {
                part.push(piece);
            }
        }
        (!part.is_empty()).then_some(part)
    })
}
