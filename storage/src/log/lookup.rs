//! What a log knows of its offsets without reading records: about when, and in which leader epoch.

use pelton_model::{LeaderEpoch, Offset, TimestampMs};

use super::Log;
use crate::segment::{SegmentAccess, SegmentName};

/// See [`Log::time_near`].
enum TimeKnown {
    Time(TimestampMs),
    /// An index that has to be read first.
    InIndex(SegmentAccess, SegmentName),
}

impl Log {
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
}
