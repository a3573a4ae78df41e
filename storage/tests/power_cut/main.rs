//! S2, S4, S6, F3: the power is cut at any moment, and what it leaves is held against what clients
//! were told and could have read.

mod cut;
mod damage;
mod full_disk;
mod model;
mod nth_error;
mod planted;
mod record;
mod stale;
#[path = "../support/mod.rs"]
mod support;
mod workload;

use std::cell::RefCell;
use std::rc::Rc;

use damage::Damages;
use model::Model;
use pelton_storage::disk::sim::{CrashChoice, Fault, FaultError, Operation, Random, SimDisk, run};
use pelton_storage::journal::JournalOptions;
use pelton_storage::{Store, StoreOptions};
use record::Record;
use support::*;
use workload::{Also, Workload};

/// A run's steps are some hundreds to thousands; at each, with this chance, a power cut is tried.
const STEPS_PER_IMAGE: u64 = 8;

/// One run of a seed over several lives, each ended by a power cut.
struct Run {
    seed: u64,
    random: Rc<RefCell<Random>>,
    model: Rc<RefCell<Model>>,
    options: StoreOptions,
    also: Also,
    with_faults: bool,
    /// Instead of power cuts the device breaks its word.
    is_damaging: bool,
    record: Rc<Record>,
    images: u64,
    damages: Damages,
}

/// Whether tails go straight to segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flush {
    Never,
    Often,
}

/// Says with which seed a test failed.
struct Blame(u64);

impl Drop for Blame {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed was {}", self.0);
        }
    }
}

impl Run {
    fn new(seed: u64, also: Also, flush: Flush, with_faults: bool) -> Self {
        let mut random = Random::new(seed);
        let cache_bytes = [0, 20_000, 1 << 20][random.below(3) as usize];
        let journal = JournalOptions { file_bytes: 16 << 10, ring_bytes_max: 64 << 10 };
        let direct_flush_bytes = match flush {
            Flush::Never => usize::MAX,
            Flush::Often => [1, 4_000, 15_000][random.below(3) as usize],
        };
        Run {
            seed,
            random: Rc::new(RefCell::new(random)),
            model: Rc::default(),
            options: StoreOptions { journal, cache_bytes, direct_flush_bytes, open_files_max: 4 },
            also,
            with_faults,
            is_damaging: false,
            record: Rc::default(),
            images: 0,
            damages: Damages::default(),
        }
    }

    fn damaging(self) -> Self {
        Self { is_damaging: true, ..self }
    }

    fn below(&self, bound: u64) -> u64 {
        self.random.borrow_mut().below(bound)
    }

    fn lives(mut self, count: u64) -> u64 {
        let _blame = Blame(self.seed);
        self.live_on(count);
        self.images
    }

    fn live_on(&mut self, count: u64) {
        let mut sim = new_disk(self.seed);
        for _ in 0..count {
            sim = self.live(&sim);
            self.record.check();
        }
    }

    /// Lives until a power cut; the disk that the next life finds.
    fn live(&mut self, sim: &SimDisk) -> SimDisk {
        sim.set_yields_max(1 + self.below(3));
        sim.set_pace(self.record.clone());
        let live: Rc<RefCell<Option<Store>>> = Rc::default();
        let work = {
            let (live, sim, options) = (live.clone(), sim.clone(), self.options);
            let (model, random, also) = (self.model.clone(), self.random.clone(), self.also);
            let fault = self.fault();
            async move {
                let (store, _) = open(&sim, options).await;
                model.borrow_mut().adopt(&store);
                if let Some(fault) = fault {
                    sim.inject(fault);
                }
                *live.borrow_mut() = Some(store.clone());
                let (bytes_max, full) = (u64::MAX, Rc::default());
                let workload =
                    Workload { store: store.clone(), model, random, also, bytes_max, full };
                beside_journal(&store, workload.run(12)).await;
            }
        };
        let mut steps = Steps::new(work);
        let last = 20 + self.below(700);
        for _ in 0..last {
            if steps.step().is_some() {
                break;
            }
            if self.below(STEPS_PER_IMAGE) != 0 {
                continue;
            }
            if self.is_damaging {
                self.damage(sim);
            } else {
                let image = self.cut(sim);
                self.check(&image, live.borrow().as_ref());
            }
        }
        let image = self.cut(sim);
        self.check(&image, live.borrow().as_ref());
        // What that start found it must find again, whatever becomes of what the start wrote.
        let store = run(async { open(&image, self.options).await.0 });
        self.model.borrow_mut().adopt(&store);
        let image = self.cut(&image);
        self.check(&image, None);
        self.cut(&image)
    }

    fn cut(&mut self, sim: &SimDisk) -> SimDisk {
        self.images += 1;
        let mut choice = match self.below(8) {
            0 | 1 => CrashChoice::lose_all(),
            2 => CrashChoice::keep_all(),
            _ => CrashChoice::random(self.below(u64::MAX)),
        };
        sim.crash(&mut choice)
    }

    #[expect(clippy::await_holding_refcell_ref, reason = "the workload stands still meanwhile")]
    fn check(&self, image: &SimDisk, live: Option<&Store>) {
        image.set_yields_max(0);
        run(async {
            let (store, _) = open(image, self.options).await;
            let model = self.model.borrow();
            model.check(&store, live).await;
            if self.below(3) == 0 {
                // From segments too.
                store.checkpoint(|_| roll_at(20_000)).await.expect("a checkpoint");
                model.check(&store, live).await;
            }
        });
    }

    fn fault(&self) -> Option<Fault> {
        if !self.with_faults {
            return None;
        }
        let operation =
            [Operation::Write, Operation::Sync, Operation::Allocate][self.below(3) as usize];
        let error = match operation {
            Operation::Allocate => libc::ENOSPC,
            _ => libc::EIO,
        };
        let under = [shard_dir(), data_dir().join("topics")][self.below(2) as usize].clone();
        let fault = Fault::new(operation, FaultError::Errno(error)).nth(1 + self.below(30));
        Some(if self.below(3) == 0 { fault.lasting() } else { fault }.under(under))
    }
}

/// `PELTON_SEEDS` asks for longer runs than every build wants.
fn seeds(first: u64, count: u64) -> std::ops::Range<u64> {
    let asked = std::env::var("PELTON_SEEDS").ok().and_then(|count| count.parse().ok());
    first..first + asked.unwrap_or(count)
}

/// How many images every build tries, by kind.
mod minimum {
    pub const CUTS: u64 = 3_000;
    pub const CUTS_AND_DELETIONS: u64 = 4_000;
    pub const FAULTS: u64 = 2_200;
    pub const FLUSHES: u64 = 3_700;
    pub const FLUSHES_AND_DELETIONS: u64 = 4_000;
    pub const FLUSHES_AND_FAULTS: u64 = 3_000;
    pub const STARTS: u64 = 700;
    pub const DAMAGES: u64 = 2_500;
}

const _: () = {
    use minimum::*;
    let deletions = CUTS_AND_DELETIONS + FLUSHES_AND_DELETIONS;
    let faults = FAULTS + FLUSHES_AND_FAULTS;
    assert!(CUTS + FLUSHES + deletions + faults + STARTS >= 20_000);
};

/// `cargo x crash` adds up what these lines say, and asks for its own minimum.
fn enough(images: u64, minimum: u64) {
    println!("{images} images");
    let is_asked_for = std::env::var_os("PELTON_SEEDS").is_some();
    assert!(images >= minimum || is_asked_for, "{images} images, {minimum} are wanted");
}

fn images_of(seeds: std::ops::Range<u64>, also: Also, flush: Flush, with_faults: bool) -> u64 {
    seeds.map(|seed| Run::new(seed, also, flush, with_faults).lives(3)).sum()
}

#[test]
fn s2_s4_what_was_acknowledged_or_visible_survives_any_power_cut() {
    let images = images_of(seeds(0, 36), Also::Nothing, Flush::Never, false);
    enough(images, minimum::CUTS);
}

#[test]
fn s2_s6_deletions_and_removals_are_as_safe() {
    let images = images_of(seeds(1_000_000, 44), Also::DeletionsAndRemovals, Flush::Never, false);
    enough(images, minimum::CUTS_AND_DELETIONS);
}

#[test]
fn s2_s3_nothing_acknowledged_is_lost_after_faults_and_a_power_cut() {
    let images = images_of(seeds(2_000_000, 28), Also::DeletionsAndRemovals, Flush::Never, true);
    enough(images, minimum::FAULTS);
}

fn flush_of(seed: u64) -> Flush {
    if seed.is_multiple_of(2) { Flush::Never } else { Flush::Often }
}

#[test]
fn s5_direct_flushes_are_as_safe() {
    let images = images_of(seeds(4_000_000, 52), Also::Nothing, Flush::Often, false);
    enough(images, minimum::FLUSHES);
}

#[test]
fn s5_s6_so_they_are_among_deletions_and_removals() {
    let images = images_of(seeds(5_000_000, 54), Also::DeletionsAndRemovals, Flush::Often, false);
    enough(images, minimum::FLUSHES_AND_DELETIONS);
}

#[test]
fn s5_s3_so_they_are_after_faults() {
    let images = images_of(seeds(6_000_000, 48), Also::DeletionsAndRemovals, Flush::Often, true);
    enough(images, minimum::FLUSHES_AND_FAULTS);
}

#[test]
fn f3_a_power_cut_at_any_step_of_a_start_changes_nothing() {
    let mut images = 0;
    for seed in seeds(3_000_000, 12) {
        let _blame = Blame(seed);
        let mut run_of_seed = Run::new(seed, Also::DeletionsAndRemovals, flush_of(seed), false);
        let sim = new_disk(seed);
        let sim = run_of_seed.live(&sim);
        sim.set_yields_max(2);
        let mut steps = Steps::new(open(&sim, run_of_seed.options));
        while steps.step().is_none() {
            let image = run_of_seed.cut(&sim);
            run_of_seed.check(&image, None);
        }
        images += run_of_seed.images;
    }
    enough(images, minimum::STARTS);
}

/// They lie beyond those of every build. A flush of what the journal had already was cut off with
/// what followed it; a state file had epochs where a Truncate, which was lost, would have moved
/// them; a carry that had waited for a flush which failed wrote all the same.
#[test]
fn s5_seeds_that_have_found_a_defect_find_none() {
    for (seed, with_faults) in
        [(5_000_067, false), (6_000_066, true), (6_000_109, true), (6_000_113, true)]
    {
        Run::new(seed, Also::DeletionsAndRemovals, Flush::Often, with_faults).lives(3);
    }
}
