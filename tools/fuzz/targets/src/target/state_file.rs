//! A shard's state file: what is read can be written, and reads the same again.

use bytes::Bytes;
use pelton_model::{
    LeaderEpoch, Offset, PartitionId, PartitionIndex, ShardId, TimestampMs, TopicId,
};
use pelton_storage::formats::{ChunkEntry, Life, PartitionState, SegmentState, ShardState};

use super::Target;

const HEAD_BYTES: usize = 24;

pub const TARGET: Target = Target {
    name: "state_file",
    run,
    samples,
    reseal: Some(reseal),
    // Read, written, and read again; lists double as they grow.
    bytes_per_input_byte: 24,
    bytes_constant: 4096,
};

fn run(input: &[u8]) {
    let Ok(state) = ShardState::decode(&Bytes::copy_from_slice(input)) else { return };
    let again = ShardState::decode(&state.to_bytes().into());
    assert!(again.is_ok_and(|again| again == state), "it reads otherwise when written again");
}

fn samples() -> Vec<Vec<u8>> {
    [0, 1, 3, 40].map(|count| state(count).to_bytes()).into()
}

fn state(partition_count: i32) -> ShardState {
    let chunk = ChunkEntry {
        offset: Offset::new(4990),
        position: 1 << 20,
        max_timestamp: TimestampMs::new(1_700_000_000_000),
        length: 999,
        crc: 1,
        is_unverified: false,
    };
    let partition = |index: i32| PartitionState {
        id: PartitionId {
            topic: TopicId::from_random(0xfeed_f00d),
            index: PartitionIndex::new(index),
        },
        start: Offset::new(10),
        carried_end: Offset::new(5000),
        cleaned_end: Offset::new(2000),
        epochs: (0..index % 4)
            .map(|at| (LeaderEpoch::new(at), Offset::new(i64::from(at) * 100)))
            .collect(),
        segments: (0..index % 5)
            .map(|at| SegmentState {
                base: Offset::new(i64::from(at) * 1000),
                log_bytes: 1 << 20,
                max_timestamp: TimestampMs::new(1_700_000_000_000),
                appended_at: TimestampMs::new(1_700_000_000_001),
                chunk_count: 16,
                generation: at as u32,
            })
            .collect(),
        unindexed: vec![chunk; index as usize % 3],
        open_chunk: (index % 2 == 0).then_some(chunk),
        segment_since: (index % 2 == 1).then_some(chunk.max_timestamp),
        producers: Bytes::from(vec![0x5a; (index % 7) as usize * 10]),
    };
    ShardState {
        version: 12,
        shard: ShardId::new(0),
        life: Life { incarnation: 4, seed: 99 },
        tail: 1234,
        clean: true,
        partitions: (0..partition_count).map(partition).collect(),
    }
}

fn reseal(bytes: &mut [u8]) {
    if bytes.len() < HEAD_BYTES {
        return;
    }
    let length = (bytes.len() - HEAD_BYTES) as u64;
    bytes[12..20].copy_from_slice(&length.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[HEAD_BYTES..]), &bytes[..20]);
    bytes[20..HEAD_BYTES].copy_from_slice(&crc.to_le_bytes());
}
