//! One connection of a client: frames out, frames in, in order (R1).

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures::future::{Either, FutureExt, select};
use pelton_kafka::messages::{KafkaRequest, RequestResponsePair, decode_response, encode_request};
use pelton_kafka::{ApiKey, ResponseHeader};

use super::World;
use crate::machine::Line;

/// What any answer may take: more than all waits, windows and stalls of a run add up to.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

const READ_BYTES: usize = 16 << 10;

/// What clients call themselves.
pub const CLIENT_ID: Option<&str> = Some("sim");

/// The connection is of no use any more; what was asked on it may have happened or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

pub struct Connection {
    world: World,
    line: Line,
    received: BytesMut,
    next_id: i32,
    /// Correlation ids of what was sent and not yet answered.
    open: VecDeque<i32>,
}

impl Connection {
    pub fn new(world: &World, line: Line) -> Self {
        Self {
            world: world.clone(),
            line,
            received: BytesMut::new(),
            next_id: 0,
            open: VecDeque::new(),
        }
    }

    /// The next request's correlation id.
    pub fn next_id(&mut self) -> i32 {
        self.next_id += 1;
        self.next_id
    }

    /// Sends a frame. With `id`, an answer is expected.
    pub async fn send(&mut self, frame: Vec<Bytes>, id: Option<i32>) -> Result<(), Lost> {
        self.world.history.borrow_mut().requests += 1;
        self.open.extend(id);
        let writing = self.line.link.write_all(frame).boxed_local();
        match select(writing, self.world.runtime.sleep(ANSWER_TIMEOUT)).await {
            Either::Left((Ok(()), _)) => Ok(()),
            Either::Left((Err(_), _)) => Err(Lost),
            Either::Right(_) => Err(self.timed_out("a request was not taken")),
        }
    }

    /// The next answer's frame, without its length.
    pub async fn receive(&mut self) -> Result<Bytes, Lost> {
        let deadline = self.world.runtime.now() + ANSWER_TIMEOUT;
        let mut buffer = vec![0; READ_BYTES];
        loop {
            if let Some(frame) = self.cut()? {
                return Ok(frame);
            }
            let patience = deadline.saturating_sub(self.world.runtime.now());
            let reading = self.line.link.read(&mut buffer).boxed_local();
            let read = match select(reading, self.world.runtime.sleep(patience)).await {
                Either::Left((read, _)) => read,
                Either::Right(_) => return Err(self.timed_out("a request was not answered")),
            };
            match read {
                Ok(0) | Err(_) => return Err(Lost),
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
            }
        }
    }

    fn cut(&mut self) -> Result<Option<Bytes>, Lost> {
        let Some(length) = self.received.first_chunk().map(|bytes| i32::from_be_bytes(*bytes))
        else {
            return Ok(None);
        };
        let Ok(length) = usize::try_from(length) else {
            return Err(self.incident("an answer has a negative length"));
        };
        if self.received.len() < 4 + length {
            return Ok(None);
        }
        self.received.advance(4);
        let frame = self.received.split_to(length).freeze();
        let expected = self.open.pop_front();
        if expected.is_none() || ResponseHeader::peek_correlation_id(&frame) != expected {
            return Err(self.incident("answers came out of order (R1)"));
        }
        Ok(Some(frame))
    }

    /// Asks, and waits for the answer.
    pub async fn call<Q: RequestResponsePair>(
        &mut self,
        request: &Q,
        version: i16,
    ) -> Result<Q::Response, Lost> {
        let id = self.next_id();
        let frame = encode_request(id, CLIENT_ID, version, request)
            .unwrap_or_else(|error| panic!("{:?}: {error}", <Q as KafkaRequest>::API_KEY));
        self.send(vec![frame], Some(id)).await?;
        let frame = self.receive().await?;
        match decode_response(frame, version) {
            Ok((_, answer)) => Ok(answer),
            Err(error) => Err(self.incident(&format!("an answer cannot be read: {error}"))),
        }
    }

    /// An answer's body.
    pub fn body(&self, frame: Bytes, key: ApiKey, version: i16) -> Result<Bytes, Lost> {
        match ResponseHeader::decode(frame, key, version) {
            Ok((_, body)) => Ok(body),
            Err(error) => Err(self.incident(&format!("an answer cannot be read: {error}"))),
        }
    }

    fn timed_out(&self, what: &str) -> Lost {
        if !self.line.is_hole() {
            self.incident(what);
        }
        Lost
    }

    pub fn incident(&self, what: &str) -> Lost {
        let at = self.world.runtime.now().as_secs_f64();
        self.world.history.borrow_mut().incident(format!("{what}, at {at:.6} s"));
        Lost
    }
}
