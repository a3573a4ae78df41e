//! S9: a disk that is full at any point fences nothing, and everything goes on by itself when there
//! is room again.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use pelton_model::limits::BLOCK_BYTES;
use pelton_storage::Store;
use pelton_storage::disk::sim::Random;

use super::support::*;
use super::workload::Workload;
use super::{Also, Blame, Flush, Run};

/// Of so many sizes of the disk, half a block apart, each is full at another point of another life.
const POINTS: u64 = 240;
const POINTS_MIN: u64 = 200;

const ROUNDS: u64 = 20;

/// How long a disk stays full.
const FULL_STEPS: u64 = 1_500;

/// A life that ends in order takes no more.
const STEPS_MAX: u64 = 200_000;

/// A life on a disk with so many half blocks to spare, until there is room again and all is written.
/// Whether it was ever full.
fn live(seed: u64, half_blocks: u64) -> bool {
    let _blame = Blame(seed);
    let flush = if seed.is_multiple_of(2) { Flush::Never } else { Flush::Often };
    let mut run = Run::new(seed, Also::Nothing, flush, false);
    let sim = run.live(&new_disk(seed));
    sim.set_yields_max(2);
    let live: Rc<RefCell<Option<Store>>> = Rc::default();
    let full = Rc::<Cell<u64>>::default();
    let capacity = sim.capacity_bytes();
    let mut steps = Steps::new({
        let (live, sim, full) = (live.clone(), sim.clone(), full.clone());
        let (model, random) = (run.model.clone(), run.random.clone());
        let (options, also) = (run.options, run.also);
        async move {
            let (store, _) = open(&sim, options).await;
            model.borrow_mut().adopt(&store);
            *live.borrow_mut() = Some(store.clone());
            sim.set_capacity(sim.used_bytes() + half_blocks * BLOCK_BYTES as u64 / 2);
            let bytes_max = u64::MAX;
            let workload = Workload { store: store.clone(), model, random, also, bytes_max, full };
            beside_journal(&store, workload.run(ROUNDS)).await;
        }
    });
    let (mut taken, mut room_again) = (0, None);
    let is_done = loop {
        if steps.step().is_some() {
            break true;
        }
        taken += 1;
        let is_full = |store: &Store| full.get() > 0 || store.journal().is_starved();
        if room_again.is_none() && live.borrow().as_ref().is_some_and(is_full) {
            room_again = Some(taken + Random::new(seed).below(FULL_STEPS));
        }
        if room_again == Some(taken) {
            sim.set_capacity(capacity);
        }
        if taken >= STEPS_MAX {
            break false;
        }
    };
    assert!(is_done, "it does not go on, {half_blocks} half blocks");
    let store = live.borrow().clone().expect("it was opened");
    for (id, life) in &run.model.borrow().lives {
        let log = store.log(*id).expect("nothing was removed");
        let unanswered = life.written.iter().find(|written| !written.acknowledged);
        assert!(unanswered.is_none(), "{id}: fenced by a full disk, {half_blocks} half blocks");
        assert_eq!(log.commit_offset(), log.end_offset(), "{id}");
    }
    // Also when it has never been full: whoever looks at the image wants to carry.
    sim.set_capacity(capacity);
    let image = run.cut(&sim);
    run.check(&image, Some(&store));
    room_again.is_some()
}

#[test]
fn s9_a_disk_that_is_full_at_any_point_fences_nothing() {
    let felt = (0..POINTS).filter(|point| live(10_000_000 + point % 4, *point)).count() as u64;
    println!("full at {felt} points of {POINTS}");
    assert!(felt >= POINTS_MIN, "{felt}");
}
