//! Asks the kernel for short turns on the core, so that a shard that wakes gets it at once.
//!
//! A shard sleeps until a completion wakes it, and then has some 10 to 100 µs to do. Where others want
//! the core as well, the scheduler (EEVDF) lets whoever runs finish a slice of some milliseconds
//! first, unless the one that wakes has asked for a shorter slice. That is a request for latency, not
//! for a larger share, and needs no privilege.

use std::io;
use std::time::Duration;

/// Longer than what a wake-up usually has to do. The kernel takes 100 µs to 100 ms.
const SLICE: Duration = Duration::from_micros(200);

/// Asks for the calling thread. A kernel before 6.12 takes it for said and does nothing; a thread
/// under another policy than the normal one was given it on purpose, and keeps what it has.
pub fn ask_for_short_slices() -> io::Result<()> {
    let mut attributes = current()?;
    if attributes.sched_policy != libc::SCHED_OTHER as u32 {
        return Ok(());
    }
    attributes.sched_runtime = SLICE.as_nanos() as u64;
    // SAFETY: the structure lives for the call and says its size; 0 is the calling thread.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    checked(result)
}

/// Everything that is known of the calling thread: what is not changed must be said again.
fn current() -> io::Result<libc::sched_attr> {
    let size = size_of::<libc::sched_attr>() as u32;
    // SAFETY: integers only, for all of which zero is a value.
    let mut attributes: libc::sched_attr = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes no more than `size` bytes; 0 is the calling thread.
    let result = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0) };
    checked(result).map(|()| attributes)
}

fn checked(result: libc::c_long) -> io::Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
#[path = "slice_test.rs"]
mod slice_test;
