//! The whole broker under a deterministic simulator.
//!
//! A seed decides everything: how many shards, what the clients ask, how the network and the disk
//! behave, when the power fails. What runs is the broker's own code above the seams; below them
//! stand a disk that forgets, links that break, and a clock that moves when nobody can run. At the
//! end of a run everything is read, and what was told and seen is held against it ([`check`]).

pub mod check;
pub mod client;
pub mod history;
pub mod machine;
pub mod plan;
pub mod run;
pub mod trace;

pub use run::{Options, Outcome, run};

/// What the names of threads begin with that run a seed; the seed follows.
pub const SEED_THREAD: &str = "seed-";

/// Runs a seed on a thread of its own: what the broker keeps per thread begins afresh.
pub fn run_apart(seed: u64, options: Options) -> Outcome {
    let running = std::thread::Builder::new()
        .name(format!("{SEED_THREAD}{seed}"))
        .stack_size(STACK_BYTES)
        .spawn(move || run(seed, options));
    match running.map(std::thread::JoinHandle::join) {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(error) => panic!("no thread for seed {seed}: {error}"),
    }
}

/// Futures of a debug build are large.
const STACK_BYTES: usize = 16 << 20;
