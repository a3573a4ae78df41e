//! Links in memory: two ends, a bounded buffer each way, no clock, no chance.
//!
//! What a network does to a connection is done from outside through [`Wire`]: bytes held back,
//! cut into small reads, the connection lost.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures::future::LocalBoxFuture;

use super::{Link, LinkBackend};

/// What the wire between two ends is like.
#[derive(Clone, Debug)]
pub struct WireOptions {
    /// Bytes that each direction holds before its writer has to wait.
    pub buffer_bytes: usize,
    /// A read takes at most this many bytes, as if each segment came by itself.
    pub read_bytes_max: usize,
    /// The addresses of the two ends.
    pub addresses: [SocketAddr; 2],
}

impl Default for WireOptions {
    fn default() -> Self {
        Self {
            buffer_bytes: 64 << 10,
            read_bytes_max: usize::MAX,
            addresses: [
                SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
                SocketAddr::from((Ipv4Addr::LOCALHOST, 2)),
            ],
        }
    }
}

/// The two ends of a new connection as links, and the wire between them.
pub fn pair(options: WireOptions) -> (Link, Link, Wire) {
    let (a, b, wire) = ends(options);
    (a.into_link(), b.into_link(), wire)
}

/// The same before anybody has made links of the ends.
pub fn ends(options: WireOptions) -> (End, End, Wire) {
    let lanes = [0, 1].map(|_| SharedLane::new(&options));
    let [a, b] = options.addresses;
    let [from_a, from_b] = lanes.clone();
    let end_a = End { sends: from_a.clone(), receives: from_b.clone(), local: a, peer: b };
    let end_b = End { sends: from_b, receives: from_a, local: b, peer: a };
    (end_a, end_b, Wire { lanes })
}

/// The hand of the simulator on a connection.
#[derive(Clone)]
pub struct Wire {
    lanes: [SharedLane; 2],
}

impl Wire {
    /// The connection is lost: what is under way is gone, both ends get `ConnectionReset`.
    pub fn cut(&self) {
        for lane in &self.lanes {
            lane.lock().reset();
        }
    }

    /// Holds back what end `from` (0 or 1) sends, or lets it go again. Its buffer goes on filling.
    pub fn hold(&self, from: usize, held: bool) {
        if let Some(lane) = self.lanes.get(from) {
            let mut lane = lane.lock();
            lane.held = held;
            lane.wake_reader();
        }
    }

    /// Bytes that end `from` has sent and the other end has not read.
    pub fn bytes_under_way(&self, from: usize) -> usize {
        self.lanes.get(from).map_or(0, |lane| lane.lock().bytes.len())
    }
}

/// A lane is used by one thread, but an end travels as data, like the socket that it stands for.
#[derive(Clone)]
struct SharedLane(Arc<Mutex<Lane>>);

impl SharedLane {
    fn new(options: &WireOptions) -> Self {
        Self(Arc::new(Mutex::new(Lane::new(options))))
    }

    fn lock(&self) -> MutexGuard<'_, Lane> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One direction.
struct Lane {
    bytes: VecDeque<u8>,
    buffer_bytes: usize,
    read_bytes_max: usize,
    held: bool,
    /// The sender sends no more.
    ended: bool,
    /// The receiver reads no more.
    unread: bool,
    /// The connection is lost.
    reset: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Lane {
    fn new(options: &WireOptions) -> Self {
        Self {
            bytes: VecDeque::new(),
            buffer_bytes: options.buffer_bytes.max(1),
            read_bytes_max: options.read_bytes_max.max(1),
            held: false,
            ended: false,
            unread: false,
            reset: false,
            reader: None,
            writer: None,
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if self.unread {
            return Poll::Ready(Ok(0));
        }
        if self.held || (self.bytes.is_empty() && !self.ended) {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = buf.len().min(self.bytes.len()).min(self.read_bytes_max);
        for (to, from) in buf.iter_mut().zip(self.bytes.drain(..count)) {
            *to = from;
        }
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
        Poll::Ready(Ok(count))
    }

    /// Takes the front of `bytes` away, as much as there is room for.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &mut Bytes) -> Poll<io::Result<()>> {
        if self.reset || self.ended || self.unread {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = bytes.len().min(self.buffer_bytes - self.bytes.len());
        if count == 0 && !bytes.is_empty() {
            self.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        self.bytes.extend(bytes.split_to(count));
        if !self.held {
            self.wake_reader();
        }
        Poll::Ready(Ok(()))
    }

    fn end(&mut self) {
        self.ended = true;
        self.wake_both();
    }

    fn end_reading(&mut self) {
        self.unread = true;
        self.bytes.clear();
        self.wake_both();
    }

    fn reset(&mut self) {
        self.reset = true;
        self.bytes.clear();
        self.wake_both();
    }

    fn wake_both(&mut self) {
        self.wake_reader();
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
    }

    fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

/// One end of a connection. Dropped, it closes.
pub struct End {
    sends: SharedLane,
    receives: SharedLane,
    local: SocketAddr,
    peer: SocketAddr,
}

impl End {
    pub fn into_link(self) -> Link {
        Link::new(Rc::new(self))
    }

    pub fn peer_address(&self) -> SocketAddr {
        self.peer
    }
}

impl LinkBackend for End {
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.receives.lock().poll_read(cx, buf)
    }

    fn write_all(&self, pieces: Vec<Bytes>) -> LocalBoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            for mut piece in pieces {
                while !piece.is_empty() {
                    poll_fn(|cx| self.sends.lock().poll_write(cx, &mut piece)).await?;
                }
            }
            Ok(())
        })
    }

    fn pause(&self) -> Option<LocalBoxFuture<'static, ()>> {
        None
    }

    fn peer(&self) -> SocketAddr {
        self.peer
    }

    fn local(&self) -> SocketAddr {
        self.local
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if matches!(how, Shutdown::Write | Shutdown::Both) {
            self.sends.lock().end();
        }
        if matches!(how, Shutdown::Read | Shutdown::Both) {
            self.receives.lock().end_reading();
        }
        Ok(())
    }
}

impl Drop for End {
    /// As with a socket: what was sent before arrives, then the end.
    fn drop(&mut self) {
        self.sends.lock().end();
        self.receives.lock().end_reading();
    }
}

#[cfg(test)]
#[path = "sim_test.rs"]
mod sim_test;
