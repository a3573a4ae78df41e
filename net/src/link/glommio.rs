//! Links over TCP sockets, on the calling thread's glommio executor.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::LocalBoxFuture;
use futures::io::{AsyncRead, AsyncWrite};
use glommio::net::TcpStream;
use socket2::SockRef;

use super::outgoing::Outgoing;
use super::{Link, LinkBackend};

thread_local! {
    /// Small slices are copied here for the length of one system call. One per shard.
    static GATHER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Makes a link of a connected socket. TCP_NODELAY and SO_KEEPALIVE are set, the buffer sizes are
/// left to the kernel, which tunes them better.
///
/// # Errors
/// Those of getpeername(2) and setsockopt(2); a peer that is gone already shows here.
pub fn from_socket(socket: std::net::TcpStream) -> io::Result<Link> {
    socket.set_nodelay(true)?;
    SockRef::from(&socket).set_keepalive(true)?;
    let (peer, local) = (socket.peer_addr()?, socket.local_addr()?);
    // SAFETY: the descriptor is open, and `into_raw_fd` has just given up its only owner.
    let stream = unsafe { TcpStream::from_raw_fd(socket.into_raw_fd()) };
    Ok(Link::new(Rc::new(GlommioLink { stream: RefCell::new(stream), peer, local })))
}

/// Connects to `addr`. There is no deadline here: race it against a sleep.
///
/// # Errors
/// Those of connect(2).
pub async fn connect(addr: SocketAddr) -> io::Result<Link> {
    let stream = TcpStream::connect(addr).await.map_err(io::Error::from)?;
    stream.set_nodelay(true).map_err(io::Error::from)?;
    let peer = stream.peer_addr().map_err(io::Error::from)?;
    let local = stream.local_addr().map_err(io::Error::from)?;
    Ok(Link::new(Rc::new(GlommioLink { stream: RefCell::new(stream), peer, local })))
}

struct GlommioLink {
    /// Borrowed during a poll only, so that one may read while another writes.
    stream: RefCell<TcpStream>,
    peer: SocketAddr,
    local: SocketAddr,
}

impl GlommioLink {
    fn with_socket<R>(&self, act: impl FnOnce(SockRef<'_>) -> R) -> R {
        let stream = self.stream.borrow();
        // SAFETY: `stream` keeps the descriptor open for longer than this borrow lives.
        let descriptor = unsafe { BorrowedFd::borrow_raw(stream.as_raw_fd()) };
        act(SockRef::from(&descriptor))
    }

    /// Sends one step without waiting. glommio's own `write_vectored` sends the first slice only.
    fn send_step(&self, outgoing: &Outgoing) -> io::Result<usize> {
        GATHER.with_borrow_mut(|gather| {
            outgoing.with_step(gather, |slices| {
                self.with_socket(|socket| {
                    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
                    socket.send_vectored_with_flags(slices, flags)
                })
            })
        })
    }

    /// Waits until the socket takes bytes, which glommio offers only by writing some.
    async fn send_when_ready(&self, outgoing: &Outgoing) -> io::Result<usize> {
        poll_fn(|cx| {
            GATHER.with_borrow_mut(|gather| {
                outgoing.with_step(gather, |slices| {
                    let Some(first) = slices.first() else { return Poll::Ready(Ok(0)) };
                    Pin::new(&mut *self.stream.borrow_mut()).poll_write(cx, first)
                })
            })
        })
        .await
    }
}

impl LinkBackend for GlommioLink {
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream.borrow_mut()).poll_read(cx, buf)
    }

    fn write_all(&self, pieces: Vec<Bytes>) -> LocalBoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            let mut outgoing = Outgoing::new(pieces);
            while !outgoing.is_empty() {
                // glommio yields nowhere by itself while the socket takes all.
                glommio::yield_if_needed().await;
                let sent = match self.send_step(&outgoing) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        self.send_when_ready(&outgoing).await
                    }
                    other => other,
                };
                match sent {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(sent) => outgoing.advance(sent),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })
    }

    fn pause(&self) -> Option<LocalBoxFuture<'static, ()>> {
        if glommio::executor().need_preempt() {
            return Some(Box::pin(glommio::yield_if_needed()));
        }
        None
    }

    fn peer(&self) -> SocketAddr {
        self.peer
    }

    fn local(&self) -> SocketAddr {
        self.local
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.with_socket(|socket| socket.shutdown(how))
    }
}

#[cfg(test)]
#[path = "glommio_test.rs"]
mod glommio_test;
