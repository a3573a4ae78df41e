//! What the commands for a stopped broker find, name and mend.

mod support;

use std::path::PathBuf;

use bytes::Bytes;
use pelton_model::ShardId;
use pelton_storage::disk::sim::{Random, SimDisk, run};
use pelton_storage::disk::{Disk, OpenMode};
use pelton_storage::inspect::{
    JournalReport, LogReport, NotRebuilt, SeenGroup, each_batch, inspect_journal, repair,
    verify_logs,
};
use pelton_storage::journal::{Entry, JournalOptions};
use pelton_storage::{Store, StoreOptions};
use support::*;

fn file(base: i64, extension: &str) -> PathBuf {
    partition_dir(partition(1, 0)).join(format!("{base:020}.{extension}"))
}

fn verify(sim: &SimDisk) -> LogReport {
    run(verify_logs(&sim.disk(), &data_dir())).map_err(|error| error.to_string()).expect("a report")
}

fn journal(sim: &SimDisk) -> (JournalReport, Vec<SeenGroup>) {
    journal_of(sim, ShardId::ZERO)
}

fn journal_of(sim: &SimDisk, shard: ShardId) -> (JournalReport, Vec<SeenGroup>) {
    let mut groups = Vec::new();
    let report = run(inspect_journal(&sim.disk(), &data_dir(), shard, |group| {
        groups.push(group.clone());
    }));
    (report.map_err(|error| error.to_string()).expect("a report"), groups)
}

/// Whether a start takes what there is of a shard.
fn starts(sim: &SimDisk, shard: ShardId) -> bool {
    run(async {
        let disk = sim.durable().disk();
        Store::open(&disk, &data_dir(), shard, SMALL, SEED, NOW, |_| true).await.is_ok()
    })
}

fn read_whole(sim: &SimDisk) -> Vec<Bytes> {
    with_store(sim, SMALL, async |store: Store| {
        read_all(&store.log(partition(1, 0)).expect("a log")).await
    })
}

#[test]
fn a_sound_directory_verifies_to_the_last_byte() {
    let (sim, written) = settled();
    let report = verify(&sim);
    assert!(report.findings.is_sound(), "{:?}", report.findings);
    assert_eq!((report.partitions, report.segments, report.batches), (1, 3, 25));
    assert_eq!(report.bytes, written.iter().map(|batch| batch.len() as u64).sum::<u64>());
}

#[test]
fn f2_any_flipped_bit_of_a_log_or_an_index_is_named() {
    let (sim, written) = settled();
    let mut random = Random::new(3);
    let open_bytes: u64 = written[18..].iter().map(|batch| batch.len() as u64).sum();
    // The last segment's finished chunks are in the state file yet.
    for (base, extension) in [(0, "log"), (0, "idx"), (9, "log"), (9, "idx"), (18, "log")] {
        let path = file(base, extension);
        let bytes = sim.contents(&path).expect("a file").len() as u64;
        for _ in 0..40 {
            let byte = random.below(bytes);
            let counts = match (base, extension) {
                (18, _) => byte < open_bytes,
                // The header's block is not full.
                (_, "idx") => !(44..4096).contains(&byte),
                _ => true,
            };
            let rotten = sim.durable();
            rotten.flip_bit(&path, byte, random.below(8) as u8).expect("a file");
            let report = verify(&rotten);
            assert_eq!(!report.findings.is_sound(), counts, "{} {byte}", path.display());
            for finding in &report.findings.listed {
                assert_eq!((&finding.path, finding.partition), (&path, Some(partition(1, 0))));
            }
        }
    }
}

#[test]
fn a_lost_file_and_a_strange_directory_are_named() {
    let (sim, _) = settled();
    run(async {
        let disk = sim.disk();
        disk.remove_file(&file(9, "log")).await.expect("removed");
        disk.create_dir_all(&partition_dir(partition(7, 3))).await.expect("made");
    });
    let findings = verify(&sim).findings;
    assert_eq!((findings.damage_count, findings.note_count), (1, 1), "{findings:?}");
    assert_eq!(findings.listed[0].path, file(9, "log"));
    assert_eq!(findings.listed[1].partition, Some(partition(7, 3)));
}

#[test]
fn a_lost_index_is_rebuilt_as_unverified_and_its_records_are_read_again() {
    let (sim, written) = settled();
    for base in [0, 9] {
        run(sim.disk().remove_file(&file(base, "idx"))).expect("removed");
    }
    assert!(!verify(&sim).findings.is_sound());
    let trial = run(repair(&sim.disk(), &data_dir(), true)).expect("a trial");
    assert!(sim.contents(&file(0, "idx")).is_err(), "a trial writes nothing");
    let repaired = run(repair(&sim.disk(), &data_dir(), false)).expect("repaired");
    assert_eq!(trial, repaired);
    let mended = repaired.mends.iter().map(|mend| (&mend.index, mend.result.clone()));
    assert!(mended.eq([(&file(0, "idx"), Ok(2)), (&file(9, "idx"), Ok(2))]), "{repaired:?}");
    let sim = sim.durable();
    let report = verify(&sim);
    assert!(report.findings.is_sound(), "{:?}", report.findings);
    assert_eq!(report.unverified_chunks, 4);
    assert_eq!(read_whole(&sim), written);
    assert_eq!(run(repair(&sim.disk(), &data_dir(), false)).expect("again").mends, []);
}

#[test]
fn the_last_segments_index_is_rebuilt_up_to_what_the_state_file_holds() {
    let sim = new_disk(1);
    let written = with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        let mut written = Vec::new();
        for fill in 0..70 {
            // Each is a chunk by itself.
            written.push(append(&store, &log, batch(fill, 70_000)).await.1);
            checkpoint(&store).await;
        }
        store.close(|_| roll_at(1 << 30)).await.expect("closed");
        written
    });
    let sim = sim.durable();
    run(sim.disk().remove_file(&file(0, "idx"))).expect("so many chunks have an index");
    let repaired = run(repair(&sim.disk(), &data_dir(), false)).expect("repaired");
    assert_eq!(repaired.mends[0].result, Ok(65));
    let report = verify(&sim);
    assert!(report.findings.is_sound(), "{:?}", report.findings);
    assert_eq!(report.unverified_chunks, 65, "the state file's chunks are as good as before");
    assert_eq!(read_whole(&sim), written);
}

/// After a crash the journal may have sealed it since: its index has entries that the state file does not
/// know, and that a start counts on.
#[test]
fn the_last_segments_index_is_not_rebuilt_after_a_crash() {
    let journal = JournalOptions { ring_bytes_max: 1 << 20, ..SMALL.journal };
    let options = StoreOptions { journal, ..SMALL };
    let sim = new_disk(1);
    let written = with_store(&sim, options, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        let mut written = Vec::new();
        for fill in 0..70 {
            written.push(append(&store, &log, batch(fill, 70_000)).await.1);
            checkpoint(&store).await;
        }
        for rules in [roll_at(1 << 30), roll_at(1)] {
            written.push(append(&store, &log, batch(70, 70_000)).await.1);
            log.carry(rules).await.expect("carried");
        }
        store.journal().durable(store.journal().next_sequence() - 1).await.expect("durable");
        assert_eq!(log.segment_count(), 2);
        written
    });
    let sim = sim.durable();
    sim.flip_bit(&file(0, "idx"), 4100, 1).expect("an index");
    let index = sim.contents(&file(0, "idx")).expect("an index");
    let repaired = run(repair(&sim.disk(), &data_dir(), false)).expect("tried");
    assert_eq!(repaired.mends[0].result, Err(NotRebuilt::StartFirst));
    assert_eq!(sim.contents(&file(0, "idx")).expect("an index"), index);
    with_store(&sim, SMALL, async |store: Store| {
        store.close(|_| roll_at(1 << 30)).await.expect("closed");
    });
    let repaired = run(repair(&sim.disk(), &data_dir(), false)).expect("repaired");
    assert_eq!(repaired.mends[0].result, Ok(71));
    assert!(verify(&sim).findings.is_sound());
    assert_eq!(read_whole(&sim), written);
}

#[test]
fn a_log_that_is_damaged_itself_gets_no_new_index() {
    let (sim, _) = settled();
    run(sim.disk().remove_file(&file(0, "idx"))).expect("removed");
    sim.flip_bit(&file(0, "log"), 5_000, 1).expect("a record's byte");
    let repaired = run(repair(&sim.disk(), &data_dir(), false)).expect("tried");
    assert!(
        repaired.mends[0].result.as_ref().is_err_and(|why| why.to_string().contains("offset 0"))
    );
    assert!(sim.contents(&file(0, "idx")).is_err());
}

#[test]
fn a_log_is_walked_without_any_index() {
    let (sim, written) = settled();
    run(async {
        let disk: Disk = sim.disk();
        let file = disk.open(&file(0, "log"), OpenMode::default()).await.expect("a segment");
        let mut seen = Vec::new();
        let end = each_batch(&file, u64::MAX, |batch| seen.push(*batch)).await.expect("read");
        assert_eq!(end, file.bytes().expect("a size"));
        assert_eq!(seen.len(), 9);
        assert!(seen.iter().all(|batch| batch.is_crc_right));
        assert!(seen.iter().zip(&written).all(|(seen, it)| seen.header.total_bytes() == it.len()));
    });
}

#[test]
fn f3_a_journal_is_shown_as_a_start_would_read_it() {
    let sim = new_disk(1);
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        for fill in 0..18 {
            append(&store, &log, batch(fill, 9000)).await;
            if fill == 10 {
                checkpoint(&store).await;
            }
        }
    });
    let (report, groups) = journal(&sim.durable());
    assert!(report.findings.is_sound(), "{:?}", report.findings);
    assert!(!report.is_clean);
    assert_eq!(report.needed_groups, 8, "those since the checkpoint, and what it said itself");
    let needed = groups.iter().filter(|group| group.is_needed);
    let entries: Vec<&Entry> =
        needed.flat_map(|group| &group.entries).map(|(_, entry)| entry).collect();
    let count = |wanted: fn(&&&Entry) -> bool| entries.iter().filter(wanted).count();
    assert_eq!(count(|entry| matches!(entry, Entry::Append { .. })), 7);
    assert_eq!(count(|entry| matches!(entry, Entry::Extent(_))), 1);
    assert_eq!(count(|entry| matches!(entry, Entry::Roll { .. })), 1);
    let mut sequences: Vec<u64> = groups.iter().map(|group| group.header.sequence).collect();
    sequences.sort_unstable();
    // What the checkpoint freed may have been written over.
    let first = sequences[0];
    assert!(first <= 12);
    assert_eq!(sequences, (first..=20).collect::<Vec<u64>>());
}

#[test]
fn s6_rot_within_a_journal_is_named_where_a_start_would_refuse() {
    let sim = new_disk(1);
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        for fill in 0..12 {
            append(&store, &log, batch(fill, 9000)).await;
        }
    });
    let sim = sim.durable();
    let mut random = Random::new(9);
    let mut refusals = 0;
    for _ in 0..200 {
        let rotten = sim.durable();
        let path = shard_dir().join(format!("journal.000{}", random.below(3)));
        let bytes = sim.contents(&path).map_or(1, |content| content.len() as u64);
        let _ = rotten.flip_bit(&path, random.below(bytes), random.below(8) as u8);
        let is_sound = journal(&rotten).0.findings.is_sound();
        let is_refused = run(try_open(&rotten.disk(), SMALL)).is_err();
        assert_eq!(is_sound, !is_refused);
        refusals += u32::from(is_refused);
    }
    assert!(refusals > 50);
}

/// Also where a start reads none of them.
#[test]
fn a_lost_file_of_a_journal_is_named_where_a_start_would_refuse() {
    let sim = new_disk(1);
    with_store(&sim, SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        for fill in 0..18 {
            append(&store, &log, batch(fill, 9000)).await;
        }
        store.close(|_| roll_at(1 << 30)).await.expect("closed");
    });
    let sim = sim.durable();
    assert!(journal(&sim).0.findings.is_sound() && starts(&sim, ShardId::ZERO));
    let lost = shard_dir().join("journal.0001");
    run(async {
        sim.disk().remove_file(&lost).await.expect("one of three at least");
        sim.disk().sync_dir(&shard_dir()).await.expect("synced");
    });
    let findings = journal(&sim).0.findings;
    assert_eq!((findings.damage_count, findings.note_count), (1, 0), "{findings:?}");
    assert_eq!(findings.listed[0].path, shard_dir().join("journal.0002"));
    assert!(!starts(&sim, ShardId::ZERO));
}

#[test]
fn a_shards_directory_that_has_anothers_name_is_named() {
    let (sim, _) = settled();
    let (other, dir) = (ShardId::new(1), data_dir().join("shard/1"));
    run(async {
        sim.disk().rename(&shard_dir(), &dir).await.expect("renamed");
        sim.disk().sync_dir(&data_dir().join("shard")).await.expect("synced");
    });
    let findings = journal_of(&sim, other).0.findings;
    assert!(findings.listed.iter().any(|it| it.path == dir && it.what.contains("shard 0")));
    assert!(!findings.is_sound() && !starts(&sim, other));
}

#[test]
fn a_shard_without_a_state_file_is_damaged_if_it_has_a_journal() {
    let (sim, _) = settled();
    let new = ShardId::new(1);
    run(async {
        let disk = sim.disk();
        disk.create_dir_all(&data_dir().join("shard/1")).await.expect("made");
        disk.sync_dir(&data_dir().join("shard")).await.expect("synced");
    });
    let (report, groups) = journal_of(&sim, new);
    assert!(groups.is_empty() && report.findings.is_sound());
    assert_eq!(report.findings.note_count, 1, "as a crash leaves it");
    assert!(starts(&sim, new));
    for slot in ["state.0", "state.1"] {
        run(sim.disk().remove_file(&shard_dir().join(slot))).expect("removed");
    }
    assert_eq!(journal(&sim).0.findings.damage_count, 1);
}
