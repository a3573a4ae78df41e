//! A shard's journal: all small appends of all its partitions share one durable write.
//!
//! Entries gather in memory while a group is being written; together they are the next group. One
//! group is in flight at a time, so groups become durable in sequence order, and the number of
//! partitions does not appear in the cost.

mod extent;
mod format;
#[cfg(feature = "planted-bugs")]
mod out_of_order;
mod ring;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use pelton_model::histogram::{Counts, Sizes};
use pelton_model::limits::{BLOCK_BYTES, IO_BYTES_MAX};
use pelton_model::{Offset, PartitionId, ShardId};

pub(crate) use extent::producers_of;
pub use extent::{Extent, ExtentProducer};
pub use format::{Entry, Group, GroupHeader, HEADER_BYTES, NoGroup};
use ring::Ring;
pub(crate) use ring::file_name;

use crate::disk::{Disk, is_disk_full};
use crate::error::{FenceReason, OpenError, StorageError};
use crate::event::{Event, Wait};
use crate::planted::{Bug, is_planted};
use crate::wakers::Wakers;

/// One part in so many of a ring file, and a block at least, is left to the next start. It may have to
/// say where it cut logs off when ring and disk are full: a block has room for 91 cuts.
const START_SHARE: u64 = 256;

/// Sizes of a shard's journal.
#[derive(Clone, Copy, Debug)]
pub struct JournalOptions {
    /// One file of the ring, a multiple of the block size. A group is larger only when it is a
    /// single batch that is; it gets a file of its own size. A part of each is kept for a start.
    pub file_bytes: u64,
    /// What the ring may grow to; all of it may have to be held in memory (S8). A batch that is
    /// larger than all files is let in when nothing else is in the ring.
    pub ring_bytes_max: u64,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self { file_bytes: 16 << 20, ring_bytes_max: 256 << 20 }
    }
}

/// What tells this life's groups from others'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Greater than any before.
    pub incarnation: u64,
    /// The ring's own number, drawn when the shard's directory was made.
    pub seed: u32,
}

/// What the state file knows of the journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub shard: ShardId,
    /// Durable already.
    pub life: Life,
    /// Groups below it are not needed.
    pub tail: u64,
    /// There is no group from the tail on.
    pub clean: bool,
}

/// Told, in order, when entries have become durable.
pub trait OnDurable {
    /// Everything of this log below `end` is on stable storage.
    fn durable(&self, end: Offset);
}

struct PendingGroup {
    sequence: u64,
    body_bytes: usize,
    entries: Vec<(PartitionId, Entry)>,
    durable: Vec<(Rc<dyn OnDurable>, Offset)>,
}

/// What the journal has done since the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct JournalStats {
    /// Entries that shared one write, by group.
    pub group_entries: Counts,
    /// Bytes of a group, padding included.
    pub group_bytes: Sizes,
}

/// See the module. Cheap to share within the shard.
pub struct Journal {
    disk: Disk,
    shard: ShardId,
    life: Life,
    options: JournalOptions,
    ring: RefCell<Ring>,
    pending: RefCell<VecDeque<PendingGroup>>,
    pending_bytes: Cell<usize>,
    next_sequence: Cell<u64>,
    previous_crc: Cell<u32>,
    durable: Cell<u64>,
    tail: Cell<u64>,
    /// Groups with extents whose bytes are not durable in their segments.
    extents: RefCell<BTreeMap<u64, usize>>,
    fenced: RefCell<Option<(FenceReason, String)>>,
    /// Bytes of each ring file that are not written to, now that the start is over.
    kept_bytes: Cell<u64>,
    starved: Cell<bool>,
    stopping: Cell<bool>,
    ended: Cell<bool>,
    /// By the group that they wait for.
    waiters: Wakers<(u64, u64)>,
    /// There is something to write, or to stop for.
    work: Event,
    /// The tail moved, or the disk has room again.
    room: Event,
    /// Somebody should carry tails to segments.
    pressure: Event,
    end: Event,
    stats: Cell<JournalStats>,
}

/// What recovery gets to replay.
pub(crate) struct Recovered {
    pub groups: Vec<Group>,
    pub torn: bool,
}

impl Journal {
    /// Opens the ring in `dir`.
    pub(crate) async fn open(
        disk: &Disk,
        dir: &Path,
        known: Known,
        options: JournalOptions,
    ) -> Result<(Journal, Recovered), OpenError> {
        let tail = known.tail;
        let (mut ring, found) = Ring::open(disk, dir, &known, options.file_bytes).await?;
        while ring.files.len() < 2 {
            let made = Ring::make_file(disk, dir, ring.files.len(), options.file_bytes).await;
            ring.files.push(made.map_err(|error| OpenError::Io { path: dir.into(), error })?);
        }
        let last = found.groups.last();
        let durable = last.map_or(tail.saturating_sub(1), |group| group.header.sequence);
        let journal = Journal {
            disk: disk.clone(),
            shard: known.shard,
            life: known.life,
            options,
            ring: RefCell::new(ring),
            pending: RefCell::default(),
            pending_bytes: Cell::new(0),
            next_sequence: Cell::new(durable + 1),
            previous_crc: Cell::new(last.map_or(0, |group| group.header_crc)),
            durable: Cell::new(durable),
            tail: Cell::new(tail.max(1)),
            extents: RefCell::default(),
            fenced: RefCell::default(),
            kept_bytes: Cell::new(0),
            starved: Cell::new(false),
            stopping: Cell::new(false),
            ended: Cell::new(false),
            waiters: Wakers::default(),
            work: Event::default(),
            room: Event::default(),
            pressure: Event::default(),
            end: Event::default(),
            stats: Cell::default(),
        };
        Ok((journal, Recovered { groups: found.groups, torn: found.torn }))
    }

    /// Queues an entry; returns the sequence of the group that will carry it.
    pub fn push(
        &self,
        partition: PartitionId,
        entry: Entry,
        durable: Option<(Rc<dyn OnDurable>, Offset)>,
    ) -> Result<u64, StorageError> {
        self.check_open()?;
        let bytes = entry.encoded_bytes();
        let mut pending = self.pending.borrow_mut();
        let fits =
            pending.back().is_some_and(|group| group.body_bytes + bytes <= self.body_bytes_max());
        if !fits {
            let sequence = self.next_sequence.get();
            self.next_sequence.set(sequence + 1);
            pending.push_back(PendingGroup {
                sequence,
                body_bytes: 0,
                entries: Vec::new(),
                durable: Vec::new(),
            });
        }
        let Some(group) = pending.back_mut() else { unreachable!("a group was just pushed") };
        group.body_bytes += bytes;
        group.entries.push((partition, entry));
        group.durable.extend(durable);
        self.pending_bytes.set(self.pending_bytes.get() + bytes);
        let sequence = group.sequence;
        drop(pending);
        self.work.notify();
        Ok(sequence)
    }

    /// Queues the entry of an extent whose bytes are still being written. Until
    /// [`Journal::extent_is_durable`] the horizon does not pass it; after a failed write, until
    /// [`Journal::extent_is_passed_over`].
    pub(crate) fn push_extent_in_flight(
        &self,
        partition: PartitionId,
        extent: Extent,
        durable: (Rc<dyn OnDurable>, Offset),
    ) -> Result<u64, StorageError> {
        let sequence = self.push(partition, Entry::Extent(extent), Some(durable))?;
        *self.extents.borrow_mut().entry(sequence).or_default() += 1;
        Ok(sequence)
    }

    pub(crate) fn extent_is_durable(&self, sequence: u64) {
        let mut extents = self.extents.borrow_mut();
        match extents.get_mut(&sequence) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(extents.remove(&sequence)),
        }
    }

    /// The same of an extent whose write failed, once an entry behind it is durable that has every
    /// start pass over it.
    pub(crate) fn extent_is_passed_over(&self, sequence: u64) {
        self.extent_is_durable(sequence);
    }

    /// What a group says of the extents before it: all below are durable (F3).
    fn horizon_of(&self, sequence: u64) -> u64 {
        if is_planted(Bug::HorizonTooEarly) {
            return sequence;
        }
        self.extents.borrow().keys().next().map_or(sequence, |first| sequence.min(*first))
    }

    /// Fails where [`Journal::push`] would.
    pub(crate) fn check_open(&self) -> Result<(), StorageError> {
        self.check()?;
        match self.stopping.get() {
            true => Err(StorageError::Fenced("the journal is being closed".into())),
            false => Ok(()),
        }
    }

    /// A group is closed at this size, so that it fits into any file and delays the next not long.
    fn body_bytes_max(&self) -> usize {
        let file_bytes = self.options.file_bytes.saturating_sub(self.start_bytes());
        let file_bytes = usize::try_from(file_bytes).unwrap_or(usize::MAX);
        file_bytes.min(IO_BYTES_MAX) - HEADER_BYTES
    }

    /// What is left of a ring file to a start.
    fn start_bytes(&self) -> u64 {
        (self.options.file_bytes / START_SHARE).next_multiple_of(BLOCK_BYTES as u64)
    }

    /// Resolves when group `sequence` is durable, or never will be.
    pub fn durable(self: &Rc<Self>, sequence: u64) -> Durable {
        Durable { journal: self.clone(), sequence, key: None }
    }

    /// Groups below it are no longer needed.
    pub(crate) fn tail(&self) -> u64 {
        self.tail.get()
    }

    pub fn durable_sequence(&self) -> u64 {
        self.durable.get()
    }

    /// The sequence that the next entry will be at, or above.
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence.get()
    }

    /// Bytes that wait to be written.
    pub fn pending_bytes(&self) -> usize {
        self.pending_bytes.get()
    }

    pub fn stats(&self) -> JournalStats {
        self.stats.get()
    }

    /// Bytes of the files that something is still needed of.
    pub fn live_bytes(&self) -> u64 {
        self.ring.borrow().live_bytes(self.tail.get())
    }

    /// Needed bytes over the bytes that the ring may have.
    pub fn used_ratio(&self) -> f64 {
        self.live_bytes() as f64 / self.options.ring_bytes_max as f64
    }

    /// Whether a group waits for room that only a checkpoint can make.
    pub fn is_starved(&self) -> bool {
        self.starved.get()
    }

    /// Notified when tails should be carried.
    pub fn pressure(&self) -> &Event {
        &self.pressure
    }

    /// Entries below `tail` are no longer needed: durable elsewhere, and so recorded.
    pub fn release(&self, tail: u64) {
        assert!(tail <= self.next_sequence.get(), "released what was never written");
        self.tail.set(self.tail.get().max(tail));
        self.room.notify();
    }

    /// Nothing more is written; the first reason stays.
    pub fn fence(&self, reason: FenceReason, why: String) {
        self.fenced.borrow_mut().get_or_insert((reason, why));
        self.waiters.wake_all();
        self.work.notify();
        self.room.notify();
        self.pressure.notify();
    }

    /// Fails once a write has failed (S3).
    pub fn check(&self) -> Result<(), StorageError> {
        match &*self.fenced.borrow() {
            Some((_, why)) => Err(StorageError::Fenced(why.clone())),
            None => Ok(()),
        }
    }

    /// Why nothing more is written, if so.
    pub fn fence_reason(&self) -> Option<FenceReason> {
        self.fenced.borrow().as_ref().map(|(reason, _)| *reason)
    }

    /// Takes no more entries, and ends [`Journal::run`] once everything queued is durable.
    pub fn stop(&self) {
        self.stopping.set(true);
        self.work.notify();
        self.room.notify();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// Whether [`Journal::run`] has ended: everything is durable, or the journal is fenced.
    pub fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// Notified when [`Journal::run`] has ended.
    pub(crate) fn end(&self) -> &Event {
        &self.end
    }

    /// Writes groups until stopped or fenced. The shard runs this once.
    pub async fn run(&self) {
        self.kept_bytes.set(self.start_bytes());
        self.write_groups().await;
        self.ended.set(true);
        self.end.notify();
    }

    /// Writes what is queued before [`Journal::run`] begins, durably. Nobody could make room yet, so
    /// there is some of the ring that only a start may use. Where that is too little the ring gets one
    /// file more than it may have.
    pub(crate) async fn write_queued(&self) -> std::io::Result<()> {
        loop {
            let Some(group) = self.pending.borrow_mut().pop_front() else { return Ok(()) };
            self.pending_bytes.set(self.pending_bytes.get() - group.body_bytes);
            let bytes = format::file_bytes(group.body_bytes) as u64;
            let has_room = self.ring.borrow_mut().place(bytes, self.tail.get()).is_some();
            if !has_room {
                let (disk, dir, index) = self.ring.borrow().place_of_next();
                let size = self.options.file_bytes.max(bytes);
                let file = Ring::make_file(&disk, &dir, index, size).await?;
                self.ring.borrow_mut().files.push(file);
            }
            self.write(&group).await?;
            self.complete(group);
        }
    }

    async fn write_groups(&self) {
        loop {
            let work = self.work.wait();
            if self.check().is_err() {
                return;
            }
            let Some(group) = self.pending.borrow_mut().pop_front() else {
                if self.stopping.get() {
                    return;
                }
                work.await;
                continue;
            };
            self.pending_bytes.set(self.pending_bytes.get() - group.body_bytes);
            #[cfg(feature = "planted-bugs")]
            let Some(group) = self.write_with_the_next(group).await else { continue };
            match self.write_when_there_is_room(&group).await {
                Ok(()) => self.complete(group),
                Err(error) => {
                    tracing::error!(shard = %self.shard, sequence = group.sequence, %error,
                        "the journal cannot be written: this shard's storage is fenced");
                    self.fence(
                        FenceReason::Journal,
                        format!("journal group {}: {error}", group.sequence),
                    );
                    return;
                }
            }
        }
    }

    fn complete(&self, group: PendingGroup) {
        assert_eq!(group.sequence, self.durable.get() + 1, "groups are acknowledged in order (F3)");
        self.durable.set(group.sequence);
        for (log, end) in &group.durable {
            log.durable(*end);
        }
        self.waiters.wake_below((group.sequence + 1, 0));
        if self.used_ratio() > 0.5 {
            self.pressure.notify();
        }
    }

    async fn write_when_there_is_room(&self, group: &PendingGroup) -> std::io::Result<()> {
        loop {
            let room = self.room.wait();
            match self.write(group).await {
                // Of a file system that takes new room for overwritten blocks. Nothing was
                // acknowledged, so the same group may be written to the same place again.
                Err(error) if is_disk_full(&error) => self.starve(room).await?,
                written => return written,
            }
        }
    }

    async fn write(&self, group: &PendingGroup) -> std::io::Result<()> {
        let mut header = GroupHeader {
            shard: self.shard,
            entry_count: group.entries.len() as u32,
            incarnation: self.life.incarnation,
            sequence: group.sequence,
            horizon: self.horizon_of(group.sequence),
            tail: self.tail.get(),
            body_bytes: group.body_bytes as u32,
            previous_crc: self.previous_crc.get(),
            body_crc: 0,
        };
        let total = header.file_bytes();
        let at = self.room_for(total as u64).await?;
        let mut buffer = self.disk.allocate_buffer(total);
        let out = buffer.as_mut_slice();
        let mut end = HEADER_BYTES;
        let mut head = Vec::with_capacity(64);
        for (partition, entry) in &group.entries {
            head.clear();
            entry.encode_head(*partition, &mut head);
            out[end..end + head.len()].copy_from_slice(&head);
            end += head.len();
            if let Entry::Append { batch, .. } = entry {
                out[end..end + batch.len()].copy_from_slice(batch);
                end += batch.len();
            }
        }
        assert_eq!(end, HEADER_BYTES + group.body_bytes, "entries take what they said");
        header.body_crc = crc32c::crc32c(&out[HEADER_BYTES..end]);
        let encoded = header.encode(self.life.seed);
        out[..HEADER_BYTES].copy_from_slice(&encoded);
        out[end..total].fill(0);
        #[cfg(feature = "planted-bugs")]
        self.reuse_in_flight(out);
        let (file, position) = {
            let ring = self.ring.borrow();
            (ring.files[at].file.clone(), ring.files[at].used)
        };
        if is_planted(Bug::AcknowledgeBeforeTheWrite) {
            group.durable.iter().for_each(|(log, end)| log.durable(*end));
        }
        let is_early = is_planted(Bug::AcknowledgeOutOfOrder);
        if is_early {
            self.written(at, total, group.sequence, crc_of(&encoded));
        }
        // O_DSYNC: when this completes, the group is durable.
        file.write_at(buffer, total, position).await?;
        if !is_early {
            self.written(at, total, group.sequence, crc_of(&encoded));
        }
        let mut stats = self.stats.get();
        stats.group_entries.record(group.entries.len() as u64);
        stats.group_bytes.record(total as u64);
        self.stats.set(stats);
        Ok(())
    }

    /// The next group goes behind this one, and follows it.
    fn written(&self, at: usize, bytes: usize, sequence: u64, crc: u32) {
        let mut ring = self.ring.borrow_mut();
        ring.files[at].used += bytes as u64;
        ring.files[at].last = sequence;
        self.previous_crc.set(crc);
    }

    /// A ring file with room: the current one, a free one, a new one, or one that a checkpoint frees.
    async fn room_for(&self, bytes: u64) -> std::io::Result<usize> {
        let bytes = bytes + self.kept_bytes.get();
        loop {
            let room = self.room.wait();
            let placed = self.ring.borrow_mut().place(bytes, self.tail.get());
            if let Some(at) = placed {
                self.starved.set(false);
                return Ok(at);
            }
            let (disk, dir, index) = self.ring.borrow().place_of_next();
            let size = self.options.file_bytes.max(bytes);
            let may_grow = {
                let ring = self.ring.borrow();
                // With nothing in it, only a file that is larger than all others helps: they may be of a
                // life in which files were smaller.
                ring.bytes() + size <= self.options.ring_bytes_max
                    || ring.live_bytes(self.tail.get()) == 0
            };
            if may_grow {
                match Ring::make_file(&disk, &dir, index, size).await {
                    Ok(file) => {
                        self.ring.borrow_mut().files.push(file);
                        continue;
                    }
                    // What passes is no reason to stop: a checkpoint frees a file of the ring.
                    Err(error) if StorageError::of_passing(&error).is_some() => {
                        let _ = disk.remove_file(&dir.join(ring::file_name(index))).await;
                        tracing::warn!(shard = %self.shard, %error, "the journal cannot grow now");
                    }
                    Err(error) => return Err(error),
                }
            }
            self.starve(room).await?;
        }
    }

    /// Waits until `room`, asking for a checkpoint; fails when the journal is fenced meanwhile.
    async fn starve(&self, room: Wait) -> std::io::Result<()> {
        self.starved.set(true);
        self.pressure.notify();
        room.await;
        self.check().map_err(|fenced| std::io::Error::other(fenced.to_string()))
    }
}

fn crc_of(header: &[u8; HEADER_BYTES]) -> u32 {
    u32::from_le_bytes([header[60], header[61], header[62], header[63]])
}

/// See [`Journal::durable`].
pub struct Durable {
    journal: Rc<Journal>,
    sequence: u64,
    /// Its place among those who wait, once it does.
    key: Option<u64>,
}

impl Future for Durable {
    type Output = Result<(), StorageError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.journal.durable.get() >= self.sequence {
            return Poll::Ready(Ok(()));
        }
        if let Err(fenced) = self.journal.check() {
            return Poll::Ready(Err(fenced));
        }
        let journal = self.journal.clone();
        let key = *self.key.get_or_insert_with(|| journal.waiters.new_key());
        journal.waiters.keep((self.sequence, key), context.waker());
        Poll::Pending
    }
}

impl Drop for Durable {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.journal.waiters.forget((self.sequence, key));
        }
    }
}

/// Reads the groups of one ring file for people: `pelton journal dump`.
pub fn groups_of_file(content: &Bytes, seed: u32) -> Vec<(usize, Group)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < content.len() {
        match Group::read(content, at, seed) {
            Ok(group) => {
                let next = at + group.header.file_bytes();
                found.push((at, group));
                at = next;
            }
            Err(_) => at += BLOCK_BYTES,
        }
    }
    found
}

#[cfg(test)]
#[path = "journal_test.rs"]
mod journal_test;
