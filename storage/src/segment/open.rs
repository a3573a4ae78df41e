//! The segments of a shard that somebody has looked into lately: their files and indexes stay open
//! within a bound, and the least recently used one makes room.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use pelton_model::PartitionId;

use super::{ChunkEntry, ReadAhead, Segment, SegmentAccess, SegmentName};
use crate::disk::File;

/// Indexes in memory: those of 100 GB of segments, at one entry per 64 KiB.
const INDEX_BYTES_MAX: usize = 64 << 20;

/// Places of damage that were named in the log. A reader that asks for the same records again and
/// again should not fill it.
const NAMED_MAX: usize = 1_000;

type Key = (PartitionId, SegmentName);

/// Damage found before it was served, since the start (F2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Corruptions {
    pub segment: u64,
    pub index: u64,
}

/// See the module.
pub(crate) struct OpenSegments {
    files_max: usize,
    table: RefCell<Table>,
    /// Shared by the passes of all files that writers have open.
    written: Rc<()>,
    pub readers: ReadAhead,
    corruptions: Cell<Corruptions>,
    named: RefCell<BTreeSet<(PartitionId, SegmentName, String)>>,
}

#[derive(Default)]
struct Table {
    open: BTreeMap<Key, Open>,
    by_use: BTreeMap<u64, Key>,
    clock: u64,
    index_bytes: usize,
}

struct Open {
    used: u64,
    reader: Option<File>,
    /// All finished chunks.
    index: Option<Rc<Vec<ChunkEntry>>>,
}

impl Open {
    fn index_bytes(&self) -> usize {
        self.index.as_ref().map_or(0, |index| index.len() * size_of::<ChunkEntry>())
    }
}

/// Counts an open file of a writer for as long as it lives.
pub(crate) struct WriterPass(Rc<()>);

impl WriterPass {
    /// For another file of the same writer.
    pub fn another(&self) -> WriterPass {
        WriterPass(self.0.clone())
    }
}

impl OpenSegments {
    /// Readers may have half of `files_max` open and writers three quarters, as far as the others
    /// leave it; a quarter is theirs in any case. What is being written to is never refused.
    pub fn new(files_max: usize) -> Self {
        OpenSegments {
            files_max,
            table: RefCell::default(),
            written: Rc::default(),
            readers: ReadAhead::default(),
            corruptions: Cell::default(),
            named: RefCell::default(),
        }
    }

    /// What is open of a segment; the rest an access opens itself.
    pub fn access(&self, partition: PartitionId, segment: &Segment) -> SegmentAccess {
        let mut access = SegmentAccess {
            name: segment.name,
            chunk_count: segment.chunk_count,
            index: None,
            reader: None,
        };
        let mut table = self.table.borrow_mut();
        if let Some(open) = table.touch((partition, segment.name)) {
            access.reader = open.reader.clone();
            let is_whole =
                |index: &&Rc<Vec<ChunkEntry>>| index.len() == segment.chunk_count as usize;
            access.index = open.index.as_ref().filter(is_whole).cloned();
        }
        access
    }

    /// Keeps what an access had to open, unless the segment has grown meanwhile.
    pub fn keep(&self, partition: PartitionId, segment: &Segment, access: SegmentAccess) {
        let mut table = self.table.borrow_mut();
        table.remove((partition, segment.name));
        let index = access.index.filter(|index| index.len() == segment.chunk_count as usize);
        table.insert((partition, segment.name), access.reader, index);
        // What is evicted here is closed when nobody reads from it any more.
        while table.open.len() > self.readers_max() || table.index_bytes > INDEX_BYTES_MAX {
            let Some(oldest) = table.by_use.first_key_value().map(|(_, key)| *key) else { break };
            table.remove(oldest);
        }
    }

    /// A carry has finished some chunks.
    pub fn extend(&self, partition: PartitionId, segment: &Segment, chunks: &[ChunkEntry]) {
        let mut table = self.table.borrow_mut();
        let key = (partition, segment.name);
        if chunks.is_empty() || !table.open.contains_key(&key) {
            return;
        }
        let Some(Open { reader, index, .. }) = table.remove(key) else { return };
        let index = index.filter(|index| index.len() == segment.chunk_count as usize);
        let index = index.map(|mut index| {
            Rc::make_mut(&mut index).extend_from_slice(chunks);
            index
        });
        table.insert(key, reader, index);
    }

    /// Closes a segment's file before it is removed.
    pub async fn close(&self, partition: PartitionId, name: SegmentName) {
        self.readers.forget(partition, name);
        let open = self.table.borrow_mut().remove((partition, name));
        if let Some(file) = open.and_then(|open| open.reader) {
            let _ = file.close().await;
        }
    }

    pub fn writer_pass(&self) -> WriterPass {
        WriterPass(self.written.clone())
    }

    /// Files that writers have open: one each, and the index of some.
    pub fn written_count(&self) -> usize {
        Rc::strong_count(&self.written) - 1
    }

    /// Whether writers have few enough files open for all of them to stay open. Who asks closes
    /// its own if not: logs that have their turns one after the other, again and again, would find
    /// nothing open if the least recently used made room.
    pub fn may_keep_writer(&self) -> bool {
        self.written_count() <= self.written_max()
    }

    /// Whether there are so few that each writer might have its index open, too.
    pub fn may_keep_index(&self) -> bool {
        self.written_count() <= self.written_max() / 2
    }

    fn written_max(&self) -> usize {
        let left = self.files_max.saturating_sub(self.count());
        left.clamp(self.files_max / 4, self.files_max - self.files_max / 4)
    }

    fn readers_max(&self) -> usize {
        let left = self.files_max.saturating_sub(self.written_count());
        left.clamp(self.files_max / 4, self.files_max / 2).max(1)
    }

    /// Segments with an open file or a loaded index.
    pub fn count(&self) -> usize {
        self.table.borrow().open.len()
    }

    /// Of the indexes that are in memory.
    pub fn index_bytes(&self) -> usize {
        self.table.borrow().index_bytes
    }

    pub fn corruptions(&self) -> Corruptions {
        self.corruptions.get()
    }

    /// Counts damage, and names it the first time that it is met.
    pub fn note_damage(
        &self,
        partition: PartitionId,
        name: SegmentName,
        of_index: bool,
        what: &str,
    ) {
        let mut corruptions = self.corruptions.get();
        match of_index {
            true => corruptions.index += 1,
            false => corruptions.segment += 1,
        }
        self.corruptions.set(corruptions);
        let mut named = self.named.borrow_mut();
        if named.len() < NAMED_MAX && named.insert((partition, name, what.to_owned())) {
            tracing::error!(%partition, what, "damage was found before it was served");
        }
    }
}

impl Table {
    fn touch(&mut self, key: Key) -> Option<&Open> {
        let open = self.open.get_mut(&key)?;
        self.by_use.remove(&open.used);
        self.clock += 1;
        open.used = self.clock;
        self.by_use.insert(self.clock, key);
        Some(open)
    }

    fn remove(&mut self, key: Key) -> Option<Open> {
        let open = self.open.remove(&key)?;
        self.by_use.remove(&open.used);
        self.index_bytes -= open.index_bytes();
        Some(open)
    }

    fn insert(&mut self, key: Key, reader: Option<File>, index: Option<Rc<Vec<ChunkEntry>>>) {
        self.clock += 1;
        let open = Open { used: self.clock, reader, index };
        self.index_bytes += open.index_bytes();
        self.by_use.insert(self.clock, key);
        self.open.insert(key, open);
    }
}

#[cfg(test)]
#[path = "open_test.rs"]
mod open_test;
