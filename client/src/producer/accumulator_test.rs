use super::*;

const LINGER: Duration = Duration::from_millis(5);

struct Bench {
    accumulator: Accumulator,
    topic: Arc<str>,
    start: Instant,
}

impl Bench {
    fn new() -> Self {
        let limits = Limits {
            compression: Compression::None,
            batch_bytes: 1000,
            linger: LINGER,
            is_idempotent: true,
        };
        Self { accumulator: Accumulator::new(limits), topic: "t".into(), start: Instant::now() }
    }

    fn append(&mut self, partition: i32, value_bytes: usize) -> Placed {
        let value = vec![0; value_bytes];
        let record = NewRecord { value: Some(&value), ..NewRecord::default() };
        let partition = Some(PartitionIndex::new(partition));
        self.accumulator.append(&self.topic, 4, partition, &record, 1, self.start)
    }

    fn take(&mut self, after: Duration) -> Vec<Batch> {
        self.accumulator.take_ready(self.start + after, |_, _| true)
    }
}

#[test]
fn a_batch_waits_for_its_linger_time() {
    let mut bench = Bench::new();
    assert!(bench.append(0, 10).is_news);
    assert!(!bench.append(0, 10).is_news);
    assert!(bench.take(Duration::ZERO).is_empty());
    assert_eq!(bench.accumulator.next_due(bench.start), Some(bench.start + LINGER));
    let batches = bench.take(LINGER);
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0].record_count, 2);
}

#[test]
fn a_full_batch_waits_for_nothing() {
    let mut bench = Bench::new();
    bench.append(0, 800);
    let second = bench.append(0, 800);
    assert!(second.is_news);
    assert_eq!(second.index_in_batch, 0);
    assert_eq!(bench.take(Duration::ZERO).len(), 1);
}

#[test]
fn a_record_larger_than_a_batch_gets_one_of_its_own() {
    let mut bench = Bench::new();
    bench.append(0, 5000);
    bench.append(0, 10);
    assert_eq!(bench.take(Duration::ZERO)[0].record_count, 1);
}

#[test]
fn only_one_batch_of_a_partition_is_away() {
    let mut bench = Bench::new();
    for _ in 0..3 {
        bench.append(0, 800);
    }
    bench.append(1, 10);
    let away = bench.take(LINGER);
    assert_eq!(away.len(), 2);
    assert!(bench.take(LINGER).is_empty());
    bench.accumulator.arrived("t", PartitionIndex::new(0));
    assert_eq!(bench.take(LINGER).len(), 1);
}

#[test]
fn a_returned_batch_goes_first_and_keeps_its_sequence() {
    let mut bench = Bench::new();
    bench.append(0, 800);
    bench.append(0, 800);
    let batch = bench.take(LINGER).remove(0);
    assert_eq!(batch.base_sequence, Some(0));
    bench.accumulator.give_back(batch);
    let again = bench.take(LINGER).remove(0);
    assert_eq!(again.base_sequence, Some(0));
    bench.accumulator.arrived("t", PartitionIndex::new(0));
    assert_eq!(bench.take(LINGER)[0].base_sequence, Some(1));
}

#[test]
fn a_refused_batch_gives_its_sequence_to_the_next() {
    let mut bench = Bench::new();
    bench.append(0, 800);
    bench.append(0, 800);
    let refused = bench.take(LINGER).remove(0);
    bench.accumulator.rewind(&refused);
    bench.accumulator.arrived("t", PartitionIndex::new(0));
    assert_eq!(bench.take(LINGER)[0].base_sequence, Some(0));
}

#[test]
fn what_a_busy_broker_cannot_take_stays() {
    let mut bench = Bench::new();
    bench.append(0, 10);
    let now = bench.start + LINGER;
    assert!(bench.accumulator.take_ready(now, |_, _| false).is_empty());
    assert!(bench.accumulator.has_ready(now));
    // What is due already sets no alarm: an answer is what it waits for.
    assert_eq!(bench.accumulator.next_due(now), None);
}

#[test]
fn a_flush_waits_for_what_is_away_and_for_what_is_open() {
    let mut bench = Bench::new();
    bench.append(0, 10);
    let away = bench.take(LINGER).remove(0);
    bench.append(0, 10);
    let outcomes = bench.accumulator.seal_all();
    assert_eq!(outcomes.len(), 2);
    away.settle(Ok(None));
    assert!(outcomes[0].borrow().is_some());
    assert!(outcomes[1].borrow().is_none());
}

#[test]
fn what_waited_too_long_is_taken_out() {
    let mut bench = Bench::new();
    bench.append(0, 800);
    bench.append(0, 800);
    assert_eq!(bench.accumulator.take_expired(bench.start).len(), 2);
    assert!(bench.take(LINGER).is_empty());
}

#[test]
fn the_bound_of_a_record_holds() {
    let headers: Vec<(&[u8], Option<&[u8]>)> = vec![(b"name", Some(b"value")), (b"", None)];
    let record = NewRecord {
        timestamp: pelton_model::TimestampMs::new(i64::MAX),
        key: Some(&[1; 200]),
        value: Some(&[2; 20_000]),
        headers: &headers,
    };
    let mut builder = pelton_model::batch::BatchBuilder::default();
    builder.push(&NewRecord { timestamp: pelton_model::TimestampMs::new(-1), ..record });
    let before = builder.uncompressed_bytes();
    builder.push(&record);
    assert!(builder.uncompressed_bytes() - before <= record_bytes_max(&record));
}
