//! A listening TCP socket, on the calling thread's glommio executor.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd};

use futures::future::LocalBoxFuture;
use socket2::{SockRef, Socket};

use super::{Arrival, Listener, ListenerBackend};
use crate::link::Link;

/// Makes a listener of one of [`bind_shared`](crate::bind_shared)'s sockets. Call it on the
/// shard's executor.
///
/// # Errors
/// Those of fcntl(2).
pub fn from_socket(socket: TcpListener) -> io::Result<Listener> {
    // See `bind_shared`: without this the accept loop would spin.
    socket.set_nonblocking(false)?;
    let second = socket.try_clone()?;
    // SAFETY: the descriptor is open, and `into_raw_fd` has just given up its only owner.
    let socket =
        unsafe { glommio::net::TcpListener::from_raw_fd(Socket::from(socket).into_raw_fd()) };
    Ok(Listener::new(GlommioListener { socket, second }))
}

struct GlommioListener {
    socket: glommio::net::TcpListener,
    /// A second descriptor of the socket: there to be copied, and still open at a stop.
    second: TcpListener,
}

impl ListenerBackend for GlommioListener {
    fn accept(&self) -> LocalBoxFuture<'_, io::Result<(Box<dyn Arrival>, SocketAddr)>> {
        Box::pin(async move {
            glommio::yield_if_needed().await;
            // A connection is taken out of the backlog only if there is a descriptor for its copy.
            let reserve = self.second.try_clone()?;
            let stream = self.socket.accept().await.map_err(io::Error::from)?;
            drop(reserve);
            // SAFETY: `stream` keeps the descriptor open for longer than this borrow lives.
            let descriptor = unsafe { BorrowedFd::borrow_raw(stream.as_raw_fd()) };
            // A stream of glommio's belongs to this executor; only a descriptor can cross. (Its
            // own `AcceptedTcpStream` can too, but leaks when it is dropped on the way.)
            let stream = TcpStream::from(descriptor.try_clone_to_owned()?);
            // A peer that is gone already has no address, and needs no service.
            let peer = stream.peer_addr()?;
            Ok((Box::new(stream) as Box<dyn Arrival>, peer))
        })
    }

    fn stop(&self) {
        // Fails only if the socket no longer listens, which is what we want.
        let _ = SockRef::from(&self.second).shutdown(Shutdown::Read);
    }
}

impl Arrival for TcpStream {
    fn into_link(self: Box<Self>) -> io::Result<Link> {
        crate::link::glommio::from_socket(*self)
    }
}

#[cfg(test)]
#[path = "glommio_test.rs"]
mod glommio_test;
