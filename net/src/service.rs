//! What a connection asks of the one who understands its frames.

use std::time::Duration;

use bytes::Bytes;
use futures::future::LocalBoxFuture;

use crate::budget::Charge;
use crate::frame::Frame;

/// The meaning of the frames of one connection; there is one value per connection, so that it can
/// hold the connection's session.
pub trait Service {
    /// Begins with a frame. Called in the order of the frames, and the next frame is read only
    /// after the future is done: all that must happen in order (R2) happens in it, and nothing
    /// else, for it holds up the connection.
    fn start(&self, frame: Frame) -> LocalBoxFuture<'static, Step>;

    /// Whether `start` may be called while answers to earlier frames are pending. `false` for
    /// anything that has to see the effect of what came before.
    fn runs_ahead(&self, frame: &Bytes) -> bool;

    /// A frame has been taken off the connection; `start` is called with it once it is its turn,
    /// and before the next one is taken.
    fn arrived(&self) {}

    /// The answer that was given this mark has been handed to the socket.
    fn sent(&self, _mark: Mark) {}
}

/// What a service wants to be told when an answer has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What was asked, in numbers of the service.
    pub kind: i16,
    /// When the answer was ready, by the service's clock.
    pub ready: Duration,
}

/// What came of `start`.
pub enum Step {
    /// The answer, some time. Answers leave in the order of the frames, whichever is ready first.
    /// When the connection breaks, the future is dropped.
    Answer(LocalBoxFuture<'static, Answer>),
    /// This frame makes no sense: earlier ones are still answered, then the connection closes.
    Close,
}

/// What came of a frame.
pub enum Answer {
    /// These bytes, length prefix included; the connection adds nothing.
    Reply(Reply),
    /// Nothing is sent, as the frame asked for.
    Nothing,
    /// The connection closes; answers to earlier frames have been sent.
    Close,
}

/// The bytes of an answer, and what they cost the shard until they have been sent.
#[derive(Debug, Default)]
pub struct Reply {
    pub pieces: Vec<Bytes>,
    pub charge: Option<Charge>,
    /// Of what it carries that the request did not bring.
    pub cargo: Option<Charge>,
    pub mark: Option<Mark>,
}

impl Reply {
    pub fn new(pieces: Vec<Bytes>) -> Self {
        Self { pieces, charge: None, cargo: None, mark: None }
    }

    /// Has [`Service::sent`] told when the answer has been handed to the socket.
    pub fn marked(mut self, mark: Mark) -> Self {
        self.mark = Some(mark);
        self
    }

    /// The same for what it carries, of a budget of its own.
    pub fn carrying(mut self, cargo: Option<Charge>) -> Self {
        self.cargo = cargo;
        self
    }

    /// Keeps `charge` until the answer has been sent.
    pub fn holding(mut self, charge: Charge) -> Self {
        match &mut self.charge {
            Some(held) => held.absorb(charge),
            None => self.charge = Some(charge),
        }
        self
    }
}

impl From<Vec<Bytes>> for Answer {
    fn from(pieces: Vec<Bytes>) -> Self {
        Answer::Reply(Reply::new(pieces))
    }
}
