//! Offsets and timestamps of a batch's records, in steps: neither memory nor a step grows with what a
//! compressed batch becomes.

use std::ops::ControlFlow;

use super::pieces::{Pieces, WALK_STEP_BYTES};
use super::scan::Scan;
use super::{BatchError, BatchHeader};
use crate::ids::{Offset, TimestampMs};

/// A walk over one batch. Beside 8 KiB of plain bytes it holds what an [`Unpacker`] does.
///
/// [`Unpacker`]: crate::compression::Unpacker
pub struct RecordTimes<'a> {
    header: &'a BatchHeader,
    pieces: Pieces<'a>,
    scan: Scan,
}

impl<'a> RecordTimes<'a> {
    /// Of a batch whose records may become `bytes_max` bytes when they are unpacked.
    ///
    /// # Errors
    /// The batch is not whole, its codec is unknown, or its records do not begin as the codec's do.
    pub fn new(
        header: &'a BatchHeader,
        batch: &'a [u8],
        bytes_max: usize,
    ) -> Result<Self, BatchError> {
        let body = batch.get(BatchHeader::BYTES..header.total_bytes());
        let body = body.ok_or(BatchError::Truncated)?;
        let pieces = Pieces::new(header.compression()?, body, bytes_max)?;
        Ok(Self { header, pieces, scan: Scan::new(header.record_count) })
    }

    /// Shows the records of the next step, in order, until `look` has found what it wants: that, or
    /// nothing when there are no more, ends the walk.
    ///
    /// # Errors
    /// The records are not what the batch says, or more bytes than they may be.
    pub fn step<T>(
        &mut self,
        mut look: impl FnMut(Offset, TimestampMs) -> Option<T>,
    ) -> Result<ControlFlow<Option<T>>, BatchError> {
        let mut piece = self.pieces.next(WALK_STEP_BYTES)?;
        if piece.is_empty() {
            self.scan.finish()?;
            return Ok(ControlFlow::Break(None));
        }
        while let Some(record) = self.scan.next(&mut piece)? {
            let offset = self.header.base_offset.plus(i64::from(record.offset_delta));
            let found = look(offset, self.header.timestamp_of(record.timestamp_delta));
            if found.is_some() {
                return Ok(ControlFlow::Break(found));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

#[cfg(test)]
#[path = "times_test.rs"]
mod times_test;
