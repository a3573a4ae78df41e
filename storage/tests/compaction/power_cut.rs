//! S2, F4: the power is cut at any moment of appends, carries, compactions, deletions; a start finds
//! the old segments or the new.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::future::{join, join4};
use pelton_model::{Compression, Offset};
use pelton_storage::disk::sim::{CrashChoice, Fault, FaultError, Operation, Random, SimDisk, run};
use pelton_storage::journal::JournalOptions;
use pelton_storage::{Store, StoreOptions};

use crate::model::*;
use crate::support::*;

const OPTIONS: StoreOptions = StoreOptions {
    open_files_max: 8,
    journal: JournalOptions { file_bytes: 16 << 10, ring_bytes_max: 64 << 10 },
    cache_bytes: 0,
    direct_flush_bytes: 20_000,
};

/// What clients know: everything that got an offset, how much of it was acknowledged, and from
/// where on it may have been deleted.
#[derive(Default)]
struct Known {
    written: Vec<Written>,
    acknowledged: usize,
    start_asked: i64,
    start_answered: i64,
}

impl Known {
    async fn check(&self, store: &Store) {
        let Some(log) = store.log(partition(1, 0)) else {
            assert_eq!(self.acknowledged, 0, "the log is lost");
            return;
        };
        let (start, end) = (log.start_offset().get(), log.commit_offset().get());
        assert!(
            end as usize >= self.acknowledged,
            "{} acknowledged, {end} left",
            self.acknowledged
        );
        assert!((self.start_answered..=self.start_asked).contains(&start), "starts at {start}");
        let batches = left(&log).await;
        let records: Vec<&Written> = batches.iter().flat_map(|(_, records)| records).collect();
        for record in &records {
            let was = &self.written[record.offset as usize];
            assert_eq!(**record, Written { written_at: 0, ..was.clone() });
        }
        let visible = |record: &&Written| (start..end).contains(&record.offset);
        let expected = self.written.iter().filter(visible);
        assert_eq!(table(records.into_iter().filter(|it| it.offset >= start)), table(expected));
    }
}

struct Run {
    sim: SimDisk,
    store: Store,
    random: Rc<RefCell<Random>>,
    known: Rc<RefCell<Known>>,
    done: Cell<bool>,
}

impl Run {
    fn below(&self, bound: u64) -> u64 {
        self.random.borrow_mut().below(bound)
    }

    async fn pause(&self) {
        for _ in 0..=self.below(5) {
            yield_once().await;
        }
    }

    async fn work(&self, rounds: u64) {
        let work = join4(self.write(rounds), self.checkpoints(), self.compact(), self.delete());
        beside_journal(&self.store, work).await;
    }

    async fn write(&self, rounds: u64) {
        let log = place(&self.store, partition(1, 0)).await;
        for _ in 0..rounds {
            let base = self.known.borrow().written.len() as i64;
            let records: Vec<Written> = (0..=self.below(6) as i64)
                .map(|at| Written {
                    offset: base + at,
                    key: self.below(9) as u8,
                    value: (self.below(4) > 0).then(|| vec![(base + at) as u8; 700]),
                    timestamp: NOW.get() + base + at,
                    written_at: 0,
                })
                .collect();
            let batch = batch_of_keys(&records, Compression::None, None);
            let Ok(done) = log.append(batch, NOW) else { break };
            assert_eq!(done.base_offset.get(), base);
            self.known.borrow_mut().written.extend(records);
            if self.below(3) == 0 {
                if log.acknowledged(done.acked_by).await.is_err() {
                    break;
                }
                self.known.borrow_mut().acknowledged = log.commit_offset().get() as usize;
            }
            self.pause().await;
        }
        self.done.set(true);
        let _ = self.store.close(|_| roll_at(8_000)).await;
    }

    async fn checkpoints(&self) {
        while !self.done.get() {
            let _ = self.store.checkpoint(|_| roll_at(4_000 + self.below(8_000))).await;
            self.pause().await;
        }
    }

    async fn compact(&self) {
        let mut now = 0;
        while !self.done.get() {
            self.pause().await;
            now += 300;
            let Some(log) = self.store.log(partition(1, 0)) else { continue };
            let map_bytes_max = [0, 1 << 20][self.below(2) as usize];
            let rules = rules(now, map_bytes_max, 12_000);
            let _ = self.store.compact(&log, &rules, &Pacer::endless()).await;
        }
    }

    async fn delete(&self) {
        while !self.done.get() {
            self.pause().await;
            let Some(log) = self.store.log(partition(1, 0)) else { continue };
            let before = log.start_offset();
            if self.below(8) == 0 {
                let (from, to) = (before.get(), log.commit_offset().get());
                let start = from + self.below((to - from) as u64 / 3 + 1) as i64;
                let _ = log.delete_records(Offset::new(start));
                let mut known = self.known.borrow_mut();
                known.start_asked = known.start_asked.max(start);
            }
            if log.retain(keep(-1, -1, roll_at(8_000))).await.is_ok() {
                let mut known = self.known.borrow_mut();
                known.start_answered = known.start_answered.max(before.get());
            }
        }
    }
}

/// Cuts the power at steps of one run, and lives on from the last cut; returns the cuts.
fn lives(seed: u64, with_fault: bool) -> u64 {
    let mut random = Random::new(seed);
    let mut sim = new_disk(seed);
    let known: Rc<RefCell<Known>> = Rc::default();
    let mut cuts = 0;
    for _ in 0..3 {
        sim.set_yields_max(1 + random.below(3));
        let (store, _) = run(open(&sim, OPTIONS));
        if with_fault {
            let operation = [Operation::Write, Operation::Sync][random.below(2) as usize];
            let fault = Fault::new(operation, FaultError::Errno(libc::EIO));
            sim.inject(fault.nth(20 + random.below(200)).under(data_dir().join("topics")));
        }
        let run_of_life = Run {
            sim: sim.clone(),
            store: store.clone(),
            random: Rc::new(RefCell::new(Random::new(random.below(u64::MAX)))),
            known: known.clone(),
            done: Cell::new(false),
        };
        let last = 300 + random.below(4000);
        let mut steps = Steps::new(run_of_life.work(60));
        for _ in 0..last {
            if steps.step().is_some() {
                break;
            }
            if random.below(12) == 0 {
                cuts += 1;
                check(&cut(&sim, &mut random), &known, random.below(2) == 0);
            }
        }
        drop(steps);
        let image = cut(&run_of_life.sim, &mut random);
        check(&image, &known, false);
        adopt(&image, &known);
        sim = image.durable();
    }
    cuts
}

fn cut(sim: &SimDisk, random: &mut Random) -> SimDisk {
    let mut choice = match random.below(6) {
        0 | 1 => CrashChoice::lose_all(),
        2 => CrashChoice::keep_all(),
        _ => CrashChoice::random(random.below(u64::MAX)),
    };
    sim.crash(&mut choice)
}

#[expect(clippy::await_holding_refcell_ref, reason = "the workload stands still meanwhile")]
fn check(image: &SimDisk, known: &Rc<RefCell<Known>>, and_compact: bool) {
    image.set_yields_max(0);
    let image = image.durable();
    with_store(&image, OPTIONS, async |store: Store| {
        let known = known.borrow();
        known.check(&store).await;
        let Some(log) = store.log(partition(1, 0)).filter(|_| and_compact) else { return };
        checkpoint(&store).await;
        log.retain(keep(-1, -1, roll_at(1 << 30))).await.expect("retained");
        let rules = rules(100_000, 1 << 20, 12_000);
        store.compact(&log, &rules, &Pacer::endless()).await.expect("compacted");
        known.check(&store).await;
        assert_eq!(files_of_nobody(&image, &log).await, 0);
    });
}

/// What a start has found is what the next life begins with.
fn adopt(image: &SimDisk, known: &Rc<RefCell<Known>>) {
    let (store, _) = run(open(&image.durable(), OPTIONS));
    let mut known = known.borrow_mut();
    let log = store.log(partition(1, 0));
    let end = log.as_ref().map_or(0, |log| log.commit_offset().get());
    let start = log.map_or(0, |log| log.start_offset().get());
    known.written.truncate(end as usize);
    known.acknowledged = end as usize;
    (known.start_asked, known.start_answered) = (start, start);
}

fn seeds(first: u64, count: u64) -> std::ops::Range<u64> {
    let asked = std::env::var("PELTON_SEEDS").ok().and_then(|count| count.parse().ok());
    first..first + asked.unwrap_or(count)
}

fn cuts_of(seeds: std::ops::Range<u64>, with_fault: bool) -> u64 {
    let one = |seed| {
        println!("seed {seed}");
        lives(seed, with_fault)
    };
    let cuts = seeds.map(one).sum();
    // Read by `cargo x crash`.
    println!("beside compaction: {cuts} power cuts");
    cuts
}

fn enough(cuts: u64, minimum: u64) {
    let is_asked_for = std::env::var_os("PELTON_SEEDS").is_some();
    assert!(cuts > minimum || is_asked_for, "{cuts} power cuts, more than {minimum} are wanted");
}

#[test]
fn s2_f4_a_power_cut_leaves_the_old_segments_or_the_new() {
    enough(cuts_of(seeds(0, 12), false), 500);
}

#[test]
fn s3_a_compaction_that_fails_costs_nothing() {
    enough(cuts_of(seeds(1_000_000, 8), true), 200);
}

/// Every step of one compaction, and every outcome of a cut there that matters most.
#[test]
fn s2_f4_a_power_cut_at_every_step_of_a_compaction() {
    let sim = new_disk(7);
    let mut known = Known::default();
    with_store(&sim, OPTIONS, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        for at in 0..40 {
            let value = (at % 5 != 0).then(|| vec![at as u8; 600]);
            let (offset, key) = (at, (at % 7) as u8);
            let record = Written { offset, key, value, timestamp: at, written_at: 0 };
            append(
                &store,
                &log,
                batch_of_keys(std::slice::from_ref(&record), Compression::None, None),
            )
            .await;
            known.written.push(record);
            store.checkpoint(|_| roll_at(3000)).await.expect("a checkpoint");
        }
        known.acknowledged = 40;
    });
    let known = Rc::new(RefCell::new(known));
    sim.set_yields_max(1);
    let (store, _) = run(open(&sim, OPTIONS));
    let log = store.log(partition(1, 0)).expect("a log");
    let before = log.segment_count();
    assert!(before > 6);
    let (rules, pacer) = (rules(0, 1 << 20, 6000), Pacer::endless());
    let mut steps = Steps::new(join(store.compact(&log, &rules, &pacer), async {}));
    let (mut old, mut new, mut count) = (0, 0, 0);
    loop {
        let done = steps.step();
        count += 1;
        for choice in 0..4 {
            let mut choice = match choice {
                0 => CrashChoice::lose_all(),
                1 => CrashChoice::keep_all(),
                _ => CrashChoice::random(count * 10 + choice),
            };
            let image = sim.crash(&mut choice);
            check(&image, &known, true);
            let (found, _) = run(open(&image.durable(), OPTIONS));
            match found.log(partition(1, 0)).expect("a log").segment_count() {
                count if count == before => old += 1,
                _ => new += 1,
            }
        }
        if let Some((compacted, ())) = done {
            assert!(compacted.expect("compacted").removed_records > 0);
            break;
        }
    }
    assert!(old > 20 && new > 20, "{old} old, {new} new");
    assert!(log.segment_count() < before);
}

/// Removing a partition waits for its compaction, which ends early; nothing is left behind.
#[test]
fn a_partition_may_be_removed_at_any_step_of_its_compaction() {
    for at in 0..60 {
        let sim = new_disk(at);
        let id = partition(1, 0);
        with_store(&sim, OPTIONS, async |store: Store| {
            let log = place(&store, id).await;
            for key in 0..30u8 {
                let (offset, value) = (i64::from(key), Some(vec![key; 900]));
                let record = Written { offset, key: key % 3, value, timestamp: 1, written_at: 0 };
                append(&store, &log, batch_of_keys(&[record], Compression::None, None)).await;
                store.checkpoint(|_| roll_at(4000)).await.expect("a checkpoint");
            }
            sim.set_yields_max(1);
            let (rules, pacer) = (rules(0, 1 << 20, 8000), Pacer::endless());
            let done = Cell::new(false);
            let removal = async {
                for _ in 0..at * 2 {
                    yield_once().await;
                }
                store.remove(id).await.expect("removed");
                assert!(done.get(), "at {at}: it is compacted yet");
            };
            let compaction = async {
                let _ = store.compact(&log, &rules, &pacer).await;
                done.set(true);
            };
            join(compaction, removal).await;
            let left = sim.disk().list_dir(&partition_dir(id)).await;
            assert!(left.is_err(), "at {at}: {left:?}");
        });
    }
}
