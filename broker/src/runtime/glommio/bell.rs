//! How other threads wake a shard.

use std::io;

/// The shard's end of a socket pair on which other threads ring; one byte per ring.
pub struct Bell(::glommio::net::UnixStream);

impl Bell {
    pub fn new(stream: std::os::unix::net::UnixStream) -> io::Result<Self> {
        use std::os::fd::{FromRawFd, IntoRawFd};
        // glommio waits on blocking sockets only.
        stream.set_nonblocking(false)?;
        // SAFETY: the descriptor is open, and `into_raw_fd` has just given up its only owner.
        Ok(Self(unsafe { ::glommio::net::UnixStream::from_raw_fd(stream.into_raw_fd()) }))
    }

    /// Resolves when somebody has rung; `false` when nobody can any more.
    pub async fn rung(&mut self) -> bool {
        let mut bytes = [0; 64];
        matches!(futures::AsyncReadExt::read(&mut self.0, &mut bytes).await, Ok(count) if count > 0)
    }
}
