//! A shard's directory: its journal, its state file, its logs.

mod cache_order;
mod checkpoint;
mod compaction;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use futures::future::join;
use pelton_model::producer::ProducerTable;
use pelton_model::{LeaderEpoch, Offset, PartitionId, ShardId, TimestampMs, TopicId};

use self::cache_order::CacheOrder;
use self::checkpoint::LOGS_A_SLICE;
use crate::directories::{Directories, create_dir_durably};
use crate::disk::Disk;
use crate::error::{OpenError, StorageError};
use crate::event::{Event, Wait, yield_now};
use crate::gate::Gate;
use crate::journal::{Entry, Extent, Journal, JournalOptions, JournalStats, Known, Life};
use crate::log::{Cut, FLUSHES_IN_FLIGHT_MAX, Log, LogParts, RollRules, Surroundings};
use crate::planted::{Bug, is_planted};
use crate::segment::{Corruptions, OpenSegments, partition_dir};
use crate::state::{PartitionState, ShardState, StateFile};

/// Sizes of one shard's storage.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    pub journal: JournalOptions,
    /// Carried batches kept in memory for readers at the tail.
    pub cache_bytes: usize,
    /// A partition whose tail that is not acknowledged yet gets so large is written straight to its
    /// segment, past the journal. Less makes more syncs, more writes more bytes twice.
    pub direct_flush_bytes: usize,
    /// Files of segments that are open at once, for readers and writers.
    pub open_files_max: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            journal: JournalOptions::default(),
            cache_bytes: 128 << 20,
            direct_flush_bytes: 256 << 10,
            open_files_max: 512,
        }
    }
}

/// What a start found and did; said in one log line.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecoveryReport {
    pub partitions: usize,
    pub groups: usize,
    pub batches: usize,
    /// Direct flushes that were found to be whole.
    pub extents: usize,
    /// Of batches and extents.
    pub bytes: u64,
    /// A group that had not become durable was cut off.
    pub torn: bool,
    /// Partitions of which a direct flush had not become durable and was cut off.
    pub cut_partitions: usize,
    /// The life before ended without a checkpoint of everything: there was something to recover.
    pub unclean: bool,
}

/// What [`Store::open`] is given, but for what it asks and tells.
pub struct Opening<'a> {
    pub disk: &'a Disk,
    pub data_dir: &'a Path,
    pub shard: ShardId,
    pub options: StoreOptions,
    pub seed: u32,
    pub now: TimestampMs,
}

/// A shard's storage in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoreStats {
    pub partitions: usize,
    pub journal: JournalStats,
    pub journal_used_ratio: f64,
    /// Of the files of the journal that something is still needed of: what a start would read.
    pub journal_live_bytes: u64,
    pub uncarried_bytes: usize,
    pub cached_bytes: usize,
    pub open_segments: usize,
    /// Of the indexes of open segments.
    pub index_bytes: usize,
    pub corruptions: Corruptions,
}

/// Bytes of batches in memory, and in which order they may leave it.
pub(crate) struct Memory {
    uncarried: Cell<usize>,
    /// Told whenever `uncarried` falls.
    freed: Event,
    cached: Cell<usize>,
    cached_max: usize,
    order: RefCell<CacheOrder>,
}

impl Memory {
    fn new(cached_max: usize) -> Self {
        let (uncarried, cached) = (Cell::default(), Cell::default());
        Self { uncarried, freed: Event::default(), cached, cached_max, order: RefCell::default() }
    }

    pub fn add_uncarried(&self, bytes: usize) {
        self.uncarried.set(self.uncarried.get() + bytes);
    }

    /// Batches of `log` up to `end` are in segments, `bytes` more than before: they are cache from
    /// here on, which drops what is oldest in it where it is full. Nobody looks at the positions of
    /// any log now.
    pub fn carried(&self, log: &Rc<LogParts>, bytes: usize, end: Offset) {
        self.uncarried.set(self.uncarried.get() - bytes);
        self.cached.set(self.cached.get() + bytes);
        self.order.borrow_mut().push(log, end);
        self.evict();
        self.freed.notify();
    }

    /// A batch left memory with its log.
    pub fn release(&self, bytes: usize, is_carried: bool) {
        let memory = if is_carried { &self.cached } else { &self.uncarried };
        memory.set(memory.get() - bytes);
        if !is_carried {
            self.freed.notify();
        }
    }

    fn evict(&self) {
        while self.cached.get() > self.cached_max {
            let Some((log, end)) = self.order.borrow_mut().pop() else { return };
            let bytes = log.map_or(0, |log| log.evict_below(end));
            self.cached.set(self.cached.get() - bytes);
        }
    }
}

/// See the module; handles are clones.
#[derive(Clone)]
pub struct Store(Rc<StoreParts>);

struct StoreParts {
    around: Surroundings,
    shard: ShardId,
    options: StoreOptions,
    state_file: StateFile,
    version: Cell<u64>,
    life: Life,
    logs: RefCell<BTreeMap<PartitionId, Log>>,
    /// One checkpoint at a time.
    gate: Gate,
    /// Logs whose files are being removed, and the groups that say so. The journal keeps those, so
    /// that a crash leaves no files that nobody knows of.
    removals: RefCell<BTreeMap<PartitionId, u64>>,
}

impl Store {
    /// Opens or makes `<data_dir>/shard/<n>`, replays its journal, and begins a new life. `data_dir`
    /// is there and durable. `seed` is used for a new directory only. Logs of topics that `exists`
    /// does not know are dropped, and their files removed.
    pub async fn open(
        disk: &Disk,
        data_dir: &Path,
        shard: ShardId,
        options: StoreOptions,
        seed: u32,
        now: TimestampMs,
        exists: impl Fn(TopicId) -> bool,
    ) -> Result<(Store, RecoveryReport), OpenError> {
        let opening = Opening { disk, data_dir, shard, options, seed, now };
        Self::open_telling(opening, exists, |_| {}).await
    }

    /// The same; `left` is told of how many partitions there is still something to replay, first
    /// when the journal has been read, and 0 in the end.
    pub async fn open_telling(
        opening: Opening<'_>,
        exists: impl Fn(TopicId) -> bool,
        left: impl Fn(usize),
    ) -> Result<(Store, RecoveryReport), OpenError> {
        let Opening { disk, data_dir, shard, options, seed, now } = opening;
        let dir = data_dir.join("shard").join(shard.to_string());
        let failed = |error: io::Error| OpenError::Io { path: dir.clone(), error };
        create_dir_durably(disk, &dir, 2).await.map_err(failed)?;
        let state_file = StateFile::new(disk, &dir);
        let mut state = state_file.read().await?.unwrap_or(ShardState {
            version: 0,
            shard,
            life: Life { incarnation: 0, seed },
            tail: 1,
            clean: false,
            partitions: Vec::new(),
        });
        if state.shard != shard {
            let what = format!("its state is that of shard {}", state.shard);
            return Err(OpenError::Damaged { path: dir, what });
        }
        let clean = std::mem::replace(&mut state.clean, false);
        state.version += 1;
        state.life.incarnation += u64::from(!is_planted(Bug::KeepTheIncarnation));
        // F3: durable before the first append of this life.
        state_file.write(&state).await.map_err(failed)?;
        let known = Known { shard, life: state.life, tail: state.tail, clean };
        let (journal, recovered) = Journal::open(disk, &dir, known, options.journal).await?;
        let around = Surroundings {
            disk: disk.clone(),
            data_dir: data_dir.to_path_buf(),
            journal: Rc::new(journal),
            memory: Rc::new(Memory::new(options.cache_bytes)),
            open: Rc::new(OpenSegments::new(options.open_files_max)),
            directories: Rc::new(Directories::default()),
            flushes: Rc::default(),
            carries: Rc::default(),
            unpacking: Rc::default(),
            direct_flush_bytes: options.direct_flush_bytes.max(1),
        };
        let mut report = RecoveryReport { torn: recovered.torn, ..RecoveryReport::default() };
        let mut logs = BTreeMap::new();
        for partition in &state.partitions {
            logs.insert(partition.id, restore(&around, partition, &dir)?);
        }
        let damaged = |what: String| OpenError::Damaged { path: dir.clone(), what };
        let mut entries: Vec<(u64, PartitionId, Entry)> = Vec::new();
        for group in &recovered.groups {
            let sequence = group.header.sequence;
            if sequence >= state.tail {
                report.groups += 1;
                let parsed = group.entries();
                let parsed =
                    parsed.ok_or_else(|| damaged(format!("group {sequence} does not parse")))?;
                entries.extend(parsed.into_iter().map(|(id, entry)| (sequence, id, entry)));
            }
        }
        let mut drops = last_drops(&entries);
        let mut unknown = BTreeSet::new();
        let horizon = recovered.groups.last().map_or(u64::MAX, |group| group.header.horizon);
        let cuts = cuts(&entries);
        let deleted_to = deletions(&entries, &drops);
        let mut torn: BTreeMap<PartitionId, Cut> = BTreeMap::new();
        logs.retain(|id, _| !drops.contains_key(id));
        let last_of: BTreeMap<PartitionId, usize> =
            entries.iter().enumerate().map(|(at, (_, id, _))| (*id, at)).collect();
        let mut left_count = last_of.len();
        left(left_count);
        for (at, (sequence, id, entry)) in entries.into_iter().enumerate() {
            if last_of.get(&id) == Some(&at) {
                left_count -= 1;
                left(left_count);
            }
            match &entry {
                Entry::Append { batch, .. } => {
                    report.batches += 1;
                    report.bytes += batch.len() as u64;
                }
                Entry::Extent(extent) => {
                    report.extents += 1;
                    report.bytes += u64::from(extent.length);
                }
                _ => {}
            }
            if drops.get(&id).is_none_or(|drop| *drop < at) {
                let begins_log = entry.begins_log();
                let mut cut = cuts[at].into_iter().chain(torn.get(&id).copied());
                let left = cut.try_fold(entry, |entry, cut| cut.of(entry));
                let Some(entry) = left else { continue };
                // S6: below the horizon it is trusted, and read when somebody asks for it.
                if let (Entry::Extent(extent), Some(log)) = (&entry, logs.get(&id))
                    && sequence >= horizon
                    && !is_deleted(extent, log, deleted_to.get(&id))
                    && !is_planted(Bug::TrustExtents)
                    && !log.verify_extent(extent).await.map_err(failed)?
                {
                    let cut = log.cut_here();
                    tracing::warn!(partition = %id, end = %cut.end, flushed = %extent.end,
                        "a direct flush had not become durable: it is cut off");
                    torn.insert(id, cut);
                    report.extents -= 1;
                    report.bytes -= u64::from(extent.length);
                    continue;
                }
                let known = replay(&around, &mut logs, id, entry, begins_log, sequence, now);
                let known =
                    known.map_err(|what| damaged(format!("group {sequence}, {id}: {what}")))?;
                if !known {
                    unknown.insert(id);
                }
            }
        }
        report.cut_partitions = torn.len();
        // Before anything else of this life: the next start must not trust what was cut off, which
        // is below its horizon.
        for (id, Cut { end, carried }) in torn {
            if is_planted(Bug::ForgetTheCut) {
                continue;
            }
            let entry = Entry::Truncate { end, carried };
            let pushed = around.journal.push(id, entry, None);
            pushed.map_err(|error| damaged(error.to_string()))?;
        }
        // Said again, so that it stands before a partition of the same name that comes later.
        for id in unknown.into_iter().filter(|id| !logs.contains_key(id)) {
            let pushed = around.journal.push(id, Entry::Drop, None);
            pushed.map_err(|error| damaged(error.to_string()))?;
            drops.insert(id, 0);
        }
        // Durable before a state file of this life can contain what goes to the place of what was cut
        // off: the next start would take the torn extent for one that the state contains already.
        around.journal.write_queued().await.map_err(failed)?;
        let removed: Vec<PartitionId> =
            drops.into_keys().filter(|id| !logs.contains_key(id)).collect();
        report.unclean = report.groups > 0 || report.torn || report.cut_partitions > 0;
        let store = Store(Rc::new(StoreParts {
            around,
            shard,
            options,
            state_file,
            version: Cell::new(state.version),
            life: state.life,
            logs: RefCell::new(logs),
            gate: Gate::default(),
            removals: RefCell::default(),
        }));
        let gone: Vec<PartitionId> =
            store.0.logs.borrow().keys().copied().filter(|id| !exists(id.topic)).collect();
        for id in &gone {
            tracing::info!(partition = %id, "its topic is gone: the log is dropped");
            // It cannot fail before the journal runs, and would come again at the next start.
            let _ = store.forget(*id);
        }
        for log in store.logs() {
            log.remove_left_over_segments().await;
        }
        for id in removed.iter().chain(&gone) {
            if let Err(error) = store.remove_files(*id).await {
                // `remove_forgotten_topics` does, or the next start.
                tracing::warn!(partition = %id, %error, "its files cannot be removed now");
            }
        }
        report.partitions = store.0.logs.borrow().len();
        Ok((store, report))
    }

    /// Writes journal groups, and large tails straight to segments, until
    /// [`Store::stop_journal`]; the shard runs this as a task. `roll` gives each log's rules.
    pub async fn run_journal(&self, roll: impl Fn(&Log) -> RollRules) {
        let around = &self.0.around;
        let flushes =
            around.flushes.run(&around.journal, FLUSHES_IN_FLIGHT_MAX, |log| log.flush(&roll));
        join(around.journal.run(), flushes).await;
    }

    pub fn stop_journal(&self) {
        for log in self.logs() {
            // Refused only where nothing is taken any more.
            let _ = log.release_held();
        }
        self.0.around.journal.stop();
    }

    pub fn journal(&self) -> &Rc<Journal> {
        &self.0.around.journal
    }

    pub fn shard(&self) -> ShardId {
        self.0.shard
    }

    pub fn log(&self, id: PartitionId) -> Option<Log> {
        self.0.logs.borrow().get(&id).cloned()
    }

    /// All logs, as they are now.
    pub fn logs(&self) -> Vec<Log> {
        self.0.logs.borrow().values().cloned().collect()
    }

    /// Makes a partition's log, or raises the epoch of the one that is there. It touches no file of
    /// its own before its first carry (F4); it is durable with the returned journal group.
    ///
    /// # Panics
    /// If [`Store::remove`] of the same partition has not returned yet.
    pub fn place(&self, id: PartitionId, epoch: LeaderEpoch) -> Result<u64, StorageError> {
        assert!(!self.0.removals.borrow().contains_key(&id), "{id} is being removed");
        let mut logs = self.0.logs.borrow_mut();
        if let Some(log) = logs.get(&id) {
            // The epoch begins behind all of them, in the journal too.
            log.release_held()?;
        }
        let start = logs.get(&id).map_or(Offset::ZERO, Log::end_offset);
        let sequence = self.0.around.journal.push(id, Entry::Place { epoch, start }, None)?;
        match logs.get(&id) {
            Some(log) => log.begin_epoch(epoch),
            None => {
                logs.insert(id, Log::new(&self.0.around, id, epoch, sequence));
            }
        }
        Ok(sequence)
    }

    /// Drops a log: at once for readers and writers, its files once that is durable. Fails as
    /// [`Removal::finish`].
    pub async fn remove(&self, id: PartitionId) -> Result<(), StorageError> {
        match self.begin_removal(id)? {
            Some(removal) => removal.finish().await,
            None => Ok(()),
        }
    }

    /// The same in two steps. Whoever drops several logs begins with all of them: one that waits
    /// for its turn would keep what it needs of the journal, whose room the others may wait for.
    pub fn begin_removal(&self, id: PartitionId) -> Result<Option<Removal>, StorageError> {
        let Some((log, sequence)) = self.forget(id)? else { return Ok(None) };
        self.0.removals.borrow_mut().insert(id, sequence);
        Ok(Some(Removal { store: self.clone(), log, sequence }))
    }

    /// Tries again what a [`Removal::finish`] could not do for want of something that passes, and
    /// fails alike. Nothing waits for it, least of all the journal: after a crash it is for
    /// [`remove_forgotten_topics`](crate::remove_forgotten_topics).
    pub async fn remove_left_files(&self, id: PartitionId) -> Result<(), StorageError> {
        match self.log(id) {
            // It has come back, and removes what it does not know itself.
            Some(_) => Ok(()),
            None => self.remove_files(id).await,
        }
    }

    async fn remove_files(&self, id: PartitionId) -> Result<(), StorageError> {
        let dir = partition_dir(&self.0.around.data_dir, id);
        match self.0.around.disk.remove_dir_all(&dir).await {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => match StorageError::of_passing(&error) {
                Some(passing) => return Err(passing),
                None => {
                    tracing::warn!(partition = %id, %error, "its files could not be removed");
                }
            },
        }
        if let Some(topic_dir) = dir.parent() {
            // Without it a power cut may bring them back, as files that nobody knows of.
            let _ = self.0.around.disk.sync_dir(topic_dir).await;
            let directories = &self.0.around.directories;
            let _ = directories.remove_if_empty(&self.0.around.disk, topic_dir).await;
        }
        Ok(())
    }

    fn forget(&self, id: PartitionId) -> Result<Option<(Log, u64)>, StorageError> {
        let Some(log) = self.log(id) else { return Ok(None) };
        let sequence = self.0.around.journal.push(id, Entry::Drop, None)?;
        log.mark_dropped();
        self.0.logs.borrow_mut().remove(&id);
        Ok(Some((log, sequence)))
    }

    /// Closes files that idle logs keep open; what was not used since the call before is idle.
    pub async fn close_idle_writers(&self) {
        if self.0.around.open.written_count() == 0 {
            return;
        }
        for (at, log) in self.logs().into_iter().enumerate() {
            if at % LOGS_A_SLICE == 0 {
                yield_now().await;
            }
            log.close_idle_writer().await;
        }
    }

    /// Bytes of batches that are in no segment yet (S8).
    pub fn uncarried_bytes(&self) -> usize {
        self.0.around.memory.uncarried.get()
    }

    /// Resolves when [`Store::uncarried_bytes`] has become less.
    pub fn memory_freed(&self) -> Wait {
        self.0.around.memory.freed.wait()
    }

    pub fn stats(&self) -> StoreStats {
        StoreStats {
            partitions: self.0.logs.borrow().len(),
            journal: self.0.around.journal.stats(),
            journal_used_ratio: self.0.around.journal.used_ratio(),
            journal_live_bytes: self.0.around.journal.live_bytes(),
            uncarried_bytes: self.0.around.memory.uncarried.get(),
            cached_bytes: self.0.around.memory.cached.get(),
            open_segments: self.0.around.open.count(),
            index_bytes: self.0.around.open.index_bytes(),
            corruptions: self.0.around.open.corruptions(),
        }
    }
}

fn restore(around: &Surroundings, state: &PartitionState, dir: &Path) -> Result<Log, OpenError> {
    let damaged = |what: String| OpenError::Damaged { path: PathBuf::from(dir), what };
    let mut producers = match state.producers.len() {
        0 => ProducerTable::default(),
        _ => ProducerTable::decode(&state.producers)
            .map_err(|error| damaged(format!("producers of {}: {error:?}", state.id)))?,
    };
    // What lay above had perhaps not become durable; what had, the journal brings back.
    producers.truncate_to(state.carried_end);
    Ok(Log::from_state(around, state, producers))
}

/// Applies one entry; false if it is of a log that the state file no longer names, and whose Drop
/// did not become durable.
fn replay(
    around: &Surroundings,
    logs: &mut BTreeMap<PartitionId, Log>,
    id: PartitionId,
    entry: Entry,
    begins_log: bool,
    sequence: u64,
    now: TimestampMs,
) -> Result<bool, String> {
    match (entry, logs.get(&id)) {
        (Entry::Place { epoch, .. }, None) if begins_log => {
            logs.insert(id, Log::new(around, id, epoch, sequence));
            Ok(true)
        }
        (entry, Some(log)) => log.replay(entry, sequence, now).map(|()| true),
        (_, None) => Ok(false),
    }
}

/// Where each partition was dropped last. What the state file and earlier entries say of it is of
/// its life before; should it have come back, everything since is in the journal.
fn last_drops(entries: &[(u64, PartitionId, Entry)]) -> BTreeMap<PartitionId, usize> {
    let drops = entries.iter().enumerate().filter(|(_, (_, _, entry))| *entry == Entry::Drop);
    drops.map(|(at, (_, id, _))| (*id, at)).collect()
}

/// Up to where each partition that is still there was told to delete its records.
fn deletions(
    entries: &[(u64, PartitionId, Entry)],
    drops: &BTreeMap<PartitionId, usize>,
) -> BTreeMap<PartitionId, Offset> {
    let mut deleted_to = BTreeMap::new();
    for (at, (_, id, entry)) in entries.iter().enumerate() {
        if let Entry::LogStart { start } = entry
            && drops.get(id).is_none_or(|drop| *drop < at)
        {
            let known = deleted_to.entry(*id).or_insert(*start);
            *known = (*start).max(*known);
        }
    }
    deleted_to
}

/// Whether nobody will read the extent any more. Only what is committed is deleted, so it was
/// durable once; its segment may be gone, and that is no tear.
fn is_deleted(extent: &Extent, log: &Log, deleted_to: Option<&Offset>) -> bool {
    extent.end <= deleted_to.map_or(log.start_asked(), |to| log.start_asked().max(*to))
}

/// For each entry, where later starts cut its partition off.
fn cuts(entries: &[(u64, PartitionId, Entry)]) -> Vec<Option<Cut>> {
    let mut lowest: BTreeMap<PartitionId, Cut> = BTreeMap::new();
    let mut cuts = vec![None; entries.len()];
    for (at, (_, id, entry)) in entries.iter().enumerate().rev() {
        cuts[at] = lowest.get(id).copied();
        match entry {
            Entry::Truncate { end, carried } => {
                let cut = Cut { end: *end, carried: *carried }.lowest(lowest.get(id));
                lowest.insert(*id, cut);
            }
            Entry::Drop => drop(lowest.remove(id)),
            _ => {}
        }
    }
    cuts
}

/// A removal under way; over, also when it was dropped, the journal is free of it.
#[must_use]
pub struct Removal {
    store: Store,
    log: Log,
    sequence: u64,
}

impl Removal {
    /// Removes the files, once it is durable that nobody needs them. Where they cannot be removed now,
    /// as no file can be opened, the error is one that passes, the log is gone all the same, and the
    /// files are for [`Store::remove_left_files`].
    pub async fn finish(self) -> Result<(), StorageError> {
        self.store.0.around.journal.durable(self.sequence).await?;
        let _pass = self.log.settle().await;
        self.log.free_horizon();
        self.log.close_files().await;
        self.store.remove_files(self.log.id()).await
    }
}

impl Drop for Removal {
    fn drop(&mut self) {
        self.store.0.removals.borrow_mut().remove(&self.log.id());
    }
}
