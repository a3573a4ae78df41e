//! A shard's storage: one journal for what was just appended, segments for what has settled.
//!
//! Everything here runs on one core and reaches the device through [`disk::Disk`] alone. README.md
//! of this crate draws the formats and argues the crash cases.

mod append_file;
mod block_file;
mod directories;
pub mod disk;
pub mod error;
pub mod event;
mod forgotten;
pub mod formats;
mod gate;
pub mod inspect;
pub mod journal;
pub mod log;
pub mod planted;
mod reshard;
mod segment;
mod state;
mod store;
mod unpack;
mod wakers;
mod wire;

pub use append_file::{AppendFile, DurableWrites};
pub use error::{AppendError, FenceReason, OpenError, ReadError, StorageError};
pub use forgotten::{remove_forgotten_topics, topic_dirs};
pub use journal::JournalStats;
pub use log::{
    AckedBy, Appended, Compacted, CompactionError, CompactionRules, Dirtiness, Log, NewBatch,
    NotAppended, OffsetAndTimestamp, Pace, ReadLimits, ReadSlices, RetentionRules, RollRules,
    Watch,
};
pub use reshard::{ReshardReport, reshard, shard_dirs};
pub use segment::Corruptions;
pub use store::{Opening, RecoveryReport, Removal, Store, StoreOptions, StoreStats};
