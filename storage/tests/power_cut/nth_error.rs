//! S3: the n-th thing that a disk is asked to do fails, once or from then on, also while a life
//! starts; then the power is cut. Nothing that was acknowledged or visible is lost, and the next
//! start is not refused.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::future::{FutureExt, LocalBoxFuture};
use pelton_storage::disk::sim::{
    CrashChoice, Fault, FaultError, Operation, Pace, Random, SimDisk, Step,
};
use pelton_storage::{OpenError, Store};

use super::model::Model;
use super::support::*;
use super::workload::Workload;
use super::{Also, Flush, Run};

/// As far as the errors go.
const ERRORS_MAX: u64 = 2_000;

/// Long enough for so many operations.
const ROUNDS: u64 = 260;

/// Of a record: more than the least direct flush.
const BYTES_MAX: u64 = 1_500;

/// A life goes on for so many steps, at most, when its disk has failed.
const STEPS_AFTER: u64 = 120;

/// Notes what the disk is asked to do.
#[derive(Default)]
struct Trace(RefCell<Vec<Operation>>);

impl Pace for Trace {
    fn begin(&self, step: &Step<'_>) -> LocalBoxFuture<'static, ()> {
        self.0.borrow_mut().push(step.operation);
        async {}.boxed_local()
    }
}

/// A disk after one life, and what is known of it.
struct Scene {
    seed: u64,
    disk: SimDisk,
    model: Model,
    run: Run,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let flush = if seed.is_multiple_of(2) { Flush::Never } else { Flush::Often };
        let mut run = Run::new(seed, Also::DeletionsAndRemovals, flush, false);
        let disk = run.live(&new_disk(seed));
        let model = run.model.borrow().clone();
        Scene { seed, disk, model, run }
    }

    /// A life on a copy of the disk that has this fault, until `operations` were asked for and some
    /// steps more; what was asked for. Then the power is cut, and what is left is checked.
    fn live(&mut self, fault: Option<Fault>, operations: usize) -> Vec<Operation> {
        let sim = self.disk.durable();
        sim.set_yields_max(2);
        let trace = Rc::<Trace>::default();
        sim.set_pace(trace.clone());
        let has_fault = fault.is_some();
        fault.into_iter().for_each(|fault| sim.inject(fault));
        *self.run.model.borrow_mut() = self.model.clone();
        *self.run.random.borrow_mut() = Random::new(self.seed);
        let live: Rc<RefCell<Option<Store>>> = Rc::default();
        let refused = Rc::new(Cell::new(false));
        let mut steps = Steps::new({
            let (live, sim, refused) = (live.clone(), sim.clone(), refused.clone());
            let (model, random) = (self.run.model.clone(), self.run.random.clone());
            let (options, also) = (self.run.options, self.run.also);
            async move {
                let store = match try_open(&sim.disk(), options).await {
                    Ok((store, _)) => store,
                    // A disk that fails may refuse a start; it is no damage.
                    Err(OpenError::Io { .. }) => return refused.set(true),
                    Err(error) => panic!("{error}"),
                };
                model.borrow_mut().adopt(&store);
                *live.borrow_mut() = Some(store.clone());
                let (bytes_max, full) = (BYTES_MAX, Rc::default());
                let workload =
                    Workload { store: store.clone(), model, random, also, bytes_max, full };
                beside_journal(&store, workload.run(ROUNDS)).await;
            }
        });
        let mut is_over = false;
        while trace.0.borrow().len() < operations && !is_over {
            is_over = steps.step().is_some();
        }
        assert!(!is_over || refused.get(), "there are too few rounds for {operations} operations");
        let more = Random::new(self.seed + operations as u64).below(STEPS_AFTER);
        for _ in 0..more {
            if is_over {
                break;
            }
            is_over = steps.step().is_some();
        }
        assert!(has_fault || !refused.get(), "a start is never refused by a disk that works");
        let mut choice = match operations % 3 {
            0 => CrashChoice::lose_all(),
            _ => CrashChoice::random(operations as u64),
        };
        self.run.check(&sim.crash(&mut choice), live.borrow().as_ref());
        Rc::try_unwrap(trace)
            .map(|trace| trace.0.into_inner())
            .unwrap_or_else(|trace| trace.0.borrow().clone())
    }
}

/// Says with which fault a test failed.
struct BlameFault(u64, Operation, bool);

impl Drop for BlameFault {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let BlameFault(n, operation, is_lasting) = self;
            eprintln!("operation {n}, of kind {operation:?}, failed; lasting: {is_lasting}");
        }
    }
}

/// The error of an operation, which of its kind `operations` end with.
fn fault_of(operations: &[Operation]) -> Option<Fault> {
    let (last, _) = operations.split_last()?;
    let nth = operations.iter().filter(|operation| *operation == last).count() as u64;
    Some(Fault::new(*last, FaultError::Errno(libc::EIO)).nth(nth).under(data_dir()))
}

/// Each n once, by turns on some scenes; how many errors there were.
fn errors(numbers: impl Iterator<Item = u64>, is_lasting: bool) -> u64 {
    let mut scenes: Vec<(Scene, Vec<Operation>)> = (0..4)
        .map(|seed| {
            let mut scene = Scene::new(9_000_000 + seed);
            let trace = scene.live(None, ERRORS_MAX as usize);
            assert!(trace.len() >= ERRORS_MAX as usize, "{} operations", trace.len());
            (scene, trace)
        })
        .collect();
    let mut count = 0;
    for n in numbers {
        let (scene, trace) = &mut scenes[n as usize % 4];
        let fault = fault_of(&trace[..n as usize]).expect("an operation");
        let fault = if is_lasting { fault.lasting() } else { fault };
        let _blame = BlameFault(n, trace[n as usize - 1], is_lasting);
        scene.live(Some(fault), n as usize);
        count += 1;
    }
    count
}

fn all_errors(is_lasting: bool) -> u64 {
    // Two threads: no disk knows of another.
    std::thread::scope(|scope| {
        let half = |odd: u64| {
            scope.spawn(move || errors((1..=ERRORS_MAX).filter(|n| n % 2 == odd), is_lasting))
        };
        let halves = [half(0), half(1)];
        halves.map(|half| half.join().expect("nothing is lost")).iter().sum()
    })
}

#[test]
fn s3_the_nth_error_of_a_disk_loses_nothing() {
    let count = all_errors(false);
    println!("{count} errors, once each");
    assert_eq!(count, ERRORS_MAX);
}

#[test]
fn s3_nor_does_a_disk_that_fails_from_the_nth_on() {
    let count = all_errors(true);
    println!("{count} errors, lasting");
    assert_eq!(count, ERRORS_MAX);
}
