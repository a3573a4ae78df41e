use bytes::Bytes;
use pelton_model::batch::ProducerBatch;
use pelton_model::limits::BLOCK_BYTES;
use pelton_model::{
    LeaderEpoch, Offset, PartitionId, PartitionIndex, ShardId, TimestampMs, TopicId,
};
use pelton_model::{ProducerEpoch, ProducerId};
use proptest::prelude::*;

use super::super::extent::{Extent, ExtentProducer};
use super::{Entry, Group, GroupHeader, HEADER_BYTES, NoGroup};
use crate::segment::ChunkEntry;

const SEED: u32 = 0x1234_5678;

fn partition() -> PartitionId {
    PartitionId::new(TopicId::from_bytes([7; 16]), PartitionIndex::new(3))
}

fn entries() -> Vec<Entry> {
    let chunk = |position| ChunkEntry {
        offset: Offset::new(70),
        position,
        max_timestamp: TimestampMs::new(-1),
        length: 9,
        crc: 0xC0C0_C0C0,
        is_unverified: false,
    };
    vec![
        Entry::Append {
            base_offset: Offset::new(1 << 40),
            epoch: LeaderEpoch::new(5),
            batch: Bytes::from_static(b"a batch"),
        },
        Entry::Extent(Extent {
            segment: Offset::new(64),
            position: 1 << 33,
            length: 4096,
            end: Offset::new(77),
            chunks: vec![chunk(0), chunk(9)],
            producers: vec![ExtentProducer {
                batch: ProducerBatch {
                    id: ProducerId::new(1 << 35),
                    epoch: ProducerEpoch::new(-3),
                    base_sequence: 1 << 20,
                    last_offset_delta: 4,
                },
                base_offset: Offset::new(72),
                max_timestamp: TimestampMs::new(-9),
            }],
        }),
        Entry::Truncate { end: Offset::new(11), carried: Offset::new(10) },
        Entry::LogStart { start: Offset::new(12) },
        Entry::Roll { base: Offset::new(13) },
        Entry::Drop,
        Entry::Place { epoch: LeaderEpoch::new(6), start: Offset::new(14) },
    ]
}

fn header() -> GroupHeader {
    GroupHeader {
        shard: ShardId::new(0x0102),
        entry_count: 0x0304_0506,
        incarnation: 0x0708_090A_0B0C_0D0E,
        sequence: 0x1112_1314_1516_1718,
        horizon: 0x2122_2324_2526_2728,
        tail: 0x3132_3334_3536_3738,
        body_bytes: 0x4142_4344,
        previous_crc: 0x5152_5354,
        body_crc: 0x6162_6364,
    }
}

fn group(entries: &[Entry]) -> Bytes {
    let mut body = Vec::new();
    for entry in entries {
        let before = body.len();
        entry.encode_head(partition(), &mut body);
        if let Entry::Append { batch, .. } = entry {
            body.extend_from_slice(batch);
        }
        assert_eq!(body.len() - before, entry.encoded_bytes());
    }
    let header = GroupHeader {
        entry_count: entries.len() as u32,
        body_bytes: body.len() as u32,
        body_crc: crc32c::crc32c(&body),
        ..header()
    };
    let mut file = header.encode(SEED).to_vec();
    file.extend_from_slice(&body);
    file.resize(header.file_bytes(), 0);
    file.into()
}

#[test]
fn a_header_comes_back_and_lies_as_the_readme_draws_it() {
    let encoded = header().encode(SEED);
    let (decoded, crc) = GroupHeader::decode(&encoded, SEED).expect("a header");
    assert_eq!(decoded, header());
    assert_eq!(crc.to_le_bytes(), encoded[60..]);
    assert_eq!(&encoded[..8], b"PELTONJ0");
    assert_eq!(encoded[8..16], [0, 0, 0x02, 0x01, 0x06, 0x05, 0x04, 0x03]);
    assert_eq!(encoded[24..32], [0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11]);
    assert_eq!(encoded[56..60], [0x64, 0x63, 0x62, 0x61]);
}

#[test]
fn every_entry_comes_back() {
    let file = group(&entries());
    assert_eq!(file.len(), BLOCK_BYTES);
    let read = Group::read(&file, 0, SEED).expect("a group");
    let expected: Vec<_> = entries().into_iter().map(|entry| (partition(), entry)).collect();
    assert_eq!(read.entries(), Some(expected));
}

#[test]
fn a_log_begins_where_it_is_placed_at_offset_zero() {
    let begins_log =
        |start| Entry::Place { epoch: LeaderEpoch::new(2), start: Offset::new(start) }.begins_log();
    assert!(begins_log(0));
    assert!(!begins_log(1), "it was there before");
    assert!(!Entry::Roll { base: Offset::ZERO }.begins_log());
}

#[test]
fn a_group_takes_whole_blocks() {
    let room = BLOCK_BYTES - HEADER_BYTES;
    for (body, blocks) in [(0, 1), (1, 1), (room, 1), (room + 1, 2), (room + BLOCK_BYTES, 2)] {
        let header = GroupHeader { body_bytes: body as u32, ..header() };
        assert_eq!(header.file_bytes(), blocks * BLOCK_BYTES);
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let file = group(&entries());
    let used = HEADER_BYTES + Group::read(&file, 0, SEED).expect("a group").body.len();
    for bit in 0..used * 8 {
        let mut flipped = file.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let read = Group::read(&flipped.into(), 0, SEED);
        assert_eq!(read.expect_err("damaged"), NoGroup::Invalid, "bit {bit}");
    }
}

#[test]
fn a_group_that_ends_early_is_none() {
    let file = group(&entries());
    let used = HEADER_BYTES + Group::read(&file, 0, SEED).expect("a group").body.len();
    for bytes in 0..used {
        assert!(Group::read(&file.slice(..bytes), 0, SEED).is_err(), "{bytes} bytes");
    }
    assert!(Group::read(&file, file.len() + 1, SEED).is_err());
}

#[test]
fn a_group_of_another_ring_is_none() {
    let file = group(&entries());
    for seed in [0, SEED + 1, SEED ^ (1 << 31)] {
        assert_eq!(Group::read(&file, 0, seed).expect_err("foreign"), NoGroup::Invalid);
    }
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let mut newer = header().encode(SEED);
    newer[8] = 3;
    assert_eq!(GroupHeader::decode(&newer, SEED), Err(NoGroup::Invalid));
    let crc = crc32c::crc32c_append(SEED, &newer[..60]);
    newer[60..].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(GroupHeader::decode(&newer, SEED), Err(NoGroup::TooNew(3)));
}

proptest! {
    /// Also behind CRCs that hold: lengths and counts that lie.
    #[test]
    fn a_body_of_any_bytes_does_no_harm(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        kind in 0..9u8,
        length in 0..100u32,
        entry_count in 0..5u32,
    ) {
        let mut body = body;
        if body.len() >= 8 {
            body[0] = kind;
            body[4..8].copy_from_slice(&length.to_le_bytes());
        }
        let header = GroupHeader { entry_count, ..header() };
        let group = Group { header, header_crc: 0, body: body.into() };
        let _ = group.entries();
    }
}
