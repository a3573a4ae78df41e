//! Carrying tails to segments, and writing down that the journal is free of them.
//!
//! A log of which much waits is carried in the background, one extent at a time. A checkpoint then
//! carries what is left of all logs. Both leave the device to those who wait for the journal, as long
//! as the journal has room.

use futures::future::select;
use futures::stream::{FuturesUnordered, StreamExt};

use super::Store;
use crate::error::{FenceReason, StorageError};
use crate::event::yield_now;
use crate::log::{EXTENT_BYTES_MAX, Effort, Log, RollRules};
use crate::planted::{Bug, is_planted};
use crate::state::{StateHead, StateWriter};

/// Logs that a checkpoint carries at once. Each waits for a write and a sync; what is synced
/// together shares the file system's commits, so many small carries at once cost others less than
/// one after the other.
const CARRIES_IN_FLIGHT_MAX: usize = 8;

/// How often a checkpoint writes the state down on its way when somebody waits for room, and the
/// logs that it carries at least before that.
const RELEASES_MAX: usize = 8;
const LOGS_A_RELEASE_MIN: usize = 64;

/// From so full a ring on, what fenced logs keep of it is logged anew.
const ANEW_USED_RATIO_MIN: f64 = 0.5;

/// All fenced logs together may take one part in so many of the ring, each time it goes round.
const ANEW_RING_SHARE: u64 = 4;

/// Logs that are gone through before others get the core: some 100 µs.
pub(super) const LOGS_A_SLICE: usize = 128;

/// Of a state, encoded before others get the core: logs with many producers may have more than a MB, of
/// which one alone takes 0.5 ms or so.
const STATE_BYTES_A_SLICE: u64 = 64 << 10;

/// How much a checkpoint does at once.
#[derive(Clone, Copy)]
struct Width {
    /// Bytes that are being written; a single log may have more.
    bytes_max: usize,
    effort: Effort,
}

impl Width {
    /// The fuller the ring, the less the others count.
    fn of(journal_used_ratio: f64) -> Width {
        match journal_used_ratio {
            ..0.6 => Width { bytes_max: 1 << 20, effort: Effort::GENTLE },
            0.6..0.75 => Width { bytes_max: 4 << 20, effort: Effort::GENTLE },
            _ => Width::FULL,
        }
    }

    const FULL: Width =
        Width { bytes_max: CARRIES_IN_FLIGHT_MAX * EXTENT_BYTES_MAX, effort: Effort::FULL };
}

impl Store {
    /// Carries in the background what much of waits, until the journal has ended. The shard runs
    /// this as a task beside [`Store::run_journal`]; without it, checkpoints do all of it.
    pub async fn run_carries(&self, roll: impl Fn(&Log) -> RollRules) {
        let (around, roll) = (&self.0.around, &roll);
        let carry = |log: Log| async move {
            yield_now().await;
            if let Err(error) = log.carry_wanted(roll(&log)).await {
                // A partition that is fenced has said so; on a full disk a checkpoint tries again.
                tracing::debug!(partition = %log.id(), %error, "not carried");
            }
        };
        around.carries.run(&around.journal, 1, carry).await;
    }

    /// Carries the tails of all logs to segments, writes the state file, and frees the journal.
    /// `roll` gives each log's rules. Returns the bytes carried.
    pub async fn checkpoint(&self, roll: impl Fn(&Log) -> RollRules) -> Result<u64, StorageError> {
        let Some(_pass) = self.0.gate.try_enter() else { return Ok(0) };
        self.checkpoint_alone(&roll).await
    }

    /// Ends this life in order: what is queued becomes durable, everything is carried, and the next
    /// start need not read the journal. [`Store::run_journal`] ends by it.
    pub async fn close(&self, roll: impl Fn(&Log) -> RollRules) -> Result<(), StorageError> {
        let _pass = self.0.gate.enter().await;
        let journal = &self.0.around.journal;
        self.stop_journal();
        while !journal.has_ended() {
            // It may need the room of what it has written for what it still has to write.
            let changed = select(journal.pressure().wait(), journal.end().wait());
            self.checkpoint_alone(&roll).await?;
            if !journal.has_ended() {
                changed.await;
            }
        }
        self.checkpoint_alone(&roll).await.map(|_| ())
    }

    async fn checkpoint_alone(
        &self,
        roll: &impl Fn(&Log) -> RollRules,
    ) -> Result<u64, StorageError> {
        let journal = &self.0.around.journal;
        let (is_pressed, tail) = (self.is_pressed(), journal.tail());
        let mut carried = Carried::default();
        let mut running = FuturesUnordered::new();
        let mut running_bytes = 0;
        let mut fenced = Ok(());
        let logs = self.dirty_logs().await;
        let release_every = logs.len().div_ceil(RELEASES_MAX).max(LOGS_A_RELEASE_MIN);
        for (at, log) in logs.into_iter().enumerate() {
            if at > 0 && at % release_every == 0 && self.is_pressed() {
                // Room for those who wait, long before the last log is carried.
                match self.write_state().await {
                    Ok(()) => {}
                    Err(error) if error.is_passing() => {}
                    Err(error) => {
                        fenced = Err(error);
                        break;
                    }
                }
            }
            let (bytes, width) = loop {
                let width = self.width();
                // However much of a log waits, one extent of it is written at a time.
                let bytes = usize::try_from(log.backlog_bytes()).unwrap_or(usize::MAX);
                let bytes = bytes.min(EXTENT_BYTES_MAX);
                let is_room = running.len() < CARRIES_IN_FLIGHT_MAX
                    && running_bytes + bytes <= width.bytes_max;
                if is_room || running.is_empty() {
                    break (bytes, width);
                }
                if let Some((result, log, bytes)) = running.next().await {
                    carried.add(&log, result);
                    running_bytes -= bytes;
                }
            };
            running_bytes += bytes;
            let rules = roll(&log);
            running.push(async move { (log.carry_with(rules, width.effort).await, log, bytes) });
        }
        while let Some((result, log, _)) = running.next().await {
            carried.add(&log, result);
        }
        // Not before what is under way has ended: a carry that is given up may still be writing.
        fenced?;
        self.write_state().await?;
        self.sweep_swapped().await;
        self.log_fenced_anew();
        if is_pressed && journal.tail() == tail {
            self.fence_if_pinned()?;
        }
        carried.put_off.map_or(Ok(carried.bytes), Err)
    }

    /// Old segments keep their room until there is a state file that does not name them: a compaction on a
    /// full disk may have been unable to write it.
    async fn sweep_swapped(&self) {
        for slice in self.logs().chunks(LOGS_A_SLICE) {
            for log in slice {
                log.sweep_swapped(self.0.version.get()).await;
            }
            yield_now().await;
        }
    }

    /// Logs with something to carry, those first that need the oldest groups. The others let go of
    /// what they keep open.
    async fn dirty_logs(&self) -> Vec<Log> {
        let mut logs = self.logs();
        let mut dirty = Vec::new();
        for slice in logs.chunks_mut(LOGS_A_SLICE) {
            yield_now().await;
            for log in slice {
                match log.is_dirty() {
                    true => dirty.push(log.clone()),
                    false => log.close_idle_writer().await,
                }
            }
        }
        // Asked once: what a log needs changes while others are carried.
        dirty.sort_by_cached_key(|log: &Log| log.needs_from());
        dirty
    }

    fn width(&self) -> Width {
        let journal = &self.0.around.journal;
        let is_in_haste = self.is_pressed() || journal.is_stopping();
        if is_in_haste { Width::FULL } else { Width::of(journal.used_ratio()) }
    }

    /// Whether somebody waits for room that only a checkpoint can make.
    fn is_pressed(&self) -> bool {
        let uncarried = self.uncarried_bytes() as u64;
        self.0.around.journal.is_starved() || uncarried > self.0.options.journal.ring_bytes_max
    }

    /// What fenced logs still need of the journal is logged anew when it is the oldest there and the
    /// ring is half full, or when one of their extents keeps the horizon down: above it a start takes
    /// the rot of others for a tear (S6). If it were too much it would fill the ring by itself.
    fn log_fenced_anew(&self) {
        let journal = &self.0.around.journal;
        let logs = self.logs();
        let (fenced, others): (Vec<&Log>, Vec<&Log>) = logs.iter().partition(|log| log.is_fenced());
        fenced.iter().for_each(|log| log.free_horizon());
        if fenced.is_empty() || self.is_too_much_fenced() {
            return;
        }
        let needed = others.iter().filter_map(|log| log.needs_from()).min().unwrap_or(u64::MAX);
        let needed = needed.min(journal.durable_sequence() + 1);
        let is_full = journal.used_ratio() > ANEW_USED_RATIO_MIN;
        for log in fenced {
            let is_oldest = log.needs_from().is_some_and(|oldest| oldest < needed);
            if (is_full && is_oldest) || log.keeps_horizon() {
                // Refused only where nothing is taken any more.
                let _ = log.log_anew();
            }
        }
    }

    /// Whether fenced logs have more that cannot be carried than may be logged anew.
    fn is_too_much_fenced(&self) -> bool {
        let logs = self.0.logs.borrow();
        let fenced = logs.values().filter(|log| log.is_fenced());
        let bytes: u64 = fenced.map(Log::backlog_bytes).sum();
        bytes > self.0.options.journal.ring_bytes_max / ANEW_RING_SHARE
    }

    /// What a fenced log still needs of the journal can neither be carried nor let go before the
    /// next start. When that is what the ring is full of, nobody must wait for room any more. The tail
    /// does not tell whose it is: it may stand lower, where another fenced log was logged first.
    ///
    /// Who waits for memory while fenced logs have little of it waits for others' flushes and carries,
    /// which end, wherever the tail stands meanwhile.
    fn fence_if_pinned(&self) -> Result<(), StorageError> {
        let is_starved = self.0.around.journal.is_starved();
        if !is_starved && !self.is_too_much_fenced() {
            return self.0.around.journal.check();
        }
        let oldest = self.oldest_needed();
        let pins = |log: &&Log| {
            let is_moving = log.is_being_logged_anew() && !is_starved;
            log.is_fenced() && log.needs_from() == Some(oldest) && !is_moving
        };
        if let Some(log) = self.0.logs.borrow().values().find(pins) {
            let why =
                format!("{} cannot be carried, and what it needs fills the journal", log.id());
            tracing::error!(shard = %self.0.shard, why, "this shard's storage is fenced");
            self.0.around.journal.fence(FenceReason::Partition, why);
        }
        self.0.around.journal.check()
    }

    /// The first group that somebody needs, or that is not durable.
    fn oldest_needed(&self) -> u64 {
        let logs = self.0.logs.borrow();
        let needed = logs.values().filter_map(Log::needs_from).min().unwrap_or(u64::MAX);
        needed.min(self.needed_by_others())
    }

    /// The first group that is not durable, or that says of a log that its files are being removed.
    fn needed_by_others(&self) -> u64 {
        let removals = self.0.removals.borrow();
        removals.values().copied().fold(self.0.around.journal.durable_sequence() + 1, u64::min)
    }

    /// Encodes in slices (R8). What a log says in a later slice may be newer than the tail: replay
    /// passes over what a state contains already, and a log that is dropped meanwhile has its Drop
    /// at or above the tail.
    pub(super) async fn write_state(&self) -> Result<(), StorageError> {
        let journal = &self.0.around.journal;
        // Groups up to here can take no more entries, so what they say is in the logs by now.
        let durable = journal.durable_sequence();
        let clean = journal.has_ended().then(|| journal.next_sequence());
        let mut tail = self.needed_by_others();
        let mut logs = self.logs();
        for slice in logs.chunks(LOGS_A_SLICE) {
            for log in slice {
                tail = tail.min(log.needs_from().unwrap_or(u64::MAX));
            }
            yield_now().await;
        }
        // One lower may be in the middle of another's.
        let fenced: Vec<&Log> = logs.iter().filter(|log| log.is_fenced()).collect();
        while let Some(lower) = fenced.iter().filter_map(|log| log.whole_from(tail)).min() {
            tail = lower;
        }
        // One that may never have begun must not take in what the journal says of an earlier
        // partition of its name. If it has begun, the journal says all of it.
        logs.retain(|log| log.placed_sequence() <= durable);
        let version = self.0.version.get() + 1;
        let mut state = StateWriter::new(&StateHead {
            version,
            shard: self.0.shard,
            life: self.0.life,
            tail,
            clean: clean == Some(tail),
            partition_count: logs.len() as u32,
        });
        let mut slice = (0, 0);
        for log in &logs {
            state.push(&log.state());
            slice.0 += 1;
            if slice.0 == LOGS_A_SLICE || state.bytes() - slice.1 >= STATE_BYTES_A_SLICE {
                slice = (0, state.bytes());
                yield_now().await;
            }
        }
        yield_now().await;
        if is_planted(Bug::ReclaimEarly) {
            journal.release(durable + 1);
        }
        match self.0.state_file.write_encoded(version, state).await {
            Ok(()) => {
                self.0.version.set(version);
                journal.release(tail);
                Ok(())
            }
            Err(error) => match StorageError::of_passing(&error) {
                Some(passing) => Err(passing),
                None => {
                    journal.fence(FenceReason::StateFile, format!("the state file: {error}"));
                    journal.check()
                }
            },
        }
    }
}

/// What came of a checkpoint's carries.
#[derive(Default)]
struct Carried {
    bytes: u64,
    /// Why not everything could be carried now.
    put_off: Option<StorageError>,
}

impl Carried {
    fn add(&mut self, log: &Log, result: Result<usize, StorageError>) {
        match result {
            Ok(bytes) => self.bytes += bytes as u64,
            Err(error) if error.is_passing() => self.put_off = Some(error),
            // The partition is fenced and has said so; the others go on.
            Err(error) => tracing::debug!(partition = %log.id(), %error, "not carried"),
        }
    }
}
