//! Wakes every shard now and then, against a sleep from which glommio 0.9 does not wake.
//!
//! Its executor asks for preemption before it runs any queue. If the kernel takes the thread away
//! for the length of the preemption timer just there, the turn ends without having run anything,
//! which the executor takes for having nothing to run: it parks, with tasks that could run. The
//! next completion mends that, but while a shard starts, or when a lone request is all there is,
//! none may ever come. A task cannot guard against it, since it may be the one that is not run; a
//! wake from another thread always ends a sleep.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

/// The longest such sleep. A wake costs up to 150 µs: with two shards that is a third of a
/// hundredth of a core when nobody asks for anything.
const INTERVAL: Duration = Duration::from_millis(100);

static WAKERS: Mutex<Vec<(usize, Waker)>> = Mutex::new(Vec::new());
static TICKER: Once = Once::new();

/// While it lives, this thread's executor is woken.
pub struct Pulse {
    id: usize,
}

impl Pulse {
    /// Call it on the executor.
    pub fn begin() -> Self {
        let id = ::glommio::executor().id();
        // A task of its own: what it wakes does nothing.
        let mut is_known = false;
        ::glommio::spawn_local(poll_fn(move |cx| {
            if !std::mem::replace(&mut is_known, true) {
                wakers().push((id, cx.waker().clone()));
            }
            Poll::<()>::Pending
        }))
        .detach();
        TICKER.call_once(start_ticker);
        Self { id }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        let mut all = wakers();
        let at = all.iter().position(|(id, _)| *id == self.id);
        let own = at.map(|at| all.swap_remove(at));
        // A waker of glommio's takes a lock of glommio's when it goes.
        drop(all);
        drop(own);
    }
}

fn wakers() -> MutexGuard<'static, Vec<(usize, Waker)>> {
    // Nothing that is done under the lock can leave the list half-changed.
    WAKERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One thread for the process, for as long as it lives.
#[expect(clippy::disallowed_methods, reason = "this seam is the runtime")]
fn start_ticker() {
    let ticker = || loop {
        std::thread::sleep(INTERVAL);
        for (_, waker) in wakers().iter() {
            waker.wake_by_ref();
        }
    };
    let thread = std::thread::Builder::new().name("pulse".into()).spawn(ticker);
    if let Err(error) = thread {
        tracing::error!(%error, "no thread to wake sleeping shards: they may stall");
    }
}

#[cfg(test)]
#[path = "pulse_test.rs"]
mod pulse_test;
