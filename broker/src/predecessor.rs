//! Waiting for a predecessor to be gone: a process that was killed keeps its files and sockets
//! until the kernel has taken its rings down, which it does after the process is gone for
//! everybody else.

use std::io;
use std::time::Duration;

const ATTEMPTS: usize = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// Tries again while `attempt` fails with `held`, for at most 5 s.
///
/// # Errors
/// The last error of `attempt`.
pub fn outwait<T>(
    what: &dyn std::fmt::Display,
    held: io::ErrorKind,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    for tried in 0..ATTEMPTS {
        match attempt() {
            Err(error) if error.kind() == held => {
                if tried == 0 {
                    tracing::info!("{what} is in use; if that was a killed process, not for long");
                }
                pause();
            }
            outcome => return outcome,
        }
    }
    attempt()
}

#[expect(clippy::disallowed_methods, reason = "the main thread, before there is an executor")]
fn pause() {
    std::thread::sleep(PAUSE);
}
