use super::*;

const ID: ProducerId = ProducerId::new(4000);

fn batch(epoch: i16, base_sequence: i32, count: i32) -> ProducerBatch {
    ProducerBatch {
        id: ID,
        epoch: ProducerEpoch::new(epoch),
        base_sequence,
        last_offset_delta: count - 1,
    }
}

/// A log that appends what the table lets through.
#[derive(Default)]
struct Log {
    table: ProducerTable,
    end: i64,
}

impl Log {
    fn append(&mut self, batch: ProducerBatch) -> Result<Checked, ProducerError> {
        let checked = self.table.check(&batch)?;
        if checked == Checked::Append {
            let max_timestamp = TimestampMs::new(1_000 + self.end);
            let now = TimestampMs::new(self.end);
            self.table.record(&batch, Offset::new(self.end), max_timestamp, now);
            self.end += i64::from(batch.last_offset_delta) + 1;
        }
        Ok(checked)
    }
}

fn duplicate_of(base_offset: i64) -> Result<Checked, ProducerError> {
    let max_timestamp = TimestampMs::new(1_000 + base_offset);
    Ok(Checked::Duplicate { base_offset: Offset::new(base_offset), max_timestamp })
}

fn is_out_of_order(result: Result<Checked, ProducerError>) -> bool {
    matches!(result, Err(ProducerError::OutOfOrderSequence { .. }))
}

#[test]
fn an_unknown_producer_may_begin_anywhere() {
    for base_sequence in [0, 42, i32::MAX] {
        assert_eq!(Log::default().append(batch(7, base_sequence, 3)), Ok(Checked::Append));
    }
}

#[test]
fn the_last_five_batches_are_answered_with_their_first_offset() {
    let mut log = Log::default();
    for at in 0..6 {
        assert_eq!(log.append(batch(0, at * 10, 10)), Ok(Checked::Append));
    }
    assert!(is_out_of_order(log.append(batch(0, 0, 10))));
    for at in 1..6 {
        assert_eq!(log.append(batch(0, at * 10, 10)), duplicate_of(i64::from(at) * 10));
    }
}

#[test]
fn gaps_and_overlaps_are_out_of_order() {
    let mut log = Log::default();
    log.append(batch(0, 0, 10)).unwrap();
    log.append(batch(0, 10, 10)).unwrap();
    for (base_sequence, count) in [(21, 1), (19, 2), (12, 3), (5, 10), (0, 20), (10, 9)] {
        assert!(is_out_of_order(log.append(batch(0, base_sequence, count))), "{base_sequence}");
    }
}

#[test]
fn sequences_wrap_to_zero() {
    let mut log = Log::default();
    log.append(batch(0, i32::MAX - 1, 4)).unwrap();
    assert_eq!(log.append(batch(0, i32::MAX - 1, 4)), duplicate_of(0));
    assert_eq!(log.append(batch(0, 2, 1)), Ok(Checked::Append));

    let mut log = Log::default();
    log.append(batch(0, i32::MAX, 1)).unwrap();
    assert_eq!(log.append(batch(0, 0, 1)), Ok(Checked::Append));
}

#[test]
fn a_new_epoch_begins_at_zero_and_fences_the_old_one() {
    let mut log = Log::default();
    log.append(batch(3, 0, 1)).unwrap();
    assert!(is_out_of_order(log.append(batch(4, 1, 1))));
    assert_eq!(log.append(batch(4, 0, 1)), Ok(Checked::Append));
    for old in [3, -1] {
        let refused = log.append(batch(old, 0, 1));
        assert!(matches!(refused, Err(ProducerError::InvalidProducerEpoch { .. })), "{old}");
    }
}

#[test]
fn a_producer_without_epoch_is_taken_with_any_sequence() {
    let mut log = Log::default();
    log.append(batch(-1, 5, 1)).unwrap();
    assert_eq!(log.append(batch(-1, 99, 1)), Ok(Checked::Append));
    assert_eq!(log.append(batch(-1, 99, 1)), duplicate_of(1));
    assert_eq!(log.append(batch(0, 7, 1)), Ok(Checked::Append));
}

#[test]
fn truncation_forgets_what_is_cut_off() {
    let mut log = Log::default();
    log.append(batch(0, 0, 10)).unwrap();
    log.append(batch(0, 10, 10)).unwrap();
    log.table.truncate_to(Offset::new(15));
    log.end = 10;
    assert_eq!(log.append(batch(0, 0, 10)), duplicate_of(0));
    assert_eq!(log.append(batch(0, 10, 10)), Ok(Checked::Append));
    log.table.truncate_to(Offset::ZERO);
    assert_eq!(log.table, ProducerTable::default());
}

#[test]
fn expiry_goes_by_last_use_in_slices() {
    let mut table = ProducerTable::default();
    for id in 0..10 {
        let batch = ProducerBatch { id: ProducerId::new(id), ..batch(0, 0, 1) };
        table.record(&batch, Offset::new(id), TimestampMs::new(0), TimestampMs::new(100 + id));
    }
    let oldest = ProducerBatch { id: ProducerId::new(0), ..batch(0, 1, 1) };
    table.record(&oldest, Offset::new(10), TimestampMs::new(0), TimestampMs::new(200));
    assert!(table.expire(TimestampMs::new(155), 50, 3));
    assert_eq!(table.len(), 7);
    assert!(!table.expire(TimestampMs::new(155), 50, 3));
    let left: Vec<_> = table.iter().map(|(id, _)| id.get()).collect();
    assert_eq!(left, [0, 6, 7, 8, 9]);
}

#[test]
fn one_producer_too_many_displaces_the_least_recent() {
    let mut table = ProducerTable::default();
    for id in 0..=PRODUCERS_PER_PARTITION_MAX as i64 {
        let batch = ProducerBatch { id: ProducerId::new(id), ..batch(0, 0, 1) };
        table.record(&batch, Offset::new(id), TimestampMs::new(0), TimestampMs::new(id));
    }
    assert_eq!(table.len(), PRODUCERS_PER_PARTITION_MAX);
    assert_eq!(table.iter().next().map(|(id, _)| id), Some(ProducerId::new(1)));
}

fn table_of_three() -> ProducerTable {
    let mut table = ProducerTable::default();
    for at in 0..12 {
        let id = ProducerId::new(at % 3);
        let batch = ProducerBatch { id, ..batch(2, (at / 3) as i32, 1) };
        table.record(&batch, Offset::new(at), TimestampMs::new(-1), TimestampMs::new(at));
    }
    table
}

#[test]
fn a_snapshot_reads_back() {
    for table in [ProducerTable::default(), table_of_three()] {
        let mut bytes = Vec::new();
        table.encode(&mut bytes);
        assert_eq!(ProducerTable::decode(&bytes), Ok(table));
    }
}

#[test]
fn a_cut_or_lying_snapshot_is_damage() {
    let mut bytes = Vec::new();
    table_of_three().encode(&mut bytes);
    for cut in 0..bytes.len() {
        assert_eq!(ProducerTable::decode(&bytes[..cut]), Err(SnapshotError::Damaged));
    }
    bytes.push(0);
    assert_eq!(ProducerTable::decode(&bytes), Err(SnapshotError::Damaged));
    let huge = [0, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(ProducerTable::decode(&huge), Err(SnapshotError::Damaged));
    assert_eq!(ProducerTable::decode(&[9]), Err(SnapshotError::UnknownFormat(9)));
}

#[test]
fn a_cut_forgets_the_batches_that_reach_beyond_it() {
    let mut table = ProducerTable::default();
    // Two records each: offsets 0 and 1, 2 and 3, 4 and 5.
    for at in 0..3 {
        let time = TimestampMs::new(100);
        table.record(&batch(0, 2 * at, 2), Offset::new(2 * i64::from(at)), time, time);
    }
    let is_known = |table: &ProducerTable, at: i32| {
        matches!(table.check(&batch(0, 2 * at, 2)), Ok(Checked::Duplicate { .. }))
    };
    // The last record of the second batch is at 3: an end of 4 keeps it.
    table.truncate_to(Offset::new(4));
    assert!(is_known(&table, 1) && !is_known(&table, 2));
    table.truncate_to(Offset::new(3));
    assert!(is_known(&table, 0) && !is_known(&table, 1));
    assert!(!table.is_empty());
    table.truncate_to(Offset::new(1));
    assert!(table.is_empty());
    assert!(!table.expire(TimestampMs::new(i64::MAX), 0, 10), "nothing is left to forget");
}

/// Its place in both of the table's maps, and the batches that are remembered.
#[test]
fn a_producer_counts_as_what_is_kept_of_it() {
    let ids = 2 * size_of::<ProducerId>();
    let kept = size_of::<Producer>() + size_of::<TimestampMs>();
    let batches = PRODUCER_BATCHES_REMEMBERED * size_of::<RememberedBatch>();
    let padding = 32;
    assert!(ProducerTable::PRODUCER_BYTES >= ids + kept + batches);
    assert!(ProducerTable::PRODUCER_BYTES <= ids + kept + batches + padding);
}
