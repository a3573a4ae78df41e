//! Wakes every shard now and then, against a sleep from which glommio 0.9 does not wake.
//!
//! Its executor asks for preemption before it runs any queue. If the kernel takes the thread away
//! for the length of the preemption timer just there, the turn ends without having run anything,
//! which the executor takes for having nothing to run: it parks, with tasks that could run. The
//! next completion mends that, but while a shard starts, or when a lone request is all there is,
//! none may ever come. A task cannot guard against it, since it may be the one that is not run; a
//! wake from another thread always ends a sleep. Before the executor's first task has run nobody has
//! a waker, but a signal ends a sleep, too.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

/// The longest such sleep. A wake costs up to 200 µs, some ten system calls: with two shards that is a
/// fifth of a hundredth of a core when nobody asks for anything, which is to stay below half of one.
const INTERVAL: Duration = Duration::from_millis(200);

/// Interrupts a system call, and does nothing besides: by default it is ignored.
const SIGNAL: libc::c_int = libc::SIGURG;

static WAKERS: Mutex<Vec<(usize, Waker)>> = Mutex::new(Vec::new());
/// Threads whose executor has not run a task yet.
static BEGINNING: Mutex<Vec<libc::pthread_t>> = Mutex::new(Vec::new());
static TICKER: Once = Once::new();

/// While it lives, this thread's sleeps are interrupted now and then. It ends when the executor's
/// first task runs: what comes after need not expect a signal.
pub struct Beginning(libc::pthread_t);

impl Beginning {
    /// Call it on the thread that will run the executor.
    pub fn begin() -> Self {
        TICKER.call_once(start_ticker);
        // SAFETY: no arguments.
        let thread = unsafe { libc::pthread_self() };
        lock(&BEGINNING).push(thread);
        Self(thread)
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        lock(&BEGINNING).retain(|thread| *thread != self.0);
    }
}

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
                lock(&WAKERS).push((id, cx.waker().clone()));
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
        let mut all = lock(&WAKERS);
        let at = all.iter().position(|(id, _)| *id == self.id);
        let own = at.map(|at| all.swap_remove(at));
        // A waker of glommio's takes a lock of glommio's when it goes.
        drop(all);
        drop(own);
    }
}

fn lock<T>(list: &Mutex<Vec<T>>) -> MutexGuard<'_, Vec<T>> {
    // Nothing that is done under the lock can leave the list half-changed.
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One thread for the process, for as long as it lives.
#[expect(clippy::disallowed_methods, reason = "this seam is the runtime")]
fn start_ticker() {
    if let Err(error) = ignore_signal() {
        tracing::error!(%error, "no signal to wake shards that begin: a start may stall");
        // Without a handler it would not interrupt anything, nor do any harm.
    }
    let ticker = || loop {
        std::thread::sleep(INTERVAL);
        for thread in lock(&BEGINNING).iter() {
            // SAFETY: the thread takes itself off the list before it ends, and the list is locked.
            unsafe { libc::pthread_kill(*thread, SIGNAL) };
        }
        for (_, waker) in lock(&WAKERS).iter() {
            waker.wake_by_ref();
        }
    };
    let thread = std::thread::Builder::new().name("pulse".into()).spawn(ticker);
    if let Err(error) = thread {
        tracing::error!(%error, "no thread to wake sleeping shards: they may stall");
    }
}

/// Handles the signal, by doing nothing: one that is ignored interrupts no system call.
fn ignore_signal() -> std::io::Result<()> {
    extern "C" fn nothing(_: libc::c_int) {}
    let handler: extern "C" fn(libc::c_int) = nothing;
    // SAFETY: a sigaction of zeros is one without flags (in particular without SA_RESTART) and with
    // an empty mask; the handler touches nothing.
    let result = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as usize;
        libc::sigaction(SIGNAL, &action, std::ptr::null_mut())
    };
    match result {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

#[cfg(test)]
#[path = "pulse_test.rs"]
mod pulse_test;
