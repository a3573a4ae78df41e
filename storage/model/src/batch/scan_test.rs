use super::*;
use crate::batch::{BatchBuilder, BatchFields, BatchHeader, NewRecord, Records};
use crate::ids::TimestampMs;

/// Records with and without keys, values and headers, short ones and one of 300 bytes.
fn batch() -> Vec<u8> {
    let mut builder = BatchBuilder::new(BatchFields::default());
    let long = [7; 300];
    let headers: [(&[u8], Option<&[u8]>); 3] =
        [(b"name", Some(b"value")), (b"", None), (b"long", Some(&long))];
    let mut at = 1_800_000_000_000;
    for key in [None, Some(&b""[..]), Some(&b"key"[..])] {
        for value in [None, Some(&b"value"[..]), Some(&long[..])] {
            for headers in [&headers[..0], &headers[..1], &headers[..]] {
                builder.push(&NewRecord { timestamp: TimestampMs::new(at), key, value, headers });
                at += 70_000;
            }
        }
    }
    builder.build()
}

/// What a scan sees of these records when it gets so many bytes at a time.
fn scan(records: &[u8], count: i32, piece_bytes: usize) -> Result<Vec<Seen>, BatchError> {
    let mut scan = Scan::new(count);
    let mut seen = Vec::new();
    for mut piece in records.chunks(piece_bytes) {
        while let Some(record) = scan.next(&mut piece)? {
            seen.push(record);
        }
        assert!(piece.is_empty(), "a piece is used up");
    }
    scan.finish()?;
    Ok(seen)
}

/// The same of the walk that has all bytes before it.
fn walk(header: &BatchHeader, records: &[u8]) -> Result<Vec<Seen>, BatchError> {
    Records::new(header, records).map(|record| record.map(|record| Seen::of(&record))).collect()
}

#[test]
fn pieces_of_every_size_show_what_the_whole_shows() {
    let batch = batch();
    let header = BatchHeader::read(&batch).unwrap();
    let records = &batch[BatchHeader::BYTES..];
    let whole = walk(&header, records).unwrap();
    assert_eq!(whole.len(), 27);
    for piece_bytes in 1..=records.len() {
        let seen = scan(records, header.record_count, piece_bytes);
        assert_eq!(seen.as_ref(), Ok(&whole), "pieces of {piece_bytes} bytes");
    }
}

#[test]
fn damage_is_found_in_pieces_of_every_size() {
    let batch = batch();
    let header = BatchHeader::read(&batch).unwrap();
    let records = &batch[BatchHeader::BYTES..];
    let mut refused = 0;
    for at in (0..records.len()).step_by(3) {
        for bit in [0, 7] {
            let mut damaged = records.to_vec();
            damaged[at] ^= 1 << bit;
            let whole = walk(&header, &damaged);
            for piece_bytes in [1, 3, 50, records.len()] {
                match (scan(&damaged, header.record_count, piece_bytes), &whole) {
                    (Ok(seen), Ok(whole)) => assert_eq!(&seen, whole),
                    // In pieces a fault may show before the record turns out to be cut short.
                    (
                        Err(BatchError::Malformed { index, .. }),
                        Err(BatchError::Malformed { index: expected, .. }),
                    ) => {
                        assert_eq!(index, *expected);
                        refused += 1;
                    }
                    other => panic!("bit {bit} at {at}, pieces of {piece_bytes}: {other:?}"),
                }
            }
        }
    }
    assert!(refused > 200, "{refused}");
}

#[test]
fn fewer_or_more_records_than_said_are_refused() {
    let batch = batch();
    let header = BatchHeader::read(&batch).unwrap();
    let records = &batch[BatchHeader::BYTES..];
    let count = header.record_count;
    let malformed = |index, fault| Err(BatchError::Malformed { index, fault });
    for piece_bytes in [1, 100, records.len()] {
        let more = malformed(count as usize, RecordFault::BadLength);
        assert_eq!(scan(records, count + 1, piece_bytes), more);
        let fewer = malformed(count as usize - 1, RecordFault::BytesBehind);
        assert_eq!(scan(records, count - 1, piece_bytes), fewer);
    }
    let cut = &records[..records.len() - 1];
    assert_eq!(scan(cut, count, 7), malformed(count as usize - 1, RecordFault::BadLength));
}
