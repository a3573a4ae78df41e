//! Reading whole batches from an offset on: from memory, else chunk by chunk from a segment.

use bytes::{Bytes, BytesMut};
use pelton_model::Offset;
use pelton_model::batch::BatchHeader;
use pelton_model::limits::{BLOCK_BYTES, IO_BYTES_MAX};

use super::{Log, Positions};
use crate::error::{ReadError, StorageError};
use crate::segment::{ChunkEntry, Segment, SegmentAccess, SegmentName};

/// How much a read may bring.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimits {
    /// Bytes; the first batch is read whole whatever the limit.
    pub bytes_max: usize,
    /// Whether the first batch may be larger than `bytes_max`.
    pub at_least_one: bool,
    /// Nothing at or past this offset.
    pub end: Offset,
}

/// Whole batches, as they are sent.
#[derive(Clone, Debug, Default)]
pub struct ReadSlices {
    pub slices: Vec<Bytes>,
    pub bytes: usize,
    /// Whether bytes had to come from the device.
    pub from_disk: bool,
}

impl ReadSlices {
    /// Takes one more batch; false when it does not fit any more.
    fn push(&mut self, batch: Bytes, limits: &ReadLimits) -> bool {
        let fits = self.bytes + batch.len() <= limits.bytes_max
            || (self.slices.is_empty() && limits.at_least_one);
        if fits {
            self.bytes += batch.len();
            self.slices.push(batch);
        }
        fits
    }

    /// Lets go of what was read beside the slices, where that is more than they are: a slice keeps all
    /// bytes of its read in memory, to whole blocks, and whoever holds slices is charged for their own
    /// bytes (R3). So at most twice of what is charged is held.
    fn release_read(&mut self, read_bytes: usize) {
        let held_bytes = read_bytes + 2 * BLOCK_BYTES;
        if self.bytes >= held_bytes / 2 {
            return;
        }
        let mut copy = BytesMut::with_capacity(self.bytes);
        self.slices.iter().for_each(|slice| copy.extend_from_slice(slice));
        for slice in &mut self.slices {
            *slice = copy.split_to(slice.len()).freeze();
        }
    }
}

/// Where the bytes of an offset are.
enum Place {
    Memory(ReadSlices),
    Disk(SegmentPlace),
}

struct SegmentPlace {
    name: SegmentName,
    access: SegmentAccess,
    /// The finished chunks that its index does not have, if it is the last one.
    unindexed: Vec<ChunkEntry>,
    open_chunk: Option<ChunkEntry>,
    /// Where the next segment, or the uncarried tail, begins.
    end: Offset,
}

/// What a look into a segment gave.
enum Found {
    /// Nothing if the first batch does not fit the limits.
    Batches(ReadSlices),
    /// There are no batches below this offset: compaction has removed them.
    GapUpTo(Offset),
}

impl Log {
    /// Batches from the one that contains `from`, up to the limits. Empty at the commit point.
    pub async fn read(&self, from: Offset, limits: ReadLimits) -> Result<ReadSlices, ReadError> {
        // A segment may hold more than is committed (S4).
        let limits = ReadLimits { end: limits.end.min(self.commit_offset()), ..limits };
        let mut at = from;
        loop {
            let mut place = match self.place(at, &limits)? {
                Place::Memory(slices) => return Ok(slices),
                Place::Disk(place) => place,
            };
            let read = self.read_segment(&mut place, at, &limits).await;
            let SegmentPlace { name, access, .. } = place;
            let of_index = access.index.is_none();
            let positions = self.0.positions.borrow();
            let segment = positions.segments.iter().find(|it| it.name == name);
            // One that is gone has been closed, and its file must not be kept open.
            match segment {
                Some(segment) => self.0.open.keep(self.0.id, segment, access),
                None => self.0.open.readers.forget(self.0.id, name),
            }
            match read {
                Ok(Found::Batches(slices)) => return Ok(slices),
                Ok(Found::GapUpTo(next)) => at = next,
                Err(_) if positions.dropped => return Err(ReadError::Dropped),
                // Deleted under the read: what was asked for is out of range by now.
                Err(_) if from < positions.start => return Err(self.out_of_range(&positions)),
                // Compacted under the read, and its files removed: it has a successor.
                Err(_) if segment.is_none() => {}
                Err(error) => {
                    if let StorageError::Damaged { what, .. } = &error {
                        self.0.open.note_damage(self.0.id, name, of_index, what);
                    }
                    return Err(error.into());
                }
            }
        }
    }

    /// Whether a read from `from` has to wait for the device.
    pub fn is_on_disk(&self, from: Offset) -> bool {
        let positions = self.0.positions.borrow();
        let is_within = from >= positions.start && from < positions.commit;
        is_within && positions.recent.front().is_none_or(|first| from < first.base)
    }

    /// Whether a read from `from` would find anything, and how much at least, without reading.
    pub fn available_bytes(&self, from: Offset, bytes_max: usize) -> usize {
        let positions = self.0.positions.borrow();
        if from >= positions.commit {
            return 0;
        }
        if positions.recent.front().is_none_or(|first| from < first.base) {
            return bytes_max;
        }
        let mut bytes = 0;
        let first = positions.recent.partition_point(|batch| batch.next <= from);
        for batch in positions.recent.range(first..) {
            if batch.next > positions.commit || bytes >= bytes_max {
                break;
            }
            bytes += batch.bytes.len();
        }
        bytes
    }

    fn place(&self, from: Offset, limits: &ReadLimits) -> Result<Place, ReadError> {
        self.0.journal.check()?;
        let positions = self.0.positions.borrow();
        if positions.dropped {
            return Err(ReadError::Dropped);
        }
        let start = positions.durable_start(self.0.journal.durable_sequence());
        if from < start || from > positions.commit {
            return Err(self.out_of_range(&positions));
        }
        let end = limits.end.min(positions.commit);
        if from >= end {
            return Ok(Place::Memory(ReadSlices::default()));
        }
        if positions.recent.front().is_some_and(|first| first.base <= from) {
            let mut slices = ReadSlices::default();
            let first = positions.recent.partition_point(|batch| batch.next <= from);
            for batch in positions.recent.range(first..) {
                if batch.next > end || !slices.push(batch.bytes.clone(), limits) {
                    break;
                }
            }
            return Ok(Place::Memory(slices));
        }
        let at = positions.segments.partition_point(|segment| segment.base() <= from);
        let Some(segment) = at.checked_sub(1).and_then(|at| positions.segments.get(at)) else {
            return Err(ReadError::Storage(StorageError::Damaged {
                partition: self.0.id,
                what: format!("no segment holds offset {from}"),
            }));
        };
        let is_last = at == positions.segments.len();
        let (unindexed, open_chunk) = match is_last {
            true => (positions.unindexed.clone(), positions.open_chunk),
            false => (Vec::new(), None),
        };
        let end = positions.segments.get(at).map_or(positions.carried_end, Segment::base);
        let access = self.0.open.access(self.0.id, segment);
        let name = segment.name;
        Ok(Place::Disk(SegmentPlace { name, access, unindexed, open_chunk, end }))
    }

    async fn read_segment(
        &self,
        place: &mut SegmentPlace,
        from: Offset,
        limits: &ReadLimits,
    ) -> Result<Found, StorageError> {
        let parts = &self.0;
        let index = place.access.index(&parts.disk, &parts.dir, parts.id).await?;
        let beyond = place.unindexed.iter().copied().chain(place.open_chunk);
        let first = index.partition_point(|chunk| chunk.offset <= from).saturating_sub(1);
        let candidates = index.get(first..).unwrap_or(&[]).iter().copied().chain(beyond);
        let (chunks, after) = run_from(from, candidates, limits);
        let after = after.unwrap_or(place.end);
        let readers = &parts.open.readers;
        let position = chunks.first().map_or(0, |chunk| chunk.position);
        let (is_sequential, ahead) = place.access.arrive(readers, parts.id, position);
        let read = place.access.read_chunks(&parts.disk, &parts.dir, parts.id, &chunks, ahead);
        let content = read.await?;
        let mut slices = ReadSlices { from_disk: true, ..ReadSlices::default() };
        let mut found = false;
        let mut at = 0;
        while at < content.len() {
            let header = BatchHeader::read(&content[at..]).ok();
            let Some(header) = header.filter(|it| it.total_bytes() <= content.len() - at) else {
                return Err(StorageError::Damaged {
                    partition: parts.id,
                    what: format!("a chunk near offset {from} does not hold whole batches"),
                });
            };
            let next = at + header.total_bytes();
            if header.next_offset() > from {
                found = true;
                if header.next_offset() > limits.end
                    || !slices.push(content.slice(at..next), limits)
                {
                    break;
                }
            }
            at = next;
        }
        slices.release_read(content.len());
        if !slices.slices.is_empty() {
            // The open chunk grows: it is not read ahead.
            let consumed = position + at as u64;
            let indexed = &index[index.partition_point(|chunk| chunk.end() <= consumed)..];
            let finished = indexed.iter().chain(&place.unindexed).copied();
            let mut next = finished.skip_while(|chunk| chunk.end() <= consumed).peekable();
            let next_from = next.peek().map_or(from, |chunk| chunk.offset);
            let (next, _) = run_from(next_from, next, limits);
            place.access.expect(readers, parts.id, &next, is_sequential);
        }
        Ok(if found { Found::Batches(slices) } else { Found::GapUpTo(after) })
    }
}

/// The chunks of one read: from the one that holds `from`, or else the next, on; and where the
/// chunk behind them begins.
fn run_from(
    from: Offset,
    candidates: impl Iterator<Item = ChunkEntry>,
    limits: &ReadLimits,
) -> (Vec<ChunkEntry>, Option<Offset>) {
    let mut chunks: Vec<ChunkEntry> = Vec::new();
    let mut bytes = 0;
    for chunk in candidates {
        // One beyond the index may be the one that holds `from`.
        if chunk.offset <= from {
            (bytes, _) = (0, chunks.clear());
        }
        let is_enough = bytes >= limits.bytes_max || chunk.offset >= limits.end;
        if !chunks.is_empty() && (is_enough || bytes + chunk.length as usize > IO_BYTES_MAX) {
            return (chunks, Some(chunk.offset));
        }
        bytes += chunk.length as usize;
        chunks.push(chunk);
    }
    (chunks, None)
}

impl Log {
    fn out_of_range(&self, positions: &Positions) -> ReadError {
        let start = positions.durable_start(self.0.journal.durable_sequence());
        ReadError::OutOfRange { start, end: positions.commit }
    }
}
