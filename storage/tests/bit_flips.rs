//! S6, F2: every byte of a small directory, one bit at a time. A flip is found by the start or by a
//! read, or it lies where nothing has a meaning; other bytes than were written are never served.
//!
//! Every build flips one bit of each byte, and every bit of what is a header or a state;
//! `PELTON_FLIPS=all` flips all bits. Either way one byte in `ALLOCATED_STEP` stands for those that are
//! only allocated.

mod support;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use pelton_model::batch::BatchHeader;
use pelton_storage::disk::sim::{SimDisk, run};
use pelton_storage::journal::{HEADER_BYTES, JournalOptions, groups_of_file};
use pelton_storage::planted::{Bug, plant};
use pelton_storage::{OpenError, ReadError, StorageError, Store, StoreOptions};
use support::*;

const OPTIONS: StoreOptions = StoreOptions {
    // Two blocks of each file, and one that is left to a start.
    journal: JournalOptions { file_bytes: 12 << 10, ring_bytes_max: 24 << 10 },
    ..SMALL
};

/// What a directory may take, without what is only allocated, so that all of it can be tried.
const DIRECTORY_BYTES_MAX: usize = 64 << 10;
/// Of what is only allocated, one byte in so many is tried.
const ALLOCATED_STEP: usize = 32;
const FLIPS_MIN: u64 = 39_000;

/// The identity of an index, behind which its block is filled up.
const INDEX_IDENTITY_BYTES: usize = 44;
const INDEX_ENTRIES_AT: usize = 4096;
const CHUNK_ENTRY_BYTES: usize = 40;
/// Fixed part of a record batch v2.
const BATCH_HEADER_BYTES: usize = 61;

/// A part of a file that says nothing to anybody.
struct Meaningless {
    range: Range<usize>,
    why: &'static str,
}

const FIRST_LOG: &str = "00000000000000000000.log";
const ALLOCATED: &str = "allocated, behind the end";

/// One file, and what a flip in it means.
struct Subject {
    path: PathBuf,
    content: Vec<u8>,
    meaningless: Vec<Meaningless>,
    headers: Vec<Range<usize>>,
}

impl Subject {
    fn bits_of(&self, byte: usize) -> Range<u8> {
        let all = std::env::var("PELTON_FLIPS").is_ok_and(|flips| flips == "all");
        match all || self.headers.iter().any(|range| range.contains(&byte)) {
            true => 0..8,
            false => (byte % 8) as u8..(byte % 8) as u8 + 1,
        }
    }

    fn is_meaningless(&self, byte: usize) -> bool {
        self.meaningless.iter().any(|part| part.range.contains(&byte))
    }

    /// The bytes that are tried.
    fn bytes(&self) -> impl Iterator<Item = usize> {
        let allocated = self.meaningless.iter().find(|part| part.why == ALLOCATED);
        let from = allocated.map_or(self.content.len(), |part| part.range.start);
        (0..from).chain((from..self.content.len()).step_by(ALLOCATED_STEP))
    }
}

/// What came of flips.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    flips: u64,
    refused_starts: u64,
    refused_reads: u64,
    /// Of the journal: taken for a torn group, which nobody can tell from it.
    newest_cut: u64,
    meaningless: u64,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.flips += other.flips;
        self.refused_starts += other.refused_starts;
        self.refused_reads += other.refused_reads;
        self.newest_cut += other.newest_cut;
        self.meaningless += other.meaningless;
    }
}

/// What a start, and a reading of everything, made of a flip.
enum Outcome {
    RefusedStart,
    RefusedRead,
    /// All of it was served but so many of the newest batches.
    Served {
        missing: usize,
    },
}

fn outcome_of(sim: &SimDisk, written: &[Bytes]) -> Outcome {
    run(async {
        let store = match try_open(&sim.disk(), OPTIONS).await {
            Ok((store, _)) => store,
            Err(OpenError::Damaged { .. } | OpenError::TooNew { .. }) => {
                return Outcome::RefusedStart;
            }
            Err(error) => panic!("neither served nor found: {error}"),
        };
        let Some(log) = store.log(partition(1, 0)) else { panic!("the partition is lost") };
        let mut served = 0;
        while served < log.end_offset().get() as usize {
            match read(&log, served as i64, 1 << 20).await {
                Ok(read) => {
                    assert!(!read.slices.is_empty(), "nothing at {served}");
                    let expected = written.get(served..served + read.slices.len());
                    assert!(Some(&read.slices[..]) == expected, "other bytes at {served}");
                    served += read.slices.len();
                }
                Err(ReadError::Storage(StorageError::Damaged { .. })) => {
                    return Outcome::RefusedRead;
                }
                Err(error) => panic!("neither served nor found: {error:?}"),
            }
        }
        Outcome::Served { missing: written.len() - served }
    })
}

/// Flips bits of one file. `newest` batches may be missing, where that is what the newest group has.
fn flip(sim: &SimDisk, subject: &Subject, written: &[Bytes], newest: usize) -> Tally {
    let mut tally = Tally::default();
    for byte in subject.bytes() {
        for bit in subject.bits_of(byte) {
            let rotten = sim.durable();
            rotten.flip_bit(&subject.path, byte as u64, bit).expect("a file");
            tally.flips += 1;
            match outcome_of(&rotten, written) {
                Outcome::RefusedStart => tally.refused_starts += 1,
                Outcome::RefusedRead => tally.refused_reads += 1,
                Outcome::Served { missing: 0 } => {
                    let at = format!("{} byte {byte} bit {bit}", subject.path.display());
                    assert!(subject.is_meaningless(byte), "{at} is not found");
                    tally.meaningless += 1;
                }
                Outcome::Served { missing } => {
                    assert_eq!(missing, newest, "lost in silence: byte {byte} bit {bit}");
                    tally.newest_cut += 1;
                }
            }
        }
    }
    tally
}

/// Both halves of the subjects at once: no disk knows of another.
fn flip_all(make: fn() -> (SimDisk, Vec<Bytes>), describe: fn(&SimDisk) -> Vec<Subject>) -> Tally {
    let newest = 1;
    std::thread::scope(|scope| {
        let half = |odd: usize| {
            scope.spawn(move || {
                let (sim, written) = make();
                let subjects = describe(&sim);
                let bytes: usize = subjects.iter().map(|subject| subject.bytes().count()).sum();
                assert!(bytes <= DIRECTORY_BYTES_MAX, "{bytes} bytes");
                let mut tally = Tally::default();
                for subject in subjects.iter().skip(odd).step_by(2) {
                    tally.add(flip(&sim, subject, &written, newest));
                }
                tally
            })
        };
        let halves = [half(0), half(1)];
        let mut all = Tally::default();
        halves.into_iter().for_each(|half| all.add(half.join().expect("all is found")));
        all
    })
}

/// Two segments, an index each, a ring of two files, both states.
fn stopped() -> (SimDisk, Vec<Bytes>) {
    let sim = new_disk(1);
    let written = with_store(&sim, OPTIONS, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        let mut written = Vec::new();
        for fill in 0..9 {
            written.push(append(&store, &log, batch(fill, 900)).await.1);
            if fill % 3 == 2 {
                store.checkpoint(|_| roll_at(6_000)).await.expect("a checkpoint");
            }
        }
        store.close(|_| roll_at(6_000)).await.expect("closed");
        assert_eq!(log.segment_count(), 2);
        written
    });
    (sim.durable(), written)
}

fn files_of(sim: &SimDisk) -> Vec<PathBuf> {
    // A partition without a segment has no directory.
    let list = |dir: &Path| run(async { sim.disk().list_dir(dir).await }).unwrap_or_default();
    let mut files: Vec<PathBuf> = Vec::new();
    for dir in [shard_dir(), partition_dir(partition(1, 0))] {
        files.extend(list(&dir).into_iter().map(|entry| dir.join(entry.name)));
    }
    files
}

fn subjects_after_a_stop(sim: &SimDisk) -> Vec<Subject> {
    files_of(sim).into_iter().map(|path| subject_after_a_stop(sim, path)).collect()
}

fn subject_after_a_stop(sim: &SimDisk, path: PathBuf) -> Subject {
    let content = sim.contents(&path).expect("a file");
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let whole = 0..content.len();
    let (mut meaningless, mut headers) = (Vec::new(), Vec::new());
    if name.starts_with("journal.") {
        meaningless.push(Meaningless { range: whole, why: "a clean stop leaves nothing to read" });
    } else if name.ends_with(".log") {
        let batches = batches_of(&content);
        let end = batches.last().map_or(0, |batch| batch.end);
        headers.extend(batches.iter().map(|batch| batch.start..batch.start + BATCH_HEADER_BYTES));
        let range = end..content.len();
        meaningless.push(Meaningless { range, why: ALLOCATED });
    } else if name.ends_with(".idx") {
        let entries = INDEX_ENTRIES_AT..content.len().min(INDEX_ENTRIES_AT + CHUNK_ENTRY_BYTES);
        headers.extend([0..INDEX_IDENTITY_BYTES, entries.clone()]);
        let range = INDEX_IDENTITY_BYTES..INDEX_ENTRIES_AT;
        meaningless.push(Meaningless { range, why: "fills up the identity's block" });
        // A sealed one is cut behind its only chunk; the last segment has none yet.
        assert_eq!(content.len(), entries.end, "{name}");
    } else {
        headers.push(whole);
    }
    Subject { path, content, meaningless, headers }
}

/// Where each batch stands.
fn batches_of(content: &[u8]) -> Vec<Range<usize>> {
    let mut batches = Vec::new();
    let mut at = 0;
    while let Ok(header) = BatchHeader::read(&content[at..]) {
        batches.push(at..at + header.total_bytes());
        at += header.total_bytes();
    }
    batches
}

#[test]
fn s6_f2_every_flip_after_a_clean_stop_is_found_or_means_nothing() {
    let tally = flip_all(stopped, subjects_after_a_stop);
    println!("after a clean stop: {tally:?}; wrong bytes served 0, panics 0");
    assert!(tally.flips >= FLIPS_MIN, "{tally:?}");
    assert!(tally.refused_starts > 3_000 && tally.refused_reads > 8_000, "{tally:?}");
    assert_eq!(tally.newest_cut, 0, "after a clean stop nothing is torn");
    for subject in subjects_after_a_stop(&stopped().0) {
        for Meaningless { range, why } in
            subject.meaningless.iter().filter(|it| !it.range.is_empty())
        {
            println!("  means nothing: {} {range:?}: {why}", subject.path.display());
        }
    }
}

#[test]
fn skipping_the_crc_is_found() {
    let (sim, written) = stopped();
    let segment = subjects_after_a_stop(&sim).into_iter().find(|it| it.path.ends_with(FIRST_LOG));
    plant(Some(Bug::SkipTheCrc));
    let segment = segment.expect("a segment");
    let found = catch_unwind(AssertUnwindSafe(|| flip(&sim, &segment, &written, 1))).is_err();
    plant(None);
    assert!(found);
}

/// The journal has all of it, one batch a group.
fn killed() -> (SimDisk, Vec<Bytes>) {
    let sim = new_disk(1);
    let written = with_store(&sim, OPTIONS, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        let mut written = Vec::new();
        // The partition's own group, and two more, fill what three blocks of two files hold.
        for fill in 0..3 {
            written.push(append(&store, &log, batch(fill, 3_000)).await.1);
        }
        written
    });
    (sim.durable(), written)
}

fn subjects_after_a_kill(sim: &SimDisk) -> Vec<Subject> {
    let subjects = files_of(sim).into_iter().map(|path| {
        let content = sim.contents(&path).expect("a file");
        let (mut meaningless, mut headers) = (Vec::new(), Vec::new());
        if path.to_string_lossy().contains("journal.") {
            let mut end = 0;
            for (at, group) in groups_of_file(&Bytes::copy_from_slice(&content), SEED) {
                headers.push(at..at + HEADER_BYTES);
                end = at + group.header.file_bytes();
                let range = at + HEADER_BYTES + group.header.body_bytes as usize..end;
                meaningless.push(Meaningless { range, why: "fills up a group's last block" });
            }
            let range = end..content.len();
            meaningless.push(Meaningless { range, why: "behind the newest group" });
        } else {
            headers.push(0..content.len());
        }
        Subject { path, content, meaningless, headers }
    });
    subjects.collect()
}

#[test]
fn s6_every_flip_after_a_kill_is_found_or_means_nothing_or_tears_the_newest_group() {
    let tally = flip_all(killed, subjects_after_a_kill);
    println!("after a kill: {tally:?}; wrong bytes served 0, panics 0");
    assert!(tally.refused_starts > 5_000 && tally.newest_cut > 2_000, "{tally:?}");
}
