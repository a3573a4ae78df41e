//! What can be wrong with a batch.

use std::fmt;

use crate::compression::DecompressError;
use crate::ids::TimestampMs;

/// Why a batch is refused. Each variant answers as [`BatchError::refusal`] says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BatchError {
    /// There is no whole batch in the bytes.
    Truncated,
    /// More than one batch where there must be exactly one.
    SeveralBatches,
    /// Format 0 or 1.
    OldMagic(i8),
    /// No format that there is.
    UnknownMagic(i8),
    /// A length that no batch has.
    BadLength(i32),
    /// The checksum does not match the bytes.
    BadCrc {
        stored: u32,
        computed: u32,
    },
    /// Larger than `max.message.bytes`, as it came or as the broker recompressed it.
    TooLarge {
        bytes: usize,
        bytes_max: usize,
    },
    /// zstd through a Produce version that does not know it.
    ZstdTooEarly,
    /// Clients count from 0.
    BaseOffset(i64),
    /// The record count is not the last offset delta plus one, or there are no records.
    Count {
        record_count: i32,
        last_offset_delta: i32,
    },
    /// Control batches are the broker's alone.
    ControlBatch,
    /// A producer id without a sequence.
    BaseSequence(i32),
    /// A codec that there is not.
    UnknownCodec(u8),
    /// Compressed in a way that consumers cannot read.
    LinkedLz4Blocks,
    Decompress(DecompressError),
    /// A record of a compressed batch is larger than `max.decompressed.message.bytes`.
    RecordTooLarge {
        index: usize,
        bytes: usize,
    },
    /// The records are not what the format says; `index` counts records.
    Malformed {
        index: usize,
        fault: RecordFault,
    },
    /// Offset deltas must count 0, 1, 2…; else readers see offsets twice or not at all.
    OffsetDelta {
        index: usize,
        offset_delta: i32,
    },
    /// Well-formed records that the topic does not take; not empty, at most
    /// [`crate::limits::RECORD_ERRORS_MAX`] of them.
    Rejected(Vec<RejectedRecord>),
}

/// Where a record departs from the format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RecordFault {
    /// A variable-length number of more bytes than its type can have.
    VarintTooLong,
    /// A length or a count that is negative or reaches beyond its record or batch.
    BadLength,
    /// The record is longer than its fields.
    BytesInside,
    /// Bytes behind the last record.
    BytesBehind,
    /// The batch's record count is negative.
    NegativeCount,
}

/// A record that the topic's configuration does not take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RejectedRecord {
    /// The record's place in its batch, from 0.
    pub index: usize,
    pub cause: Rejection,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rejection {
    /// Compaction needs keys.
    NoKey,
    /// Outside `message.timestamp.before.max.ms` and `message.timestamp.after.max.ms`; both
    /// bounds are included in what is allowed.
    Timestamp { timestamp: TimestampMs, earliest: TimestampMs, latest: TimestampMs },
    /// The topic stamps records itself, and the producer claims to have done so.
    StampedBySender,
}

/// The Kafka errors that a batch can be refused with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    CorruptMessage,
    InvalidRecord,
    InvalidTimestamp,
    MessageTooLarge,
    UnsupportedCompressionType,
}

impl BatchError {
    /// The Kafka error to answer with.
    ///
    /// Where Kafka answers UNKNOWN_SERVER_ERROR by accident (unknown codecs, data that does not
    /// decompress) this is INVALID_RECORD, which unlike CORRUPT_MESSAGE clients do not retry.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::UnknownMagic(_) | Self::BadLength(_) | Self::BadCrc { .. } => {
                Refusal::CorruptMessage
            }
            Self::TooLarge { .. } => Refusal::MessageTooLarge,
            Self::ZstdTooEarly => Refusal::UnsupportedCompressionType,
            Self::Rejected(records) if is_about_timestamps(records) => Refusal::InvalidTimestamp,
            Self::Truncated
            | Self::SeveralBatches
            | Self::OldMagic(_)
            | Self::BaseOffset(_)
            | Self::Count { .. }
            | Self::ControlBatch
            | Self::BaseSequence(_)
            | Self::UnknownCodec(_)
            | Self::LinkedLz4Blocks
            | Self::Decompress(_)
            | Self::RecordTooLarge { .. }
            | Self::Malformed { .. }
            | Self::OffsetDelta { .. }
            | Self::Rejected(_) => Refusal::InvalidRecord,
        }
    }

    /// The same for people who count refusals: one of few words.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Truncated | Self::SeveralBatches | Self::BadLength(_) => "framing",
            Self::OldMagic(_) | Self::UnknownMagic(_) => "magic",
            Self::BadCrc { .. } => "crc",
            Self::TooLarge { .. } => "too_large",
            Self::ZstdTooEarly | Self::UnknownCodec(_) | Self::LinkedLz4Blocks => "codec",
            Self::BaseOffset(_)
            | Self::Count { .. }
            | Self::OffsetDelta { .. }
            | Self::BaseSequence(_) => "offset_or_sequence",
            Self::ControlBatch => "control_batch",
            Self::Decompress(_) | Self::Malformed { .. } => "malformed",
            Self::RecordTooLarge { .. } => "record_too_large",
            Self::Rejected(records) if is_about_timestamps(records) => "timestamp",
            Self::Rejected(_) => "no_key",
        }
    }

    /// Whether the bytes are not one batch of today's format, or one that the request's version
    /// may not carry: what Kafka looks at before anything else of a Produce.
    pub fn is_of_framing(&self) -> bool {
        matches!(
            self,
            Self::Truncated | Self::SeveralBatches | Self::OldMagic(_) | Self::ZstdTooEarly
        )
    }

    /// Whether the answer names the partition's log start offset: it does when the records were
    /// looked at, and is -1 when the batch failed the first checks (framing, checksum, size).
    pub fn names_log_start_offset(&self) -> bool {
        match self {
            Self::Truncated
            | Self::SeveralBatches
            | Self::OldMagic(_)
            | Self::UnknownMagic(_)
            | Self::BadLength(_)
            | Self::BadCrc { .. }
            | Self::TooLarge { .. }
            | Self::ZstdTooEarly => false,
            Self::BaseOffset(_)
            | Self::Count { .. }
            | Self::ControlBatch
            | Self::BaseSequence(_)
            | Self::UnknownCodec(_)
            | Self::LinkedLz4Blocks
            | Self::Decompress(_)
            | Self::RecordTooLarge { .. }
            | Self::Malformed { .. }
            | Self::OffsetDelta { .. }
            | Self::Rejected(_) => true,
        }
    }

    /// What goes into `recordErrors` of Produce 8 and later: the record's index, and the message.
    pub fn record_errors(&self) -> Vec<(usize, String)> {
        match self {
            Self::Rejected(records) => {
                records.iter().map(|it| (it.index, it.cause.to_string())).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// One timestamp that is refused makes it a refusal of timestamps, as in Kafka.
fn is_about_timestamps(records: &[RejectedRecord]) -> bool {
    records.iter().any(|it| it.cause != Rejection::NoKey)
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("there is no whole record batch"),
            Self::SeveralBatches => f.write_str("there is more than one record batch"),
            Self::OldMagic(magic) => write!(f, "record batches of magic {magic} are not taken"),
            Self::UnknownMagic(magic) => write!(f, "there is no magic {magic}"),
            Self::BadLength(length) => write!(f, "no record batch has length {length}"),
            Self::BadCrc { stored, computed } => {
                write!(f, "the checksum is {computed:#010x}, the batch says {stored:#010x}")
            }
            Self::TooLarge { bytes, bytes_max } => {
                write!(f, "the batch has {bytes} bytes, the topic takes {bytes_max}")
            }
            Self::ZstdTooEarly => f.write_str("zstd needs Produce version 7"),
            Self::BaseOffset(offset) => write!(f, "the base offset is {offset}, not 0"),
            Self::Count { record_count, last_offset_delta } => {
                write!(f, "{record_count} records, but last offset delta {last_offset_delta}")
            }
            Self::ControlBatch => f.write_str("clients may not write control batches"),
            Self::BaseSequence(sequence) => {
                write!(f, "a batch with a producer id has base sequence {sequence}")
            }
            Self::UnknownCodec(id) => write!(f, "there is no compression codec {id}"),
            Self::LinkedLz4Blocks => f.write_str("lz4 with linked blocks is not readable"),
            Self::Decompress(error) => error.fmt(f),
            Self::RecordTooLarge { index, bytes } => {
                write!(f, "record {index} has {bytes} bytes when decompressed")
            }
            Self::Malformed { index, fault } => write!(f, "record {index}: {fault}"),
            Self::OffsetDelta { index, offset_delta } => {
                write!(f, "record {index} has offset delta {offset_delta}")
            }
            Self::Rejected(records) => {
                write!(f, "{} records are rejected", records.len())?;
                if let Some(first) = records.first() {
                    write!(f, ", the first is {}: {}", first.index, first.cause)?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for BatchError {}

impl fmt::Display for RecordFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VarintTooLong => "a variable-length number is too long",
            Self::BadLength => "a length is out of bounds",
            Self::BytesInside => "it is longer than its fields",
            Self::BytesBehind => "bytes stand behind the last record",
            Self::NegativeCount => "the record count is negative",
        })
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StampedBySender => {
                f.write_str("the topic stamps records itself, the producer must not say it did")
            }
            Self::NoKey => f.write_str("a compacted topic takes no record without a key"),
            Self::Timestamp { timestamp, earliest, latest } => {
                write!(f, "timestamp {timestamp} is not within [{earliest}, {latest}]")
            }
        }
    }
}

impl From<DecompressError> for BatchError {
    fn from(error: DecompressError) -> Self {
        Self::Decompress(error)
    }
}

#[cfg(test)]
#[path = "error_test.rs"]
mod error_test;
