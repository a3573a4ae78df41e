//! Record batches, version 2: the one format that clients, the log and peers share.
//!
//! ```text
//!  0  base offset          i64   outside the CRC: assigned by the log
//!  8  length               i32   of what follows this field
//! 12  leader epoch         i32   outside the CRC: assigned by the log
//! 16  magic                i8    2
//! 17  CRC-32C              u32   over everything from byte 21 on
//! 21  attributes           i16   0-2 codec, 3 timestamp type, 4 transactional, 5 control,
//!                                6 delete horizon (the base timestamp is one)
//! 23  last offset delta    i32
//! 27  base timestamp       i64
//! 35  max timestamp        i64
//! 43  producer id          i64   -1: none
//! 51  producer epoch       i16
//! 53  base sequence        i32
//! 57  record count         i32
//! 61  records, compressed as one
//! ```
//!
//! Source: Kafka's documentation, "Message format"; KIP-98.

mod build;
mod error;
mod frame;
mod header;
pub mod patch;
mod pieces;
mod prepare;
mod records;
mod scan;
mod times;
mod validate;
mod varint;

pub(crate) use build::put_record;
pub use build::{BatchBuilder, BatchFields, NewRecord};
pub use error::{BatchError, RecordFault, Refusal, RejectedRecord, Rejection};
pub use frame::{Batches, FirstBatch, split_batch};
pub use header::{BatchHeader, TimestampType};
pub use prepare::{Preparation, prepare_for_log};
pub use records::{Headers, Record, Records, record_bytes};
pub use times::RecordTimes;
pub use validate::{BatchBytes, CompressionTarget, Prepared, ProducerBatch, ValidationRules};
