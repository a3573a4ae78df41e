//! The batch that compaction makes of what stays of another.

use std::fmt;
use std::ops::Range;

use crate::batch::{BatchHeader, NewRecord, Records, patch, put_record};
use crate::compression::{Compression, Packer};
use crate::ids::TimestampMs;

/// Plain bytes that are compressed in a step: gzip at its default level takes 0.5 ms.
const PACK_STEP_BYTES: usize = 8 << 10;

/// Bytes that are copied in a step, or written anew: 0.1 ms if all records are as short as can be.
const COPY_STEP_BYTES: usize = 64 << 10;

/// Makes a batch in steps: a large one that is compressed takes longer than others may wait for the
/// core (R8). Offsets, codec and what else the header says stay.
pub struct BatchRewriter<'a> {
    /// But for length and CRC.
    header: BatchHeader,
    /// Where records stand, as the batch had them, and which stay: from back to front.
    bytes: &'a [u8],
    kept: Vec<Range<usize>>,
    /// Records get timestamps that count from another base than the batch's own.
    from_base: Option<TimestampMs>,
    body: Body,
}

/// The batch, with room for its header.
enum Body {
    Plain(Vec<u8>),
    Packed(Box<Packer>),
}

impl<'a> BatchRewriter<'a> {
    /// `kept`: of `bytes`, in order.
    pub(super) fn new(header: BatchHeader, bytes: &'a [u8], mut kept: Vec<Range<usize>>) -> Self {
        // The records could be read, so it is one of those that there are.
        let codec = match header.record_count {
            0 => Compression::None,
            _ => header.compression().unwrap_or_default(),
        };
        let room = BatchHeader::BYTES;
        let body = match codec {
            Compression::None => {
                let mut plain =
                    Vec::with_capacity(room + kept.iter().map(Range::len).sum::<usize>());
                plain.resize(room, 0);
                Body::Plain(plain)
            }
            codec => {
                let packer = Packer::new(codec, codec.default_level(), room, usize::MAX);
                Body::Packed(Box::new(packer))
            }
        };
        kept.reverse();
        Self { header, bytes, kept, from_base: None, body }
    }

    /// The delete horizon stands in place of the base timestamp.
    pub(super) fn with_horizon(mut self, horizon: TimestampMs) -> Self {
        self.from_base = Some(self.header.base_timestamp);
        self.header.base_timestamp = horizon;
        self.header.attributes |= BatchHeader::DELETE_HORIZON;
        self
    }

    /// What a [step](Self::step) should take, so that it is well below 1 ms.
    pub fn step_bytes(&self) -> usize {
        match self.body {
            Body::Plain(_) => COPY_STEP_BYTES,
            Body::Packed(_) => PACK_STEP_BYTES,
        }
    }

    /// Takes some `bytes_max` bytes of records further; false when all are.
    pub fn step(&mut self, bytes_max: usize) -> bool {
        let mut left = bytes_max.max(1);
        while let Some(range) = self.kept.pop() {
            let end = match self.from_base {
                None => {
                    let end = range.end.min(range.start.saturating_add(left));
                    self.body.put(&self.bytes[range.start..end]);
                    end
                }
                Some(base) => self.put_anew(range.clone(), base, left),
            };
            if end < range.end {
                self.kept.push(end..range.end);
            }
            left = left.saturating_sub(end - range.start);
            if left == 0 {
                break;
            }
        }
        !self.kept.is_empty()
    }

    /// At least one record of the range; where the next one begins.
    fn put_anew(&mut self, range: Range<usize>, base: TimestampMs, bytes_max: usize) -> usize {
        let before = BatchHeader { base_timestamp: base, ..self.header };
        // The batch has at least as many records as a range of it.
        let mut records = Records::new(&before, &self.bytes[range.clone()]);
        let (mut anew, mut scratch, mut end) = (Vec::new(), Vec::new(), range.start);
        while end < range.end && end - range.start < bytes_max {
            // It was read once: this is a walk over the same bytes.
            let Some(Ok(record)) = records.next() else { return range.end };
            let headers: Vec<_> = record.headers.collect();
            let kept = NewRecord {
                timestamp: before.timestamp_of(record.timestamp_delta),
                key: record.key,
                value: record.value,
                headers: &headers,
            };
            let new_base = self.header.base_timestamp;
            put_record(&mut anew, &mut scratch, new_base, record.offset_delta, &kept);
            end = range.end - records.unread_bytes();
        }
        self.body.put(&anew);
        end
    }

    /// The batch, sealed; after the last step.
    pub fn finish(self) -> Vec<u8> {
        debug_assert!(self.kept.is_empty(), "there are records left");
        let mut batch = match self.body {
            Body::Plain(batch) => batch,
            Body::Packed(packer) => packer.finish().1.expect("without a bound all is kept"),
        };
        let length = i32::try_from(batch.len() - BatchHeader::PREFIX_BYTES)
            .expect("a batch is less than 2 GiB, and what is left of one is bounded by it");
        let header = BatchHeader { length: length as u32, ..self.header };
        batch[..BatchHeader::BYTES].copy_from_slice(&header.to_bytes());
        patch::reseal_crc(&mut batch);
        batch
    }
}

impl Body {
    fn put(&mut self, bytes: &[u8]) {
        match self {
            Self::Plain(batch) => batch.extend_from_slice(bytes),
            Self::Packed(packer) => packer.write(bytes),
        }
    }
}

impl fmt::Debug for BatchRewriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchRewriter").field("header", &self.header).finish_non_exhaustive()
    }
}
