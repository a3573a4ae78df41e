use super::*;
use crate::batch::{BatchBuilder, NewRecord};

fn batch() -> Vec<u8> {
    let mut builder = BatchBuilder::default();
    for value in [&b"one"[..], &[7; 10_000]] {
        builder.push(&NewRecord { value: Some(value), ..NewRecord::default() });
    }
    builder.build()
}

#[test]
fn new_timestamps_leave_the_crc_right() {
    let mut patched = batch();
    set_timestamps(&mut patched, TimestampType::LogAppendTime, TimestampMs::new(1_800_000_000_000));
    let header = BatchHeader::read(&patched).unwrap();
    assert_eq!(header.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(header.max_timestamp, TimestampMs::new(1_800_000_000_000));
    let corrected = patched.clone();
    reseal_crc(&mut patched);
    assert_eq!(patched, corrected);
}

#[test]
fn a_place_in_the_log_leaves_the_crc_right() {
    let mut placed = batch();
    set_base_offset_and_epoch(&mut placed, Offset::new(5000), LeaderEpoch::new(9));
    let header = BatchHeader::read(&placed).unwrap();
    assert_eq!((header.base_offset, header.leader_epoch), (Offset::new(5000), LeaderEpoch::new(9)));
    let before = placed.clone();
    reseal_crc(&mut placed);
    assert_eq!(placed, before);
}
