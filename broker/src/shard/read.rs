//! Reading, as the owner: at once, or parked until there is something (R5).

use futures::future::{Either, select};
use pelton_model::batch::BatchHeader;
use pelton_model::{LeaderEpoch, Offset, PartitionId};
use pelton_net::StopSignal;
use pelton_storage::{Log, ReadError, ReadLimits, ReadSlices, Watch};

use super::Shard;
use crate::message::{LogFault, PartitionToRead, ReadBytes, ReadOutcome};
use crate::runtime::Lane;

/// What a request may still bring.
struct Room<'a> {
    shard: &'a Shard,
    bytes: usize,
    /// Of it, from the device; reserved when there is something to read there.
    share: Option<DeviceShare<'a>>,
    /// Nothing was found yet: the first batch of all is read whole, whatever the limits.
    is_first: bool,
    /// A read of the device was for nothing, as what it found was larger than the room. Others would
    /// be, too.
    is_too_small_for_disk: bool,
}

impl Room<'_> {
    /// What may be read of a log from there on; nothing of it, where that could bring no batch.
    fn limits(&mut self, log: &Log, asked: &PartitionToRead, end: Offset) -> ReadLimits {
        let is_on_disk = log.is_on_disk(asked.offset);
        let mut bytes_max = asked.bytes_max.min(self.bytes);
        if is_on_disk {
            let share = self.share.get_or_insert_with(|| DeviceShare::take(self.shard, self.bytes));
            bytes_max = bytes_max.min(share.left);
        }
        let is_read = self.is_first
            || bytes_max >= BatchHeader::BYTES && !(self.is_too_small_for_disk && is_on_disk);
        let end = if is_read { end } else { end.min(asked.offset) };
        ReadLimits { bytes_max, at_least_one: self.is_first, end }
    }

    fn take(&mut self, asked: &PartitionToRead, read: &ReadSlices) {
        if let Some(share) = self.share.as_mut().filter(|_| read.from_disk) {
            let room = self.bytes.min(share.left);
            self.is_too_small_for_disk |= read.bytes == 0 && asked.bytes_max > room;
            share.left = share.left.saturating_sub(read.bytes);
        }
        self.is_first &= read.bytes == 0;
        self.bytes = self.bytes.saturating_sub(read.bytes);
    }
}

/// What one request may read of the device, reserved until it has. What would find no room among the
/// answers would be read for nothing, and be held by as many as read at once (R3, R5). Half of what
/// is free, so that whoever comes next has some, too.
struct DeviceShare<'a> {
    shard: &'a Shard,
    reserved: usize,
    left: usize,
}

impl<'a> DeviceShare<'a> {
    fn take(shard: &'a Shard, bytes_max: usize) -> Self {
        let taken = shard.answers.in_use_bytes() + shard.reads_bytes.get();
        let free = shard.answers.capacity_bytes().saturating_sub(taken);
        let reserved = bytes_max.min(free / 2);
        shard.reads_bytes.set(shard.reads_bytes.get() + reserved);
        Self { shard, reserved, left: reserved }
    }
}

impl Drop for DeviceShare<'_> {
    fn drop(&mut self) {
        self.shard.reads_bytes.set(self.shard.reads_bytes.get() - self.reserved);
    }
}

impl Shard {
    /// One read after the other, until all together have brought so many bytes: the rest is told its
    /// offsets only.
    pub async fn read(
        &self,
        partitions: Vec<PartitionToRead>,
        bytes_max: usize,
    ) -> Vec<ReadOutcome> {
        let mut room = Room {
            shard: self,
            bytes: bytes_max,
            share: None,
            is_first: true,
            is_too_small_for_disk: false,
        };
        let mut outcomes = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let result = match self.find(partition.partition) {
                Ok(log) => self.read_one(&log, &partition, &mut room).await,
                Err(fault) => Err(fault),
            };
            outcomes.push(ReadOutcome { result });
            self.env.breathe().await;
        }
        outcomes
    }

    async fn read_one(
        &self,
        log: &Log,
        asked: &PartitionToRead,
        room: &mut Room<'_>,
    ) -> Result<ReadBytes, LogFault> {
        check_epoch(log, asked.current_epoch)?;
        let high_watermark = log.commit_offset();
        let mut answer = ReadBytes {
            log_start: log.start_offset().get(),
            high_watermark: high_watermark.get(),
            ..ReadBytes::default()
        };
        if asked.last_fetched_epoch >= 0 {
            let epoch = LeaderEpoch::new(asked.last_fetched_epoch);
            match log.end_offset_for_epoch(epoch) {
                // Later than any epoch of the log.
                None => return Err(out_of_range(log)),
                Some(_) if asked.offset < log.start_offset() => return Err(out_of_range(log)),
                Some((known, end)) if known < epoch || end < asked.offset => {
                    answer.diverging = Some((known.get(), end.get()));
                    return Ok(answer);
                }
                Some(_) => {}
            }
        }
        let limits = room.limits(log, asked, high_watermark);
        let read = match self.read_log(log, asked.offset, limits).await {
            Ok(read) => read,
            Err(ReadError::OutOfRange { start, end }) => {
                return Err(LogFault::OutOfRange { start, end });
            }
            Err(ReadError::Dropped) => return Err(LogFault::NotHere),
            Err(ReadError::Storage(error)) => return Err(error.into()),
        };
        self.metrics.count(|figures| match read.from_disk {
            true => figures.read_bytes_disk += read.bytes as u64,
            false => figures.read_bytes_cache += read.bytes as u64,
        });
        room.take(asked, &read);
        answer.bytes = read.bytes;
        answer.slices = read.slices;
        Ok(answer)
    }

    async fn read_log(
        &self,
        log: &Log,
        from: Offset,
        limits: ReadLimits,
    ) -> Result<ReadSlices, ReadError> {
        if !log.is_on_disk(from) {
            return log.read(from, limits).await;
        }
        let log = log.clone();
        let reading = async move { log.read(from, limits).await };
        self.env.complete(Lane::CatchUp, reading).await.unwrap_or(Err(ReadError::Dropped))
    }

    /// Resolves when there are `bytes_min` bytes past the positions, or when one of the logs can no
    /// longer be read there, or at `cancel`.
    pub async fn wait_for_bytes(
        &self,
        positions: Vec<(PartitionId, Offset)>,
        bytes_min: usize,
        cancel: StopSignal,
    ) {
        let watch = Watch::default();
        loop {
            let changed = watch.changed();
            let mut bytes = 0;
            for (partition, offset) in &positions {
                let Some(log) = self.store.log(*partition) else { return };
                if *offset < log.start_offset() || *offset > log.end_offset() || log.is_dropped() {
                    return;
                }
                log.watch(&watch);
                bytes += log.available_bytes(*offset, bytes_min);
                if bytes >= bytes_min {
                    return;
                }
            }
            if self.store.journal().check().is_err() {
                return;
            }
            if let Either::Right(_) = select(changed, cancel.stopped()).await {
                return;
            }
        }
    }
}

/// KIP-320: the reader's idea of who leads must be ours. A negative epoch is no idea.
pub(super) fn check_epoch(log: &Log, current_epoch: i32) -> Result<(), LogFault> {
    let ours = log.leader_epoch().get();
    match current_epoch {
        epoch if epoch < 0 || epoch == ours => Ok(()),
        epoch if epoch > ours => Err(LogFault::NewerEpoch),
        _ => Err(LogFault::OlderEpoch),
    }
}

fn out_of_range(log: &Log) -> LogFault {
    LogFault::OutOfRange { start: log.start_offset(), end: log.commit_offset() }
}
