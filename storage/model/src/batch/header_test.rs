use super::*;
use crate::batch::{BatchBuilder, BatchFields, NewRecord};

#[test]
fn records_are_counted_by_what_the_header_says() {
    let mut builder = BatchBuilder::new(BatchFields::default());
    (0..3).for_each(|_| builder.push(&NewRecord::default()));
    let mut batch = builder.build();
    assert_eq!(BatchHeader::record_count_of(&batch), 3);
    assert_eq!(BatchHeader::record_count_of(&batch[..BatchHeader::BYTES - 1]), 0, "no batch");
    batch[BatchHeader::RECORD_COUNT_AT..][..4].copy_from_slice(&(-1_i32).to_be_bytes());
    assert_eq!(BatchHeader::record_count_of(&batch), 0, "a count that cannot be");
}
