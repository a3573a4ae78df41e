//! The formats of the files as functions from bytes, without a disk: what fuzzing holds them by.

pub use crate::journal::Life;
pub use crate::journal::{
    Entry, Extent, ExtentProducer, Group, GroupHeader, HEADER_BYTES, NoGroup,
};
pub use crate::segment::{ChunkEntry, decode_index, index_header};
pub use crate::state::{PartitionState, SegmentState, ShardState, Unreadable};
