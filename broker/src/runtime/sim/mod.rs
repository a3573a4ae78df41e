//! A shard's time, tasks, chance and mailboxes in the simulator: one thread, virtual time, a seed.
//!
//! Time stands still while a task runs and moves to the next timer when none can. Which of the
//! tasks that can run goes next is drawn, so that nothing above comes to rely on an order that
//! glommio happens to have. The same seed draws the same.

mod env;
mod mailbox;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture};
use pelton_storage::disk::sim::Random;

pub use self::env::SimEnv;
pub use self::mailbox::{Observer, neighbours};

/// Polls without time moving, beyond which somebody spins: thousands of times what a busy moment
/// of a small broker needs.
const POLLS_PER_MOMENT_MAX: u64 = 200_000;

/// Which tasks end together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life(pub u64);

/// Why a run cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stuck {
    /// Nobody can run, now or later.
    Deadlock,
    /// Tasks wake each other, and time stands still.
    Spinning,
    /// The run has not ended by its time limit.
    Late,
}

/// The executor; clones are the same.
#[derive(Clone)]
pub struct SimRuntime(Rc<Core>);

struct Core {
    now: Cell<Duration>,
    tasks: RefCell<BTreeMap<u64, Task>>,
    next_task: Cell<u64>,
    ready: Ready,
    timers: RefCell<BTreeMap<(Duration, u64), Waker>>,
    next_timer: Cell<u64>,
    random: RefCell<Random>,
}

struct Task {
    life: Life,
    /// Away while it is polled.
    future: Option<LocalBoxFuture<'static, ()>>,
    bell: Arc<Bell>,
}

/// Tasks that were woken. A waker must be `Send`, hence the mutex; there is one thread.
#[derive(Clone, Default)]
struct Ready(Arc<Mutex<Vec<u64>>>);

impl Ready {
    fn lock(&self) -> MutexGuard<'_, Vec<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Bell {
    task: u64,
    rung: AtomicBool,
    ready: Ready,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::Relaxed) {
            self.ready.lock().push(self.task);
        }
    }
}

impl SimRuntime {
    pub fn new(seed: u64) -> Self {
        Self(Rc::new(Core {
            now: Cell::new(Duration::ZERO),
            tasks: RefCell::default(),
            next_task: Cell::new(0),
            ready: Ready::default(),
            timers: RefCell::default(),
            next_timer: Cell::new(0),
            random: RefCell::new(Random::new(seed)),
        }))
    }

    /// Virtual time since the run began.
    pub fn now(&self) -> Duration {
        self.0.now.get()
    }

    /// A number below `bound`, which is positive.
    pub fn below(&self, bound: u64) -> u64 {
        self.0.random.borrow_mut().below(bound)
    }

    /// A source of chance of its own, so that what one part draws does not shift the others.
    pub fn fork_random(&self) -> Random {
        Random::new(self.0.random.borrow_mut().next_u64())
    }

    pub fn spawn(&self, life: Life, task: impl Future<Output = ()> + 'static) {
        let id = self.0.next_task.get();
        self.0.next_task.set(id + 1);
        let bell =
            Arc::new(Bell { task: id, rung: AtomicBool::new(false), ready: self.0.ready.clone() });
        bell.wake_by_ref();
        let task = Task { life, future: Some(task.boxed_local()), bell };
        self.0.tasks.borrow_mut().insert(id, task);
    }

    /// Drops all tasks of a life, where they stand: what kill -9 and a power cut do.
    pub fn end(&self, life: Life) {
        self.drop_tasks(|task| task.life == life);
    }

    /// Resolves so much later.
    pub fn sleep(&self, duration: Duration) -> SimSleep {
        SimSleep { runtime: self.clone(), deadline: self.now() + duration, key: None }
    }

    /// Runs until `main` is done, and ends all tasks that are left.
    pub fn run<T: 'static>(
        &self,
        limit: Duration,
        main: impl Future<Output = T> + 'static,
    ) -> Result<T, Stuck> {
        let output = Rc::new(RefCell::new(None));
        let slot = output.clone();
        self.spawn(Life(0), async move {
            let done = main.await;
            *slot.borrow_mut() = Some(done);
        });
        let outcome = self.turn(limit, &output);
        // Tasks hold this runtime, which holds them.
        self.drop_tasks(|_| true);
        outcome
    }

    fn turn<T>(&self, limit: Duration, output: &RefCell<Option<T>>) -> Result<T, Stuck> {
        let mut polls = 0;
        loop {
            while let Some(task) = self.next_ready() {
                self.poll(task);
                if let Some(output) = output.borrow_mut().take() {
                    return Ok(output);
                }
                polls += 1;
                if polls > POLLS_PER_MOMENT_MAX {
                    return Err(Stuck::Spinning);
                }
            }
            polls = 0;
            let first = self.0.timers.borrow_mut().pop_first();
            let Some(((deadline, _), waker)) = first else { return Err(Stuck::Deadlock) };
            if deadline > limit {
                return Err(Stuck::Late);
            }
            self.0.now.set(deadline.max(self.now()));
            waker.wake();
        }
    }

    fn next_ready(&self) -> Option<u64> {
        let mut ready = self.0.ready.lock();
        match ready.len() {
            0 => None,
            count => {
                let chosen = self.0.random.borrow_mut().below(count as u64);
                Some(ready.swap_remove(chosen as usize))
            }
        }
    }

    fn poll(&self, id: u64) {
        let taken = self.0.tasks.borrow_mut().get_mut(&id).and_then(|task| {
            task.bell.rung.store(false, Ordering::Relaxed);
            Some((task.future.take()?, task.bell.clone()))
        });
        // It has ended since it was woken.
        let Some((mut future, bell)) = taken else { return };
        let waker = Waker::from(bell);
        let is_done = future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let mut tasks = self.0.tasks.borrow_mut();
        let ended = match tasks.get_mut(&id) {
            Some(task) if !is_done => {
                task.future = Some(future);
                None
            }
            _ => Some((tasks.remove(&id), future)),
        };
        // What a future does when it is dropped may spawn and wake.
        drop(tasks);
        drop(ended);
    }

    fn drop_tasks(&self, ends: impl Fn(&Task) -> bool) {
        let mut tasks = self.0.tasks.borrow_mut();
        let ids: Vec<u64> =
            tasks.iter().filter(|(_, task)| ends(task)).map(|(id, _)| *id).collect();
        let ended: Vec<Option<Task>> = ids.into_iter().map(|id| tasks.remove(&id)).collect();
        drop(tasks);
        drop(ended);
    }
}

/// See [`SimRuntime::sleep`].
pub struct SimSleep {
    runtime: SimRuntime,
    deadline: Duration,
    key: Option<(Duration, u64)>,
}

impl Future for SimSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.runtime.now() >= self.deadline {
            return Poll::Ready(());
        }
        let core = self.runtime.0.clone();
        let deadline = self.deadline;
        let key = *self.key.get_or_insert_with(|| {
            let number = core.next_timer.get();
            core.next_timer.set(number + 1);
            (deadline, number)
        });
        core.timers.borrow_mut().insert(key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for SimSleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.runtime.0.timers.borrow_mut().remove(&key);
        }
    }
}

#[cfg(test)]
#[path = "sim_test.rs"]
mod sim_test;
