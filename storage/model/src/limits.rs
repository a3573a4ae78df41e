//! Bounds of everything that can grow and is not configurable, each with its reason.

/// Direct I/O is done in multiples of this, at multiples of this, whatever the device says.
pub const BLOCK_BYTES: usize = 4096;

/// One write or read to the device: larger ones bring nothing and delay what waits behind them.
pub const IO_BYTES_MAX: usize = 1 << 20;

/// A chunk of a segment (F2) ends at the first batch boundary at or above this.
pub const CHUNK_BYTES: usize = 64 << 10;

/// Frames up to this size share the connection's small buffer; larger ones get their own.
pub const SMALL_FRAME_BYTES: usize = 64 << 10;

/// Partitions of one topic: what CreateTopics of Kafka allows in one request.
pub const PARTITIONS_PER_REQUEST_MAX: usize = 10_000;

/// Batches of one producer that are remembered for duplicates, as every Kafka client assumes.
pub const PRODUCER_BATCHES_REMEMBERED: usize = 5;

/// Producers that one partition remembers: about 3 MiB; the least recently used one makes room. All
/// partitions of a shard together have no bound but this, times their number: who may write to 800
/// partitions can make the shard's state, which each checkpoint writes, a GB.
pub const PRODUCERS_PER_PARTITION_MAX: usize = 10_000;

/// Records of one batch that a refusal names. Kafka names them all, which for a batch of a
/// megabyte of empty records is an answer of many times the batch.
pub const RECORD_ERRORS_MAX: usize = 1_000;

/// Messages that may wait between two shards; below 1024 glommio's channel loses most of its speed.
pub const MAILBOX_MESSAGES: usize = 1024;

/// Bytes of records in the answers to fetches that the clients of one shard have not taken yet (R5).
/// Those of further answers are a batch each.
pub const ANSWERS_BYTES_MAX: usize = 128 << 20;

const _: () = assert!(CHUNK_BYTES >= BLOCK_BYTES && CHUNK_BYTES.is_multiple_of(BLOCK_BYTES));
const _: () = assert!(IO_BYTES_MAX >= CHUNK_BYTES && IO_BYTES_MAX.is_multiple_of(CHUNK_BYTES));
const _: () = assert!(SMALL_FRAME_BYTES >= BLOCK_BYTES);
