use std::path::Path;

use pelton_model::limits::BLOCK_BYTES;
use pelton_model::{Offset, PartitionId, PartitionIndex, TimestampMs, TopicId};

use super::{HEADER_BYTES, header, read};
use crate::disk::sim::{SimDisk, run};
use crate::error::StorageError;
use crate::segment::ChunkEntry;

const SEGMENT: Offset = Offset::new(100);
const CHUNKS: u32 = 3;

fn partition(index: i32) -> PartitionId {
    PartitionId::new(TopicId::from_bytes([7; 16]), PartitionIndex::new(index))
}

fn content(positions: [u64; CHUNKS as usize]) -> Vec<u8> {
    let mut content = header(partition(1), SEGMENT);
    assert_eq!(content.len(), HEADER_BYTES);
    content.resize(BLOCK_BYTES, 0);
    for (at, position) in positions.into_iter().enumerate() {
        let chunk = ChunkEntry {
            offset: SEGMENT.plus(at as i64),
            position,
            max_timestamp: TimestampMs::new(5),
            length: 1000,
            crc: 1,
            is_unverified: false,
        };
        content.extend(chunk.encode());
    }
    content
}

async fn read_of(content: &[u8], partition: PartitionId) -> Result<Vec<ChunkEntry>, StorageError> {
    let (sim, path) = (SimDisk::new(1), Path::new("/index"));
    let disk = sim.disk();
    disk.write_file_durably(path, content).await.expect("written");
    read(&disk, path, partition, SEGMENT, CHUNKS).await
}

#[test]
fn entries_come_back() {
    run(async {
        let chunks = read_of(&content([0, 1000, 2000]), partition(1)).await.expect("an index");
        assert_eq!(chunks.len(), CHUNKS as usize);
        assert_eq!(chunks[2].end(), 3000);
    });
}

#[test]
fn every_flipped_bit_is_noticed() {
    run(async {
        let content = content([0, 1000, 2000]);
        for bit in (0..HEADER_BYTES * 8).chain(BLOCK_BYTES * 8..content.len() * 8) {
            let mut flipped = content.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let error = read_of(&flipped, partition(1)).await.expect_err("damaged");
            assert!(matches!(error, StorageError::Damaged { .. }), "bit {bit}");
        }
    });
}

#[test]
fn an_index_that_is_short_or_of_another_or_has_a_gap_is_damaged() {
    run(async {
        let whole = content([0, 1000, 2000]);
        for bytes in [0, 7, HEADER_BYTES, BLOCK_BYTES, whole.len() - 1] {
            assert!(read_of(&whole[..bytes], partition(1)).await.is_err(), "{bytes} bytes");
        }
        assert!(read_of(&whole, partition(2)).await.is_err());
        assert!(read_of(&content([0, 1000, 2001]), partition(1)).await.is_err());
        assert!(read_of(&content([1, 1001, 2001]), partition(1)).await.is_err());
    });
}
