//! A batch on its way into a log, in steps: a large one is not allowed to hold a core for as long
//! as it takes to go over all of its bytes (R8), and least of all one that has to be unpacked.

use super::frame::only_batch;
use super::header::{BatchHeader, TimestampType};
use super::pieces::{PACK_STEP_BYTES, Pieces, WALK_STEP_BYTES};
use super::scan::{Scan, Seen};
use super::validate::{NO_TIMESTAMP, check_frame, check_header, restamp, rewrite};
use super::{
    BatchError, CompressionTarget, Prepared, ProducerBatch, RejectedRecord, Rejection,
    ValidationRules,
};
use crate::compression::{Compression, Packer, lz4_has_linked_blocks};
use crate::crc;
use crate::ids::TimestampMs;
use crate::limits::RECORD_ERRORS_MAX;

/// Bytes whose checksum is computed in a step: 0.1 ms.
const CHECKSUM_STEP_BYTES: usize = 1 << 20;

/// A batch that is being checked and, if the topic wants it, recompressed. Somebody calls
/// [`Preparation::step`] until it is done, and may do other things in between.
///
/// A step goes over a bounded number of bytes. What a codec can only take as a whole is the
/// exception: a block of lz4 (64 KiB as clients write them, 4 MiB at most), and what zstd gathers
/// before it compresses (128 KiB, which takes long at its highest levels).
///
/// Departs from Kafka in refusing what Kafka's own readers then cannot read: offset deltas other
/// than 0, 1, 2…, wrong record lengths in compressed batches, lz4 with linked blocks.
pub struct Preparation<'a> {
    rules: ValidationRules,
    header: BatchHeader,
    batch: &'a [u8],
    /// Of the bytes up to `sealed_bytes`, from where checksums begin.
    crc: u32,
    sealed_bytes: usize,
    /// None before the checksum is known to be right, and if nobody looks at the records.
    walk: Option<Walk<'a>>,
}

impl<'a> Preparation<'a> {
    /// Of the one batch in `bytes`, a partition's records of a Produce request.
    ///
    /// # Errors
    /// There is not exactly one batch, or its framing is refused.
    pub fn begin(bytes: &'a [u8], rules: &ValidationRules) -> Result<Self, BatchError> {
        let (header, batch) = only_batch(bytes)?;
        check_frame(&header, batch, rules)?;
        let sealed_bytes = BatchHeader::CRC_END;
        Ok(Self { rules: *rules, header, batch, crc: 0, sealed_bytes, walk: None })
    }

    /// Whether records will be decompressed or compressed: beside a step's time that takes memory,
    /// 32 MiB at most and usually 0.2, until it is done.
    pub fn needs_codec(&self) -> bool {
        match self.header.compression() {
            Ok(Compression::None) => self.target(Compression::None).is_some(),
            Ok(codec) => self.must_walk(codec),
            Err(_) => false,
        }
    }

    /// Goes on; how the batch is stored, once that is known.
    ///
    /// The CRC is read once. The records of an uncompressed batch are walked. Those of a compressed
    /// one are decompressed only if the rules ask for it (keys, recompression,
    /// `validate_compressed`) or the header's timestamps are out of bounds, to name the records;
    /// else what a compressed batch says of itself is believed, its maximum timestamp too.
    ///
    /// # Errors
    /// What is wrong with the batch; then there is nothing more to be done.
    pub fn step(&mut self) -> Result<Option<Prepared>, BatchError> {
        if self.sealed_bytes < self.batch.len() {
            let end = self.batch.len().min(self.sealed_bytes + CHECKSUM_STEP_BYTES);
            self.crc = crc::append(self.crc, &self.batch[self.sealed_bytes..end]);
            self.sealed_bytes = end;
            if end < self.batch.len() {
                return Ok(None);
            }
            self.walk = self.check_sealed()?;
        }
        let is_walked = match &mut self.walk {
            Some(walk) => walk.step(&self.header, &self.rules)?,
            None => true,
        };
        if is_walked { self.finish().map(Some) } else { Ok(None) }
    }

    /// What is checked when the CRC covers it; how to walk, if the records must be looked at.
    fn check_sealed(&self) -> Result<Option<Walk<'a>>, BatchError> {
        let (header, rules) = (&self.header, &self.rules);
        if self.crc != header.crc {
            return Err(BatchError::BadCrc { stored: header.crc, computed: self.crc });
        }
        check_header(header)?;
        let codec = header.compression()?;
        let body = &self.batch[BatchHeader::BYTES..];
        if codec == Compression::Lz4 && lz4_has_linked_blocks(body) {
            return Err(BatchError::LinkedLz4Blocks);
        }
        if rules.timestamp_type == TimestampType::LogAppendTime
            && header.timestamp_type() == TimestampType::LogAppendTime
        {
            let count = usize::try_from(header.record_count).unwrap_or(0).min(RECORD_ERRORS_MAX);
            let reject = |index| RejectedRecord { index, cause: Rejection::StampedBySender };
            return Err(BatchError::Rejected((0..count).map(reject).collect()));
        }
        if !self.must_walk(codec) {
            return Ok(None);
        }
        let target = self.target(codec);
        Ok(Some(Walk {
            pieces: Pieces::new(codec, body, rules.batch_bytes_max(header))?,
            packer: target.map(|(codec, level)| {
                Packer::new(codec, level, BatchHeader::BYTES, rules.max_message_bytes)
            }),
            scan: Scan::new(header.record_count),
            records: 0,
            record_bytes_max: match codec {
                Compression::None => usize::MAX,
                _ => rules.decompressed_record_bytes_max,
            },
            max_timestamp: NO_TIMESTAMP,
            rejected: Vec::new(),
        }))
    }

    fn must_walk(&self, codec: Compression) -> bool {
        let (header, rules) = (&self.header, &self.rules);
        codec == Compression::None
            || self.target(codec).is_some()
            || rules.needs_keys
            || rules.validate_compressed
            || !rules.takes_timestamp(header.base_timestamp)
            || !rules.takes_timestamp(header.max_timestamp)
    }

    /// The codec that the topic wants in place of this one, and its level.
    fn target(&self, codec: Compression) -> Option<(Compression, i32)> {
        match self.rules.compression {
            CompressionTarget::Codec(target, level) if target != codec => Some((target, level)),
            _ => None,
        }
    }

    fn finish(&mut self) -> Result<Prepared, BatchError> {
        let (header, rules) = (&self.header, &self.rules);
        let (mut max_timestamp, mut packer) = (header.max_timestamp, None);
        if let Some(walk) = self.walk.take() {
            (max_timestamp, packer) = walk.finish()?;
        }
        if rules.timestamp_type == TimestampType::LogAppendTime {
            max_timestamp = rules.now;
        }
        let target = self.target(header.compression()?);
        let (stored, bytes) = match target.zip(packer) {
            Some(((codec, _), packer)) => {
                rewrite(header, rules, max_timestamp, codec, packer.finish())?
            }
            None => restamp(header, self.batch, rules.timestamp_type, max_timestamp)?,
        };
        let producer = header.has_producer().then_some(ProducerBatch {
            id: header.producer_id,
            epoch: header.producer_epoch,
            base_sequence: header.base_sequence,
            last_offset_delta: header.last_offset_delta,
        });
        Ok(Prepared { header: stored, bytes, producer })
    }
}

/// All steps of a [`Preparation`] in one go, for those who have the time.
///
/// # Errors
/// As of the steps.
pub fn prepare_for_log(bytes: &[u8], rules: &ValidationRules) -> Result<Prepared, BatchError> {
    let mut preparation = Preparation::begin(bytes, rules)?;
    loop {
        if let Some(prepared) = preparation.step()? {
            return Ok(prepared);
        }
    }
}

/// The way over a batch's records.
struct Walk<'a> {
    pieces: Pieces<'a>,
    /// Takes the plain bytes too, where the topic wants another codec.
    packer: Option<Packer>,
    scan: Scan,
    /// How many were seen.
    records: usize,
    record_bytes_max: usize,
    max_timestamp: TimestampMs,
    rejected: Vec<RejectedRecord>,
}

impl Walk<'_> {
    /// Takes the next piece; whether there is none.
    fn step(&mut self, header: &BatchHeader, rules: &ValidationRules) -> Result<bool, BatchError> {
        let Self { pieces, packer, scan, .. } = self;
        let step = if packer.is_some() { PACK_STEP_BYTES } else { WALK_STEP_BYTES };
        let mut piece = pieces.next(step)?;
        if piece.is_empty() {
            return Ok(true);
        }
        if let Some(packer) = packer {
            packer.write(piece);
        }
        while let Some(record) = scan.next(&mut piece)? {
            let index = self.records;
            judge(&record, index, self.record_bytes_max)?;
            let timestamp = header.timestamp_of(record.timestamp_delta);
            self.max_timestamp = self.max_timestamp.max(timestamp);
            if let Some(cause) = rules.rejection(&record, timestamp)
                && self.rejected.len() < RECORD_ERRORS_MAX
            {
                self.rejected.push(RejectedRecord { index, cause });
            }
            self.records += 1;
        }
        Ok(self.pieces.is_at_end())
    }

    /// The greatest timestamp of the records, and what they became.
    fn finish(self) -> Result<(TimestampMs, Option<Packer>), BatchError> {
        self.scan.finish()?;
        match self.rejected.is_empty() {
            true => Ok((self.max_timestamp, self.packer)),
            false => Err(BatchError::Rejected(self.rejected)),
        }
    }
}

/// What no topic takes.
fn judge(record: &Seen, index: usize, record_bytes_max: usize) -> Result<(), BatchError> {
    if usize::try_from(record.offset_delta) != Ok(index) {
        return Err(BatchError::OffsetDelta { index, offset_delta: record.offset_delta });
    }
    if record.bytes > record_bytes_max {
        return Err(BatchError::RecordTooLarge { index, bytes: record.bytes });
    }
    Ok(())
}

#[cfg(test)]
#[path = "prepare_test.rs"]
mod prepare_test;
