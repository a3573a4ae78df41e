//! New connections beside a load: whether a busy broker still answers someone who has just come.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use super::books::Books;
use crate::clock::{self, Alarm};
use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::plan::NEWCOMERS_MAX;
use crate::schedule::{Schedule, Until};
use crate::tally::Counts;

/// New connections at a rate, each closed once it was told the broker's versions.
#[derive(Clone, Debug)]
pub(crate) struct GreetJob {
    pub address: Arc<str>,
    pub per_second: f64,
    /// So many are due together; the more, the rarer.
    pub at_once: usize,
}

impl GreetJob {
    /// When there are some to be made; how many of them does not matter for when.
    pub fn schedule(&self, begin: Instant, until: Until) -> Schedule {
        Schedule::at_rate(self.per_second / self.at_once as f64, 0, 1, begin, until)
    }
}

/// Each counts from when it was due. They do not wait for one another. None comes after `end`, even if the
/// schedule goes on.
pub(super) async fn run(
    job: GreetJob,
    schedule: Schedule,
    books: Rc<RefCell<Books>>,
    end: impl Future<Output = Instant>,
) -> Result<()> {
    let mut pending = JoinSet::new();
    tokio::select! {
        result = come(&job, schedule, &books, &mut pending) => result?,
        _ = end => {}
    }
    while let Some(greeted) = pending.join_next().await {
        finished(greeted)?;
    }
    Ok(())
}

async fn come(
    job: &GreetJob,
    mut schedule: Schedule,
    books: &Rc<RefCell<Books>>,
    pending: &mut JoinSet<Result<()>>,
) -> Result<()> {
    let mut alarm = Alarm::new().map_err(Error::io("a timer for new connections"))?;
    while let Some(due) = schedule.next_due(clock::now()) {
        poll_fn(|cx| alarm.poll(due, clock::now(), cx))
            .await
            .map_err(Error::io("a timer for new connections"))?;
        schedule.take();
        while let Some(greeted) = pending.try_join_next() {
            finished(greeted)?;
        }
        for _ in 0..job.at_once {
            if pending.len() >= NEWCOMERS_MAX
                && let Some(greeted) = pending.join_next().await
            {
                finished(greeted)?;
            }
            pending.spawn_local(greet(job.address.clone(), due, books.clone()));
        }
    }
    Ok(())
}

async fn greet(address: Arc<str>, due: Instant, books: Rc<RefCell<Books>>) -> Result<()> {
    Connection::connect(&address).await?;
    let now = clock::now();
    let mut books = books.borrow_mut();
    books.newcomers.time(due, now);
    books.newcomers.count(now, Counts { requests: 1, ..Counts::default() });
    Ok(())
}

fn finished(greeted: std::result::Result<Result<()>, tokio::task::JoinError>) -> Result<()> {
    greeted.map_err(|error| Error::Invalid(format!("a task of the load: {error}")))?
}

#[cfg(test)]
#[path = "greet_test.rs"]
mod greet_test;
