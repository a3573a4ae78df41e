//! `cargo x check`: every step timed and named; the first one that fails ends the run.

use std::time::Instant;

use crate::repository::Repository;
use crate::{dependency_edges, document_paths, longest_files, process, runtime_seams, stray_paths};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// All but the tests.
    Fast,
    Full,
    /// Full, with a line per test: what a log needs that nobody watched.
    FullNamingEachTest,
}

struct Step {
    name: &'static str,
    run: fn(&Repository) -> Result<(), String>,
}

/// Cheap ones first, so that a slip is shown in a second and not after the lints.
const STEPS: &[Step] = &[
    Step { name: "format", run: format },
    Step { name: "dependency edges", run: dependency_edges::check },
    Step { name: "runtime stands in the seams only", run: runtime_seams::check },
    Step { name: "paths named in documents", run: document_paths::check },
    Step { name: "no paths of somebody's machine", run: stray_paths::check },
    Step { name: "lints", run: lints },
];
const QUIET_TESTS: Step = Step { name: "tests", run: quiet_tests };
const NAMED_TESTS: Step = Step { name: "tests", run: named_tests };
const LONGEST: Step = Step { name: "longest files", run: longest_files::print };

/// # Errors
/// The name of the first step that fails, and why it did.
pub fn run(repository: &Repository, depth: Depth) -> Result<(), String> {
    let tests = match depth {
        Depth::Fast => None,
        Depth::Full => Some(&QUIET_TESTS),
        Depth::FullNamingEachTest => Some(&NAMED_TESTS),
    };
    for step in STEPS.iter().chain(tests).chain([&LONGEST]) {
        run_step(step, repository)?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a wall clock for people; nothing here is simulated")]
fn run_step(step: &Step, repository: &Repository) -> Result<(), String> {
    println!("== {}", step.name);
    let begin = Instant::now();
    let outcome = (step.run)(repository);
    let seconds = begin.elapsed().as_secs_f64();
    match outcome {
        Ok(()) => {
            println!("   ok, {seconds:.1} s");
            Ok(())
        }
        Err(reason) => Err(format!("`{}` failed after {seconds:.1} s\n{reason}", step.name)),
    }
}

fn format(repository: &Repository) -> Result<(), String> {
    process::run(process::cargo(), &["fmt", "--all", "--check"], repository.root())
}

fn lints(repository: &Repository) -> Result<(), String> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"];
    process::run(process::cargo(), &arguments, repository.root())
}

fn quiet_tests(repository: &Repository) -> Result<(), String> {
    process::run(process::cargo(), &["test", "--workspace", "--quiet"], repository.root())
}

fn named_tests(repository: &Repository) -> Result<(), String> {
    process::run(process::cargo(), &["test", "--workspace"], repository.root())
}
