//! Finding offsets by time and by leader epoch.

use pelton_model::batch::{BatchHeader, Records};
use pelton_model::{LeaderEpoch, Offset, TimestampMs};

use super::{Log, ReadLimits};
use crate::error::ReadError;
use crate::event::yield_now;
use crate::segment::{SegmentAccess, SegmentName};
use crate::unpack::unpacked;

/// A record's place and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetAndTimestamp {
    pub offset: Offset,
    pub timestamp: TimestampMs,
    pub epoch: LeaderEpoch,
}

/// See [`Log::time_near`].
enum TimeKnown {
    Time(TimestampMs),
    /// An index that has to be read first.
    InIndex(SegmentAccess, SegmentName),
}

/// A batch of records that is looked into is decompressed to at most so much.
const DECOMPRESSED_BYTES_MAX: usize = 64 << 20;

/// Records looked at before others get the core: well below 1 ms (R8).
const SLICE_RECORDS: usize = 1000;

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
        let first = self
            .first_record(start, |header| header.max_timestamp >= greatest, |time| time >= greatest)
            .await?;
        match first {
            Some(first) => Ok(Some(first)),
            // It was that of a record below the start: look at all that are left.
            None => self.greatest_record(start).await,
        }
    }

    /// About when the record at `offset` was written, without reading records: the greatest timestamp
    /// of its batch where that is in memory, else of its chunk, else of its segment. Chunks are known
    /// from an index that somebody has read, or that is read here and kept, which takes one of
    /// `index_reads_left`. `None` at the commit point, and where batches carry no time.
    pub async fn time_near(
        &self,
        offset: Offset,
        index_reads_left: &mut usize,
    ) -> Option<TimestampMs> {
        let offset = offset.max(self.start_offset());
        let (mut access, name) = match self.time_known(offset, *index_reads_left)? {
            TimeKnown::Time(time) => return Some(time).filter(|time| time.get() >= 0),
            TimeKnown::InIndex(access, name) => (access, name),
        };
        *index_reads_left -= 1;
        let parts = &self.0;
        // Damage, or a file that has gone under the read, is for those who read records to say.
        let is_read = access.index(&parts.disk, &parts.dir, parts.id).await.is_ok();
        if is_read {
            let positions = parts.positions.borrow();
            // One that is gone has been closed, and what is known of it must not be kept.
            if let Some(segment) = positions.segments.iter().find(|it| it.name == name) {
                parts.open.keep(parts.id, segment, access);
            }
        }
        match self.time_known(offset, 0)? {
            TimeKnown::Time(time) => Some(time).filter(|time| time.get() >= 0),
            TimeKnown::InIndex(..) => None,
        }
    }

    /// What memory says of the time at `offset`; or, if `index_reads` is not 0, that an index that
    /// is not in memory says more.
    fn time_known(&self, offset: Offset, index_reads: usize) -> Option<TimeKnown> {
        let positions = self.0.positions.borrow();
        if positions.dropped || offset >= positions.commit {
            return None;
        }
        if positions.recent.front().is_some_and(|first| first.base <= offset) {
            let at = positions.recent.partition_point(|batch| batch.next <= offset);
            return positions.recent.get(at).map(|batch| TimeKnown::Time(batch.max_timestamp));
        }
        let at = positions.segments.partition_point(|segment| segment.base() <= offset);
        let segment = positions.segments.get(at.checked_sub(1)?)?;
        if at == positions.segments.len() {
            let open_chunk = positions.open_chunk.filter(|chunk| chunk.offset <= offset);
            let unindexed = || positions.unindexed.iter().rfind(|it| it.offset <= offset).copied();
            if let Some(chunk) = open_chunk.or_else(unindexed) {
                return Some(TimeKnown::Time(chunk.max_timestamp));
            }
        }
        let access = self.0.open.access(self.0.id, segment);
        if let Some(index) = &access.index {
            let at = index.partition_point(|chunk| chunk.offset <= offset).saturating_sub(1);
            if let Some(chunk) = index.get(at) {
                return Some(TimeKnown::Time(chunk.max_timestamp));
            }
        }
        if access.index.is_none() && segment.chunk_count > 0 && index_reads > 0 {
            return Some(TimeKnown::InIndex(access, segment.name));
        }
        Some(TimeKnown::Time(segment.max_timestamp))
    }

    /// The last offset of `epoch`, exclusive: where a later epoch begins, or the end of the log
    /// (KIP-101). `None` for an epoch that is later than all of the log. The answer names the
    /// greatest epoch that is not above the one asked for, or that one if all are.
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        let positions = self.0.positions.borrow();
        let at = positions.epochs.partition_point(|(known, _)| *known <= epoch);
        if at == positions.epochs.len() && positions.epochs.last()?.0 < epoch {
            return None;
        }
        let end = positions.epochs.get(at).map_or(positions.commit, |(_, start)| *start);
        let known = at.checked_sub(1).map_or(epoch, |at| positions.epochs[at].0);
        Some((known, end.max(positions.start)))
    }

    /// The epoch in which `offset` was written.
    pub fn epoch_of(&self, offset: Offset) -> LeaderEpoch {
        self.0.positions.borrow().epoch_at(offset)
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
            let end = positions.segments.get(at + 1).map_or(positions.carried_end, |it| it.base());
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
        let from = self.skip_segments(start, &matches);
        self.each_batch(from, async |header, batch| {
            if !is_candidate(header) {
                return None;
            }
            let records = records_from(start, header, batch).await;
            records.into_iter().find(|record| matches(record.timestamp))
        })
        .await
    }

    async fn greatest_record(
        &self,
        start: Offset,
    ) -> Result<Option<OffsetAndTimestamp>, ReadError> {
        let mut greatest: Option<OffsetAndTimestamp> = None;
        let is_greater = |time: TimestampMs, greatest: &Option<OffsetAndTimestamp>| {
            greatest.is_none_or(|greatest| time > greatest.timestamp)
        };
        self.each_batch(start, async |header, batch| {
            if is_greater(header.max_timestamp, &greatest) {
                for record in records_from(start, header, batch).await {
                    if is_greater(record.timestamp, &greatest) {
                        greatest = Some(record);
                    }
                }
            }
            None::<()>
        })
        .await?;
        Ok(greatest)
    }

    /// Shows every batch from `from` to the commit point, until `look` has found what it wants.
    async fn each_batch<T>(
        &self,
        mut from: Offset,
        mut look: impl AsyncFnMut(&BatchHeader, &[u8]) -> Option<T>,
    ) -> Result<Option<T>, ReadError> {
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
                if let Some(found) = look(&header, batch).await {
                    return Ok(Some(found));
                }
            }
        }
    }
}

/// The records of a batch that are not below `start`.
async fn records_from(
    start: Offset,
    header: &BatchHeader,
    batch: &[u8],
) -> Vec<OffsetAndTimestamp> {
    let epoch = header.leader_epoch;
    // A batch that cannot be unpacked is answered as a whole: its readers see the same.
    let Ok(bytes) = unpacked(header, batch, DECOMPRESSED_BYTES_MAX).await else {
        let (offset, timestamp) = (header.base_offset, header.max_timestamp);
        return vec![OffsetAndTimestamp { offset, timestamp, epoch }];
    };
    let mut records = Vec::new();
    for (index, record) in Records::new(header, &bytes).map_while(Result::ok).enumerate() {
        let offset = header.base_offset.plus(i64::from(record.offset_delta));
        if offset >= start {
            let timestamp = header.timestamp_of(record.timestamp_delta);
            records.push(OffsetAndTimestamp { offset, timestamp, epoch });
        }
        if index % SLICE_RECORDS == SLICE_RECORDS - 1 {
            yield_now().await;
        }
    }
    records
}
