//! Fetch sessions (KIP-227): what a client fetches again and again is remembered, so that requests
//! carry only what changed, and answers only partitions with news. A pure state machine: time and
//! chance are arguments.
//!
//! A session lives on the shard of the connection that began it (R5), and its id names that shard.
//! It survives its connection, until it is ended or evicted; a client whose session is gone, or
//! that has moved to another shard, is told so and begins a new one with a full fetch.

mod cache;
mod session;

pub use cache::{Begun, FetchSessions, Finished, Turn};
pub use session::{Answered, Wanted};
