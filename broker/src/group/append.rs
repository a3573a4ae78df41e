//! Records of a coordinator into its partition's log.

use pelton_group::Record;
use pelton_model::Offset;
use pelton_model::batch::{BatchBuilder, BatchFields, BatchHeader, NewRecord};
use pelton_storage::{Log, NewBatch};

use super::GroupFault;
use crate::shard::Shard;

/// A batch is closed at this size. Only one record can make it larger: a group with many members.
const BATCH_BYTES: usize = 512 << 10;

impl Shard {
    /// Appends at once (R2); returns the end of the log, up to which all is durable once it is
    /// committed. S9: a full disk refuses producers, and not these.
    pub(super) fn append_group_records(
        &self,
        log: &Log,
        records: &[Record],
    ) -> Result<Offset, GroupFault> {
        let now = self.env.now();
        let mut batch = BatchBuilder::new(BatchFields::default());
        for record in records {
            let (key, value) = (record.key(), record.value());
            let bytes = key.len() + value.as_ref().map_or(0, Vec::len);
            if batch.record_count() > 0 && batch.uncompressed_bytes() + bytes > BATCH_BYTES {
                append(log, &batch, now)?;
                batch = BatchBuilder::new(BatchFields::default());
            }
            batch.push(&NewRecord {
                timestamp: now,
                key: Some(&key),
                value: value.as_deref(),
                headers: &[],
            });
        }
        if batch.record_count() > 0 {
            append(log, &batch, now)?;
        }
        Ok(log.end_offset())
    }
}

fn append(
    log: &Log,
    batch: &BatchBuilder,
    now: pelton_model::TimestampMs,
) -> Result<(), GroupFault> {
    let bytes = batch.build();
    let header = BatchHeader::read(&bytes).map_err(|error| {
        tracing::error!(partition = %log.id(), %error, "a coordinator's batch cannot be read");
        GroupFault::Unavailable
    })?;
    let batch = NewBatch { header, bytes, producer: None };
    match log.append(batch, now) {
        Ok(_) => Ok(()),
        Err(error) => {
            tracing::error!(partition = %log.id(), ?error, "a coordinator cannot write");
            Err(GroupFault::NotCoordinator)
        }
    }
}
