use super::*;

#[test]
fn sequences_wrap_to_zero() {
    assert_eq!(sequence_after(5, 3), 8);
    assert_eq!(sequence_after(i32::MAX, 1), 0);
    assert_eq!(sequence_after(i32::MAX - 1, 5), 3);
}

#[test]
fn halves_have_all_that_their_records_had() {
    let topic: Arc<str> = "t".into();
    for compression in pelton_model::Compression::ALL {
        let fields = BatchFields::compressed(compression);
        let mut batch = Batch::new(&topic, PartitionIndex::new(0), 1, fields, Instant::now());
        let mut alone = BatchBuilder::new(fields);
        let headers: [(&[u8], Option<&[u8]>); 2] = [(b"name", Some(b"value")), (b"null", None)];
        for index in 0..5_u8 {
            let key = [index];
            let record = NewRecord {
                timestamp: pelton_model::TimestampMs::new(1000 - i64::from(index)),
                key: (index != 1).then_some(&key),
                value: (index != 3).then_some(b"value"),
                headers: &headers[..usize::from(index) % 3],
            };
            batch.push(&record, 3, None);
            if index >= 2 {
                alone.push(&record);
            }
        }
        let [first, second] = batch.split();
        assert_eq!((first.record_count, second.record_count), (2, 3), "{compression}");
        assert_eq!(first.reserved_bytes + second.reserved_bytes, 15);
        assert_eq!(second.body.unwrap().into_bytes(), alone.build(), "{compression}");
    }
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
        ticket: 1,
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
