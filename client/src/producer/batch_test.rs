use super::*;

#[test]
fn sequences_wrap_to_zero() {
    assert_eq!(sequence_after(5, 3), 8);
    assert_eq!(sequence_after(i32::MAX, 1), 0);
    assert_eq!(sequence_after(i32::MAX - 1, 5), 3);
}

#[tokio::test(flavor = "current_thread")]
async fn every_attempt_sends_the_same_bytes_but_for_a_new_identity() {
    let now = Instant::now();
    let mut batch = Batch::new("t".into(), PartitionIndex::new(0), Compression::Zstd, now);
    let record = NewRecord { value: Some(b"value"), ..NewRecord::default() };
    assert_eq!(batch.push(&record, 100), 0);
    assert_eq!(batch.push(&record, 100), 1);
    batch.base_sequence = Some(7);

    let identity = |id| Some(Identity { id: ProducerId::new(id), epoch: ProducerEpoch::new(0) });
    let first = batch.encode(identity(1));
    assert_eq!(batch.encode(identity(1)), first);

    let header = BatchHeader::read(&batch.encode(identity(2))).unwrap();
    assert_eq!(header.producer_id, ProducerId::new(2));
    assert_eq!(header.base_sequence, 7);
    assert_eq!(header.record_count, 2);
}
