//! How long tasks hold the core: what keeps R8 honest.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::LocalBoxFuture;
use pelton_model::histogram::Latencies;

use super::Lane;

/// What the tasks of one shard took of its core since the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskTimes {
    pub foreground: Duration,
    pub catch_up: Duration,
    pub background: Duration,
    /// The steps that tasks took, each from its wake-up to the next time it waited or yielded.
    /// Nothing else runs on the core during one.
    pub steps: Latencies,
}

impl TaskTimes {
    fn add(&mut self, lane: Lane, took: Duration) {
        match lane {
            Lane::Foreground => self.foreground += took,
            Lane::CatchUp => self.catch_up += took,
            Lane::Background => self.background += took,
        }
        self.steps.record_time(took);
    }
}

/// A task whose steps are timed by `clock`.
pub(super) struct Timed<C> {
    pub lane: Lane,
    pub task: LocalBoxFuture<'static, ()>,
    pub times: Rc<RefCell<TaskTimes>>,
    pub clock: C,
}

impl<C: Fn() -> Duration + Unpin> Future for Timed<C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let began = (self.clock)();
        let step = self.task.as_mut().poll(context);
        let took = (self.clock)().saturating_sub(began);
        self.times.borrow_mut().add(self.lane, took);
        step
    }
}

#[cfg(test)]
#[path = "task_times_test.rs"]
mod task_times_test;
