use super::*;
use crate::batch::{BatchBuilder, NewRecord};

/// A length that is long enough for the magic and too short for a header is named as it stands.
#[test]
fn a_length_below_a_headers_is_named() {
    let mut builder = BatchBuilder::default();
    builder.push(&NewRecord::default());
    let mut batch = builder.build();
    for length in [8, 48] {
        batch[8..12].copy_from_slice(&i32::to_be_bytes(length));
        let refused = split_batch(&batch).err();
        // Kafka's own bound for old formats is 14 bytes.
        assert_eq!(refused, Some(BatchError::BadLength(length)));
    }
    let length = BatchHeader::BYTES as i32 - BatchHeader::PREFIX_BYTES as i32;
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    let split = split_batch(&batch).map(|first| first.map(|first| first.batch.len()));
    assert_eq!(split, Ok(Some(BatchHeader::BYTES)));
}
