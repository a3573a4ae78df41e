//! The accept loop of one shard, on its glommio executor.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd};
use std::time::Duration;

use pelton_model::ids::ShardId;
use socket2::Socket;

use crate::admission::{Admission, ConnectionSlot, Placement};
use crate::stop::StopSignal;

/// How long to wait when the process has no descriptor or memory left. The clients wait in the
/// backlog meanwhile, and what frees descriptors gets the core.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// A new connection, on its way to the shard that serves it. Make a link of the socket there, with
/// [`link::glommio::from_socket`](crate::link::glommio::from_socket), and keep the slot for as
/// long as the connection lives.
#[derive(Debug)]
pub struct AcceptedSocket {
    pub socket: TcpStream,
    pub peer: SocketAddr,
    pub slot: ConnectionSlot,
}

/// Ends an accept loop.
pub struct AcceptorStop {
    /// A second descriptor of the listening socket, so that it is still open when this is used.
    listener: TcpListener,
    signal: StopSignal,
}

impl AcceptorStop {
    /// No connection is accepted from now on; those in the backlog are reset. The loop is not
    /// cancelled but made to fail: a cancelled accept would lose a connection and leak its
    /// descriptor.
    pub fn stop(&self) {
        self.signal.stop();
        // Fails only if the socket no longer listens, which is what we want.
        let _ = socket2::SockRef::from(&self.listener).shutdown(Shutdown::Read);
    }
}

/// One shard's part of a shared listener.
pub struct Acceptor {
    listener: glommio::net::TcpListener,
    /// A second descriptor of the listener, which is there to be copied.
    second: TcpListener,
    shard: ShardId,
    admission: Admission,
    signal: StopSignal,
}

impl Acceptor {
    /// `listener` is one of [`bind_shared`](crate::bind_shared)'s. Call it on the shard's executor.
    ///
    /// # Errors
    /// Those of fcntl(2).
    pub fn new(
        listener: TcpListener,
        shard: ShardId,
        admission: Admission,
    ) -> io::Result<(Self, AcceptorStop)> {
        // See `bind_shared`: without this the loop would spin.
        listener.set_nonblocking(false)?;
        let signal = StopSignal::new();
        let second = listener.try_clone()?;
        let stop = AcceptorStop { listener: listener.try_clone()?, signal: signal.clone() };
        // SAFETY: the descriptor is open, and `into_raw_fd` has just given up its only owner.
        let listener =
            unsafe { glommio::net::TcpListener::from_raw_fd(Socket::from(listener).into_raw_fd()) };
        Ok((Self { listener, second, shard, admission, signal }, stop))
    }

    /// Accepts until it is stopped, and hands every connection to `deliver`, which serves it here
    /// or sends it to `slot.shard()`. One loop per listener, as a task of its own: it must never
    /// be raced against anything or dropped before it ends.
    ///
    /// # Errors
    /// Those of accept(2) that do not pass by themselves.
    pub async fn run(self, deliver: impl Fn(AcceptedSocket)) -> io::Result<()> {
        let mut exhausted = false;
        loop {
            match self.accept().await {
                Ok(socket) => {
                    exhausted = false;
                    self.admit(socket, &deliver);
                }
                Err(_) if self.signal.is_given() => return Ok(()),
                Err(error) => match Failure::of(&error) {
                    Failure::Connection => {}
                    Failure::Exhausted => {
                        if !exhausted {
                            tracing::warn!(shard = %self.shard, %error, "cannot accept connections");
                        }
                        exhausted = true;
                        glommio::timer::sleep(EXHAUSTED_PAUSE).await;
                    }
                    Failure::Listener => return Err(error),
                },
            }
            glommio::yield_if_needed().await;
        }
    }

    async fn accept(&self) -> io::Result<TcpStream> {
        // A connection is taken out of the backlog only if there is a descriptor for its copy.
        let reserve = self.second.try_clone()?;
        let stream = self.listener.accept().await.map_err(io::Error::from)?;
        drop(reserve);
        // SAFETY: `stream` keeps the descriptor open for longer than this borrow lives.
        let descriptor = unsafe { BorrowedFd::borrow_raw(stream.as_raw_fd()) };
        // A stream of glommio's belongs to this executor; only a descriptor can cross. (Its own
        // `AcceptedTcpStream` can too, but leaks when it is dropped on the way.)
        Ok(TcpStream::from(descriptor.try_clone_to_owned()?))
    }

    fn admit(&self, socket: TcpStream, deliver: &impl Fn(AcceptedSocket)) {
        // A peer that is gone already has no address, and needs no service.
        let Ok(peer) = socket.peer_addr() else { return };
        match self.admission.place(self.shard) {
            Placement::Admitted(slot) => deliver(AcceptedSocket { socket, peer, slot }),
            Placement::Refused => {
                tracing::debug!(shard = %self.shard, %peer, "connection refused: too many");
            }
        }
    }
}

/// What an error of accept(2) is about.
enum Failure {
    /// This one connection; the next may be fine.
    Connection,
    /// The process or the machine has run out of something.
    Exhausted,
    /// The listening socket itself.
    Listener,
}

impl Failure {
    fn of(error: &io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => Self::Exhausted,
            Some(libc::EBADF | libc::EINVAL | libc::ENOTSOCK | libc::EOPNOTSUPP) => Self::Listener,
            // Errors that are pending on the new socket are reported here, accept(2).
            _ => Self::Connection,
        }
    }
}

#[cfg(test)]
#[path = "glommio_test.rs"]
mod glommio_test;
