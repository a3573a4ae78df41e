//! What must be true of a compacted log, whatever was done to it.

use std::cell::Cell;
use std::collections::BTreeMap;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use pelton_model::batch::{
    BatchBuilder, BatchFields, BatchHeader, NewRecord, ProducerBatch, Records, record_bytes,
};
use pelton_model::{Compression, Offset, ProducerEpoch, ProducerId, TimestampMs};
use pelton_storage::disk::sim::SimDisk;
use pelton_storage::{CompactionRules, Log, NewBatch, Pace};

use crate::support::*;

pub const DELETE_RETENTION_MS: i64 = 1000;

/// A record as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    pub offset: i64,
    pub key: u8,
    pub value: Option<Vec<u8>>,
    pub timestamp: i64,
    /// When, by the clock of the test.
    pub written_at: i64,
}

/// Lets the others run, so many times.
pub struct Pacer {
    left: Cell<u32>,
    /// All that it was told.
    pub moved_bytes: Cell<u64>,
}

impl Pace for Pacer {
    fn pace(&self, moved_bytes: usize) -> LocalBoxFuture<'_, bool> {
        self.moved_bytes.set(self.moved_bytes.get() + moved_bytes as u64);
        async {
            yield_once().await;
            let left = self.left.get();
            self.left.set(left.saturating_sub(1));
            left > 0
        }
        .boxed_local()
    }
}

impl Pacer {
    pub fn endless() -> Self {
        Self::of(u32::MAX)
    }

    pub fn of(steps: u32) -> Self {
        Self { left: Cell::new(steps), moved_bytes: Cell::new(0) }
    }
}

#[derive(Default)]
pub struct Model {
    pub written: Vec<Written>,
    pub now: i64,
    pub sequences: BTreeMap<i64, i32>,
}

pub fn rules(now: i64, map_bytes_max: usize, segment_bytes: u64) -> CompactionRules {
    CompactionRules {
        now: TimestampMs::new(NOW.get() + now),
        delete_retention_ms: DELETE_RETENTION_MS,
        min_cleanable_dirty_ratio: 0.0,
        min_compaction_lag_ms: 0,
        max_compaction_lag_ms: i64::MAX,
        segment_bytes,
        map_bytes_max,
        hash_secret: [42; 16],
    }
}

pub fn batch_of_keys(
    records: &[Written],
    codec: Compression,
    producer: Option<(i64, i32)>,
) -> NewBatch {
    let mut fields = BatchFields::compressed(codec);
    if let Some((id, sequence)) = producer {
        fields.producer_id = ProducerId::new(id);
        fields.producer_epoch = ProducerEpoch::new(0);
        fields.base_sequence = sequence;
    }
    let mut builder = BatchBuilder::new(fields);
    for record in records {
        builder.push(&NewRecord {
            timestamp: TimestampMs::new(record.timestamp),
            key: Some(&[record.key]),
            value: record.value.as_deref(),
            headers: &[(b"from", Some(b"a test"))],
        });
    }
    let bytes = builder.build();
    let header = BatchHeader::read(&bytes).expect("a batch");
    let producer = producer.map(|_| ProducerBatch {
        id: header.producer_id,
        epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
        last_offset_delta: header.last_offset_delta,
    });
    NewBatch { header, bytes, producer }
}

/// Every record that is still there, and the header of its batch.
pub async fn left(log: &Log) -> Vec<(BatchHeader, Vec<Written>)> {
    let mut all = Vec::new();
    for batch in read_all(log).await {
        let header = BatchHeader::read(&batch).expect("a batch");
        let bytes = record_bytes(&header, &batch, 1 << 20).expect("records");
        let records = Records::new(&header, &bytes).map(|record| {
            let record = record.expect("a record");
            let headers: Vec<_> = record.headers.collect();
            assert_eq!(headers, [(&b"from"[..], Some(&b"a test"[..]))]);
            Written {
                offset: header.base_offset.get() + i64::from(record.offset_delta),
                key: record.key.expect("a key")[0],
                value: record.value.map(<[u8]>::to_vec),
                timestamp: header.timestamp_of(record.timestamp_delta).get(),
                written_at: 0,
            }
        });
        let records: Vec<Written> = records.collect();
        assert_eq!(records.len(), header.record_count as usize);
        all.push((header, records));
    }
    all
}

/// What a reader of the whole log makes of it.
pub fn table<'a>(records: impl Iterator<Item = &'a Written>) -> BTreeMap<u8, Vec<u8>> {
    let mut table = BTreeMap::new();
    for record in records {
        match &record.value {
            Some(value) => table.insert(record.key, value.clone()),
            None => table.remove(&record.key),
        };
    }
    table
}

impl Model {
    pub async fn check(&self, log: &Log) {
        let batches = left(log).await;
        let mut at = Offset::ZERO;
        for (header, _) in &batches {
            assert!(header.base_offset >= at, "batches overlap");
            at = header.next_offset();
        }
        assert_eq!(at, log.commit_offset(), "the last batch ends where the log does");
        let records: Vec<&Written> = batches.iter().flat_map(|(_, records)| records).collect();
        for record in &records {
            let was = &self.written[record.offset as usize];
            assert_eq!(**record, Written { written_at: 0, ..was.clone() });
        }
        assert_eq!(table(records.iter().copied()), table(self.written.iter()));
        self.check_what_is_left(&records, log.cleaned_end().get());
        self.check_producers(&batches);
        self.check_offsets(log, &batches).await;
        self.check_times(log, &records).await;
    }

    /// Below the cleaned end, exactly the newest record of each key; above it, all.
    fn check_what_is_left(&self, records: &[&Written], cleaned_end: i64) {
        let mut newest = BTreeMap::new();
        for record in self.written.iter().filter(|record| record.offset < cleaned_end) {
            newest.insert(record.key, record.offset);
        }
        let is_left = |offset| records.binary_search_by_key(&offset, |it| it.offset).is_ok();
        for record in &self.written {
            let is_newest = newest.get(&record.key) == Some(&record.offset);
            if record.offset >= cleaned_end || (is_newest && record.value.is_some()) {
                assert!(is_left(record.offset), "{record:?} is lost, clean to {cleaned_end}");
            } else if is_newest {
                let may_go = self.now - record.written_at >= DELETE_RETENTION_MS;
                assert!(may_go || is_left(record.offset), "{record:?} went too early");
            } else {
                // One that a compaction which was cut short has not come to may be left.
                assert!(!is_left(record.offset), "{record:?} is superseded");
            }
        }
    }

    /// What a replica that reads this log learns of each producer.
    fn check_producers(&self, batches: &[(BatchHeader, Vec<Written>)]) {
        for (producer, next) in &self.sequences {
            let of = |header: &BatchHeader| header.producer_id.get() == *producer;
            let newest =
                batches.iter().rev().find(|(header, _)| of(header)).expect("its last batch");
            let last = newest.0.base_sequence + newest.0.last_offset_delta;
            assert_eq!(last + 1, *next, "the last sequence of producer {producer}");
        }
    }

    async fn check_offsets(&self, log: &Log, batches: &[(BatchHeader, Vec<Written>)]) {
        for from in 0..log.commit_offset().get() {
            let found = read(log, from, 1).await.expect("read");
            let found = BatchHeader::read(found.slices.first().expect("a batch")).expect("a batch");
            let expected = batches.iter().find(|(header, _)| header.next_offset().get() > from);
            assert_eq!(found, expected.expect("a batch").0, "from {from}");
        }
    }

    async fn check_times(&self, log: &Log, records: &[&Written]) {
        for target in [0, 500, 700, 999, 1000] {
            let found = log.offset_for_timestamp(TimestampMs::new(target)).await.expect("read");
            let expected = records.iter().find(|record| record.timestamp >= target);
            assert_eq!(found.map(|it| it.offset.get()), expected.map(|it| it.offset));
        }
        let found = log.max_timestamp().await.expect("read");
        let greatest = records.iter().map(|record| record.timestamp).max();
        assert_eq!(found.map(|it| it.timestamp.get()), greatest);
    }
}

/// Segments in the log's directory that the log does not have, and indexes beside no segment.
pub async fn files_of_nobody(sim: &SimDisk, log: &Log) -> usize {
    let found = sim.disk().list_dir(&partition_dir(log.id())).await.unwrap_or_default();
    let of_kind = |extension| {
        found.iter().filter_map(move |entry| entry.name.strip_suffix(extension)).collect::<Vec<_>>()
    };
    let (logs, indexes) = (of_kind(".log"), of_kind(".idx"));
    let strange = indexes.iter().filter(|name| !logs.contains(name)).count();
    logs.len() - log.segment_count() + strange
}
