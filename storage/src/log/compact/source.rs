//! Reading a sealed segment from one end to the other, every byte checked.

use std::rc::Rc;

use bytes::Bytes;
use pelton_model::Offset;
use pelton_model::batch::BatchHeader;

use super::CompactionError;
use crate::error::StorageError;
use crate::log::Log;
use crate::segment::{ChunkEntry, SegmentAccess, SegmentName};

/// Bytes of one read, or one chunk: what a walk holds in memory of a segment. A journal write that comes
/// meanwhile waits for as much.
const READ_BYTES: usize = 256 << 10;

/// A walk over a segment, which may be replaced or removed meanwhile.
pub(super) struct Source {
    log: Log,
    name: SegmentName,
    access: SegmentAccess,
    chunks: Rc<Vec<ChunkEntry>>,
    next: usize,
}

impl Source {
    /// From the chunk that holds `from` on.
    pub async fn open(log: &Log, name: SegmentName, from: Offset) -> Result<Self, CompactionError> {
        let access = {
            let positions = log.0.positions.borrow();
            let segment = positions.segments.iter().find(|segment| segment.name == name);
            segment
                .filter(|_| !positions.dropped)
                .map(|segment| log.0.open.access(log.0.id, segment))
        };
        let mut access = access.ok_or(CompactionError::Interrupted)?;
        let index = access.index(&log.0.disk, &log.0.dir, log.0.id).await;
        let chunks = index.map_err(|error| explain(log, name, error))?;
        let next = chunks.partition_point(|chunk| chunk.offset <= from).saturating_sub(1);
        Ok(Self { log: log.clone(), name, access, chunks, next })
    }

    /// Whether a repair has made some of its index from what it found.
    pub fn is_unverified(&self) -> bool {
        self.chunks.iter().any(|chunk| chunk.is_unverified)
    }

    /// The next whole chunks; `None` at the end.
    pub async fn read(&mut self) -> Result<Option<Bytes>, CompactionError> {
        let rest = self.chunks.get(self.next..).unwrap_or(&[]);
        let mut bytes = 0;
        let fitting = rest.iter().take_while(|chunk| {
            bytes += chunk.length as usize;
            bytes <= READ_BYTES
        });
        let count = fitting.count().max(1).min(rest.len());
        if count == 0 {
            return Ok(None);
        }
        let parts = &self.log.0;
        let (disk, dir) = (&parts.disk, &parts.dir);
        let read = self.access.read_chunks(disk, dir, parts.id, &rest[..count], None).await;
        self.next += count;
        read.map(Some).map_err(|error| explain(&self.log, self.name, error))
    }
}

/// What went wrong, unless the segment is simply no longer there.
fn explain(log: &Log, name: SegmentName, error: StorageError) -> CompactionError {
    let positions = log.0.positions.borrow();
    let is_there = positions.segments.iter().any(|segment| segment.name == name);
    if positions.dropped || !is_there { CompactionError::Interrupted } else { error.into() }
}

/// The first batch of what was read, and the rest.
pub(super) fn split_first(
    log: &Log,
    content: &mut Bytes,
) -> Result<Option<(BatchHeader, Bytes)>, CompactionError> {
    if content.is_empty() {
        return Ok(None);
    }
    let header = BatchHeader::read(content).ok();
    let Some(header) = header.filter(|header| header.total_bytes() <= content.len()) else {
        return Err(CompactionError::Failed(StorageError::Damaged {
            partition: log.0.id,
            what: "a chunk does not hold whole batches".into(),
        }));
    };
    Ok(Some((header, content.split_to(header.total_bytes()))))
}
