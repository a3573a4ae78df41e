//! The one place of this crate that asks what time it is, and that waits for a time.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// Monotonic.
pub(crate) fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a load generator measures real time")]
    Instant::now()
}

/// Milliseconds since 1970.
pub(crate) fn wall_ms() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "reports and records carry real time")]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Wakes a task at a time, to some 50 µs. (tokio's own timers are a millisecond coarse, which would
/// be the greater part of what a fast broker's latency is.)
pub(crate) struct Alarm {
    timer: AsyncFd<OwnedFd>,
    /// What it is set to; none when it has rung.
    set_to: Option<Instant>,
}

impl Alarm {
    /// On the runtime that it is called in.
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        // The other constructor is unsafe, for descriptors that are closed while they are
        // registered; this one is closed when it is dropped.
        #[expect(deprecated, reason = "what it is deprecated for does not happen here")]
        let timer = AsyncFd::new(timer)?;
        Ok(Self { timer, set_to: None })
    }

    /// Ready when `due` has come; otherwise wakes the task then, unless a later call sets it to
    /// another time. `now` is the caller's last look at the clock.
    pub fn poll(
        &mut self,
        due: Instant,
        now: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if due <= now {
                return Poll::Ready(Ok(()));
            }
            if self.set_to != Some(due) {
                set(&self.timer, due - now)?;
                self.set_to = Some(due);
            }
            let mut guard = ready!(self.timer.poll_read_ready(cx))?;
            let mut expirations = [0; 8];
            match rustix::io::read(self.timer.get_ref(), &mut expirations) {
                // It rang for the time that it is set to, or nobody would hear of it again.
                Ok(_) => {
                    self.set_to = None;
                    return Poll::Ready(Ok(()));
                }
                Err(rustix::io::Errno::AGAIN) => guard.clear_ready(),
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }
}

fn set(timer: &AsyncFd<OwnedFd>, after: Duration) -> io::Result<()> {
    // Zero would disarm it.
    let after = after.max(Duration::from_nanos(1));
    let value = Itimerspec {
        it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
        it_value: Timespec {
            tv_sec: i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(after.subsec_nanos()),
        },
    };
    timerfd_settime(timer.get_ref(), TimerfdTimerFlags::empty(), &value)?;
    Ok(())
}

#[cfg(test)]
#[path = "clock_test.rs"]
mod clock_test;
