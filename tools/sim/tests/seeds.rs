//! A handful of seeds with every test run; `cargo x test` runs many more.

use std::collections::BTreeMap;

use pelton_sim::client::role::GROUPS;
use pelton_sim::plan::REQUESTS_MIN;
use pelton_sim::{Options, run_apart};

const SEEDS: u64 = 20;

#[test]
fn every_invariant_holds_whatever_goes_wrong() {
    let halves = std::thread::scope(|scope| {
        let halves = [0, 1].map(|half| {
            scope.spawn(move || {
                (0..SEEDS).filter(|seed| seed % 2 == half).flat_map(holds).collect::<Vec<_>>()
            })
        });
        halves.map(|half| half.join().expect("every seed holds"))
    });
    // One run's group may get no further than its first rebalance; all of them do.
    for group in GROUPS {
        let of_group = halves.iter().flatten().filter(|(name, _)| *name == group);
        let commits: u64 = of_group.map(|(_, commits)| commits).sum();
        assert!(commits > 5 * SEEDS, "{commits} offsets were committed by {group}");
    }
}

/// Returns how many offsets were committed, by group.
fn holds(seed: u64) -> BTreeMap<&'static str, u64> {
    let outcome = run_apart(seed, Options::default());
    assert_eq!(outcome.violations, [""; 0], "repeat with: cargo x sim --seed {seed}");
    assert!(outcome.requests >= REQUESTS_MIN, "seed {seed}: {} requests", outcome.requests);
    assert!(outcome.lives > 1, "seed {seed} has no crash");
    assert!(outcome.records_acknowledged > 0, "seed {seed}: nothing was acknowledged");
    assert!(outcome.records_seen > 0, "seed {seed}: nothing was read");
    outcome.commits_acknowledged
}

#[test]
fn the_same_seed_runs_the_same_way_twice_and_another_one_does_not() {
    for seed in [3, 7] {
        let first = run_apart(seed, Options::default());
        // What is written down for people changes nothing.
        let again = run_apart(seed, Options { readable: true, ..Options::default() });
        assert_eq!((first.hash, first.events), (again.hash, again.events), "seed {seed}");
        assert_ne!(first.hash, run_apart(seed + 1, Options::default()).hash);
    }
}
