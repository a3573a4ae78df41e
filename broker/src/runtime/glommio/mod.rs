//! A shard on glommio: one pinned executor, its queues, its mailboxes.

mod bell;
mod mailbox;
mod pulse;
mod slice;

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ::glommio::{Latency, LocalExecutorBuilder, Placement, Shares, TaskQueueHandle};
use futures::future::{FutureExt, LocalBoxFuture};
use pelton_model::TimestampMs;

pub use self::bell::Bell;
pub use self::mailbox::{Mailboxes, mailboxes};
use self::pulse::{Beginning, Pulse};
use super::task_times::{TaskTimes, Timed};
use super::{EnvBackend, Lane};

/// Time after which a task that runs on asks whether others wait (R8, pitfall 6).
const PREEMPT: Duration = Duration::from_millis(1);

/// The same where nothing but background work runs. Meanwhile a message of another shard is seen at such
/// a turn only: a shard that does not sleep is not woken. A turn costs some 10 µs.
const PREEMPT_BACKGROUND: Duration = Duration::from_micros(200);

/// Spinning before sleep saves wake-ups between shards; more of it would show as idle CPU.
const SPIN_BEFORE_PARK: Duration = Duration::from_micros(20);

/// What of the executor's own log is worth reading, as a filter of the log. It reports each ring that
/// a buffer is not registered with, which the probe has said by then, with the cure.
pub const LOG_FILTER: &str = "glommio::sys::uring=error";

/// Registered memory per ring; the data path's buffers come from the heap (pitfall 23).
const IO_MEMORY_BYTES: usize = 1 << 20;

/// Lanes against each other, when they want the core at once.
const FOREGROUND_SHARES: usize = 1000;
const CATCH_UP_SHARES: usize = 300;
const BACKGROUND_SHARES: usize = 100;

/// A shard's thread.
pub struct ShardThread(JoinHandle<io::Result<()>>);

impl ShardThread {
    /// Waits until the shard has ended.
    pub fn join(self) -> io::Result<()> {
        self.0.join().map_err(|_| io::Error::other("the shard's thread has panicked"))?
    }
}

/// Starts an executor pinned to `cpu`; `body` runs on it to its end.
pub fn spawn_shard<F>(
    index: usize,
    cpu: usize,
    body: impl FnOnce() -> F + Send + 'static,
) -> io::Result<ShardThread>
where
    F: Future<Output = ()> + 'static,
{
    let run = move || {
        if let Err(error) = slice::ask_for_short_slices() {
            tracing::warn!(%error, "no short slices: a shard waits longer for a core that others use");
        }
        let executor = LocalExecutorBuilder::new(Placement::Fixed(cpu))
            .preempt_timer(PREEMPT_BACKGROUND)
            .spin_before_park(SPIN_BEFORE_PARK)
            .io_memory(IO_MEMORY_BYTES)
            .make()?;
        let beginning = Beginning::begin();
        executor.run(async move {
            drop(beginning);
            let _pulse = Pulse::begin();
            body().await;
        });
        Ok(())
    };
    std::thread::Builder::new().name(format!("shard-{index}")).spawn(run).map(ShardThread)
}

/// See the module; made on the executor's thread.
pub struct GlommioEnv {
    started: Instant,
    foreground: TaskQueueHandle,
    catch_up: TaskQueueHandle,
    background: TaskQueueHandle,
    dice: RefCell<Dice>,
    times: Rc<RefCell<TaskTimes>>,
}

impl GlommioEnv {
    /// `seed` should differ from start to start and from shard to shard.
    #[expect(clippy::disallowed_methods, reason = "the seam is where time comes from")]
    pub fn new(seed: u64) -> Self {
        let executor = ::glommio::executor();
        Self {
            started: Instant::now(),
            foreground: executor.create_task_queue(
                Shares::Static(FOREGROUND_SHARES),
                Latency::Matters(PREEMPT),
                "foreground",
            ),
            catch_up: executor.create_task_queue(
                Shares::Static(CATCH_UP_SHARES),
                Latency::NotImportant,
                "catch-up",
            ),
            background: executor.create_task_queue(
                Shares::Static(BACKGROUND_SHARES),
                Latency::NotImportant,
                "background",
            ),
            dice: RefCell::new(Dice(seed | 1)),
            times: Rc::default(),
        }
    }
}

/// 64 bits that nobody can foresee, from the kernel.
pub fn entropy() -> io::Result<u64> {
    let mut bytes = [0u8; 8];
    // SAFETY: the pointer and the length are those of `bytes`.
    let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    if got == bytes.len() as isize {
        Ok(u64::from_ne_bytes(bytes))
    } else {
        Err(io::Error::last_os_error())
    }
}

/// SplitMix64; seeded from [`entropy`]. For ids and jitter, not for secrets.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl EnvBackend for GlommioEnv {
    #[expect(clippy::disallowed_methods, reason = "the seam is where time comes from")]
    fn now(&self) -> TimestampMs {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        TimestampMs::new(since.as_millis() as i64)
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        ::glommio::timer::sleep(duration).boxed_local()
    }

    fn spawn(&self, lane: Lane, task: LocalBoxFuture<'static, ()>) {
        let queue = match lane {
            Lane::Foreground => self.foreground,
            Lane::CatchUp => self.catch_up,
            Lane::Background => self.background,
        };
        let started = self.started;
        let clock = move || started.elapsed();
        let task = Timed { lane, task, times: self.times.clone(), clock };
        // Only a queue that does not exist is refused, and these two do until the executor ends.
        if let Ok(task) = ::glommio::spawn_local_into(task, queue) {
            task.detach();
        }
    }

    fn random(&self) -> u64 {
        self.dice.borrow_mut().roll()
    }

    fn breathe(&self) -> LocalBoxFuture<'static, ()> {
        ::glommio::yield_if_needed().boxed_local()
    }

    fn task_times(&self) -> TaskTimes {
        *self.times.borrow()
    }
}
