//! A shard's directory: its journal, its state file, its logs.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use pelton_model::producer::ProducerTable;
use pelton_model::{LeaderEpoch, PartitionId, ShardId, TimestampMs, TopicId};

use crate::disk::{Disk, is_disk_full};
use crate::error::{OpenError, StorageError};
use crate::journal::{Entry, Journal, JournalOptions, JournalStats, Life};
use crate::log::{Log, RollRules, Surroundings};
use crate::segment::partition_dir;
use crate::state::{PartitionState, ShardState, StateFile};

/// Sizes of one shard's storage.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    pub journal: JournalOptions,
    /// Carried batches kept in memory for readers at the tail.
    pub cache_bytes: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { journal: JournalOptions::default(), cache_bytes: 128 << 20 }
    }
}

/// What a start found and did; said in one log line.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecoveryReport {
    pub partitions: usize,
    pub groups: usize,
    pub batches: usize,
    pub bytes: u64,
    /// A group that had not become durable was cut off.
    pub torn: bool,
    /// The life before ended without a checkpoint of everything.
    pub unclean: bool,
}

/// A shard's storage in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoreStats {
    pub partitions: usize,
    pub journal: JournalStats,
    pub journal_used_ratio: f64,
    pub uncarried_bytes: usize,
    pub cached_bytes: usize,
}

/// Bytes of batches in memory, and in which order they may leave it.
#[derive(Default)]
pub(crate) struct Memory {
    uncarried: Cell<usize>,
    cached: Cell<usize>,
    order: RefCell<VecDeque<(Log, usize)>>,
}

impl Memory {
    pub fn add_uncarried(&self, bytes: usize) {
        self.uncarried.set(self.uncarried.get() + bytes);
    }

    /// `count` batches of `log` are in segments now and may be dropped from memory.
    pub fn carried(&self, log: &Log, bytes: usize, count: usize) {
        self.uncarried.set(self.uncarried.get().saturating_sub(bytes));
        self.cached.set(self.cached.get() + bytes);
        self.order.borrow_mut().push_back((log.clone(), count));
    }

    /// A batch left memory with its log.
    pub fn release(&self, bytes: usize) {
        let from_tail = self.uncarried.get().min(bytes);
        self.uncarried.set(self.uncarried.get() - from_tail);
        self.cached.set(self.cached.get().saturating_sub(bytes - from_tail));
    }

    fn evict_to(&self, bytes_max: usize) {
        while self.cached.get() > bytes_max {
            let Some((log, count)) = self.order.borrow_mut().pop_front() else { return };
            for _ in 0..count {
                let freed = log.evict_one();
                self.cached.set(self.cached.get().saturating_sub(freed));
            }
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
    checkpointing: Cell<bool>,
}

impl Store {
    /// Opens or makes `<data_dir>/shard/<n>`, replays its journal, and begins a new life. `seed` is
    /// used for a new directory only. Logs of topics that `exists` does not know are dropped.
    pub async fn open(
        disk: &Disk,
        data_dir: &Path,
        shard: ShardId,
        options: StoreOptions,
        seed: u32,
        now: TimestampMs,
        exists: impl Fn(TopicId) -> bool,
    ) -> Result<(Store, RecoveryReport), OpenError> {
        let dir = data_dir.join("shard").join(shard.to_string());
        let failed = |error: io::Error| OpenError::Io { path: dir.clone(), error };
        disk.create_dir_all(&dir).await.map_err(failed)?;
        let state_file = StateFile::new(disk, &dir);
        let mut state = state_file.read().await?.unwrap_or(ShardState {
            version: 0,
            shard,
            life: Life { incarnation: 0, seed },
            tail: 1,
            partitions: Vec::new(),
        });
        if state.shard != shard {
            let what = format!("its state is that of shard {}", state.shard);
            return Err(OpenError::Damaged { path: dir, what });
        }
        state.version += 1;
        state.life.incarnation += 1;
        // F3: durable before the first append of this life.
        state_file.write(&state).await.map_err(failed)?;
        let (journal, recovered) =
            Journal::open(disk, &dir, shard, state.life, state.tail, options.journal).await?;
        let around = Surroundings {
            disk: disk.clone(),
            data_dir: data_dir.to_path_buf(),
            journal: Rc::new(journal),
            memory: Rc::default(),
        };
        let mut report = RecoveryReport { torn: recovered.torn, ..RecoveryReport::default() };
        let mut logs = BTreeMap::new();
        for partition in &state.partitions {
            logs.insert(partition.id, restore(&around, partition, &dir)?);
        }
        for group in recovered.groups {
            let sequence = group.header.sequence;
            if sequence < state.tail {
                continue;
            }
            let damaged = |what: String| OpenError::Damaged { path: dir.clone(), what };
            let entries = group
                .entries()
                .ok_or_else(|| damaged(format!("group {sequence} does not parse")))?;
            report.groups += 1;
            for (id, entry) in entries {
                if let Entry::Append { batch, .. } = &entry {
                    report.batches += 1;
                    report.bytes += batch.len() as u64;
                }
                replay(&around, &mut logs, id, entry, sequence, now)
                    .map_err(|what| damaged(format!("group {sequence}, {id}: {what}")))?;
            }
        }
        report.unclean = report.batches > 0 || report.torn;
        let store = Store(Rc::new(StoreParts {
            around,
            shard,
            options,
            state_file,
            version: Cell::new(state.version),
            life: state.life,
            logs: RefCell::new(logs),
            checkpointing: Cell::new(false),
        }));
        let gone: Vec<PartitionId> =
            store.0.logs.borrow().keys().copied().filter(|id| !exists(id.topic)).collect();
        for id in gone {
            tracing::info!(partition = %id, "its topic is gone: the log is dropped");
            let _ = store.forget(id);
        }
        report.partitions = store.0.logs.borrow().len();
        Ok((store, report))
    }

    /// Writes journal groups until [`Store::stop_journal`]; the shard runs this as a task.
    pub async fn run_journal(&self) {
        self.0.around.journal.run().await;
    }

    pub fn stop_journal(&self) {
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
    pub fn place(&self, id: PartitionId, epoch: LeaderEpoch) -> Result<u64, StorageError> {
        let sequence = self.0.around.journal.push(id, Entry::Place { epoch }, None)?;
        let mut logs = self.0.logs.borrow_mut();
        match logs.get(&id) {
            Some(log) => log.begin_epoch(epoch),
            None => {
                logs.insert(id, Log::new(&self.0.around, id, epoch));
            }
        }
        Ok(sequence)
    }

    /// Drops a log: at once for readers and writers, its files once that is durable.
    pub async fn remove(&self, id: PartitionId) -> Result<(), StorageError> {
        let Some(sequence) = self.forget(id)? else { return Ok(()) };
        self.0.around.journal.durable(sequence).await?;
        let dir = partition_dir(&self.0.around.data_dir, id);
        match self.0.around.disk.remove_dir_all(&dir).await {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(partition = %id, %error, "its files could not be removed"),
        }
        // Fails while other partitions of the topic are there; the last one succeeds.
        if let Some(topic_dir) = dir.parent()
            && self.0.around.disk.list_dir(topic_dir).await.is_ok_and(|left| left.is_empty())
        {
            let _ = self.0.around.disk.remove_dir_all(topic_dir).await;
        }
        Ok(())
    }

    fn forget(&self, id: PartitionId) -> Result<Option<u64>, StorageError> {
        let Some(log) = self.0.logs.borrow_mut().remove(&id) else { return Ok(None) };
        log.mark_dropped();
        self.0.around.journal.push(id, Entry::Drop, None).map(Some)
    }

    /// Carries the tails of all logs to segments, writes the state file, and frees the journal.
    /// `roll` gives each log's rules. Returns the bytes carried.
    pub async fn checkpoint(&self, roll: impl Fn(&Log) -> RollRules) -> Result<u64, StorageError> {
        if self.0.checkpointing.replace(true) {
            return Ok(0);
        }
        let done = self.checkpoint_alone(roll).await;
        self.0.checkpointing.set(false);
        done
    }

    async fn checkpoint_alone(&self, roll: impl Fn(&Log) -> RollRules) -> Result<u64, StorageError> {
        let mut bytes = 0;
        let mut full = false;
        for log in self.logs() {
            if !log.is_dirty() {
                continue;
            }
            match log.carry(roll(&log)).await {
                Ok(carried) => bytes += carried as u64,
                Err(StorageError::Full) => full = true,
                // The partition is fenced and has said so; the others go on.
                Err(error) => tracing::debug!(partition = %log.id(), %error, "not carried"),
            }
            self.0.around.memory.evict_to(self.0.options.cache_bytes);
        }
        self.write_state().await?;
        if full { Err(StorageError::Full) } else { Ok(bytes) }
    }

    async fn write_state(&self) -> Result<(), StorageError> {
        let journal = &self.0.around.journal;
        // Groups up to here can take no more entries, so what they say is in the logs by now.
        let mut tail = journal.durable_sequence() + 1;
        let mut partitions = Vec::new();
        for log in self.0.logs.borrow().values() {
            partitions.push(log.state());
            tail = tail.min(log.needs_from().unwrap_or(u64::MAX));
        }
        let version = self.0.version.get() + 1;
        let (shard, life) = (self.0.shard, self.0.life);
        let state = ShardState { version, shard, life, tail, partitions };
        match self.0.state_file.write(&state).await {
            Ok(()) => {
                self.0.version.set(version);
                journal.release(tail);
                Ok(())
            }
            Err(error) if is_disk_full(&error) => Err(StorageError::Full),
            Err(error) => {
                journal.fence(format!("the state file: {error}"));
                journal.check()
            }
        }
    }

    pub fn stats(&self) -> StoreStats {
        StoreStats {
            partitions: self.0.logs.borrow().len(),
            journal: self.0.around.journal.stats(),
            journal_used_ratio: self.0.around.journal.used_ratio(),
            uncarried_bytes: self.0.around.memory.uncarried.get(),
            cached_bytes: self.0.around.memory.cached.get(),
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

fn replay(
    around: &Surroundings,
    logs: &mut BTreeMap<PartitionId, Log>,
    id: PartitionId,
    entry: Entry,
    sequence: u64,
    now: TimestampMs,
) -> Result<(), String> {
    match (entry, logs.get(&id)) {
        (Entry::Drop, _) => {
            if let Some(log) = logs.remove(&id) {
                log.mark_dropped();
            }
            Ok(())
        }
        (Entry::Place { epoch }, None) => {
            logs.insert(id, Log::new(around, id, epoch));
            Ok(())
        }
        (entry, Some(log)) => log.replay(entry, sequence, now),
        // Of a log that was dropped later, and that the state file no longer names.
        (_, None) => Ok(()),
    }
}

#[cfg(test)]
#[path = "store_test.rs"]
mod store_test;
