//! `cargo x sim`: runs seeds until one breaks an invariant.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use pelton_sim::{Options, Outcome, SEED_THREAD, run_apart};

const USAGE: &str = "\
usage: pelton-sim [--seeds N] [--first SEED] [--threads N] | --seed SEED [--log]

  --seeds N      runs so many seeds (20)
  --first SEED   from this one on (0)
  --threads N    so many at a time (2)
  --seed SEED    runs one, twice, and shows the end of its trace
  --log          with the broker's own log lines";

struct Arguments {
    seeds: u64,
    first: u64,
    threads: usize,
    seed: Option<u64>,
    log: bool,
}

/// A panic ends the process, so what it says must be enough to repeat it.
fn name_seed_in_panics() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        let thread = std::thread::current();
        if let Some(seed) = thread.name().and_then(|name| name.strip_prefix(SEED_THREAD)) {
            eprintln!("repeat with: cargo x sim --seed {seed}");
        }
    }));
}

fn main() -> ExitCode {
    name_seed_in_panics();
    let Some(arguments) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if arguments.log {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(std::io::stderr)
            .without_time()
            .init();
    }
    match arguments.seed {
        Some(seed) => run_one(seed),
        None => run_many(&arguments),
    }
}

fn parse(mut given: impl Iterator<Item = String>) -> Option<Arguments> {
    let mut arguments = Arguments { seeds: 20, first: 0, threads: 2, seed: None, log: false };
    while let Some(name) = given.next() {
        match name.as_str() {
            "--log" => arguments.log = true,
            "--seeds" => arguments.seeds = given.next()?.parse().ok()?,
            "--first" => arguments.first = given.next()?.parse().ok()?,
            "--threads" => arguments.threads = given.next()?.parse().ok()?,
            "--seed" => arguments.seed = Some(given.next()?.parse().ok()?),
            _ => return None,
        }
    }
    Some(arguments)
}

fn run_one(seed: u64) -> ExitCode {
    let outcome = run_apart(seed, Options { readable: true, lie: None });
    for line in &outcome.tail {
        println!("{line}");
    }
    say(&outcome);
    let again = run_apart(seed, Options::default());
    if again.hash != outcome.hash {
        println!("seed {seed} ran differently the second time: {:016x}", again.hash);
        return ExitCode::FAILURE;
    }
    match outcome.violations.is_empty() {
        true => ExitCode::SUCCESS,
        false => {
            report(&outcome);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a wall clock for people")]
fn run_many(arguments: &Arguments) -> ExitCode {
    let began = Instant::now();
    let next = AtomicU64::new(arguments.first);
    let end = arguments.first + arguments.seeds;
    let failed = AtomicBool::new(false);
    let requests = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads.max(1) {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let outcome = run_apart(seed, Options::default());
                    requests.fetch_add(outcome.requests, Ordering::Relaxed);
                    if !outcome.violations.is_empty() {
                        failed.store(true, Ordering::Relaxed);
                        show_failure(seed);
                    }
                }
            });
        }
    });
    let (requests, took) = (requests.into_inner(), began.elapsed().as_secs_f64());
    if failed.into_inner() {
        return ExitCode::FAILURE;
    }
    println!(
        "{} seeds from {} on, {requests} requests, {took:.1} s: all invariants held",
        arguments.seeds, arguments.first
    );
    ExitCode::SUCCESS
}

/// Runs it again for its trace.
fn show_failure(seed: u64) {
    let outcome = run_apart(seed, Options { readable: true, lie: None });
    let shown = outcome.tail.len().saturating_sub(60);
    for line in &outcome.tail[shown..] {
        println!("{line}");
    }
    say(&outcome);
    report(&outcome);
}

fn report(outcome: &Outcome) {
    for violation in &outcome.violations {
        println!("VIOLATION {violation}");
    }
    println!("repeat with: cargo x sim --seed {}", outcome.seed);
}

fn say(outcome: &Outcome) {
    println!(
        "seed {}: {} requests, {} lives, {} records acknowledged, {} seen, {:.1} s, {} events, \
         hash {:016x}",
        outcome.seed,
        outcome.requests,
        outcome.lives,
        outcome.records_acknowledged,
        outcome.records_seen,
        outcome.virtual_time.as_secs_f64(),
        outcome.events,
        outcome.hash
    );
}
