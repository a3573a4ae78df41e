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
fn a_stamped_batch_loses_attributes_without_a_meaning() {
    let mut patched = batch();
    put(&mut patched, BatchHeader::ATTRIBUTES_AT, 0x0110i16.to_be_bytes());
    reseal_crc(&mut patched);
    set_timestamps(&mut patched, TimestampType::LogAppendTime, TimestampMs::new(5));
    let header = BatchHeader::read(&patched).unwrap();
    assert_eq!(header.attributes, BatchHeader::TRANSACTIONAL | BatchHeader::LOG_APPEND_TIME);
    assert_eq!(header.crc, crc32c::crc32c(&patched[BatchHeader::CRC_END..]));
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
