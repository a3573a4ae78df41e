//! The part of SEAM 2 where connections begin.
//!
//! A [`Listener`] gives [`Arrival`]s: connections that are plain data until the shard that serves
//! them makes links of them. The [`Acceptor`] decides which shard that is (R7).

mod acceptor;
mod bind;
pub mod glommio;
pub mod sim;

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use futures::future::LocalBoxFuture;

use crate::link::Link;

pub use acceptor::{Accepted, Acceptor, AcceptorStop};
pub use bind::bind_shared;

/// A connection that nobody serves yet. It can cross to another core, which a link cannot.
pub trait Arrival: Send {
    /// Called where the connection will be served.
    ///
    /// # Errors
    /// The peer may be gone already.
    fn into_link(self: Box<Self>) -> io::Result<Link>;
}

/// What a listening socket has to offer. Object safe, as [`LinkBackend`](crate::LinkBackend) is.
pub trait ListenerBackend {
    /// Waits for one connection. One call at a time; a future that is dropped before it is done
    /// may have lost a connection.
    fn accept(&self) -> LocalBoxFuture<'_, io::Result<(Box<dyn Arrival>, SocketAddr)>>;

    /// No connection is accepted from now on, those that wait are reset, and an `accept` that
    /// waits fails.
    fn stop(&self);
}

/// One shard's part of a shared listener; clones are the same.
#[derive(Clone)]
pub struct Listener(Rc<dyn ListenerBackend>);

impl Listener {
    pub fn new(backend: impl ListenerBackend + 'static) -> Self {
        Self(Rc::new(backend))
    }

    /// See [`ListenerBackend::accept`].
    pub async fn accept(&self) -> io::Result<(Box<dyn Arrival>, SocketAddr)> {
        self.0.accept().await
    }

    /// See [`ListenerBackend::stop`].
    pub fn stop(&self) {
        self.0.stop();
    }
}
