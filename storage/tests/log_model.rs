//! The log against a plain list of batches: whatever is done in whatever order, both say the same.

#![expect(clippy::await_holding_refcell_ref, reason = "one life of the store runs at a time")]

mod support;

use std::cell::RefCell;
use std::pin::pin;

use bytes::Bytes;
use futures::future::select;
use pelton_model::Offset;
use pelton_model::batch::BatchHeader;
use pelton_storage::{Log, ReadError, ReadLimits, Store, StoreOptions};
use proptest::prelude::*;
use support::*;

#[derive(Clone, Debug)]
enum Step {
    Append {
        records: usize,
        bytes: usize,
    },
    /// From a share of the range of offsets, up to so many bytes.
    Read {
        at: f64,
        bytes_max: usize,
        end: f64,
    },
    Checkpoint {
        segment_bytes: u64,
    },
    DeleteTo {
        at: f64,
    },
    Retain {
        bytes: i64,
    },
    Restart {
        in_order: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let share = || 0.0..1.0f64;
    prop_oneof![
        8 => (1..4usize, 1..3000usize).prop_map(|(records, bytes)| Step::Append { records, bytes }),
        1 => (1..3usize, 30_000..90_000usize)
            .prop_map(|(records, bytes)| Step::Append { records, bytes }),
        6 => (share(), 1..40_000usize, share())
            .prop_map(|(at, bytes_max, end)| Step::Read { at, bytes_max, end }),
        4 => (1000..200_000u64).prop_map(|segment_bytes| Step::Checkpoint { segment_bytes }),
        1 => share().prop_map(|at| Step::DeleteTo { at: at / 2.0 }),
        1 => (10_000..200_000i64).prop_map(|bytes| Step::Retain { bytes }),
        2 => any::<bool>().prop_map(|in_order| Step::Restart { in_order }),
    ]
}

/// The list, which forgets nothing, and where the log begins.
#[derive(Default)]
struct List {
    batches: Vec<(Offset, Offset, Bytes)>,
    start: Offset,
}

impl List {
    fn end(&self) -> Offset {
        self.batches.last().map_or(Offset::ZERO, |(_, next, _)| *next)
    }

    fn offset(&self, share: f64) -> Offset {
        Offset::new((self.end().get() as f64 * share) as i64)
    }

    /// All that a read from here may bring.
    fn from(&self, from: Offset, end: Offset) -> Vec<&Bytes> {
        let wanted = self.batches.iter().filter(|(_, next, _)| *next > from && *next <= end);
        wanted.map(|(_, _, bytes)| bytes).collect()
    }
}

async fn check_read(log: &Log, list: &List, from: Offset, bytes_max: usize, end: Offset) {
    let read = log.read(from, ReadLimits { bytes_max, at_least_one: true, end }).await;
    if from < list.start || from > list.end() {
        let expected = ReadError::OutOfRange { start: list.start, end: list.end() };
        assert_eq!(read.expect_err("out of range"), expected);
        return;
    }
    let read = read.expect("read");
    let expected = if from < end { list.from(from, end) } else { Vec::new() };
    assert_eq!(read.slices.is_empty(), expected.is_empty(), "from {from} to {end}");
    assert!(read.slices.iter().eq(expected.into_iter().take(read.slices.len())));
    assert_eq!(read.bytes, read.slices.iter().map(Bytes::len).sum::<usize>());
    assert!(read.bytes <= bytes_max || read.slices.len() == 1);
}

async fn perform(store: &Store, log: &Log, list: &mut List, step: &Step) {
    match *step {
        Step::Append { records, bytes } => {
            let value = vec![list.batches.len() as u8; bytes];
            let batch = batch_of(&vec![(NOW.get(), &value[..]); records], None);
            let (base, bytes) = append(store, log, batch).await;
            assert_eq!(base, list.end());
            list.batches.push((base, base.plus(records as i64), bytes));
        }
        Step::Read { at, bytes_max, end } => {
            let (from, end) = (list.offset(at), list.offset(end));
            check_read(log, list, from, bytes_max, end).await;
            check_read(log, list, from, bytes_max, list.end()).await;
        }
        Step::Checkpoint { segment_bytes } => {
            store.checkpoint(|_| roll_at(segment_bytes)).await.expect("a checkpoint");
        }
        Step::DeleteTo { at } => {
            let start = list.offset(at);
            let group = log.delete_records(start).expect("deleted");
            store.journal().durable(group).await.expect("durable");
            list.start = list.start.max(start);
        }
        Step::Retain { bytes } => {
            log.retain(keep(-1, bytes, roll_at(1 << 30))).await.expect("retained");
            assert!(log.start_offset() >= list.start);
            list.start = log.start_offset();
        }
        Step::Restart { in_order } => {
            if in_order {
                store.close(|_| roll_at(1 << 30)).await.expect("closed");
            } else {
                let newest = store.journal().next_sequence() - 1;
                store.journal().durable(newest).await.expect("durable");
            }
        }
    }
    assert_eq!((log.start_offset(), log.end_offset()), (list.start, list.end()));
    assert_eq!(log.commit_offset(), list.end());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_log_is_a_list_of_batches(
        steps in proptest::collection::vec(step(), 1..80),
        cache_bytes in prop_oneof![Just(0), Just(30_000), Just(1 << 20)],
    ) {
        let sim = new_disk(1);
        let options = StoreOptions { cache_bytes, ..SMALL };
        let list = RefCell::new(List::default());
        let lives = steps.split_inclusive(|step| matches!(step, Step::Restart { .. }));
        for life in lives {
            with_store(&sim, options, async |store: Store| {
                let list = &mut *list.borrow_mut();
                let steps = pin!(async {
                    let log = place(&store, partition(1, 0)).await;
                    assert_eq!((log.start_offset(), log.end_offset()), (list.start, list.end()));
                    for step in life {
                        perform(&store, &log, list, step).await;
                    }
                });
                select(steps, pin!(relieve(&store))).await;
            });
        }
        with_store(&sim.durable(), options, async |store: Store| {
            let list = list.borrow();
            if let Some(log) = store.log(partition(1, 0)) {
                // Deletions of the last life need not be durable.
                let all = read_all(&log).await;
                let start = log.start_offset().max(Offset::ZERO);
                assert!(start <= list.start);
                let expected = list.from(start, list.end());
                assert!(all.iter().eq(expected.into_iter()));
                if let Some(first) = all.first() {
                    assert!(BatchHeader::read(first).expect("a batch").base_offset <= start);
                }
            }
        });
    }
}

/// What a broker does when the ring is full.
async fn relieve(store: &Store) {
    loop {
        // Begun before, so that what comes while the checkpoint runs is not missed.
        let pressure = store.journal().pressure().wait();
        checkpoint(store).await;
        pressure.await;
    }
}
