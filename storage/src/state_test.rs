use std::path::Path;

use bytes::Bytes;
use pelton_model::{
    LeaderEpoch, Offset, PartitionId, PartitionIndex, ShardId, TimestampMs, TopicId,
};

use super::{
    HEAD_BYTES, PIECE_BYTES, PartitionState, SegmentState, ShardState, StateFile, Unreadable,
};
use crate::disk::is_disk_full;
use crate::disk::sim::{Fault, FaultError, Operation, SimDisk, run};
use crate::error::OpenError;
use crate::journal::Life;
use crate::segment::ChunkEntry;

fn state(version: u64) -> ShardState {
    let partition = |index, open_chunk: Option<ChunkEntry>, producers| PartitionState {
        id: PartitionId::new(TopicId::from_bytes([9; 16]), PartitionIndex::new(index)),
        start: Offset::new(10),
        carried_end: Offset::new(20),
        cleaned_end: Offset::new(17),
        epochs: vec![(LeaderEpoch::new(1), Offset::ZERO), (LeaderEpoch::new(4), Offset::new(15))],
        segments: vec![SegmentState {
            base: Offset::new(10),
            generation: 3,
            log_bytes: 1234,
            max_timestamp: TimestampMs::new(-1),
            appended_at: TimestampMs::new(1_700_000_000_000),
            chunk_count: 2,
        }],
        unindexed: open_chunk.into_iter().collect(),
        open_chunk,
        segment_since: open_chunk.map(|chunk| chunk.max_timestamp),
        producers,
    };
    let chunk = ChunkEntry {
        offset: Offset::new(18),
        position: 1000,
        max_timestamp: TimestampMs::new(77),
        length: 234,
        crc: 0xABCD_EF01,
        is_unverified: false,
    };
    ShardState {
        version,
        shard: ShardId::new(3),
        life: Life { incarnation: 7, seed: 99 },
        tail: 1 << 40,
        clean: true,
        partitions: vec![
            partition(0, Some(chunk), Bytes::from_static(b"producers")),
            partition(1, None, Bytes::new()),
        ],
    }
}

fn encoded(state: &ShardState) -> Vec<u8> {
    state.to_bytes()
}

fn decode(bytes: &[u8]) -> Result<ShardState, Unreadable> {
    ShardState::decode(&Bytes::copy_from_slice(bytes))
}

#[test]
fn every_field_comes_back() {
    assert!(decode(&encoded(&state(5))).is_ok_and(|decoded| decoded == state(5)));
    let empty = ShardState { partitions: Vec::new(), clean: false, ..state(6) };
    assert!(decode(&encoded(&empty)).is_ok_and(|decoded| decoded == empty));
}

#[test]
fn every_flipped_bit_and_every_missing_byte_is_noticed() {
    let encoded = encoded(&state(5));
    for bit in 0..encoded.len() * 8 {
        let mut flipped = encoded.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(decode(&flipped), Err(Unreadable::Damaged)), "bit {bit}");
    }
    for bytes in 0..encoded.len() {
        assert!(matches!(decode(&encoded[..bytes]), Err(Unreadable::Damaged)), "{bytes} bytes");
    }
    assert!(decode(&[&encoded[..], &[0]].concat()).is_err());
}

/// Behind a checksum that holds.
#[test]
fn lengths_and_counts_that_lie_do_no_harm() {
    let encoded = encoded(&state(5));
    for at in HEAD_BYTES..encoded.len() {
        for byte in [0, 1, 0x7F, 0xFF] {
            let mut lying = encoded.clone();
            lying[at] = byte;
            let crc = crc32c::crc32c_append(crc32c::crc32c(&lying[HEAD_BYTES..]), &lying[..20]);
            lying[20..24].copy_from_slice(&crc.to_le_bytes());
            let _ = decode(&lying);
        }
    }
}

#[test]
fn the_newer_slot_counts_and_a_damaged_one_is_refused() {
    let sim = SimDisk::new(1);
    let dir = Path::new("/");
    run(async {
        let file = StateFile::new(&sim.disk(), dir);
        assert!(file.read().await.expect("nothing yet").is_none());
        for version in 1..6 {
            file.write(&state(version)).await.expect("written");
            let read = file.read().await.expect("a state").expect("a state");
            assert_eq!(read, state(version));
        }
        sim.flip_bit(&dir.join("state.0"), 30, 2).expect("the older slot");
        let error = file.read().await.expect_err("damaged");
        assert!(matches!(error, OpenError::Damaged { path, .. } if path == dir.join("state.0")));
    });
}

#[test]
fn a_newer_format_is_refused_with_its_number() {
    let mut newer = encoded(&state(1));
    newer[8] = 4;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&newer[HEAD_BYTES..]), &newer[..20]);
    newer[20..24].copy_from_slice(&crc.to_le_bytes());
    assert!(matches!(decode(&newer), Err(Unreadable::TooNew(4))));
}

/// By it others get the core in time.
#[test]
fn who_encodes_knows_how_much_that_is_so_far() {
    let mut large = state(1);
    large.partitions[0].producers = Bytes::from(vec![7; PIECE_BYTES]);
    for state in [state(5), large] {
        assert_eq!(state.encode().bytes(), (encoded(&state).len() - HEAD_BYTES) as u64);
    }
}

/// A file of any size may stand there; one that the head does not tell of is not ours.
#[test]
fn what_has_not_the_length_that_its_head_says_is_refused_without_being_read() {
    let sim = SimDisk::new(1);
    let slot = Path::new("/state.0");
    run(async {
        let disk = sim.disk();
        let file = StateFile::new(&disk, Path::new("/"));
        let mut grown = encoded(&state(2));
        grown.resize(1 << 20, 0);
        for content in [&vec![0; 1 << 20], &grown, &grown[..HEAD_BYTES].to_vec(), &Vec::new()] {
            disk.write_file_durably(slot, content).await.expect("written");
            let before = sim.counters().bytes_read;
            let error = file.read().await.expect_err("damaged");
            assert!(matches!(error, OpenError::Damaged { path, .. } if path == slot));
            assert!(sim.counters().bytes_read - before <= HEAD_BYTES as u64);
        }
    });
}

/// Whatever was written is read: a start that refused it could not be helped.
#[test]
fn a_state_of_many_producers_comes_back() {
    let sim = SimDisk::new(1);
    run(async {
        let file = StateFile::new(&sim.disk(), Path::new("/"));
        let mut large = state(1);
        large.partitions[0].producers = Bytes::from(vec![7; 20 << 20]);
        file.write(&large).await.expect("written");
        assert!(file.read().await.expect("a state") == Some(large));
    });
}

/// A slot that cannot be read is not one that is not there: a start that took the older state for the
/// newest, or none, would lose what the other says.
#[test]
fn a_slot_that_cannot_be_read_is_an_error() {
    for slot in 0..2 {
        let sim = SimDisk::new(1);
        run(async {
            let file = StateFile::new(&sim.disk(), Path::new("/"));
            file.write(&state(1)).await.expect("written");
            file.write(&state(2)).await.expect("written");
            let eio = FaultError::Errno(libc::EIO);
            sim.inject(Fault::new(Operation::Read, eio).under(format!("/state.{slot}")).lasting());
            assert!(matches!(file.read().await, Err(OpenError::Io { .. })), "slot {slot}");
        });
    }
}

#[test]
fn only_what_compaction_has_written_has_gaps() {
    let segment = |generation| SegmentState { generation, ..state(1).partitions[0].segments[0] };
    let may_follow =
        |generation, found| segment(generation).may_follow(Offset::new(5), Offset::new(found));
    assert_eq!([4, 5, 6].map(|found| may_follow(0, found)), [false, true, false]);
    assert_eq!([4, 5, 6].map(|found| may_follow(1, found)), [false, true, true]);
}

/// The older slot is what a full disk has room for; the newer one stays until its successor is there.
#[test]
fn a_state_takes_the_place_of_the_older_one_on_a_full_disk() {
    let sim = SimDisk::new(1);
    run(async {
        let file = StateFile::new(&sim.disk(), Path::new("/"));
        file.write(&state(1)).await.expect("written");
        file.write(&state(2)).await.expect("written");
        sim.set_capacity(sim.used_bytes());
        file.write(&state(3)).await.expect("written");
        assert_eq!(file.read().await.expect("read").expect("a state").version, 3);
        // Without any room it is an error, and the newest state stays.
        sim.set_capacity(0);
        assert!(is_disk_full(&file.write(&state(4)).await.expect_err("no room")));
        assert_eq!(file.read().await.expect("read").expect("a state").version, 3);
    });
}
