//! Frames: a big-endian `i32` that counts the bytes after it, then those bytes.
//!
//! ```text
//! 0        4                       4 + length
//! | length | length bytes          |
//! ```

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures::future::LocalBoxFuture;
use pelton_model::limits::SMALL_FRAME_BYTES;

use crate::budget::{Begun, Budget, Charge, ReadAhead};
use crate::connection::{ShardResources, Sleep};
use crate::frame_buffer::FrameBuffer;
use crate::link::Link;
use crate::scratch::Scratch;
use crate::watch::{Reading, Watch};

/// Bytes of the length itself.
const LENGTH_BYTES: usize = 4;

/// With less room than this in the budget, a connection reads the length only, and waits in line
/// for the rest: tiny reads would be all cost.
const READ_AHEAD_BYTES_MIN: usize = 512;

/// While others wait for memory, a frame that has begun is to be whole in this time, and in each of so
/// many rounds to come by its share; else it holds what they wait for as long as its sender likes.
const FRAME_TIME: Duration = Duration::from_secs(60);
const ROUNDS: u32 = 6;

/// How fast the rest of a frame comes.
#[derive(Default)]
struct Pace {
    /// What had come when the round began.
    filled: usize,
    round: Option<LocalBoxFuture<'static, ()>>,
}

/// One request as it came, without its length.
#[derive(Debug)]
pub struct Frame {
    pub bytes: Bytes,
    /// What the frame costs the shard's budget. Whoever keeps the bytes keeps this beside them;
    /// an [`Answer`](crate::Answer) can carry it on until it has been sent.
    pub charge: Charge,
}

/// Why there is no next frame.
#[derive(Debug)]
pub enum FrameError {
    /// The length is zero, negative, or above the maximum. What follows cannot be made out.
    Length(i32),
    /// The peer stopped sending in the middle of a frame.
    Truncated,
    /// The rest of a frame comes too slowly, while others wait for the memory that it holds.
    Stalled,
    Io(io::Error),
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FrameError::Length(length) => write!(f, "a frame of {length} bytes is not allowed"),
            FrameError::Truncated => f.write_str("the stream ends inside a frame"),
            FrameError::Stalled => {
                f.write_str("a frame comes too slowly, and others wait for its memory")
            }
            FrameError::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FrameError {}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        FrameError::Io(error)
    }
}

/// Cuts the bytes of one link into frames.
///
/// Between frames it owns no memory unless the peer has sent more than it was asked for.
pub struct FrameReader {
    link: Link,
    budget: Budget,
    scratch: Scratch,
    sleep: Sleep,
    frame_bytes_max: usize,
    /// Received, not yet cut; at most one scratch buffer. Its bytes are in `read_ahead`.
    raw: Bytes,
    /// Size of the block that `raw` is the rest of.
    block_bytes: usize,
    read_ahead: ReadAhead,
    watch: Rc<Watch>,
}

impl FrameReader {
    /// Frames above `frame_bytes_max` bytes (without their length) are refused.
    pub fn new(link: Link, shard: &ShardResources, frame_bytes_max: usize) -> Self {
        let ShardResources { budget, scratch, sleep } = shard.clone();
        let read_ahead = budget.read_ahead();
        let watch = Rc::new(Watch::default());
        let raw = Bytes::new();
        let block_bytes = 0;
        Self { link, budget, scratch, sleep, frame_bytes_max, raw, block_bytes, read_ahead, watch }
    }

    pub(crate) fn watch(&self) -> Rc<Watch> {
        self.watch.clone()
    }

    /// The next frame; its memory was charged before it was read into. `None`: the peer sends no more.
    ///
    /// A dropped `next` may have lost the beginning of a frame: then read no further.
    pub async fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        // Also when all is there already: a burst of tiny frames must not hold the core (R8).
        self.link.relax().await;
        let frame = self.read_frame().await;
        self.watch.reading.set(Reading::Nothing);
        frame
    }

    async fn read_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let length = loop {
            if let Some(length) = self.raw.first_chunk::<LENGTH_BYTES>() {
                break self.checked_length(i32::from_be_bytes(*length))?;
            }
            if self.read_ahead().await? == 0 {
                return if self.raw.is_empty() { Ok(None) } else { Err(FrameError::Truncated) };
            }
        };
        let frame = if self.raw.len() - LENGTH_BYTES >= length {
            self.cut(length)
        } else {
            self.read_rest(length).await?
        };
        Ok(Some(frame))
    }

    fn checked_length(&self, length: i32) -> Result<usize, FrameError> {
        usize::try_from(length)
            .ok()
            .filter(|bytes| (1..=self.frame_bytes_max).contains(bytes))
            .ok_or(FrameError::Length(length))
    }

    /// Adds to `raw` whatever comes, as far as the budget allows, at least the next length.
    async fn read_ahead(&mut self) -> io::Result<usize> {
        let state = if self.raw.is_empty() { Reading::NextFrame } else { Reading::RestOfFrame };
        self.watch.reading.set(state);
        let Self { link, budget, scratch, raw, block_bytes, read_ahead, watch, .. } = self;
        poll_fn(|cx| {
            scratch.with(|scratch| {
                let room = budget.read_ahead_room();
                let want = if room < READ_AHEAD_BYTES_MIN {
                    LENGTH_BYTES.saturating_sub(raw.len())
                } else {
                    room.min(scratch.len())
                };
                let buf = scratch.get_mut(..want).unwrap_or_default();
                let count = ready!(link.poll_read(cx, buf))?;
                let received = buf.get(..count).unwrap_or_default();
                *raw = if raw.is_empty() {
                    Bytes::copy_from_slice(received)
                } else {
                    [raw, received].concat().into()
                };
                *block_bytes = raw.len();
                read_ahead.add(count);
                watch.note_progress();
                Ok(count).into()
            })
        })
        .await
    }

    /// Takes a frame of which every byte is in `raw`.
    fn cut(&mut self, length: usize) -> Frame {
        let charge = self.read_ahead.settle(LENGTH_BYTES + length);
        self.raw.advance(LENGTH_BYTES);
        let shared = self.raw.split_to(length);
        // A frame keeps all of the block alive that it shares, so one that is a small part of it
        // gets its own memory.
        let is_most_of_block = LENGTH_BYTES + length >= self.block_bytes / 2;
        let bytes = if is_most_of_block { shared } else { Bytes::copy_from_slice(&shared) };
        if self.raw.is_empty() {
            self.raw = Bytes::new();
        }
        Frame { bytes, charge }
    }

    /// Reads a frame of which `raw` holds the length and the first bytes. Memory is charged and
    /// taken in steps that double, so that it follows what has come and not what was announced.
    async fn read_rest(&mut self, length: usize) -> Result<Frame, FrameError> {
        let mut begun = self.budget.begin();
        begun.adopt(self.read_ahead.settle(self.raw.len()));
        self.raw.advance(LENGTH_BYTES);
        let mut granted = self.raw.len();
        granted += self.extend(&mut begun, granted, length).await;
        let mut buffer = FrameBuffer::new(length, &self.raw);
        self.raw = Bytes::new();
        let mut pace = Pace::default();
        while !buffer.is_full() {
            if buffer.filled() == granted {
                granted += self.extend(&mut begun, granted, length).await;
                // It may have waited itself, which does not count.
                pace.round = None;
            }
            let room = granted - buffer.filled();
            let filled = buffer.filled();
            let unfilled = buffer.unfilled();
            let part = unfilled.len().min(room);
            let part = unfilled.get_mut(..part).unwrap_or_default();
            let count = self.read_at_a_pace(&mut pace, (filled, length), part).await?;
            if count == 0 {
                return Err(FrameError::Truncated);
            }
            buffer.advance(count);
            self.watch.note_progress();
        }
        Ok(Frame { bytes: buffer.freeze(), charge: begun.complete() })
    }

    /// Reads a part of a frame of which so many bytes of all have come.
    async fn read_at_a_pace(
        &self,
        pace: &mut Pace,
        (filled, length): (usize, usize),
        part: &mut [u8],
    ) -> Result<usize, FrameError> {
        let mut read = pin!(self.link.read(part));
        poll_fn(|cx| {
            if let Poll::Ready(count) = read.as_mut().poll(cx) {
                return Poll::Ready(Ok(count?));
            }
            loop {
                let round = pace.round.get_or_insert_with(|| (self.sleep)(FRAME_TIME / ROUNDS));
                ready!(round.as_mut().poll(cx));
                pace.round = None;
                let has_come = filled - std::mem::replace(&mut pace.filled, filled);
                if has_come < length / ROUNDS as usize && self.budget.waiting_count() > 0 {
                    return Poll::Ready(Err(FrameError::Stalled));
                }
            }
        })
        .await
    }

    /// Waits for the next step of a frame of `length` bytes beyond the `granted` ones; its size.
    async fn extend(&self, begun: &mut Begun, granted: usize, length: usize) -> usize {
        let step = length.min(SMALL_FRAME_BYTES.max(granted * 2)) - granted;
        self.watch.reading.set(Reading::Nothing);
        begun.extend(step).await;
        self.watch.reading.set(Reading::RestOfFrame);
        step
    }
}

#[cfg(test)]
#[path = "frame_test.rs"]
mod frame_test;
