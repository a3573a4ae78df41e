//! Questions about a log that bring no records: offsets by time, epochs, sizes, producers.

use pelton_model::{LeaderEpoch, Offset, PartitionId, TimestampMs};
use pelton_storage::{Log, OffsetAndTimestamp, ReadError};

use super::Shard;
use super::read::check_epoch;
use crate::message::{LogFault, LogSize, Look, LookOutcome, OffsetFound, ProducerFacts};

/// Special timestamps of ListOffsets.
pub const LATEST: i64 = -1;
pub const EARLIEST: i64 = -2;
/// KIP-734
pub const MAX_TIMESTAMP: i64 = -3;
/// KIP-405: without tiered storage the same as the earliest.
pub const EARLIEST_LOCAL: i64 = -4;
/// KIP-1005, KIP-1023: nothing is ever tiered here, so there is no last tiered offset and none that
/// waits for it.
pub const LATEST_TIERED: i64 = -5;
pub const EARLIEST_PENDING_UPLOAD: i64 = -6;

/// Indexes of segments that the questions of one message may have read, of which each is up to a MB.
/// They are kept: who asks again comes further.
const INDEX_READS_MAX: usize = 8;

impl Shard {
    pub async fn look(&self, questions: Vec<(PartitionId, Look)>) -> Vec<LookOutcome> {
        let mut outcomes = Vec::with_capacity(questions.len());
        let mut index_reads_left = INDEX_READS_MAX;
        for (partition, look) in questions {
            let log = self.find(partition);
            outcomes.push(match look {
                Look::OffsetFor { timestamp, current_epoch } => LookOutcome::Offset(match log {
                    Ok(log) => offset_for(&log, timestamp, current_epoch).await,
                    Err(fault) => Err(fault),
                }),
                Look::EndOfEpoch { epoch, current_epoch } => LookOutcome::EndOfEpoch(
                    log.and_then(|log| end_of_epoch(&log, epoch, current_epoch)),
                ),
                Look::Size => {
                    LookOutcome::Size(log.map(|log| LogSize {
                        bytes: log.bytes(),
                        end_offset: log.end_offset().get(),
                    }))
                }
                Look::Producers => LookOutcome::Producers(log.map(|log| producers(&log))),
                Look::TimeNear(offset) => LookOutcome::TimeNear(match log {
                    Ok(log) => log.time_near(offset, &mut index_reads_left).await,
                    Err(_) => None,
                }),
            });
            self.env.breathe().await;
        }
        outcomes
    }

    /// DeleteRecords: -1 is the high watermark.
    pub async fn delete_records(
        &self,
        asked: Vec<(PartitionId, Offset)>,
    ) -> Vec<Result<Offset, LogFault>> {
        let mut outcomes = Vec::with_capacity(asked.len());
        let mut newest = 0;
        for (partition, offset) in asked {
            let log = match self.find(partition) {
                Ok(log) => log,
                Err(fault) => {
                    outcomes.push(Err(fault));
                    continue;
                }
            };
            let offset = if offset.get() == LATEST { log.commit_offset() } else { offset };
            outcomes.push(match log.delete_records(offset) {
                Ok(sequence) => {
                    newest = newest.max(sequence);
                    // It leaves when that is durable.
                    Ok(log.start_asked())
                }
                Err(error) => Err(fault_of(error)),
            });
        }
        match self.store.journal().durable(newest).await {
            Ok(()) => outcomes,
            Err(fenced) => outcomes
                .into_iter()
                .map(|outcome| outcome.and(Err(fenced.clone().into())))
                .collect(),
        }
    }
}

async fn offset_for(
    log: &Log,
    timestamp: i64,
    current_epoch: i32,
) -> Result<Option<OffsetFound>, LogFault> {
    check_epoch(log, current_epoch)?;
    let plain = |offset: Offset| OffsetFound {
        offset: offset.get(),
        timestamp: -1,
        epoch: log.epoch_of(offset).get(),
    };
    let found = |found: Option<OffsetAndTimestamp>| {
        found.map(|it| OffsetFound {
            offset: it.offset.get(),
            timestamp: it.timestamp.get(),
            epoch: it.epoch.get(),
        })
    };
    match timestamp {
        LATEST => Ok(Some(plain(log.commit_offset()))),
        EARLIEST | EARLIEST_LOCAL => Ok(Some(plain(log.start_offset()))),
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => Ok(None),
        MAX_TIMESTAMP => log.max_timestamp().await.map(found).map_err(fault_of),
        time => log.offset_for_timestamp(TimestampMs::new(time)).await.map(found).map_err(fault_of),
    }
}

fn end_of_epoch(log: &Log, epoch: i32, current_epoch: i32) -> Result<(i32, i64), LogFault> {
    check_epoch(log, current_epoch)?;
    // -1 is nobody's epoch; any other is earlier than those of the log, or one of them.
    let end = log.end_offset_for_epoch(LeaderEpoch::new(epoch)).filter(|_| epoch != -1);
    Ok(end.map_or((-1, -1), |(epoch, offset)| (epoch.get(), offset.get())))
}

fn producers(log: &Log) -> Vec<ProducerFacts> {
    log.with_producers(|table| {
        table
            .iter()
            .map(|(id, producer)| ProducerFacts {
                id,
                epoch: producer.epoch.get(),
                last_sequence: producer.last_sequence(),
                last_timestamp: producer
                    .last_batch()
                    .map_or(TimestampMs::new(-1), |batch| batch.max_timestamp),
            })
            .collect()
    })
}

fn fault_of(error: ReadError) -> LogFault {
    match error {
        ReadError::OutOfRange { start, end } => LogFault::OutOfRange { start, end },
        ReadError::Dropped => LogFault::NotHere,
        ReadError::Storage(error) => error.into(),
    }
}
