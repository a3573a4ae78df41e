//! `cargo x`: what this repository checks about itself, in one command.
//!
//! Only the standard library is used, so that the checks build in seconds and depend on nothing
//! that they judge.

mod check;
mod crash;
mod dependency_edges;
mod document_paths;
mod fuzz;
mod longest_files;
mod mutants;
mod process;
mod repository;
mod runtime_seams;
mod simulate;
mod stray_paths;
mod test;

use std::process::ExitCode;

use repository::Repository;

const USAGE: &str = "\
usage: cargo x <command>

  check [--fast]   format, boundaries, documents, lints, tests; --fast leaves the tests out
  crash [--seeds N] [--kills N] [--power-cuts N]
                   the crash laboratory, for longer than `check` has it, and what it came to
  mutants [--one-of N [--sample K]] [FILE...]
                   changes the code of the pure parts of storage, and sees whether a test notices;
                   N tries one change of so many. It wants cargo-mutants
  sim [...]        the broker under the simulator: [--seeds N] [--first SEED], or --seed SEED
  test             installs what the tests need, then `check`, then many seeds of the simulator,
                   then the runs against real clients and against Apache Kafka
  fuzz [--executions N] [TARGET]
                   libFuzzer on every target, or on one, where nightly and cargo-fuzz are there";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["check"] => in_repository(|repository| check::run(repository, check::Depth::Full)),
        ["check", "--fast"] => {
            in_repository(|repository| check::run(repository, check::Depth::Fast))
        }
        ["sim", arguments @ ..] => in_repository(|repository| simulate::run(repository, arguments)),
        ["crash", options @ ..] => match crash::Wish::parse(options) {
            Some(wish) => in_repository(|repository| crash::run(repository, wish)),
            None => return usage(),
        },
        ["mutants", options @ ..] => match mutants::Wish::parse(options) {
            Some(wish) => in_repository(|repository| mutants::run(repository, &wish)),
            None => return usage(),
        },
        ["test"] => in_repository(test::run),
        ["fuzz", options @ ..] => match fuzz::Wish::parse(options) {
            Some(wish) => in_repository(|repository| fuzz::run(repository, &wish)),
            None => return usage(),
        },
        _ => return usage(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

fn in_repository(command: impl FnOnce(&Repository) -> Result<(), String>) -> Result<(), String> {
    command(&Repository::locate()?)
}
