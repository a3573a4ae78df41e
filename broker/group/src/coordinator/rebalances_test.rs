use crate::bench_test::{Bench, seconds};
use crate::*;

/// How many ended, and what they took together, in milliseconds.
fn ended(bench: &Bench) -> (u64, u64) {
    let rebalances = bench.coordinator.figures().rebalances;
    (rebalances.buckets.iter().sum(), rebalances.sum / 1_000_000)
}

#[test]
fn a_rebalance_takes_from_the_first_disturbance_until_the_group_is_stable() {
    let delay = seconds(3);
    let config = GroupConfig { group_initial_rebalance_delay: delay, ..GroupConfig::default() };
    let mut bench = Bench::with(config);
    let token = bench.join("");
    bench.wait(delay);
    let joined = bench.joined(token);
    assert_eq!(ended(&bench), (0, 0), "there is no assignment yet");
    bench.wait(seconds(1));
    bench.sync(&joined, &[(&joined.member_id, "all")]);
    assert_eq!(ended(&bench), (1, 4000));
    assert_eq!(bench.heartbeat(&joined), Ok(()));
    assert_eq!(ended(&bench), (1, 4000), "it has ended once");
}

#[test]
fn a_rebalance_that_everybody_left_has_no_end() {
    let mut bench = Bench::new();
    let token = bench.join("");
    let joined = bench.joined(token);
    bench.wait(seconds(1));
    assert_eq!(bench.leave(&joined.member_id), Ok(()));
    assert_eq!((ended(&bench), bench.state()), ((0, 0), State::Empty));
    // Nor does the next one begin where that one did.
    let token = bench.join("");
    let joined = bench.joined(token);
    bench.wait(seconds(2));
    bench.sync(&joined, &[(&joined.member_id, "all")]);
    assert_eq!(ended(&bench), (1, 2000));
}
