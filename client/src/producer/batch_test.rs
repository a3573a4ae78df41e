use super::*;

#[test]
fn sequences_wrap_to_zero() {
    assert_eq!(sequence_after(5, 3), 8);
    assert_eq!(sequence_after(i32::MAX, 1), 0);
    assert_eq!(sequence_after(i32::MAX - 1, 5), 3);
}

#[test]
fn every_attempt_sends_the_same_bytes_but_for_a_new_number() {
    let topic: Arc<str> = "t".into();
    let fields = BatchFields::compressed(pelton_model::Compression::Zstd);
    let mut batch = Batch::new(&topic, PartitionIndex::new(0), 1, fields, Instant::now());
    let record = NewRecord { value: Some(b"value"), ..NewRecord::default() };
    batch.push(&record, 100, None);
    batch.push(&record, 100, None);
    let number = |id, base_sequence| {
        let identity = Identity { id: ProducerId::new(id), epoch: ProducerEpoch::new(0) };
        Some(Number { identity, base_sequence })
    };
    let mut parcel = Parcel {
        topic,
        partition: PartitionIndex::new(0),
        serial: 1,
        number: number(1, 7),
        body: batch.body.take().unwrap(),
    };
    let first = parcel.encode();
    assert_eq!(parcel.encode(), first);
    let header = BatchHeader::read(&first).unwrap();
    assert_eq!((header.producer_id.get(), header.base_sequence, header.record_count), (1, 7, 2));

    parcel.number = number(2, 0);
    let again = parcel.encode();
    let renumbered = BatchHeader::read(&again).unwrap();
    assert_eq!((renumbered.producer_id.get(), renumbered.base_sequence), (2, 0));
    assert_ne!(renumbered.crc, header.crc);
    assert_eq!(again[BatchHeader::BYTES..], first[BatchHeader::BYTES..]);
}
