//! S6, F2: a bit that flips is found before a byte of it is served.

mod support;

use std::path::PathBuf;

use bytes::Bytes;
use pelton_storage::disk::sim::{Random, SimDisk, run};
use pelton_storage::{OpenError, ReadError, StorageError, Store};
use support::*;

fn segment_files() -> Vec<PathBuf> {
    // The last segment's finished chunks are in the state file yet.
    let names = [(0, "log"), (0, "idx"), (9, "log"), (9, "idx"), (18, "log")];
    let names = names.map(|(base, extension)| format!("{base:020}.{extension}"));
    names.iter().map(|name| partition_dir(partition(1, 0)).join(name)).collect()
}

/// Reads from every offset; what is served must be what was written. Whether damage was found.
fn read_everything(sim: &SimDisk, written: &[Bytes]) -> bool {
    run(async {
        let (store, _) = open(sim, SMALL).await;
        let log = store.log(partition(1, 0)).expect("a log");
        let mut damaged = false;
        for from in 0..written.len() {
            match read(&log, from as i64, 30_000).await {
                Ok(read) => {
                    assert!(!read.slices.is_empty());
                    let expected = &written[from..from + read.slices.len()];
                    assert!(read.slices == expected, "other bytes at {from}");
                }
                Err(ReadError::Storage(StorageError::Damaged { partition: id, .. })) => {
                    assert_eq!(id, partition(1, 0));
                    damaged = true;
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        damaged
    })
}

#[test]
fn f2_rot_in_a_segment_or_its_index_is_damage_and_never_wrong_bytes() {
    let (sim, written) = settled();
    assert!(!read_everything(&sim.durable(), &written));
    let mut random = Random::new(7);
    for path in segment_files() {
        let content = sim.contents(&path).expect("a segment's file");
        let is_index = path.extension().is_some_and(|it| it == "idx");
        for _ in 0..60 {
            let (byte, bit) = (random.below(content.len() as u64), random.below(8) as u8);
            let rotten = sim.durable();
            rotten.flip_bit(&path, byte, bit).expect("a file");
            let damaged = read_everything(&rotten, &written);
            // The header's block is not full; neither is what was allocated to the last segment.
            let counts = if is_index { !(44..4096).contains(&byte) } else { true };
            let is_last = path.to_string_lossy().contains("18.");
            assert!(damaged || !counts || is_last, "{} byte {byte}", path.display());
        }
    }
}

#[test]
fn f2_other_segments_and_other_chunks_are_served_beside_damage() {
    let (sim, written) = settled();
    sim.flip_bit(&segment_files()[0], 5, 0).expect("a segment");
    run(async {
        let (store, _) = open(&sim, SMALL).await;
        let log = store.log(partition(1, 0)).expect("a log");
        assert!(read(&log, 0, 1).await.is_err());
        for from in [8, 9, 20] {
            let read = read(&log, from, 1).await.expect("undamaged");
            assert_eq!(read.slices, [written[from as usize].clone()]);
        }
    });
}

#[test]
fn f2_a_segment_that_lies_where_another_belongs_is_damage() {
    let (sim, written) = settled();
    let files = segment_files();
    run(async {
        let content = sim.contents(&files[2]).expect("a segment");
        sim.disk().write_file_durably(&files[0], &content).await.expect("misdirected");
    });
    assert!(read_everything(&sim, &written));
    run(async { sim.disk().remove_file(&files[3]).await.expect("removed") });
    assert!(read_everything(&sim, &written));
}

#[test]
fn rot_at_the_open_end_is_not_washed_off_by_the_next_carry() {
    let (sim, mut written) = settled();
    let last = &segment_files()[4];
    let end = written[18..].iter().map(Bytes::len).sum::<usize>() as u64;
    sim.flip_bit(last, end - 1, 3).expect("the block that is written again");
    with_store(&sim, SMALL, async |store: Store| {
        let log = store.log(partition(1, 0)).expect("a log");
        written.push(append(&store, &log, batch(1, 10)).await.1);
        checkpoint(&store).await;
    });
    assert!(read_everything(&sim.durable(), &written));
}

#[test]
fn s6_rot_in_a_state_file_refuses_the_start() {
    let (sim, _) = settled();
    let mut random = Random::new(8);
    for name in ["state.0", "state.1"] {
        let path = shard_dir().join(name);
        let bytes = sim.contents(&path).expect("a slot").len() as u64;
        for _ in 0..100 {
            let rotten = sim.durable();
            rotten.flip_bit(&path, random.below(bytes), random.below(8) as u8).expect("a slot");
            let refused = run(async { try_open(&rotten.disk(), SMALL).await.err() });
            assert!(matches!(refused, Some(OpenError::Damaged { path: at, .. }) if at == path));
        }
    }
}

#[test]
fn s6_rot_in_the_journal_refuses_the_start_or_cuts_the_newest_group() {
    let sim = new_disk(1);
    let written = with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        let mut written = Vec::new();
        for fill in 0..12 {
            written.push(append(&store, &log, batch(fill, 9000)).await.1);
        }
        written
    });
    let sim = sim.durable();
    let mut random = Random::new(9);
    let (mut refused, mut cut, mut harmless) = (0, 0, 0);
    for _ in 0..400 {
        let rotten = sim.durable();
        let path = shard_dir().join(format!("journal.000{}", random.below(3)));
        let bytes = sim.contents(&path).map_or(1, |content| content.len() as u64);
        let _ = rotten.flip_bit(&path, random.below(bytes), random.below(8) as u8);
        run(async {
            match try_open(&rotten.disk(), SMALL).await {
                Err(OpenError::Damaged { .. }) => refused += 1,
                Err(error) => panic!("{error}"),
                Ok((store, _)) => {
                    let read = read_all(&store.log(partition(1, 0)).expect("a log")).await;
                    assert_eq!(read, written[..read.len()]);
                    match written.len() - read.len() {
                        0 => harmless += 1,
                        1 => cut += 1,
                        lost => panic!("{lost} batches were lost in silence"),
                    }
                }
            }
        });
    }
    assert!(refused > 100 && cut > 5 && harmless > 50, "{refused} {cut} {harmless}");
}
