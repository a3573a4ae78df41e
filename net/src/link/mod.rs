//! SEAM 2: one stream of bytes to one peer.
//!
//! Nothing above this file knows whether the bytes go through a socket or through the simulator.

pub mod glommio;
mod outgoing;
pub mod sim;

use std::future::poll_fn;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::LocalBoxFuture;

/// What a transport has to offer. Object safe, so that no type above carries a runtime parameter.
pub trait LinkBackend {
    /// Takes what has arrived, at most `buf.len()` bytes; 0 means that the peer sends no more.
    ///
    /// `buf` is used during this call only, never after it has returned `Pending`: that is what
    /// lets all idle connections of a shard poll into one scratch buffer.
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Sends all of `pieces` in order. If the future is dropped before it is done, an unknown
    /// part has been sent, and the link is good for nothing but `shutdown`.
    fn write_all(&self, pieces: Vec<Bytes>) -> LocalBoxFuture<'_, io::Result<()>>;

    /// `Some` when this task has had the core for long enough and has to await the future before
    /// it goes on: sockets that are always ready never yield by themselves.
    fn pause(&self) -> Option<LocalBoxFuture<'static, ()>>;

    fn peer(&self) -> SocketAddr;
    fn local(&self) -> SocketAddr;

    /// `Write`: the peer sees the end of the stream after what was sent. `Both`: nothing goes
    /// either way from now on, and whoever waits on this link is woken.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;
}

/// A handle on one connection. Clones name the same connection; at most one may read and one may
/// write at a time. The connection closes when the last clone is dropped.
#[derive(Clone)]
pub struct Link(Rc<dyn LinkBackend>);

impl Link {
    pub fn new(backend: Rc<dyn LinkBackend>) -> Self {
        Self(backend)
    }

    /// See [`LinkBackend::poll_read`].
    pub fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.0.poll_read(cx, buf)
    }

    /// Waits for bytes and takes at most `buf.len()` of them; 0 means that the peer sends no more.
    /// A dropped `read` has taken nothing.
    pub async fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.relax().await;
        poll_fn(|cx| self.0.poll_read(cx, buf)).await
    }

    /// See [`LinkBackend::write_all`].
    pub async fn write_all(&self, pieces: Vec<Bytes>) -> io::Result<()> {
        self.0.write_all(pieces).await
    }

    /// Gives the core away if this task has held it for too long (R8). Costs nothing otherwise.
    pub async fn relax(&self) {
        if let Some(pause) = self.0.pause() {
            pause.await;
        }
    }

    pub fn peer(&self) -> SocketAddr {
        self.0.peer()
    }

    pub fn local(&self) -> SocketAddr {
        self.0.local()
    }

    /// See [`LinkBackend::shutdown`].
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }
}
