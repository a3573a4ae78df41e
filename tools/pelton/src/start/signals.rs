//! Waiting for the signals that end a server.

use std::io;

/// SIGTERM and SIGINT, kept from every thread and taken by one.
pub struct Signals(libc::sigset_t);

impl Signals {
    pub fn block() -> io::Result<Self> {
        // SAFETY: a zeroed set is a valid argument of sigemptyset, which initialises it; all
        // pointers are to locals that outlive the calls.
        unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, libc::SIGTERM);
            libc::sigaddset(&mut set, libc::SIGINT);
            match libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()) {
                0 => Ok(Self(set)),
                error => Err(io::Error::from_raw_os_error(error)),
            }
        }
    }

    /// Returns the name of the one that came.
    pub fn wait(&self) -> io::Result<&'static str> {
        let mut signal = 0;
        // SAFETY: both pointers are to live values of the right types.
        match unsafe { libc::sigwait(&self.0, &mut signal) } {
            0 if signal == libc::SIGINT => Ok("SIGINT"),
            0 => Ok("SIGTERM"),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }
}
