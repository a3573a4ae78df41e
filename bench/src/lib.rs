//! The load generator: what a broker can do, beside what its disk can do.
//!
//! - [`run()`] drives one [`Plan`] against any broker that speaks Kafka's protocol and returns an
//!   [`Outcome`], which [`report`] turns into a table, JSON, an HDR log or a page with plots.
//! - [`omb`] makes plans of OpenMessaging Benchmark's files.
//! - [`compaction`] measures what compacting costs, and what a load notices of it.
//! - [`groups`] measures how long groups of consumers take to rebalance.
//! - [`disk`] measures the device by io_uring alone, so that a broker's figure stands as a ratio.
//!
//! Two things decide whether such figures mean anything. *Who pays*: batches are encoded before the
//! clock starts and sent from where they lie, and of what is fetched only the headers are read, so
//! that client and broker on one machine do not compete for more than they must. *What is
//! measured*: at a given rate a request's latency counts from when it should have been sent, so
//! that a stall shows in every request that it held up ([`schedule`]).
#![deny(unsafe_code)]

pub mod assignment;
pub mod batches;
mod clock;
pub mod compaction;
mod connection;
pub mod disk;
mod drive;
mod error;
mod failures;
mod files;
mod filling;
pub mod groups;
pub mod omb;
pub mod plan;
pub mod process;
pub mod report;
mod run;
pub mod schedule;
#[cfg(test)]
mod scripted_broker;
pub mod sightings;
pub mod tally;
mod topic;

pub use error::{Error, Result};
pub use failures::Failures;
pub use plan::Plan;
pub use run::{Machine, Outcome, Progress, Repeat, run};
