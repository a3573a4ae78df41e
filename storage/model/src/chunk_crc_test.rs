use super::*;
use crate::batch::{BatchBuilder, NewRecord};
use crate::ids::{PartitionIndex, TopicId};

fn partition(index: i32) -> PartitionId {
    PartitionId::new(TopicId::from_random(7), PartitionIndex::new(index))
}

fn batch(value_bytes: usize) -> Vec<u8> {
    let mut builder = BatchBuilder::default();
    builder.push(&NewRecord { value: Some(&vec![b'v'; value_bytes]), ..NewRecord::default() });
    builder.build()
}

#[test]
fn combined_batches_have_the_crc_of_their_bytes() {
    let mut combined = ChunkCrc::new(partition(0), 4096);
    let mut read = combined;
    for value_bytes in [0, 100, COMBINE_BYTES_MIN, 1_000_000] {
        let batch = batch(value_bytes);
        combined.push_batch(&batch);
        read.push_bytes(&batch);
    }
    assert_eq!(combined, read);
}

#[test]
fn a_bit_outside_kafkas_own_crc_is_found() {
    let mut batch = batch(100_000);
    let mut before = ChunkCrc::new(partition(0), 0);
    before.push_batch(&batch);
    batch[3] ^= 1;
    let mut after = ChunkCrc::new(partition(0), 0);
    after.push_batch(&batch);
    assert_ne!(before, after);
}

#[test]
fn the_same_bytes_elsewhere_have_another_crc() {
    let here = ChunkCrc::new(partition(0), 0);
    assert_ne!(here, ChunkCrc::new(partition(1), 0));
    assert_ne!(here, ChunkCrc::new(partition(0), 4096));
}

#[test]
fn a_chunks_crc_is_that_of_its_place_and_bytes() {
    let mut chunk = ChunkCrc::new(partition(3), 65_536);
    chunk.push_batch(&batch(10_000));
    let id = partition(3);
    let place = [&id.topic.as_bytes()[..], &3i32.to_be_bytes(), &65_536u64.to_be_bytes()];
    let bytes = [place.concat(), batch(10_000)].concat();
    assert_eq!(chunk.crc(), crc32c::crc32c(&bytes));
    assert_eq!(chunk.bytes(), batch(10_000).len() as u64);
    assert_eq!(ChunkCrc::resume(chunk.crc(), chunk.bytes()), chunk);
}
