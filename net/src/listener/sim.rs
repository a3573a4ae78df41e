//! A listener in memory, to which the simulator connects.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, Waker};

use futures::future::LocalBoxFuture;

use super::{Arrival, Listener, ListenerBackend};
use crate::link::Link;
use crate::link::sim::{End, Wire, WireOptions, ends};

/// The side of the clients; clones are the same listener. [`Self::listener`] is what a shard gets.
#[derive(Clone, Default)]
pub struct SimListener(Rc<RefCell<Backlog>>);

#[derive(Default)]
struct Backlog {
    arrived: VecDeque<End>,
    waiting: Option<Waker>,
    stopped: bool,
}

impl SimListener {
    pub fn listener(&self) -> Listener {
        Listener::new(self.clone())
    }

    /// A new connection: the client's end, and the wire. The first of `options.addresses` is the
    /// client's.
    ///
    /// # Errors
    /// `ConnectionRefused` after a stop.
    pub fn connect(&self, options: WireOptions) -> io::Result<(Link, Wire)> {
        let mut backlog = self.0.borrow_mut();
        if backlog.stopped {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (client, server, wire) = ends(options);
        backlog.arrived.push_back(server);
        if let Some(waker) = backlog.waiting.take() {
            waker.wake();
        }
        Ok((client.into_link(), wire))
    }
}

impl ListenerBackend for SimListener {
    fn accept(&self) -> LocalBoxFuture<'_, io::Result<(Box<dyn Arrival>, SocketAddr)>> {
        Box::pin(poll_fn(move |cx| {
            let mut backlog = self.0.borrow_mut();
            if backlog.stopped {
                return Poll::Ready(Err(io::Error::from_raw_os_error(libc::EINVAL)));
            }
            match backlog.arrived.pop_front() {
                Some(end) => {
                    let peer = end.peer_address();
                    Poll::Ready(Ok((Box::new(end) as Box<dyn Arrival>, peer)))
                }
                None => {
                    backlog.waiting = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        }))
    }

    fn stop(&self) {
        let mut backlog = self.0.borrow_mut();
        backlog.stopped = true;
        backlog.arrived.clear();
        if let Some(waker) = backlog.waiting.take() {
            waker.wake();
        }
    }
}

impl Arrival for End {
    fn into_link(self: Box<Self>) -> io::Result<Link> {
        Ok(End::into_link(*self))
    }
}

#[cfg(test)]
#[path = "sim_test.rs"]
mod sim_test;
