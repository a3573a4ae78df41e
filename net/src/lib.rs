//! Sockets, frames, admission.
//!
//! Everything between a descriptor and a length-prefixed frame, and nothing of what a frame means:
//! the [`Link`] seam, the listeners, the per-shard byte [`Budget`], and the loop that keeps the
//! requests of one connection in order. What a frame means is the business of a [`Service`].

pub mod admission;
mod budget;
pub mod connection;
mod frame;
mod frame_buffer;
pub mod link;
pub mod listener;
mod scratch;
mod service;
mod stop;
mod watch;

#[cfg(test)]
mod bench;

pub use admission::{Admission, AdmissionLimits, ConnectionSlot, Placement};
pub use budget::{Acquire, Budget, Charge};
pub use connection::{CloseReason, ConnectionLimits, ShardResources, Sleep, serve};
pub use frame::{Frame, FrameError, FrameReader};
pub use link::{Link, LinkBackend};
pub use listener::{Accepted, Acceptor, AcceptorStop, Listener, bind_shared};
pub use scratch::Scratch;
pub use service::{Answer, Mark, Reply, Service, Step};
pub use stop::{StopSignal, Stopped};
