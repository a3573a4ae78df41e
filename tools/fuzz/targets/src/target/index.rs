//! The index of a segment, and the state of idempotent producers, which lies beside it.

use pelton_model::limits::BLOCK_BYTES;
use pelton_model::{Offset, PartitionId, PartitionIndex, TimestampMs, TopicId};
use pelton_storage::formats::{ChunkEntry, decode_index, index_header};

use super::Target;

pub const TARGET: Target = Target {
    name: "index",
    run,
    samples,
    reseal: Some(reseal),
    bytes_per_input_byte: 4,
    bytes_constant: 4096,
};

const SEGMENT: Offset = Offset::new(7000);

fn partition() -> PartitionId {
    PartitionId { topic: TopicId::from_random(0xabcd), index: PartitionIndex::new(2) }
}

fn run(input: &[u8]) {
    let Ok(chunks) = decode_index(input, partition(), SEGMENT) else { return };
    let mut end = 0;
    for chunk in &chunks {
        assert!(chunk.position == end && chunk.offset >= SEGMENT);
        end = chunk.end();
    }
    let written: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.encode()).collect();
    assert_eq!(written, input[BLOCK_BYTES..BLOCK_BYTES + written.len()]);
}

fn samples() -> Vec<Vec<u8>> {
    [0, 1, 5, 100].map(sample).into()
}

fn sample(chunk_count: i64) -> Vec<u8> {
    let mut out = index_header(partition(), SEGMENT);
    out.resize(BLOCK_BYTES, 0);
    for at in 0..chunk_count {
        let chunk = ChunkEntry {
            offset: Offset::new(SEGMENT.get() + 10 * at),
            position: 5000 * at as u64,
            max_timestamp: TimestampMs::new(1_700_000_000_000 + at),
            length: 5000,
            crc: 0x0bad_cafe,
            is_unverified: at % 2 == 1,
        };
        out.extend_from_slice(&chunk.encode());
    }
    out
}

fn reseal(bytes: &mut [u8]) {
    let header = index_header(partition(), SEGMENT);
    if let Some(head) = bytes.get_mut(..header.len()) {
        head.copy_from_slice(&header);
    }
    for entry in
        bytes.get_mut(BLOCK_BYTES..).unwrap_or_default().chunks_exact_mut(ChunkEntry::BYTES)
    {
        let crc = crc32c::crc32c(&entry[..ChunkEntry::BYTES - 4]);
        entry[ChunkEntry::BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
    }
}
