//! One shard's [`EnvBackend`](crate::runtime::EnvBackend) on the simulated runtime.

use std::cell::RefCell;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture};
use pelton_model::TimestampMs;
use pelton_storage::disk::sim::Random;

use super::{Life, SimRuntime};
use crate::runtime::{EnvBackend, Lane};

/// One of so many breaths lets others run: that is what a task may count on, and no more.
const BREATHS_PER_YIELD: u64 = 4;

/// See the module.
pub struct SimEnv {
    runtime: SimRuntime,
    life: Life,
    /// Wall-clock time when virtual time was zero. It may differ from life to life, as clocks do.
    epoch: TimestampMs,
    random: RefCell<Random>,
}

impl SimEnv {
    /// Its tasks end with `life`.
    pub fn new(runtime: &SimRuntime, life: Life, epoch: TimestampMs) -> Self {
        let random = RefCell::new(runtime.fork_random());
        Self { runtime: runtime.clone(), life, epoch, random }
    }
}

impl EnvBackend for SimEnv {
    fn now(&self) -> TimestampMs {
        TimestampMs::new(self.epoch.get() + self.runtime.now().as_millis() as i64)
    }

    fn elapsed(&self) -> Duration {
        self.runtime.now()
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        self.runtime.sleep(duration).boxed_local()
    }

    /// Lanes are about who gets a core first; here whoever is drawn does.
    fn spawn(&self, _lane: Lane, task: LocalBoxFuture<'static, ()>) {
        self.runtime.spawn(self.life, task);
    }

    fn random(&self) -> u64 {
        self.random.borrow_mut().next_u64()
    }

    fn breathe(&self) -> LocalBoxFuture<'static, ()> {
        let mut yields = self.random.borrow_mut().below(BREATHS_PER_YIELD) == 0;
        poll_fn(move |context| match std::mem::take(&mut yields) {
            true => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            false => Poll::Ready(()),
        })
        .boxed_local()
    }
}
