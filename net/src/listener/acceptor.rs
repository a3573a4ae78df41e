//! The accept loop of one shard.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use pelton_model::ids::ShardId;

use super::{Arrival, Listener};
use crate::admission::{Admission, AdmissionLimits, ConnectionSlot, Placement};
use crate::connection::Sleep;
use crate::stop::StopSignal;

/// How long to wait when the process has no descriptor or memory left. The clients wait in the
/// backlog meanwhile, and what frees descriptors gets the core.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// A new connection, on its way to the shard that serves it. Make a link of it there, and keep the
/// slot for as long as the connection lives.
pub struct Accepted {
    pub arrival: Box<dyn Arrival>,
    pub peer: SocketAddr,
    pub slot: ConnectionSlot,
}

/// Ends an accept loop.
pub struct AcceptorStop {
    listener: Listener,
    signal: StopSignal,
}

impl AcceptorStop {
    /// No connection is accepted from now on; those in the backlog are reset. The loop is not
    /// cancelled but made to fail: a cancelled accept would lose a connection.
    pub fn stop(&self) {
        self.signal.stop();
        self.listener.stop();
    }
}

/// Accepts what comes to one shard, and finds each connection its place.
pub struct Acceptor {
    listener: Listener,
    shard: ShardId,
    admission: Admission,
    sleep: Sleep,
    signal: StopSignal,
}

impl Acceptor {
    pub fn new(
        listener: Listener,
        shard: ShardId,
        admission: Admission,
        sleep: Sleep,
    ) -> (Self, AcceptorStop) {
        let signal = StopSignal::new();
        let stop = AcceptorStop { listener: listener.clone(), signal: signal.clone() };
        (Self { listener, shard, admission, sleep, signal }, stop)
    }

    /// Accepts until it is stopped, and hands every connection to `deliver`, which serves it here
    /// or sends it to `slot.shard()`. `limits` are asked for anew each time. One loop per listener, as a task of its own: it must never
    /// be raced against anything or dropped before it ends.
    ///
    /// # Errors
    /// Those of accept(2) that do not pass by themselves.
    pub async fn run(
        self,
        limits: impl Fn() -> AdmissionLimits,
        deliver: impl Fn(Accepted),
    ) -> io::Result<()> {
        let mut exhausted = false;
        loop {
            match self.listener.accept().await {
                Ok((arrival, peer)) => {
                    exhausted = false;
                    self.admit(arrival, peer, &limits(), &deliver);
                }
                Err(_) if self.signal.is_given() => return Ok(()),
                Err(error) => match Failure::of(&error) {
                    Failure::Connection => {}
                    Failure::Exhausted => {
                        if !exhausted {
                            tracing::warn!(shard = %self.shard, %error, "cannot accept connections");
                        }
                        exhausted = true;
                        (self.sleep)(EXHAUSTED_PAUSE).await;
                    }
                    Failure::Listener => return Err(error),
                },
            }
        }
    }

    fn admit(
        &self,
        arrival: Box<dyn Arrival>,
        peer: SocketAddr,
        limits: &AdmissionLimits,
        deliver: &impl Fn(Accepted),
    ) {
        match self.admission.place(self.shard, peer.ip(), limits) {
            Placement::Admitted(slot) => deliver(Accepted { arrival, peer, slot }),
            Placement::Refused => {
                tracing::debug!(shard = %self.shard, %peer, "connection refused: too many");
            }
            Placement::RefusedByIp => {
                tracing::debug!(shard = %self.shard, %peer, "connection refused: too many of its address");
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
#[path = "acceptor_test.rs"]
mod acceptor_test;
