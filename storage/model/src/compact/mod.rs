//! Log compaction, without the disk: which offset a key was last seen at, and what that leaves of
//! a batch.
//!
//! A log is cleaned in two walks. The first goes over the part that was not cleaned before and
//! notes the newest offset of every key ([`OffsetMap`]); the second goes over the log from its
//! start and drops every record for which the map knows a newer one ([`BatchCleaner`]).
//!
//! Source: Kafka's documentation, "Log Compaction"; KIP-534 (tombstones and their delete horizon).

mod clean;
mod key_hash;
mod offset_map;
mod rewrite;

pub use clean::{BatchCleaner, CleanRules, Cleaned};
pub use key_hash::{KeyHash, KeyHasher};
pub use offset_map::{MapFull, OffsetMap};
pub use rewrite::BatchRewriter;
