//! Every target against seeded mutations of sound samples, on the counting allocator.
//!
//! `PELTON_FUZZ_SEED` and `PELTON_FUZZ_EXECUTIONS` change what is run; the seed of a failure is in
//! its message.

use pelton_fuzz_targets::allocation::{Counting, peak_bytes_of};
use pelton_fuzz_targets::mutate::{Random, mutate};
use pelton_fuzz_targets::{TARGETS, Target, find, run};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const EXECUTIONS: u64 = 20_000;

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => default,
    }
}

fn check(name: &str) {
    let target: &Target = find(name).expect("a target");
    let samples = (target.samples)();
    assert!(!samples.is_empty());
    let seed = number("PELTON_FUZZ_SEED", 1);
    println!("{name}: PELTON_FUZZ_SEED={seed}");
    for sample in &samples {
        run(target, sample);
    }
    for execution in 0..number("PELTON_FUZZ_EXECUTIONS", EXECUTIONS) {
        // Each execution stands for itself, so that one can be run again.
        let mut random = Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(execution));
        let sample = &samples[random.below(samples.len())];
        let other = &samples[random.below(samples.len())];
        let mut input = mutate(&mut random, sample, other);
        if let Some(reseal) = target.reseal
            && random.below(4) != 0
        {
            reseal(&mut input);
        }
        let outcome = std::panic::catch_unwind(|| run(target, &input));
        assert!(outcome.is_ok(), "{name}: seed {seed}, execution {execution}: {}", hex(&input));
    }
}

fn hex(bytes: &[u8]) -> String {
    const SHOWN_BYTES: usize = 4096;
    bytes.iter().take(SHOWN_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

macro_rules! targets {
    ($($name:ident),*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*

        #[test]
        fn every_target_is_here() {
            let here = [$(stringify!($name)),*];
            assert_eq!(TARGETS.iter().map(|target| target.name).collect::<Vec<_>>(), here);
        }
    };
}

targets!(frame, header, produce, fetch, record_batch, journal_group, state_file, index, config);

#[test]
fn what_is_taken_is_counted() {
    let (kept, peak_bytes) = peak_bytes_of(|| {
        drop(vec![1u8; 100_000]);
        vec![1u8; 1000]
    });
    assert_eq!(kept.len(), 1000);
    assert!((100_000..102_000).contains(&peak_bytes), "{peak_bytes}");
}
