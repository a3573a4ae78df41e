//! SEAM 3: what a shard gets from the machine besides disk and network — time, tasks, chance, and
//! the mailboxes of the other shards. Below it stands glommio, which nothing else in the broker may
//! name, or the simulator.

pub mod glommio;
pub mod sim;
mod task_times;

use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::LocalBoxFuture;
use pelton_model::{ShardId, TimestampMs};

pub use self::task_times::TaskTimes;
use crate::message::Message;

/// What runs for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Requests, and what requests wait for.
    Foreground,
    /// Reads of what is not in memory: whoever catches up may not spoil who keeps up.
    CatchUp,
    /// Carrying, retention and other work that must not spoil anybody's latency.
    Background,
}

/// One shard's clock, scheduler and dice (D1).
pub trait EnvBackend {
    /// Wall-clock time, for what clients see.
    fn now(&self) -> TimestampMs;
    /// Time since some fixed moment, for durations.
    fn elapsed(&self) -> Duration;
    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()>;
    fn spawn(&self, lane: Lane, task: LocalBoxFuture<'static, ()>);
    fn random(&self) -> u64;
    /// Gives others the core if they have waited long enough (R8).
    fn breathe(&self) -> LocalBoxFuture<'static, ()>;
    /// What the tasks took of the core; nothing where time stands still while they run.
    fn task_times(&self) -> TaskTimes {
        TaskTimes::default()
    }
}

/// See [`EnvBackend`].
#[derive(Clone)]
pub struct Env(Rc<dyn EnvBackend>);

impl Env {
    pub fn new(backend: impl EnvBackend + 'static) -> Self {
        Env(Rc::new(backend))
    }

    pub fn now(&self) -> TimestampMs {
        self.0.now()
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    pub fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        self.0.sleep(duration)
    }

    pub fn spawn(&self, lane: Lane, task: impl Future<Output = ()> + 'static) {
        self.0.spawn(lane, Box::pin(task));
    }

    /// What the task results in. It goes on to its end though nobody awaits it any more; `None` when
    /// it was ended with its executor.
    pub async fn complete<T: 'static>(
        &self,
        lane: Lane,
        task: impl Future<Output = T> + 'static,
    ) -> Option<T> {
        let (sender, receiver) = oneshot::channel();
        self.spawn(lane, async move {
            let _ = sender.send(task.await);
        });
        receiver.await.ok()
    }

    pub fn random(&self) -> u64 {
        self.0.random()
    }

    pub fn breathe(&self) -> LocalBoxFuture<'static, ()> {
        self.0.breathe()
    }

    pub fn task_times(&self) -> TaskTimes {
        self.0.task_times()
    }
}

/// The other shard has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerGone;

/// The way to one other shard; bounded, in order.
pub trait Outbox {
    /// Waits while the mailbox is full.
    fn send(&self, message: Message) -> LocalBoxFuture<'_, Result<(), PeerGone>>;
}

/// What comes from one other shard, in order.
pub trait Inbox {
    /// `None` when the other shard has ended.
    fn next(&self) -> LocalBoxFuture<'_, Option<Message>>;
}

/// The mailboxes that a shard shares with one other shard.
#[derive(Clone)]
pub struct Neighbour {
    pub id: ShardId,
    pub requests_out: Rc<dyn Outbox>,
    pub replies_out: Rc<dyn Outbox>,
    pub requests_in: Rc<dyn Inbox>,
    pub replies_in: Rc<dyn Inbox>,
}
