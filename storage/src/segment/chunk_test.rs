use pelton_model::batch::{BatchHeader, patch};
use pelton_model::limits::CHUNK_BYTES;
use pelton_model::{Offset, PartitionId, PartitionIndex, TimestampMs, TopicId};

use super::{ChunkEntry, OpenChunk, matches};

fn partition(index: i32) -> PartitionId {
    PartitionId::new(TopicId::from_bytes([7; 16]), PartitionIndex::new(index))
}

const ENTRY: ChunkEntry = ChunkEntry {
    offset: Offset::new(0x0102_0304_0506_0708),
    position: 0x1112_1314_1516_1718,
    max_timestamp: TimestampMs::new(-2),
    length: 0x2122_2324,
    crc: 0x3132_3334,
    is_unverified: false,
};

#[test]
fn an_entry_comes_back_and_lies_as_the_readme_draws_it() {
    let encoded = ENTRY.encode();
    assert_eq!(ChunkEntry::decode(&encoded), Some(ENTRY));
    assert_eq!(encoded[..8], [8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(encoded[24..28], [0x24, 0x23, 0x22, 0x21]);
    assert_eq!(encoded[32..36], [0; 4]);
    let unverified = ChunkEntry { is_unverified: true, ..ENTRY };
    assert_eq!(unverified.encode()[32..36], [1, 0, 0, 0]);
    assert_eq!(ChunkEntry::decode(&unverified.encode()), Some(unverified));
}

#[test]
fn every_flipped_bit_of_an_entry_is_noticed() {
    for bit in 0..ChunkEntry::BYTES * 8 {
        let mut encoded = ENTRY.encode();
        encoded[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(ChunkEntry::decode(&encoded), None, "bit {bit}");
    }
    for bytes in 0..ChunkEntry::BYTES {
        assert_eq!(ChunkEntry::decode(&ENTRY.encode()[..bytes]), None);
    }
}

#[test]
fn chunks_end_at_the_first_batch_that_fills_them() {
    let mut open = OpenChunk::default();
    let (mut position, mut closed) = (0, Vec::new());
    let sizes = [100, CHUNK_BYTES - 100, 10, CHUNK_BYTES - 11, 300, 5 * CHUNK_BYTES, 7];
    let mut content = Vec::new();
    for (at, bytes) in sizes.into_iter().enumerate() {
        let mut batch = vec![at as u8; bytes];
        // Of a large batch the chunk's CRC takes the batch's own one in.
        if bytes > BatchHeader::BYTES {
            patch::reseal_crc(&mut batch);
        }
        let time = TimestampMs::new([50, 40, 10, 10, 70, 1, 3][at]);
        closed.extend(open.push(partition(1), position, Offset::new(at as i64), time, &batch));
        position += bytes as u64;
        content.extend(batch);
    }
    let found: Vec<(i64, i64, u64)> = closed
        .iter()
        .map(|chunk| (chunk.offset.get(), chunk.max_timestamp.get(), u64::from(chunk.length)))
        .collect();
    let chunk = CHUNK_BYTES as u64;
    assert_eq!(found, [(0, 50, chunk), (2, 70, chunk + 299), (5, 1, 5 * chunk)]);
    let rest = open.close().expect("an open chunk");
    assert_eq!((rest.offset.get(), rest.position, rest.length), (6, position - 7, 7));
    assert_eq!(open.close(), None);
    for chunk in closed.iter().chain([&rest]) {
        let bytes = &content[chunk.position as usize..chunk.end() as usize];
        assert!(matches(partition(1), chunk, bytes));
        assert!(!matches(partition(2), chunk, bytes), "written for another partition");
        let elsewhere = ChunkEntry { position: chunk.position + 4096, ..*chunk };
        assert!(!matches(partition(1), &elsewhere, bytes), "written somewhere else");
        assert!(!matches(partition(1), chunk, &bytes[1..]));
        assert!(!matches(partition(1), chunk, &[bytes, &[0]].concat()));
    }
}

#[test]
fn a_chunk_goes_on_where_an_earlier_life_left_it() {
    let push = |open: &mut OpenChunk, at: u8| {
        let position = u64::from(at) * 50;
        let batch = [at; 50];
        let (offset, time) = (Offset::new(at.into()), TimestampMs::new(1));
        assert_eq!(open.push(partition(1), position, offset, time, &batch), None);
    };
    let mut whole = OpenChunk::default();
    (0..10).for_each(|at| push(&mut whole, at));
    let mut first = OpenChunk::default();
    (0..4).for_each(|at| push(&mut first, at));
    let mut second = OpenChunk::resume(first.entry());
    (4..10).for_each(|at| push(&mut second, at));
    assert_eq!(second.entry(), whole.entry());
}

#[test]
fn every_flipped_bit_of_a_chunk_is_noticed() {
    let mut open = OpenChunk::default();
    let mut batch = vec![3; 300];
    open.push(partition(1), 8192, Offset::ZERO, TimestampMs::new(1), &batch);
    let chunk = open.close().expect("a chunk");
    for bit in 0..batch.len() * 8 {
        batch[bit / 8] ^= 1 << (bit % 8);
        assert!(!matches(partition(1), &chunk, &batch), "bit {bit}");
        batch[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(matches(partition(1), &chunk, &batch));
}
