//! One connection's loop: answers in, due requests out, and nothing in between that waits.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use pelton_kafka::{Frame, ResponseHeader};
use tokio::time::Sleep;

use crate::clock::{self, Alarm};
use crate::connection::{ANSWER_TIMEOUT, Connection};
use crate::error::{Error, Result};
use crate::schedule::Schedule;
use crate::tally::GivenUp;

/// What requests say and what answers mean.
pub(crate) trait Load {
    /// The next request; none if an answer must come first.
    ///
    /// # Errors
    /// What cannot be encoded.
    fn request(&mut self, correlation_id: i32) -> Result<Option<Frame>>;

    /// Whether there are answers at all (not with acks=0).
    fn is_answered(&self) -> bool {
        true
    }

    /// The answer to the oldest request; empty where there are no answers and it is written.
    ///
    /// # Errors
    /// What ends the run.
    fn answer(&mut self, answer: Bytes, due: Instant, now: Instant) -> Result<()>;

    /// A request that was due and is not waited for any more.
    fn give_up(&mut self, due: Instant, now: Instant, given_up: GivenUp);

    /// Ready once: from this moment on nothing is due any more, though the schedule goes on. What was due
    /// before is still sent and waited for.
    fn poll_end(&mut self, _cx: &mut Context<'_>) -> Poll<Instant> {
        Poll::Pending
    }

    /// Whether there is nothing left to be asked or waited for, though the schedule goes on.
    fn is_done(&self) -> bool;
}

pub(crate) struct Session<L> {
    connection: Connection,
    load: L,
    schedule: Schedule,
    in_flight_max: usize,
    in_flight: VecDeque<InFlight>,
    next_correlation_id: i32,
    alarm: Alarm,
    stall: Pin<Box<Sleep>>,
    drain: Duration,
    give_up_at: Instant,
}

struct InFlight {
    correlation_id: i32,
    due: Instant,
    sent: Instant,
}

impl<L: Load> Session<L> {
    /// What is still unanswered so long after `end`, or after an earlier end of the load, is given up.
    pub fn new(
        connection: Connection,
        load: L,
        schedule: Schedule,
        in_flight_max: usize,
        end: Instant,
        drain: Duration,
    ) -> Result<Self> {
        let give_up_at = end + drain;
        let context = format!("a timer for {}", connection.address());
        Ok(Self {
            connection,
            load,
            schedule,
            in_flight_max,
            in_flight: VecDeque::new(),
            next_correlation_id: 1,
            alarm: Alarm::new().map_err(Error::io(context))?,
            stall: Box::pin(tokio::time::sleep_until(
                give_up_at.min(clock::now() + ANSWER_TIMEOUT).into(),
            )),
            drain,
            give_up_at,
        })
    }

    /// Runs to the schedule's end and the last answer.
    pub async fn run(mut self) -> Result<()> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        loop {
            self.take_answers(cx)?;
            if let Poll::Ready(at) = self.load.poll_end(cx) {
                self.end(at);
            }
            let now = clock::now();
            let next_due = self.send_due(now)?;
            if self.is_finished(now) {
                return Poll::Ready(Ok(()));
            }
            let flushed = self.connection.poll_flush(cx)?.is_ready();
            if flushed && !self.load.is_answered() && self.settle_unanswered()? {
                continue;
            }
            if let Some(due) = next_due
                && self
                    .alarm
                    .poll(due, now, cx)
                    .map_err(|error| self.timer_failed(error))?
                    .is_ready()
            {
                continue;
            }
            if self.stall.as_mut().poll(cx).is_ready() {
                self.check_stall(now)?;
                continue;
            }
            return Poll::Pending;
        }
    }

    fn take_answers(&mut self, cx: &mut Context<'_>) -> Result<()> {
        if !self.load.is_answered() {
            return Ok(());
        }
        while let Poll::Ready(answer) = self.connection.poll_answer(cx) {
            let answer = answer?;
            let now = clock::now();
            let address = self.connection.address();
            let Some(oldest) = self.in_flight.pop_front() else {
                return Err(Error::connection(address, "an answer to nothing"));
            };
            if ResponseHeader::peek_correlation_id(&answer) != Some(oldest.correlation_id) {
                return Err(Error::connection(address, "an answer to another request"));
            }
            self.load.answer(answer, oldest.due, now)?;
        }
        Ok(())
    }

    /// Queues what is due, as far as there is room. When the next one will be, if there is.
    fn send_due(&mut self, now: Instant) -> Result<Option<Instant>> {
        while self.in_flight.len() < self.in_flight_max {
            match self.schedule.next_due(now) {
                None => break,
                Some(due) if due > now => return Ok(Some(due)),
                Some(due) => {
                    let correlation_id = self.next_correlation_id;
                    let Some(frame) = self.load.request(correlation_id)? else { break };
                    self.next_correlation_id = correlation_id.wrapping_add(1);
                    self.connection.queue(frame);
                    self.schedule.take();
                    self.in_flight.push_back(InFlight { correlation_id, due, sent: now });
                }
            }
        }
        Ok(None)
    }

    /// Without answers a request is done when the system has it.
    fn settle_unanswered(&mut self) -> Result<bool> {
        let now = clock::now();
        let settled = !self.in_flight.is_empty();
        for done in std::mem::take(&mut self.in_flight) {
            self.load.answer(Bytes::new(), done.due, now)?;
        }
        Ok(settled)
    }

    fn is_finished(&mut self, now: Instant) -> bool {
        if now >= self.give_up_at {
            for given_up in std::mem::take(&mut self.in_flight) {
                self.load.give_up(given_up.due, now, GivenUp::Unanswered);
            }
            if self.schedule.is_open_loop() {
                while let Some(due) = self.schedule.next_due(now) {
                    self.load.give_up(due, now, GivenUp::Unsent);
                    self.schedule.take();
                }
            }
            return true;
        }
        self.load.is_done() || (self.in_flight.is_empty() && self.schedule.next_due(now).is_none())
    }

    /// An end that was not known beforehand.
    fn end(&mut self, at: Instant) {
        self.schedule.end_at(at);
        self.give_up_at = self.give_up_at.min(at + self.drain);
        let look_at = self.stall.deadline().min(self.give_up_at.into());
        self.stall.as_mut().reset(look_at);
    }

    fn check_stall(&mut self, now: Instant) -> Result<()> {
        let oldest = self.in_flight.front().map(|oldest| oldest.sent);
        let waited = oldest.map_or(Duration::ZERO, |sent| now.saturating_duration_since(sent));
        if waited >= ANSWER_TIMEOUT {
            return Err(self.connection.no_answer_for(waited));
        }
        let next = (now + ANSWER_TIMEOUT - waited).min(self.give_up_at.max(now));
        self.stall.as_mut().reset(next.max(now + Duration::from_millis(1)).into());
        Ok(())
    }

    fn timer_failed(&self, error: std::io::Error) -> Error {
        Error::io(format!("a timer for {}", self.connection.address()))(error)
    }
}

#[cfg(test)]
#[path = "session_test.rs"]
mod session_test;
