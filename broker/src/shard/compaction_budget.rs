//! What a compaction takes of the core and of the disk.
//!
//! Nobody waits for a compaction, as long as it keeps up. So beside requests it works for a tenth of
//! the time; where none are served, or where the logs grow faster than that, it does not rest.

use std::cell::Cell;
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use pelton_storage::{Log, Pace};

use super::Shard;

/// Work after which a compaction looks whether requests are being served. If so, it rests: with the
/// core to itself a request takes half a millisecond, and each of its steps would wait for a slice
/// of the compaction, its writes for the compaction's reads, and the clients of the same host for
/// the thread.
const WORK: Duration = Duration::from_micros(500);

/// How long it rests, for the time that it has worked.
const REST_PER_WORK: u32 = 9;

/// Requests are being served if they took more than one part in so many of the core.
const BUSY_SHARE: u32 = 50;

/// Between two looks at how much has been appended.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The logs of one round.
#[derive(Default)]
pub(super) struct Due {
    logs: Vec<Log>,
    growth: Growth,
}

impl Due {
    pub fn add(&mut self, log: &Log, dirty_bytes: u64) {
        self.growth.dirty_bytes += dirty_bytes;
        self.growth.appended_bytes += log.appended_bytes();
        self.logs.push(log.clone());
    }

    fn outgrow_the_round(&self, now: Duration) -> bool {
        self.growth.is_too_much(now, || self.logs.iter().map(Log::appended_bytes).sum())
    }
}

/// How much the logs of a round have grown since it began.
#[derive(Default)]
struct Growth {
    /// When the round began.
    dirty_bytes: u64,
    appended_bytes: u64,
    /// At the last look: the time, and whether it was too much.
    looked: Cell<(Duration, bool)>,
}

impl Growth {
    /// Whether the next round would be half as long again; looks once a second, and for the last
    /// time when it is so.
    fn is_too_much(&self, now: Duration, appended_bytes: impl FnOnce() -> u64) -> bool {
        let (at, was) = self.looked.get();
        if was || now.saturating_sub(at) < LOOK_INTERVAL {
            return was;
        }
        let grown_bytes = appended_bytes().saturating_sub(self.appended_bytes);
        let is = grown_bytes > self.dirty_bytes / 2;
        self.looked.set((now, is));
        is
    }
}

/// How long to rest after so much time, of which requests took a part.
fn rest_after(worked: Duration, served: Duration) -> Duration {
    match served > worked / BUSY_SHARE {
        // Of a longer time than that, part was spent waiting for the device.
        true => worked.min(WORK * 2) * REST_PER_WORK,
        false => Duration::ZERO,
    }
}

/// One compaction's.
pub(super) struct Budget<'a> {
    shard: &'a Shard,
    due: &'a Due,
    /// This shard's part of `log.cleaner.io.max.bytes.per.second`, reads and writes together.
    bytes_per_second: f64,
    /// When what was moved so far is paid for.
    paid_at: Cell<Duration>,
    /// At the end of the last rest: the time, and what requests had taken of the core.
    rested: Cell<(Duration, Duration)>,
}

impl<'a> Budget<'a> {
    pub fn of(shard: &'a Shard, due: &'a Due) -> Self {
        let text = shard.with_broker_configs(|broker| {
            broker.text("log.cleaner.io.max.bytes.per.second").map(str::to_owned)
        });
        let all = text.and_then(|text| text.trim().parse().ok()).unwrap_or(f64::MAX);
        let bytes_per_second = f64::max(all, 1.0) / shard.shard_count() as f64;
        let rested = Cell::new((shard.env.elapsed(), shard.env.task_times().foreground));
        Self { shard, due, bytes_per_second, paid_at: Cell::default(), rested }
    }

    async fn rest_beside_requests(&self) {
        let env = &self.shard.env;
        let (since, served) = self.rested.get();
        let worked = env.elapsed() - since;
        if worked < WORK {
            return;
        }
        let rest = rest_after(worked, env.task_times().foreground - served);
        if !rest.is_zero() && !self.due.outgrow_the_round(env.elapsed()) {
            env.sleep(rest).await;
        }
        self.rested.set((env.elapsed(), env.task_times().foreground));
    }

    async fn pay(&self, moved_bytes: usize) {
        let env = &self.shard.env;
        self.shard.metrics.count(|it| it.compaction.moved_bytes += moved_bytes as u64);
        let now = env.elapsed();
        let costs = Duration::from_secs_f64(moved_bytes as f64 / self.bytes_per_second);
        let paid_at = self.paid_at.get().max(now) + costs;
        self.paid_at.set(paid_at);
        // Shorter sleeps would cost more than they keep back.
        if paid_at > now + Duration::from_millis(1) {
            env.sleep(paid_at - now).await;
        }
    }
}

impl Pace for Budget<'_> {
    fn pace(&self, moved_bytes: usize) -> LocalBoxFuture<'_, bool> {
        async move {
            self.shard.env.breathe().await;
            self.rest_beside_requests().await;
            if moved_bytes > 0 {
                self.pay(moved_bytes).await;
            }
            !self.shard.stop.is_given()
        }
        .boxed_local()
    }
}

#[cfg(test)]
#[path = "compaction_budget_test.rs"]
mod compaction_budget_test;
