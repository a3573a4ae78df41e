use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{Either, select};
use pelton_model::limits::BLOCK_BYTES;
use pelton_model::{LeaderEpoch, Offset, PartitionId, PartitionIndex, ShardId, TopicId};

use super::{Durable, Entry, GroupHeader, Journal, JournalOptions, Known, Life, Recovered};
use crate::disk::sim::{CrashChoice, Fault, FaultError, Operation, SimDisk, run};
use crate::error::OpenError;

const SEED: u32 = 77;
const OPTIONS: JournalOptions = JournalOptions { file_bytes: 64 << 10, ring_bytes_max: 256 << 10 };
const KNOWN: Known = Known {
    shard: ShardId::new(2),
    life: Life { incarnation: 1, seed: SEED },
    tail: 1,
    clean: false,
};

fn dir() -> PathBuf {
    PathBuf::from("/")
}

fn partition() -> PartitionId {
    PartitionId::new(TopicId::from_bytes([7; 16]), PartitionIndex::new(0))
}

fn entry_of(bytes: impl Into<Bytes>) -> Entry {
    Entry::Append { base_offset: Offset::ZERO, epoch: LeaderEpoch::new(0), batch: bytes.into() }
}

/// An entry whose group takes so many blocks.
fn blocks(count: usize) -> Entry {
    entry_of(vec![5; count * BLOCK_BYTES - 200])
}

async fn try_open(sim: &SimDisk, known: Known) -> Result<(Rc<Journal>, Recovered), OpenError> {
    let (journal, recovered) = Journal::open(&sim.disk(), &dir(), known, OPTIONS).await?;
    Ok((Rc::new(journal), recovered))
}

async fn open(sim: &SimDisk, known: Known) -> (Rc<Journal>, Recovered) {
    try_open(sim, known).await.expect("opened")
}

async fn running<T>(journal: &Journal, work: impl Future<Output = T>) -> T {
    match select(pin!(journal.run()), pin!(work)).await {
        Either::Left(((), work)) => work.await,
        Either::Right((done, _)) => done,
    }
}

/// One group.
async fn write(journal: &Rc<Journal>, entry: Entry) -> u64 {
    let sequence = journal.push(partition(), entry, None).expect("pushed");
    journal.durable(sequence).await.expect("durable");
    sequence
}

fn sequences(recovered: &Recovered) -> Vec<u64> {
    recovered.groups.iter().map(|group| group.header.sequence).collect()
}

fn file(index: usize) -> PathBuf {
    dir().join(format!("journal.{index:04}"))
}

#[test]
fn what_arrives_while_a_group_is_written_is_the_next_group() {
    let sim = SimDisk::new(1);
    run(async {
        let (journal, _) = open(&sim, KNOWN).await;
        let first: Vec<u64> =
            (0..3).map(|_| journal.push(partition(), blocks(1), None).expect("pushed")).collect();
        assert_eq!(first, [1, 1, 1]);
        sim.set_yields_max(1);
        running(&journal, async {
            let mut first = journal.durable(1);
            while (&mut first).now_or_never().is_none() {
                let sequence = journal.push(partition(), entry_of("x"), None).expect("pushed");
                if sequence == 2 {
                    break;
                }
                futures::future::ready(()).await;
            }
            journal.durable(2).await.expect("durable");
        })
        .await;
        assert_eq!(journal.stats().group_bytes.count(), 2);
        assert!(journal.stats().group_entries.sum > 3);
    });
}

#[test]
fn a_group_is_closed_before_it_outgrows_a_file() {
    let sim = SimDisk::new(1);
    run(async {
        let (journal, _) = open(&sim, KNOWN).await;
        running(&journal, async {
            let mut newest = 0;
            for _ in 0..30 {
                newest = journal.push(partition(), blocks(1), None).expect("pushed");
            }
            assert_eq!(newest, 2);
            journal.durable(newest).await.expect("durable");
        })
        .await;
    });
}

#[test]
fn f3_groups_of_earlier_rounds_are_not_taken_for_new_ones() {
    let sim = SimDisk::new(1);
    let mut known = KNOWN;
    run(async {
        for round in 0..40u64 {
            known.life.incarnation += 1;
            let (journal, recovered) = open(&sim, known).await;
            let expected: Vec<u64> = (known.tail..round * 7 + 1).collect();
            let newer: Vec<u64> =
                sequences(&recovered).into_iter().filter(|it| *it >= known.tail).collect();
            assert_eq!(newer, expected, "round {round}");
            assert!(!recovered.torn);
            running(&journal, async {
                for blocks_of_it in [1, 3, 2, 5, 1, 4, 1] {
                    // The state file is written, then the ring's files are free.
                    known.tail = (journal.durable_sequence() + 1).saturating_sub(4).max(1);
                    journal.release(known.tail);
                    write(&journal, blocks(blocks_of_it)).await;
                }
            })
            .await;
        }
        assert_eq!(sim.disk().list_dir(&dir()).await.expect("a ring").len(), 2);
    });
}

#[test]
fn s6_a_torn_newest_group_is_cut_and_written_anew() {
    let sim = SimDisk::new(1);
    run(async {
        let (journal, _) = open(&sim, KNOWN).await;
        running(&journal, async {
            for _ in 0..3 {
                write(&journal, blocks(2)).await;
            }
        })
        .await;
        let newest_at = 4 * BLOCK_BYTES as u64;
        // In its body, in its header.
        for byte in [5000, 30] {
            let torn = sim.durable();
            torn.flip_bit(&file(0), newest_at + byte, 3).expect("a file");
            let (journal, recovered) = open(&torn, KNOWN).await;
            assert_eq!(sequences(&recovered), [1, 2]);
            // Of a header that is gone, nothing says that it was there.
            assert_eq!(recovered.torn, byte == 5000);
            running(&journal, async { assert_eq!(write(&journal, blocks(1)).await, 3) }).await;
            let (_, recovered) = open(&torn.durable(), KNOWN).await;
            assert_eq!(sequences(&recovered), [1, 2, 3]);
            assert!(!recovered.torn);
        }
    });
}

#[test]
fn s6_rot_below_the_newest_group_is_refused() {
    let sim = SimDisk::new(1);
    run(async {
        let (journal, _) = open(&sim, KNOWN).await;
        running(&journal, async {
            // Two files, of which each has a block left to a start.
            for _ in 0..10 {
                write(&journal, blocks(2)).await;
            }
        })
        .await;
        for sequence in 1..10u64 {
            for byte in [0, 16, 24, 61, 64, 7000] {
                let rotten = sim.durable();
                let at = (sequence - 1) % 7 * 2 * BLOCK_BYTES as u64 + byte;
                let path = file((sequence as usize - 1) / 7);
                rotten.flip_bit(&path, at, 1).expect("a file");
                let refused = try_open(&rotten, KNOWN).await;
                assert!(matches!(refused, Err(OpenError::Damaged { .. })), "group {sequence}");
                // What is not needed any more may rot, as long as it hides nothing that is.
                let tail = sequence + 1;
                let opened = try_open(&rotten, Known { tail, ..KNOWN }).await;
                if let Ok((_, recovered)) = opened {
                    let found = sequences(&recovered);
                    assert!((tail..=10).all(|needed| found.contains(&needed)), "from {tail}");
                }
            }
        }
    });
}

#[test]
fn s6_rot_that_hides_the_one_needed_group_is_refused() {
    let sim = SimDisk::new(1);
    run(async {
        let (journal, _) = open(&sim, KNOWN).await;
        running(&journal, async {
            for _ in 0..5 {
                write(&journal, blocks(1)).await;
            }
        })
        .await;
        sim.flip_bit(&file(0), 2 * BLOCK_BYTES as u64 + 20, 0).expect("a file");
        let refused = try_open(&sim, Known { tail: 5, ..KNOWN }).await;
        assert!(matches!(refused, Err(OpenError::Damaged { .. })));
        let (_, recovered) = open(&sim, Known { tail: 6, ..KNOWN }).await;
        assert_eq!(sequences(&recovered), []);
    });
}

/// The newest group is torn, and behind its header, at a block's start, a client's record reads as
/// a group that is newer still.
#[test]
fn f3_a_record_that_reads_as_a_group_is_not_taken_for_one() {
    let fake = |seed| {
        let header = GroupHeader {
            shard: KNOWN.shard,
            entry_count: 0,
            incarnation: 1,
            sequence: 2,
            horizon: 1,
            tail: 1,
            body_bytes: 0,
            previous_crc: 0,
            body_crc: 0,
        };
        let mut record = vec![0; 2 * BLOCK_BYTES];
        // A group's header, an entry's head and an Append's fields precede it.
        let at = BLOCK_BYTES - 64 - 28 - 12;
        record[at..at + 64].copy_from_slice(&header.encode(seed));
        entry_of(record)
    };
    for (seed, is_taken) in [(0, false), (SEED - 1, false), (SEED, true)] {
        let sim = SimDisk::new(1);
        run(async {
            let (journal, _) = open(&sim, KNOWN).await;
            running(&journal, write(&journal, fake(seed))).await;
            sim.flip_bit(&file(0), 20, 0).expect("a file");
            match try_open(&sim, KNOWN).await {
                Ok((_, recovered)) => {
                    assert!(recovered.groups.is_empty());
                    assert!(!is_taken);
                }
                // Who knows the ring's number could do harm: nobody is told.
                Err(error) => assert!(is_taken, "{error}"),
            }
        });
    }
}

#[test]
fn a_group_without_room_waits_for_a_release() {
    let sim = SimDisk::new(1);
    run(async {
        let (journal, _) = open(&sim, KNOWN).await;
        running(&journal, async {
            for _ in 0..4 {
                write(&journal, blocks(15)).await;
            }
            assert_eq!(journal.used_ratio(), 15.0 / 16.0, "the last block is left to a start");
            // Larger than a file: it is let in when the ring is empty, not before.
            for (bytes, released) in [(15, 2), (80, 6)] {
                let pressure = journal.pressure().wait();
                let sequence = journal.push(partition(), blocks(bytes), None).expect("pushed");
                pressure.await;
                assert!(journal.is_starved());
                assert!(journal.durable(sequence).now_or_never().is_none());
                journal.release(released);
                journal.durable(sequence).await.expect("durable");
                assert!(!journal.is_starved());
            }
        })
        .await;
        let (_, recovered) = open(&sim.durable(), Known { tail: 6, ..KNOWN }).await;
        assert_eq!(sequences(&recovered), [6]);
    });
}

#[test]
fn a_ring_file_that_a_crash_left_half_made_is_made_again() {
    let sim = SimDisk::new(1);
    sim.set_yields_max(2);
    run(async {
        let (journal, _) = open(&sim, KNOWN).await;
        let mut work = pin!(running(&journal, async {
            for _ in 0..4 {
                write(&journal, blocks(15)).await;
            }
        }));
        let mut seed = 0;
        // Files are made while it runs; the power is cut again and again.
        while (&mut work).now_or_never().is_none() {
            seed += 1;
            let durable = journal.durable_sequence();
            let image = sim.crash(&mut CrashChoice::random(seed));
            image.set_yields_max(0);
            let (journal, recovered) = open(&image, KNOWN).await;
            assert!(sequences(&recovered).last().copied().unwrap_or(0) >= durable);
            running(&journal, async {
                for _ in 0..4 {
                    journal.release(journal.durable_sequence());
                    write(&journal, blocks(15)).await;
                }
            })
            .await;
            for entry in image.disk().list_dir(&dir()).await.expect("a ring") {
                assert!(entry.bytes >= OPTIONS.file_bytes, "{entry:?}");
            }
        }
    });
}

#[test]
fn a_ring_that_is_not_this_shards_or_not_whole_is_refused() {
    let sim = SimDisk::new(1);
    run(async {
        let (journal, _) = open(&sim, KNOWN).await;
        running(&journal, write(&journal, blocks(1))).await;
        let other = try_open(&sim, Known { shard: ShardId::new(3), ..KNOWN }).await;
        assert!(matches!(other, Err(OpenError::Damaged { .. })));
        sim.disk().remove_file(&file(0)).await.expect("removed");
        assert!(matches!(try_open(&sim, KNOWN).await, Err(OpenError::Damaged { .. })));
    });
}

#[test]
fn a_group_of_a_newer_format_is_refused_with_its_number() {
    let sim = SimDisk::new(1);
    run(async {
        open(&sim, KNOWN).await;
        let header = GroupHeader {
            shard: KNOWN.shard,
            entry_count: 0,
            incarnation: 1,
            sequence: 1,
            horizon: 1,
            tail: 1,
            body_bytes: 0,
            previous_crc: 0,
            body_crc: 0,
        };
        let mut newer = header.encode(SEED);
        newer[8] = 9;
        let crc = crc32c::crc32c_append(SEED, &newer[..60]);
        newer[60..].copy_from_slice(&crc.to_le_bytes());
        let mut content = vec![0; 64 << 10];
        content[..64].copy_from_slice(&newer);
        sim.disk().write_file_durably(&file(0), &content).await.expect("written");
        let refused = try_open(&sim, KNOWN).await;
        assert!(matches!(refused, Err(OpenError::TooNew { format: 9, .. })));
    });
}

#[test]
fn s3_after_a_failed_write_nothing_is_durable_any_more() {
    let sim = SimDisk::new(1);
    run(async {
        let (journal, _) = open(&sim, KNOWN).await;
        sim.inject(Fault::new(Operation::Write, FaultError::Errno(libc::EIO)).nth(2));
        running(&journal, async {
            write(&journal, blocks(1)).await;
            let second = journal.push(partition(), blocks(1), None).expect("pushed");
            assert!(journal.durable(second).await.is_err());
            assert!(journal.durable(1).await.is_ok(), "what was durable stays it");
            assert!(journal.push(partition(), blocks(1), None).is_err());
            assert!(journal.has_ended());
        })
        .await;
    });
}

#[test]
fn a_start_makes_durable_what_it_takes_for_durable() {
    let sim = SimDisk::new(1);
    run(async {
        let (journal, _) = open(&sim, KNOWN).await;
        running(&journal, write(&journal, blocks(1))).await;
        let syncs = sim.counters().syncs;
        open(&sim, KNOWN).await;
        assert_eq!(sim.counters().syncs - syncs, 2, "each file that was read");
        let syncs = sim.counters().syncs;
        open(&sim, Known { clean: true, tail: 2, ..KNOWN }).await;
        assert_eq!(sim.counters().syncs, syncs);
    });
}

#[test]
fn s2_a_group_whose_write_failed_is_durable_once_a_start_has_taken_it_in() {
    let mut taken_in = 0;
    for seed in 0..40 {
        let sim = SimDisk::new(seed);
        run(async {
            let (journal, _) = open(&sim, KNOWN).await;
            sim.inject(Fault::new(Operation::Write, FaultError::Errno(libc::EIO)).nth(2));
            running(&journal, async {
                write(&journal, blocks(1)).await;
                let second = journal.push(partition(), blocks(1), None).expect("pushed");
                assert!(journal.durable(second).await.is_err());
            })
            .await;
            // Killed, not cut off from power: what the device took of the second group is there.
            sim.kill(&mut CrashChoice::keep_all());
            let known = Known { life: Life { incarnation: 2, ..KNOWN.life }, ..KNOWN };
            let (journal, recovered) = open(&sim, known).await;
            let newest = sequences(&recovered).len() as u64;
            taken_in += newest - 1;
            running(&journal, write(&journal, blocks(1))).await;
            let known = Known { life: Life { incarnation: 3, ..KNOWN.life }, ..KNOWN };
            let (_, recovered) = open(&sim.durable(), known).await;
            assert_eq!(sequences(&recovered).len() as u64, newest + 1);
        });
    }
    assert!((1..40).contains(&taken_in), "both cases are to be seen, not {taken_in} of 40");
}

#[test]
fn f3_a_group_whose_write_failed_does_not_come_to_light_in_a_later_life() {
    for (seed, filled) in (0..200).flat_map(|seed| [(seed, 1), (seed, 16)]) {
        let sim = SimDisk::new(seed);
        run(async {
            let (journal, _) = open(&sim, KNOWN).await;
            let failed = running(&journal, async {
                for _ in 0..filled {
                    write(&journal, blocks(1)).await;
                }
                sim.inject(Fault::new(Operation::Write, FaultError::Errno(libc::EIO)));
                let failed = journal.push(partition(), blocks(2), None).expect("pushed");
                assert!(journal.durable(failed).await.is_err());
                failed
            })
            .await;
            sim.kill(&mut CrashChoice::keep_all());
            let known = |incarnation, tail| Known {
                life: Life { incarnation, ..KNOWN.life },
                tail,
                ..KNOWN
            };
            let (_, recovered) = open(&sim, known(2, 1)).await;
            if sequences(&recovered).last() == Some(&failed) {
                return;
            }
            // Everything is carried, and the next life begins the ring anew.
            let clean = Known { clean: true, ..known(3, failed) };
            let (journal, _) = open(&sim, clean).await;
            running(&journal, write(&journal, blocks(1))).await;
            let after = sim.crash(&mut CrashChoice::random(seed));
            let (_, recovered) = open(&after, known(4, failed)).await;
            let lives: Vec<_> =
                recovered.groups.iter().map(|group| group.header.incarnation).collect();
            assert_eq!(lives, [3], "seed {seed}");
        });
    }
}

#[test]
fn f3_nor_does_one_behind_groups_that_are_not_needed_any_more() {
    for seed in 0..200 {
        let sim = SimDisk::new(seed);
        run(async {
            let (journal, _) = open(&sim, KNOWN).await;
            let failed = running(&journal, async {
                // Into the second file, while the next life begins with the first one.
                for _ in 0..18 {
                    write(&journal, blocks(1)).await;
                }
                sim.inject(Fault::new(Operation::Write, FaultError::Errno(libc::EIO)));
                let failed = journal.push(partition(), blocks(1), None).expect("pushed");
                assert!(journal.durable(failed).await.is_err());
                failed
            })
            .await;
            // All that was durable is carried: the journal says nothing, and begins the ring anew.
            let life = |incarnation| Known {
                life: Life { incarnation, ..KNOWN.life },
                tail: failed,
                ..KNOWN
            };
            sim.kill(&mut CrashChoice::keep_all());
            let (journal, recovered) = open(&sim, life(2)).await;
            if sequences(&recovered).last() == Some(&failed) {
                return;
            }
            running(&journal, write(&journal, blocks(1))).await;
            // The write that had failed may come to light until its place is written to.
            let after = sim.crash(&mut CrashChoice::random(seed));
            let (_, recovered) = open(&after, life(3)).await;
            let lives: Vec<_> =
                recovered.groups.iter().map(|group| group.header.incarnation).collect();
            assert_eq!(lives, [2], "seed {seed}");
        });
    }
}

#[test]
fn stopping_takes_no_more_and_ends_when_all_is_durable() {
    let sim = SimDisk::new(1);
    run(async {
        let (journal, _) = open(&sim, KNOWN).await;
        let sequence = journal.push(partition(), blocks(1), None).expect("pushed");
        journal.stop();
        assert!(journal.push(partition(), blocks(1), None).is_err());
        journal.run().await;
        assert!(journal.has_ended());
        assert_eq!(journal.durable_sequence(), sequence);
    });
}

#[test]
fn groups_of_a_file_are_listed_for_people() {
    let sim = SimDisk::new(1);
    run(async {
        let (journal, _) = open(&sim, KNOWN).await;
        running(&journal, async {
            for count in [1, 2, 1] {
                write(&journal, blocks(count)).await;
            }
        })
        .await;
        sim.flip_bit(&file(0), BLOCK_BYTES as u64 + 9, 0).expect("a file");
        let content = sim.contents(Path::new(&file(0))).expect("a file");
        let listed = super::groups_of_file(&content.into(), SEED);
        let found: Vec<(usize, u64)> =
            listed.iter().map(|(at, group)| (at / BLOCK_BYTES, group.header.sequence)).collect();
        assert_eq!(found, [(0, 1), (3, 3)]);
    });
}

#[test]
fn a_ring_that_has_grown_to_its_bound_with_smaller_files_takes_groups_of_larger_ones() {
    let sim = SimDisk::new(1);
    run(async {
        let small = JournalOptions { file_bytes: 16 << 10, ..OPTIONS };
        let (journal, _) = Journal::open(&sim.disk(), &dir(), KNOWN, small).await.expect("opened");
        let journal = Rc::new(journal);
        running(&journal, async {
            for _ in 0..OPTIONS.ring_bytes_max / small.file_bytes {
                write(&journal, blocks(3)).await;
            }
        })
        .await;
        assert_eq!(sim.used_bytes(), OPTIONS.ring_bytes_max);
        let life = Life { incarnation: 2, ..KNOWN.life };
        let known = Known { life, tail: journal.next_sequence(), ..KNOWN };
        let (journal, _) = open(&sim, known).await;
        running(&journal, async {
            for _ in 0..20 {
                let sequence = write(&journal, blocks(5)).await;
                journal.release(sequence + 1);
            }
        })
        .await;
        assert!(sim.used_bytes() <= OPTIONS.ring_bytes_max + 2 * OPTIONS.file_bytes);
    });
}

struct Task;

impl Wake for Task {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn who_waits_for_a_group_is_known_by_his_last_waker_until_he_gives_up_or_is_woken() {
    let sim = SimDisk::new(1);
    run(async {
        let (journal, _) = open(&sim, KNOWN).await;
        let sequence = journal.push(partition(), blocks(1), None).expect("pushed");
        let tasks: Vec<Arc<Task>> = (0..4).map(|_| Arc::new(Task)).collect();
        let known = || tasks.iter().map(|task| Arc::strong_count(task) > 1).collect::<Vec<bool>>();
        let poll = |wait: &mut Durable, task: usize| {
            let waker = Waker::from(tasks[task].clone());
            Pin::new(wait).poll(&mut Context::from_waker(&waker))
        };
        let mut waits: Vec<Durable> = (0..3).map(|_| journal.durable(sequence)).collect();
        for (task, wait) in waits.iter_mut().enumerate() {
            assert!(poll(wait, task).is_pending());
        }
        assert_eq!(known(), [true, true, true, false]);
        assert!(poll(&mut waits[0], 3).is_pending());
        drop(waits.remove(1));
        assert_eq!(known(), [false, false, true, true]);
        // Of a later group.
        let mut later = journal.durable(sequence + 1);
        assert!(poll(&mut later, 0).is_pending());
        running(&journal, journal.durable(sequence)).await.expect("durable");
        assert_eq!(known(), [true, false, false, false]);
        assert!(waits.iter_mut().all(|wait| poll(wait, 1) == Poll::Ready(Ok(()))));
    });
}

/// A crash between two of the blocks that a start strikes out must leave the next one all places.
#[test]
fn f3_the_place_behind_the_newest_group_is_struck_out_first() {
    let sim = SimDisk::new(1);
    let known = run(async {
        let (journal, _) = open(&sim, KNOWN).await;
        running(&journal, async {
            write(&journal, blocks(1)).await;
            write(&journal, blocks(1)).await;
        })
        .await;
        Known { tail: journal.next_sequence(), ..KNOWN }
    });
    let behind = 2 * BLOCK_BYTES;
    sim.flip_bit(&file(0), behind as u64 + 100, 0).expect("a ring file");
    sim.inject(Fault::new(Operation::Write, FaultError::Errno(libc::EIO)).nth(2).lasting());
    run(async {
        assert!(matches!(try_open(&sim, known).await, Err(OpenError::Io { .. })));
    });
    let content = sim.contents(&file(0)).expect("a ring file");
    assert!(content[behind..].iter().all(|byte| *byte == 0), "struck out");
    assert!(content[..behind].iter().any(|byte| *byte != 0), "not yet");
}
