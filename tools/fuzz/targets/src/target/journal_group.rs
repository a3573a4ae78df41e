//! A group of the journal, as recovery finds it in a ring file.

use bytes::Bytes;
use pelton_model::batch::ProducerBatch;
use pelton_model::{
    LeaderEpoch, Offset, PartitionId, PartitionIndex, ProducerEpoch, ProducerId, ShardId,
    TimestampMs, TopicId,
};
use pelton_storage::formats::{
    ChunkEntry, Entry, Extent, ExtentProducer, Group, GroupHeader, HEADER_BYTES,
};

use super::Target;
use crate::vectors;

/// The ring's own number.
const SEED: u32 = 0;
const BODY_BYTES_AT: usize = 48;
const BODY_CRC_AT: usize = 56;
const HEADER_CRC_AT: usize = 60;

pub const TARGET: Target = Target {
    name: "journal_group",
    run,
    samples,
    reseal: Some(reseal),
    // An entry that says nothing but its kind takes 28 bytes there and some 100 here; the list of
    // them doubles as it grows.
    bytes_per_input_byte: 16,
    bytes_constant: 4096,
};

fn run(input: &[u8]) {
    let file = Bytes::copy_from_slice(input);
    let Ok(group) = Group::read(&file, 0, SEED) else { return };
    assert_eq!(group.header.encode(SEED)[..], input[..HEADER_BYTES]);
    assert!(group.header.file_bytes() >= HEADER_BYTES + group.body.len());
    let Some(entries) = group.entries() else { return };
    assert_eq!(entries.len(), group.header.entry_count as usize);
}

fn samples() -> Vec<Vec<u8>> {
    let batches = vectors::batches();
    let offset = Offset::new(4242);
    let chunk = ChunkEntry {
        offset,
        position: 8192,
        max_timestamp: TimestampMs::new(1_700_000_000_000),
        length: 4096,
        crc: 0x1234_5678,
        is_unverified: false,
    };
    let epoch = LeaderEpoch::new(3);
    let producer = ExtentProducer {
        batch: ProducerBatch {
            id: ProducerId::new(1000),
            epoch: ProducerEpoch::new(1),
            base_sequence: 7,
            last_offset_delta: 3,
        },
        base_offset: offset,
        max_timestamp: TimestampMs::new(1_700_000_000_000),
    };
    let extent = Extent {
        segment: offset,
        position: 8192,
        length: 8192,
        end: offset.plus(8),
        chunks: vec![chunk, chunk],
        producers: vec![producer, producer],
    };
    let small = [
        Entry::Extent(extent),
        Entry::Truncate { end: offset, carried: offset },
        Entry::LogStart { start: offset },
        Entry::Roll { base: offset },
        Entry::Drop,
        Entry::Place { epoch, start: offset },
    ];
    let append = |batch: &Vec<u8>| Entry::Append {
        base_offset: offset,
        epoch,
        batch: Bytes::copy_from_slice(batch),
    };
    let mut groups = vec![group(&[]), group(&small)];
    groups.extend(batches.iter().step_by(9).map(|batch| group(&[append(batch)])));
    let mixed: Vec<Entry> = batches.iter().take(8).map(append).chain(small).collect();
    groups.push(group(&mixed));
    groups
}

fn group(entries: &[Entry]) -> Vec<u8> {
    let partition = PartitionId {
        topic: TopicId::from_random(0x0123_4567_89ab_cdef),
        index: PartitionIndex::new(5),
    };
    let mut body = Vec::new();
    for entry in entries {
        entry.encode_head(partition, &mut body);
        if let Entry::Append { batch, .. } = entry {
            body.extend_from_slice(batch);
        }
    }
    let header = GroupHeader {
        shard: ShardId::new(1),
        entry_count: entries.len() as u32,
        incarnation: 9,
        sequence: 1000,
        horizon: 990,
        tail: 900,
        body_bytes: body.len() as u32,
        previous_crc: 77,
        body_crc: crc32c::crc32c(&body),
    };
    [header.encode(SEED).as_slice(), &body].concat()
}

fn reseal(bytes: &mut [u8]) {
    if bytes.len() < HEADER_BYTES {
        return;
    }
    let body_bytes = (bytes.len() - HEADER_BYTES) as u32;
    bytes[BODY_BYTES_AT..BODY_BYTES_AT + 4].copy_from_slice(&body_bytes.to_le_bytes());
    let body_crc = crc32c::crc32c(&bytes[HEADER_BYTES..]);
    bytes[BODY_CRC_AT..HEADER_CRC_AT].copy_from_slice(&body_crc.to_le_bytes());
    let crc = crc32c::crc32c_append(SEED, &bytes[..HEADER_CRC_AT]);
    bytes[HEADER_CRC_AT..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
}
