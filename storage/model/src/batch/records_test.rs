use super::*;
use crate::batch::{BatchBuilder, NewRecord};

fn batch(headers: &[(&[u8], Option<&[u8]>)]) -> Vec<u8> {
    let mut builder = BatchBuilder::default();
    builder.push(&NewRecord { value: Some(b"value"), headers, ..NewRecord::default() });
    builder.build()
}

#[test]
fn headers_say_how_many_are_left() {
    let batch = batch(&[(b"a", Some(b"1")), (b"b", None), (b"c", Some(b""))]);
    let header = BatchHeader::read(&batch).expect("a batch");
    let mut records = Records::new(&header, &batch[BatchHeader::BYTES..]);
    let mut headers = records.next().expect("a record").expect("sound").headers;
    for left in (1..=3).rev() {
        assert_eq!(headers.len(), left);
        assert!(headers.next().is_some());
    }
    assert_eq!((headers.len(), headers.next()), (0, None));
}

#[test]
fn bytes_behind_the_last_record_are_found_by_the_walk() {
    let batch = batch(&[]);
    let header = BatchHeader::read(&batch).expect("a batch");
    let with_more = [&batch[BatchHeader::BYTES..], &[0]].concat();
    let mut records = Records::new(&header, &with_more);
    assert!(records.next().is_some_and(|record| record.is_ok()));
    let fault = RecordFault::BytesBehind;
    assert_eq!(
        records.next().and_then(Result::err),
        Some(BatchError::Malformed { index: 1, fault })
    );
    assert!(records.next().is_none(), "a walk ends at its first error");
}
