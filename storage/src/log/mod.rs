//! A partition's log: what was just appended in memory, what has settled in segments.
//!
//! Offsets move in one direction only: start ≤ commit point ≤ end, and carried end ≤ end. Readers see
//! nothing at or past the commit point (S4), which the journal advances, in order, when the bytes
//! are on stable storage.

mod anew;
mod append;
mod by_time;
mod carry;
pub(crate) mod compact;
mod cut;
mod flush;
mod lookup;
mod queue;
mod read;
mod recover;
mod retain;
mod watch;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::rc::Rc;

use bytes::Bytes;
use pelton_model::producer::ProducerTable;
use pelton_model::{LeaderEpoch, Offset, PartitionId, TimestampMs};

pub use append::{Appended, NewBatch, NotAppended};
pub use by_time::OffsetAndTimestamp;
pub use carry::RollRules;
pub(crate) use carry::{EXTENT_BYTES_MAX, Effort};
pub use compact::{Compacted, CompactionError, CompactionRules, Dirtiness, Pace};
pub(crate) use cut::Cut;
pub use flush::AckedBy;
pub(crate) use flush::FLUSHES_IN_FLIGHT_MAX;
use queue::LogQueue;
pub use read::{ReadLimits, ReadSlices};
pub use retain::RetentionRules;
pub use watch::Watch;

use crate::directories::Directories;
use crate::disk::Disk;
use crate::error::StorageError;
use crate::gate::{Gate, Pass};
use crate::journal::{Journal, OnDurable};
use crate::segment::{ChunkEntry, OpenSegments, Segment, SegmentWriter};
use crate::state::PartitionState;
use crate::store::Memory;

/// A handle; clones are the same log.
#[derive(Clone)]
pub struct Log(Rc<LogParts>);

pub(crate) struct LogParts {
    id: PartitionId,
    dir: PathBuf,
    disk: Disk,
    journal: Rc<Journal>,
    memory: Rc<Memory>,
    open: Rc<OpenSegments>,
    directories: Rc<Directories>,
    positions: RefCell<Positions>,
    watchers: watch::Watchers,
    /// One carry, flush, roll, deletion or swap of segments at a time.
    gate: Gate,
    flushes: Rc<LogQueue>,
    /// Logs that want to be carried before the next checkpoint.
    carries: Rc<LogQueue>,
    /// One batch of the shard at a time is unpacked to look for a time.
    unpacking: Rc<Gate>,
    /// A tail of so many bytes goes straight to its segment.
    direct_flush_bytes: usize,
    /// One compaction at a time; entered before `gate`.
    compaction: Gate,
    unswept: Cell<compact::Unswept>,
}

/// Everything of a log that changes.
struct Positions {
    start: Offset,
    carried_end: Offset,
    /// Compaction has been over everything below it.
    cleaned_end: Offset,
    commit: Offset,
    /// Everything below it is durable in the journal, or described there.
    journal_end: Offset,
    /// Everything below it has an entry in the journal; what is above is held.
    pushed_end: Offset,
    end: Offset,
    /// Where an extent begins that is described and not durable yet.
    extent_from: Option<Offset>,
    /// The group of an extent whose write failed, while the horizon is kept below it.
    failed_extent: Option<u64>,
    /// A flush is wanted or under way.
    is_flushing: bool,
    /// It has written an extent, and wants another turn.
    is_flush_begun: bool,
    /// A carry in the background is wanted.
    is_carry_wanted: bool,
    /// Of all batches, since the start.
    appended_bytes: u64,
    committed_bytes: u64,
    carried_bytes: u64,
    /// Neighbouring batches up to `end`. Those below `carried_end` are cache.
    recent: VecDeque<RecentBatch>,
    segments: Vec<Segment>,
    /// Finished chunks of the last segment that its index does not have yet.
    unindexed: Vec<ChunkEntry>,
    open_chunk: Option<ChunkEntry>,
    writer: Option<SegmentWriter>,
    is_writer_idle: bool,
    epochs: Vec<(LeaderEpoch, Offset)>,
    producers: ProducerTable,
    /// The group of this log's newest entry.
    last_sequence: u64,
    /// When the last segment got its first batch, by the broker's clock; `None` while it has none.
    segment_since: Option<TimestampMs>,
    /// When the newest batch was appended, or replayed.
    appended_at: TimestampMs,
    /// The group that began the log; 0 when it is in the state file.
    placed_sequence: u64,
    /// The group that made `start` what it is.
    start_sequence: u64,
    /// What the start was before that group, and is until it is durable.
    start_before: Offset,
    dropped: bool,
    /// The first group that a dropped log needed when it still had its batches.
    dropped_needs_from: Option<u64>,
    fenced: Option<StorageError>,
    /// Where a fenced log stands in the journal, if it does not stand where it was appended.
    anew: Option<anew::Anew>,
}

/// A batch in memory.
struct RecentBatch {
    base: Offset,
    next: Offset,
    max_timestamp: TimestampMs,
    /// The journal group that holds or describes it.
    sequence: u64,
    /// As [`Positions::appended_bytes`] was behind it.
    end_bytes: u64,
    bytes: Bytes,
}

/// A [`RecentBatch`] to be.
struct NewRecent {
    base: Offset,
    next: Offset,
    max_timestamp: TimestampMs,
    sequence: u64,
    /// By the broker's clock.
    appended_at: TimestampMs,
    bytes: Bytes,
}

/// Where a log is placed: what all logs of a shard share.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub disk: Disk,
    pub data_dir: PathBuf,
    pub journal: Rc<Journal>,
    pub memory: Rc<Memory>,
    pub open: Rc<OpenSegments>,
    pub directories: Rc<Directories>,
    pub flushes: Rc<LogQueue>,
    pub carries: Rc<LogQueue>,
    pub unpacking: Rc<Gate>,
    pub direct_flush_bytes: usize,
}

impl Log {
    /// An empty log, which group `sequence` begins.
    pub(crate) fn new(
        around: &Surroundings,
        id: PartitionId,
        epoch: LeaderEpoch,
        sequence: u64,
    ) -> Self {
        let log = Self::from_state(
            around,
            &PartitionState {
                id,
                start: Offset::ZERO,
                carried_end: Offset::ZERO,
                cleaned_end: Offset::ZERO,
                epochs: vec![(epoch, Offset::ZERO)],
                segments: Vec::new(),
                unindexed: Vec::new(),
                open_chunk: None,
                segment_since: None,
                producers: Bytes::new(),
            },
            ProducerTable::default(),
        );
        log.0.positions.borrow_mut().placed_sequence = sequence;
        log
    }

    pub(crate) fn from_state(
        around: &Surroundings,
        state: &PartitionState,
        producers: ProducerTable,
    ) -> Self {
        Log(Rc::new(LogParts {
            id: state.id,
            dir: crate::segment::partition_dir(&around.data_dir, state.id),
            disk: around.disk.clone(),
            journal: around.journal.clone(),
            memory: around.memory.clone(),
            open: around.open.clone(),
            directories: around.directories.clone(),
            positions: RefCell::new(Positions {
                start: state.start,
                carried_end: state.carried_end,
                cleaned_end: state.cleaned_end,
                commit: state.carried_end,
                journal_end: state.carried_end,
                pushed_end: state.carried_end,
                end: state.carried_end,
                extent_from: None,
                failed_extent: None,
                is_flushing: false,
                is_flush_begun: false,
                is_carry_wanted: false,
                appended_bytes: 0,
                committed_bytes: 0,
                carried_bytes: 0,
                recent: VecDeque::new(),
                segments: state.segments.iter().map(Segment::from_state).collect(),
                unindexed: state.unindexed.clone(),
                open_chunk: state.open_chunk,
                writer: None,
                is_writer_idle: false,
                epochs: state.epochs.clone(),
                producers,
                last_sequence: 0,
                segment_since: state.segment_since,
                appended_at: state
                    .segments
                    .last()
                    .map_or(TimestampMs::new(-1), |it| it.appended_at),
                placed_sequence: 0,
                start_sequence: 0,
                start_before: state.start,
                dropped: false,
                dropped_needs_from: None,
                fenced: None,
                anew: None,
            }),
            watchers: watch::Watchers::default(),
            gate: Gate::default(),
            compaction: Gate::default(),
            unswept: Cell::default(),
            flushes: around.flushes.clone(),
            carries: around.carries.clone(),
            unpacking: around.unpacking.clone(),
            direct_flush_bytes: around.direct_flush_bytes,
        }))
    }

    pub fn id(&self) -> PartitionId {
        self.0.id
    }

    /// The first offset that can be read.
    pub fn start_offset(&self) -> Offset {
        self.0.positions.borrow().durable_start(self.0.journal.durable_sequence())
    }

    /// Where the log starts once everything that was asked for is durable.
    pub fn start_asked(&self) -> Offset {
        self.0.positions.borrow().start
    }

    /// One past the last offset that is acknowledged and visible: the high watermark of a
    /// partition with one replica.
    pub fn commit_offset(&self) -> Offset {
        self.0.positions.borrow().commit
    }

    /// Bytes of all batches that were appended since the start, acknowledged or not.
    pub fn appended_bytes(&self) -> u64 {
        self.0.positions.borrow().appended_bytes
    }

    /// One past the last offset given out.
    pub fn end_offset(&self) -> Offset {
        self.0.positions.borrow().end
    }

    /// The epoch that new batches get.
    pub fn leader_epoch(&self) -> LeaderEpoch {
        self.0.positions.borrow().epochs.last().map_or(LeaderEpoch::new(0), |(epoch, _)| *epoch)
    }

    /// Bytes in segments and in memory, from the start of the first segment.
    pub fn bytes(&self) -> u64 {
        let positions = self.0.positions.borrow();
        let settled: u64 = positions.segments.iter().map(|segment| segment.log_bytes).sum();
        let first = positions.recent.partition_point(|batch| batch.base < positions.carried_end);
        let tail = positions.recent.range(first..).map(|batch| batch.bytes.len() as u64);
        settled + tail.sum::<u64>()
    }

    pub fn segment_count(&self) -> usize {
        self.0.positions.borrow().segments.len()
    }

    /// What the log keeps in memory beside batches and the indexes of open segments: itself, its
    /// lists and its producers. An estimate: what an allocator adds is not in it.
    pub fn state_bytes(&self) -> usize {
        let positions = self.0.positions.borrow();
        size_of::<LogParts>()
            + positions.recent.len() * size_of::<RecentBatch>()
            + positions.segments.len() * size_of::<Segment>()
            + positions.unindexed.len() * size_of::<ChunkEntry>()
            + positions.epochs.len() * size_of::<(LeaderEpoch, Offset)>()
            + positions.producers.len() * ProducerTable::PRODUCER_BYTES
    }

    /// Gives a look at the producers without copying them.
    pub fn with_producers<T>(&self, look: impl FnOnce(&ProducerTable) -> T) -> T {
        look(&self.0.positions.borrow().producers)
    }

    /// Forgets producers that have not written for so long (`producer.id.expiration.ms`), at most
    /// `count_max` at once; returns whether there may be more.
    pub fn expire_producers(&self, now: TimestampMs, expiration_ms: i64, count_max: usize) -> bool {
        self.0.positions.borrow_mut().producers.expire(now, expiration_ms, count_max)
    }

    /// Woken when the commit point moves, or the log is dropped or fenced.
    pub fn watch(&self, watch: &Watch) {
        self.0.watchers.add(watch);
    }

    pub fn is_dropped(&self) -> bool {
        self.0.positions.borrow().dropped
    }

    pub(crate) fn mark_dropped(&self) {
        {
            let mut positions = self.0.positions.borrow_mut();
            positions.dropped_needs_from = positions.needs_from(self.0.journal.durable_sequence());
            positions.dropped = true;
            // Nothing waits to be carried any more.
            positions.carried_bytes = positions.appended_bytes;
            let carried_end = positions.carried_end;
            for batch in positions.recent.drain(..) {
                self.0.memory.release(batch.bytes.len(), batch.base < carried_end);
            }
        }
        self.0.watchers.wake();
    }

    /// Waits for a compaction, carry or deletion to end, and keeps others from beginning.
    pub(crate) async fn settle(&self) -> (Pass<'_>, Pass<'_>) {
        let compaction = self.0.compaction.enter().await;
        (compaction, self.0.gate.enter().await)
    }

    /// Lets go of open files, which would keep their room after they are removed.
    pub(crate) async fn close_files(&self) {
        let segments = std::mem::take(&mut self.0.positions.borrow_mut().segments);
        let _ = self.close_writer().await;
        for segment in segments {
            self.0.open.close(self.0.id, segment.name).await;
        }
    }

    /// Whether it can be written and read; if not, not before a restart (S3).
    pub fn is_served(&self) -> bool {
        self.check().is_ok()
    }

    pub(crate) fn is_fenced(&self) -> bool {
        self.0.positions.borrow().fenced.is_some()
    }

    /// The caller is in the gate.
    fn fence(&self, error: StorageError) {
        tracing::error!(partition = %self.0.id, %error, "the partition is fenced");
        self.let_go_of_held();
        self.0.positions.borrow_mut().fenced.get_or_insert(error);
        self.0.watchers.wake();
    }

    fn check(&self) -> Result<(), StorageError> {
        match &self.0.positions.borrow().fenced {
            Some(error) => Err(error.clone()),
            None => self.0.journal.check(),
        }
    }

    fn shared(&self) -> Rc<dyn OnDurable> {
        self.0.clone()
    }
}

impl Positions {
    /// The first offset that can be read, when groups up to `durable` are: a start that somebody
    /// was told must not be taken back by a crash.
    fn durable_start(&self, durable: u64) -> Offset {
        if durable >= self.start_sequence { self.start } else { self.start_before }
    }

    /// The first journal group that the log needs, when groups up to `durable` are.
    fn needs_from(&self, durable: u64) -> Option<u64> {
        if self.dropped {
            return self.dropped_needs_from;
        }
        if let Some(needs) = self.needs_anew(durable) {
            return needs;
        }
        let first = self.recent.partition_point(|batch| batch.base < self.carried_end);
        // A held batch has no entry, and those behind it have none either.
        let sequence = self.recent.get(first).map(|batch| batch.sequence);
        sequence.filter(|sequence| *sequence != flush::NO_GROUP)
    }

    fn has_uncarried(&self) -> bool {
        self.carried_end < self.end
    }

    /// Adds a batch behind the end.
    fn push_recent(&mut self, batch: NewRecent) {
        self.appended_bytes += batch.bytes.len() as u64;
        self.end = batch.next;
        self.appended_at = batch.appended_at;
        self.recent.push_back(RecentBatch {
            base: batch.base,
            next: batch.next,
            max_timestamp: batch.max_timestamp,
            sequence: batch.sequence,
            end_bytes: self.appended_bytes,
            bytes: batch.bytes,
        });
    }

    /// The epoch in which `offset` was written.
    fn epoch_at(&self, offset: Offset) -> LeaderEpoch {
        let at = self.epochs.partition_point(|(_, start)| *start <= offset);
        at.checked_sub(1).map_or(LeaderEpoch::new(0), |at| self.epochs[at].0)
    }
}

impl OnDurable for LogParts {
    fn durable(&self, end: Offset) {
        let mut positions = self.positions.borrow_mut();
        assert!(end <= positions.end, "durable beyond what was appended");
        positions.journal_end = positions.journal_end.max(end);
        if positions.advance_commit() {
            drop(positions);
            self.watchers.wake();
        }
    }
}
