//! Compaction against a plain list of records: whatever is written, cleaned and cut off in
//! whatever order, the log still says what the list says.

#![expect(clippy::await_holding_refcell_ref, reason = "one life of the store runs at a time")]

mod model;
mod power_cut;
#[path = "../support/mod.rs"]
mod support;

use std::cell::{Cell, RefCell};
use std::pin::pin;

use futures::future::{join, join_all, select};
use futures::poll;
use model::*;
use pelton_model::Compression;
use pelton_model::batch::BatchHeader;
use pelton_storage::disk::sim::{Fault, FaultError, Operation};
use pelton_storage::{
    CompactionError, CompactionRules, Log, RollRules, StorageError, Store, StoreOptions,
};
use proptest::prelude::*;
use support::*;

const PRODUCERS: i64 = 3;

#[derive(Clone, Debug)]
enum Step {
    Append {
        keys: Vec<(u8, bool)>,
        bytes: usize,
        codec: Compression,
        producer: i64,
    },
    Checkpoint {
        segment_bytes: u64,
    },
    Compact {
        map_bytes_max: usize,
        segment_bytes: u64,
        delay_ms: i64,
    },
    /// A compaction that is told to end after so many steps.
    Interrupted {
        steps: u32,
        segment_bytes: u64,
    },
    Restart {
        in_order: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let keys = proptest::collection::vec((0..12u8, any::<bool>()), 1..12);
    let codec = prop::sample::select(&Compression::ALL);
    prop_oneof![
        12 => (keys, 1..400usize, codec, 0..=PRODUCERS).prop_map(|(keys, bytes, codec, producer)| {
            Step::Append { keys, bytes, codec, producer }
        }),
        5 => (500..20_000u64).prop_map(|segment_bytes| Step::Checkpoint { segment_bytes }),
        4 => (
            prop_oneof![Just(0usize), Just(200), Just(1 << 20)],
            1000..50_000u64,
            prop_oneof![Just(0i64), 1..3000i64],
        )
            .prop_map(|(map_bytes_max, segment_bytes, delay_ms)| {
                Step::Compact { map_bytes_max, segment_bytes, delay_ms }
            }),
        2 => (0..60u32, 1000..20_000u64).prop_map(|(steps, segment_bytes)| {
            Step::Interrupted { steps, segment_bytes }
        }),
        2 => any::<bool>().prop_map(|in_order| Step::Restart { in_order }),
    ]
}

async fn perform(store: &Store, log: &Log, model: &mut Model, step: &Step) {
    model.now += 10;
    match step {
        Step::Append { keys, bytes, codec, producer } => {
            let base = model.written.len() as i64;
            let records = keys.iter().enumerate().map(|(at, (key, has_value))| Written {
                offset: base + at as i64,
                key: *key,
                value: has_value.then(|| vec![(base as usize + at) as u8; *bytes]),
                timestamp: (base + at as i64) * 7919 % 1000,
                written_at: model.now,
            });
            let records: Vec<Written> = records.collect();
            let next = model.sequences.get(producer).copied().unwrap_or(0);
            let producer = (*producer < PRODUCERS).then_some((*producer, next));
            let (offset, _) = append(store, log, batch_of_keys(&records, *codec, producer)).await;
            assert_eq!(offset.get(), base);
            if let Some((id, next)) = producer {
                model.sequences.insert(id, next + records.len() as i32);
                let again = log.append(batch_of_keys(&records, *codec, producer), NOW);
                assert!(again.expect("a duplicate").duplicate_of.is_some());
            }
            model.written.extend(records);
        }
        Step::Checkpoint { segment_bytes } => {
            store.checkpoint(|_| roll_at(*segment_bytes)).await.expect("a checkpoint");
        }
        Step::Compact { map_bytes_max, segment_bytes, delay_ms } => {
            model.now += delay_ms;
            let rules = rules(model.now, *map_bytes_max, *segment_bytes);
            let end = log.dirtiness(&rules).range.end;
            let pacer = Pacer::endless();
            let done = store.compact(log, &rules, &pacer).await.expect("compacted");
            assert_eq!(log.cleaned_end(), end, "all that was dirty is clean");
            let moved = done.read_bytes + done.written_bytes;
            assert_eq!(pacer.moved_bytes.get(), moved, "every byte is paid for");
            model.check(log).await;
        }
        Step::Interrupted { steps, segment_bytes } => {
            let rules = rules(model.now, 1 << 20, *segment_bytes);
            match store.compact(log, &rules, &Pacer::of(*steps)).await {
                Ok(_) | Err(CompactionError::Interrupted) => {}
                Err(error) => panic!("{error}"),
            }
            let records = left(log).await;
            let records = records.iter().flat_map(|(_, records)| records);
            assert_eq!(table(records), table(model.written.iter()));
        }
        Step::Restart { in_order } => {
            if *in_order {
                store.close(|_| roll_at(1 << 30)).await.expect("closed");
            }
        }
    }
}

/// What a broker does when the ring is full.
async fn relieve(store: &Store) {
    loop {
        let pressure = store.journal().pressure().wait();
        checkpoint(store).await;
        pressure.await;
    }
}

/// What a start finds: all that was acknowledged, and the producers.
async fn check_start(store: &Store, log: &Log, model: &Model) {
    assert_eq!(log.commit_offset().get(), model.written.len() as i64);
    let records = left(log).await;
    let records = records.iter().flat_map(|(_, records)| records);
    assert_eq!(table(records), table(model.written.iter()));
    for (producer, next) in &model.sequences {
        let record = model.written[0].clone();
        let gap = batch_of_keys(&[record], Compression::None, Some((*producer, next + 1)));
        assert!(log.append(gap, NOW).is_err(), "producer {producer} is known");
    }
    assert!(store.journal().check().is_ok());
}

fn live(steps: &[Step], cache_bytes: usize) {
    let sim = new_disk(1);
    let options = StoreOptions { cache_bytes, ..SMALL };
    let model = RefCell::new(Model::default());
    for life in steps.split_inclusive(|step| matches!(step, Step::Restart { .. })) {
        with_store(&sim, options, async |store: Store| {
            let model = &mut *model.borrow_mut();
            let steps = pin!(async {
                let log = place(&store, partition(1, 0)).await;
                check_start(&store, &log, model).await;
                for step in life {
                    perform(&store, &log, model, step).await;
                }
            });
            select(steps, pin!(relieve(&store))).await;
        });
    }
    let sim = sim.durable();
    with_store(&sim, options, async |store: Store| {
        let model = model.borrow();
        if let Some(log) = store.log(partition(1, 0)) {
            check_start(&store, &log, &model).await;
            store
                .compact(&log, &rules(0, 1 << 20, 20_000), &Pacer::endless())
                .await
                .expect("compacted");
            assert_eq!(files_of_nobody(&sim, &log).await, 0);
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn s2_a_compacted_log_is_the_same_table(
        steps in proptest::collection::vec(step(), 1..60),
        cache_bytes in prop_oneof![Just(0), Just(30_000), Just(1 << 20)],
    ) {
        live(&steps, cache_bytes);
    }
}

/// Forty records of seven keys in segments of a few batches each; offset and key are the same
/// modulo seven.
async fn seven_keys(store: &Store) -> Log {
    let log = place(store, partition(1, 0)).await;
    for offset in 0..40 {
        let value = Some(vec![offset as u8; 600]);
        let record =
            Written { offset, key: (offset % 7) as u8, value, timestamp: offset, written_at: 0 };
        append(store, &log, batch_of_keys(&[record], Compression::None, None)).await;
        store.checkpoint(|_| roll_at(3000)).await.expect("a checkpoint");
    }
    log
}

/// Whatever files a reader has open, or wanted to open, when segments are swapped under it.
#[test]
fn reads_go_on_while_segments_are_swapped() {
    for seed in 0..20 {
        let sim = new_disk(seed);
        with_store(&sim, SMALL, async |store: Store| {
            let log = seven_keys(&store).await;
            sim.set_yields_max(3);
            let done = Cell::new(false);
            let compactions = async {
                let rules = rules(0, 1 << 20, 7000);
                store.compact(&log, &rules, &Pacer::endless()).await.expect("compacted");
                done.set(true);
            };
            let readers = join_all((0..4).map(async |reader: i64| {
                let mut rounds = 0;
                while !done.get() || rounds == 0 {
                    let mut at = reader * 3;
                    while at < log.commit_offset().get() {
                        let found = read(&log, at, 900).await.expect("read");
                        let first = BatchHeader::read(&found.slices[0]).expect("a batch");
                        assert!(first.next_offset().get() > at);
                        // A key's newest record is there at any time.
                        assert!(first.base_offset.get() <= at.max(33));
                        at = first.next_offset().get();
                    }
                    rounds += 1;
                }
            }));
            join(compactions, readers).await;
            assert!(log.segment_count() < 8);
        });
    }
}

/// F2: rot in a source is found before it gets a new checksum, and costs nothing but the compaction.
#[test]
fn f2_damage_is_not_compacted_away() {
    let sim = new_disk(1);
    with_store(&sim, SMALL, async |store: Store| {
        let log = seven_keys(&store).await;
        let before = (log.segment_count(), log.cleaned_end());
        let dir = partition_dir(log.id());
        let entries = sim.disk().list_dir(&dir).await.expect("files");
        let victim = entries.iter().filter(|entry| entry.name.ends_with(".log")).nth(2);
        let victim = dir.join(&victim.expect("a segment").name);
        sim.flip_bit(&victim, 1000, 3).expect("a file");
        let rules = rules(0, 1 << 20, 7000);
        let result = store.compact(&log, &rules, &Pacer::endless()).await;
        assert!(
            matches!(result, Err(CompactionError::Failed(StorageError::Damaged { .. }))),
            "{result:?}"
        );
        assert_eq!((log.segment_count(), log.cleaned_end()), before);
        assert_eq!(files_of_nobody(&sim, &log).await, 0);
        assert!(store.journal().check().is_ok());
    });
}

#[test]
fn a_log_is_due_by_dirtiness_or_by_age() {
    with_store(&new_disk(1), SMALL, async |store: Store| {
        let log = seven_keys(&store).await;
        let base = rules(0, 1 << 20, 7000);
        let is_due = async |rules: CompactionRules| log.is_compaction_due(&rules).await;
        let by_ratio = |ratio| CompactionRules { min_cleanable_dirty_ratio: ratio, ..base };
        assert_eq!(is_due(by_ratio(0.99)).await, Ok(true));
        assert_eq!(is_due(by_ratio(1.0)).await, Ok(false), "all of it is dirty, and not more");
        // The first record has timestamp 0, which Kafka takes for none.
        let aged =
            |max_compaction_lag_ms| CompactionRules { max_compaction_lag_ms, ..by_ratio(1.0) };
        assert_eq!(is_due(aged(1)).await, Ok(false));
        let first = CompactionRules { min_compaction_lag_ms: NOW.get() - 5, ..base };
        store.compact(&log, &first, &Pacer::endless()).await.expect("compacted");
        assert!(log.cleaned_end().get() > 0, "what is old enough");
        let waits_since = log.cleaned_end().get();
        assert_eq!(is_due(aged(NOW.get() - waits_since)).await, Ok(false));
        assert_eq!(is_due(aged(NOW.get() - waits_since - 1)).await, Ok(true));
    });
}

/// They are as old as their append, for `min.compaction.lag.ms` as for `retention.ms`.
#[test]
fn records_without_a_timestamp_may_be_too_young_to_be_compacted() {
    const HOUR_MS: i64 = 3_600_000;
    with_store(&new_disk(1), SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        for offset in 0..20 {
            let value = Some(vec![offset as u8; 2_000]);
            let record = Written { offset, key: 7, value, timestamp: -1, written_at: 0 };
            append(&store, &log, batch_of_keys(&[record], Compression::None, None)).await;
            store.checkpoint(|_| roll_at(5_000)).await.expect("carried");
        }
        let after =
            |ms| CompactionRules { min_compaction_lag_ms: HOUR_MS, ..rules(ms, 1 << 20, 1 << 20) };
        for (ms, is_compacted) in [(HOUR_MS / 2, false), (HOUR_MS + 1, true)] {
            store.compact(&log, &after(ms), &Pacer::endless()).await.expect("looked");
            assert_eq!(log.cleaned_end().get() > 0, is_compacted, "after {ms} ms");
        }
    });
}

/// A read that has begun, and only comes to open its files when they are gone.
#[test]
fn a_read_that_comes_too_late_for_the_old_files_finds_the_new() {
    for steps in 0..12 {
        let sim = new_disk(steps);
        with_store(&sim, SMALL, async |store: Store| {
            seven_keys(&store).await;
        });
        sim.set_yields_max(2);
        with_store(&sim, SMALL, async |store: Store| {
            let log = store.log(partition(1, 0)).expect("a log");
            let mut reading = pin!(read(&log, 2, 900));
            for _ in 0..steps {
                if poll!(&mut reading).is_ready() {
                    return;
                }
            }
            let rules = rules(0, 1 << 20, 7000);
            store.compact(&log, &rules, &Pacer::endless()).await.expect("compacted");
            let found = reading.await.expect("read");
            let first = BatchHeader::read(&found.slices[0]).expect("a batch");
            assert!(first.next_offset().get() > 2);
        });
    }
}

/// A gap that begins in one chunk and ends in another of the same segment.
#[test]
fn a_read_from_a_gap_between_chunks_finds_the_batch_behind_it() {
    with_store(&new_disk(1), SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        for offset in 0..30 {
            // Offsets 4 to 19 are superseded by 20.
            let key = if (4..=20).contains(&offset) { 100 } else { offset as u8 };
            let value = Some(vec![offset as u8; 20_000]);
            let record = Written { offset, key, value, timestamp: offset, written_at: 0 };
            append(&store, &log, batch_of_keys(&[record], Compression::None, None)).await;
            checkpoint(&store).await;
        }
        let roll = RollRules { segment_ms: 0, ..roll_at(1 << 30) };
        log.roll_when_old(roll).await.expect("rolled");
        let rules = rules(0, 1 << 20, 1 << 30);
        store.compact(&log, &rules, &Pacer::endless()).await.expect("compacted");
        assert_eq!(log.segment_count(), 2, "one, and the next, which is empty");
        for from in 0..30 {
            let found = read(&log, from, 1).await.expect("read");
            let first = BatchHeader::read(&found.slices[0]).expect("a batch");
            let expected = if (4..=20).contains(&from) { 20 } else { from };
            assert_eq!(first.base_offset.get(), expected, "from {from}");
        }
    });
}

/// Readers learn from the last batch how far the log goes, when nothing else can tell them.
#[test]
fn the_last_batch_keeps_the_logs_last_offset() {
    with_store(&new_disk(1), SMALL, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        // Records without keys, of the time before the topic was compacted: none of them stays.
        for _ in 0..9 {
            append(&store, &log, batch_of(&[(5, b"one"), (5, b"two")], None)).await;
        }
        checkpoint(&store).await;
        log.roll_when_old(RollRules { segment_ms: 0, ..roll_at(1 << 30) }).await.expect("rolled");
        let rules = rules(0, 1 << 20, 1 << 30);
        store.compact(&log, &rules, &Pacer::endless()).await.expect("compacted");
        let batches = read_all(&log).await;
        let [last] = &batches[..] else { panic!("{} batches", batches.len()) };
        let last = BatchHeader::read(last).expect("a batch");
        assert_eq!((last.record_count, last.next_offset()), (0, log.commit_offset()));
        for from in 0..18 {
            assert_eq!(read(&log, from, 1).await.expect("read").slices.len(), 1, "from {from}");
        }
        // Once something follows it, it goes.
        let value = Some(b"value".to_vec());
        let record = Written { offset: 18, key: 1, value, timestamp: 5, written_at: 0 };
        append(&store, &log, batch_of_keys(&[record], Compression::None, None)).await;
        checkpoint(&store).await;
        log.roll_when_old(RollRules { segment_ms: 0, ..roll_at(1 << 30) }).await.expect("rolled");
        store.compact(&log, &rules, &Pacer::endless()).await.expect("compacted");
        let first = read(&log, 0, 1).await.expect("read");
        assert_eq!(BatchHeader::read(&first.slices[0]).expect("a batch").base_offset.get(), 18);
    });
}

/// Between any two groups too: what a pass has not come to is still dirty.
#[test]
fn old_segments_go_with_the_first_state_file_that_does_not_name_them() {
    for (operation, errno) in [(Operation::Open, libc::EMFILE), (Operation::Write, libc::ENOSPC)] {
        let sim = new_disk(1);
        with_store(&sim, SMALL, async |store: Store| {
            let log = seven_keys(&store).await;
            for slot in ["state.0.tmp", "state.1.tmp"] {
                let fault = Fault::new(operation, FaultError::Errno(errno));
                sim.inject(fault.under(shard_dir().join(slot)).lasting());
            }
            let rules = rules(0, 1 << 20, 1 << 20);
            let failed = store.compact(&log, &rules, &Pacer::endless()).await;
            assert!(failed.is_err(), "{errno}");
            assert!(files_of_nobody(&sim, &log).await > 5, "what the old state names is there");
            assert!(store.checkpoint(|_| roll_at(3000)).await.is_err());
            assert!(files_of_nobody(&sim, &log).await > 5, "what the old state names is there");
            sim.clear_faults();
            checkpoint(&store).await;
            assert_eq!(files_of_nobody(&sim, &log).await, 0);
            assert_eq!(log.commit_offset().get(), 40);
            assert!(!left(&log).await.is_empty());
        });
    }
}

#[test]
fn a_pass_that_was_cut_short_is_done_again() {
    let mut swapped_in_part = 0;
    for steps in 0..90 {
        with_store(&new_disk(1), SMALL, async |store: Store| {
            let log = seven_keys(&store).await;
            let (before, sealed) = (log.segment_count(), log.cleaned_end());
            let rules = rules(0, 1 << 20, 7000);
            let result = store.compact(&log, &rules, &Pacer::of(steps)).await;
            if result.is_err() {
                assert_eq!(log.cleaned_end(), sealed, "after {steps} steps");
                swapped_in_part += u32::from(log.segment_count() < before);
            }
            store.compact(&log, &rules, &Pacer::endless()).await.expect("compacted");
            let end = log.cleaned_end().get();
            let batches = left(&log).await;
            let records = batches.iter().flat_map(|(_, records)| records);
            let below = records.filter(|record| record.offset < end).count();
            assert_eq!(below, 7, "the newest record of each key, after {steps} steps");
        });
    }
    assert!(swapped_in_part > 5, "{swapped_in_part}");
}
