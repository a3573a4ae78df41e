//! Finding offsets by time and by leader epoch.

use pelton_model::batch::{BatchHeader, Records, record_bytes};
use pelton_model::{LeaderEpoch, Offset, TimestampMs};

use super::{Log, ReadLimits};
use crate::error::ReadError;

/// A record's place and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetAndTimestamp {
    pub offset: Offset,
    pub timestamp: TimestampMs,
    pub epoch: LeaderEpoch,
}

/// A batch of records that is looked into is decompressed to at most so much.
const DECOMPRESSED_BYTES_MAX: usize = 64 << 20;

impl Log {
    /// The first record, by offset, whose timestamp is not less than `target`.
    pub async fn offset_for_timestamp(
        &self,
        target: TimestampMs,
    ) -> Result<Option<OffsetAndTimestamp>, ReadError> {
        let start = self.start_offset();
        self.first_record(start, |header| header.max_timestamp >= target, |time| time >= target)
            .await
    }

    /// The first record that has the greatest timestamp of the log (KIP-734).
    pub async fn max_timestamp(&self) -> Result<Option<OffsetAndTimestamp>, ReadError> {
        let Some(greatest) = self.greatest_timestamp() else { return Ok(None) };
        let start = self.start_offset();
        self.first_record(start, |header| header.max_timestamp >= greatest, |time| time >= greatest)
            .await
    }

    /// The last offset of `epoch`, exclusive: where a later epoch begins, or the end of the log
    /// (KIP-101). `None` for an epoch that the log does not know. The answer names the greatest
    /// epoch that is not above the one asked for.
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        let positions = self.0.positions.borrow();
        let at = positions.epochs.partition_point(|(known, _)| *known <= epoch);
        if at == positions.epochs.len() && positions.epochs.last()?.0 < epoch {
            return None;
        }
        let end = positions.epochs.get(at).map_or(positions.commit, |(_, start)| *start);
        let known = at.checked_sub(1).map(|at| positions.epochs[at].0)?;
        Some((known, end))
    }

    /// The epoch in which `offset` was written.
    pub fn epoch_of(&self, offset: Offset) -> LeaderEpoch {
        let positions = self.0.positions.borrow();
        let at = positions.epochs.partition_point(|(_, start)| *start <= offset);
        at.checked_sub(1).map_or(LeaderEpoch::new(0), |at| positions.epochs[at].0)
    }

    fn greatest_timestamp(&self) -> Option<TimestampMs> {
        let positions = self.0.positions.borrow();
        let settled = positions.segments.iter().map(|segment| segment.max_timestamp);
        let recent = positions
            .recent
            .iter()
            .filter(|batch| batch.next <= positions.commit)
            .map(|batch| batch.max_timestamp);
        settled.chain(recent).max().filter(|_| positions.start < positions.commit)
    }

    /// Where to look first: segments whose records are all older need not be read.
    fn skip_segments(&self, from: Offset, is_candidate: &impl Fn(TimestampMs) -> bool) -> Offset {
        let positions = self.0.positions.borrow();
        let mut from = from;
        for (at, segment) in positions.segments.iter().enumerate() {
            let end = positions.segments.get(at + 1).map_or(positions.carried_end, |it| it.base);
            if end <= from {
                continue;
            }
            if is_candidate(segment.max_timestamp) {
                break;
            }
            from = end;
        }
        from
    }

    async fn first_record(
        &self,
        start: Offset,
        is_candidate: impl Fn(&BatchHeader) -> bool,
        matches: impl Fn(TimestampMs) -> bool,
    ) -> Result<Option<OffsetAndTimestamp>, ReadError> {
        let mut from = self.skip_segments(start, &matches);
        loop {
            let limits =
                ReadLimits { bytes_max: 1 << 20, at_least_one: true, end: self.commit_offset() };
            let read = self.read(from, limits).await?;
            if read.slices.is_empty() {
                return Ok(None);
            }
            for batch in &read.slices {
                let Ok(header) = BatchHeader::read(batch) else { return Ok(None) };
                from = header.next_offset();
                if !is_candidate(&header) {
                    continue;
                }
                if let Some((offset, timestamp)) = record_in(&header, batch, start, &matches) {
                    let epoch = header.leader_epoch;
                    return Ok(Some(OffsetAndTimestamp { offset, timestamp, epoch }));
                }
            }
        }
    }
}

fn record_in(
    header: &BatchHeader,
    batch: &[u8],
    start: Offset,
    matches: &impl Fn(TimestampMs) -> bool,
) -> Option<(Offset, TimestampMs)> {
    // A batch that cannot be unpacked is answered as a whole: its readers see the same.
    let Ok(bytes) = record_bytes(header, batch, DECOMPRESSED_BYTES_MAX) else {
        return Some((header.base_offset, header.max_timestamp));
    };
    Records::new(header, &bytes)
        .map_while(Result::ok)
        .map(|record| {
            let offset = header.base_offset.plus(i64::from(record.offset_delta));
            (offset, header.timestamp_of(record.timestamp_delta))
        })
        .find(|(offset, time)| *offset >= start && matches(*time))
}
