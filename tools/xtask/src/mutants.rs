//! `cargo x mutants`: changes the code in small ways, one by one, and sees whether a test notices.
//! Mutants that cannot be told from the code stand in `.cargo/mutants.toml`, with their reasons.

use std::io::ErrorKind;
use std::path::Path;

use crate::process;
use crate::repository::Repository;

/// Files of a package, and the tests that each of their mutants is held against: those that are to
/// find it, and no more, so that a mutant costs seconds.
struct Target {
    name: &'static str,
    package: &'static str,
    files: &'static [&'static str],
    /// Arguments of `cargo test` that choose what is built: of each mutant, nothing else is.
    tests: &'static [&'static str],
    /// Arguments of the tests themselves.
    arguments: &'static [&'static str],
}

/// The pure parts, where a test that is worth something notices every change.
const TARGETS: &[Target] = &[
    Target {
        name: "model",
        package: "pelton-model",
        files: &["storage/model/src/**/*.rs"],
        tests: &["--tests"],
        arguments: &[],
    },
    Target {
        name: "journal",
        package: "pelton-storage",
        files: &[
            "storage/src/journal/format.rs",
            "storage/src/journal/extent.rs",
            "storage/src/state.rs",
            "storage/src/log/cut.rs",
            "storage/src/wire.rs",
        ],
        tests: &["--lib"],
        arguments: &["journal::", "log::cut::", "state::"],
    },
    Target {
        name: "recovery",
        package: "pelton-storage",
        files: &["storage/src/log/recover.rs"],
        // Without the laboratory, which takes minutes.
        tests: &["--test=recovery", "--test=store", "--test=fencing"],
        arguments: &[],
    },
];

/// Of a hundred mutants, so many may live on.
const SURVIVORS_PERCENT_MAX: usize = 5;

const OUTPUT: &str = "target/mutants";

/// A test that runs so long has met a mutant that hangs it; those of the targets take seconds.
const TEST_SECONDS_MAX: &str = "20";

/// How much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish<'a> {
    /// One mutant of so many is tried, spread evenly over all files: a run of everything takes more
    /// than an hour.
    pub one_of: u64,
    /// Of those that many, which: another number is another sample.
    pub sample: u64,
    /// Files of the targets; none are all.
    pub files: Vec<&'a str>,
}

impl<'a> Wish<'a> {
    /// `[--one-of N [--sample K]] [FILE...]`; `None` if it is something else. `K` counts from 0.
    pub fn parse(mut arguments: &[&'a str]) -> Option<Self> {
        let mut wish = Wish { one_of: 1, sample: 0, files: Vec::new() };
        loop {
            match arguments {
                ["--one-of", count, rest @ ..] => {
                    wish.one_of = count.parse().ok().filter(|count| *count > 0)?;
                    arguments = rest;
                }
                ["--sample", number, rest @ ..] => {
                    wish.sample = number.parse().ok()?;
                    arguments = rest;
                }
                [option, ..] if option.starts_with('-') => return None,
                [file, rest @ ..] => {
                    wish.files.push(file);
                    arguments = rest;
                }
                [] => return (wish.sample < wish.one_of).then_some(wish),
            }
        }
    }
}

/// # Errors
/// When cargo-mutants is not there, too many mutants survive, or a file is of no target.
pub fn run(repository: &Repository, wish: &Wish<'_>) -> Result<(), String> {
    let root = repository.root();
    if process::output("cargo", &["mutants", "--version"], root).is_err() {
        return Err("there is no cargo-mutants: cargo install --locked cargo-mutants".into());
    }
    let shard = format!("{}/{}", wish.sample, wish.one_of);
    let mut failures = Vec::new();
    let mut is_any = false;
    for Target { name, package, files, tests, arguments } in TARGETS {
        let given: Vec<&str> =
            wish.files.iter().copied().filter(|file| is_among(file, files)).collect();
        let wanted: &[&str] = match wish.files.is_empty() {
            true => files,
            false => &given,
        };
        if wanted.is_empty() {
            continue;
        }
        is_any = true;
        println!("== mutants of {name}");
        let output = format!("{OUTPUT}/{name}");
        std::fs::create_dir_all(root.join(&output))
            .map_err(|error| format!("{output}: {error}"))?;
        let mut call = vec!["mutants", "--package", package, "--output", &output];
        call.extend(["--profile", "mutants", "--minimum-test-timeout", TEST_SECONDS_MAX]);
        call.extend(["--no-shuffle", "--sharding", "round-robin", "--shard", &shard]);
        wanted.iter().for_each(|file| call.extend(["--file", file]));
        let tests: Vec<String> = tests.iter().map(|test| format!("--cargo-arg={test}")).collect();
        call.extend(tests.iter().map(String::as_str));
        call.extend(["--", "--"]);
        call.extend(*arguments);
        let found = root.join(&output).join("mutants.out");
        forget(&found)?;
        // It ends badly if a single mutant survives; how many may is decided below. Where it did not
        // get as far as that, there is nothing to judge by.
        let _ = process::run("cargo", &call, root);
        failures.extend(judge(&found, name)?);
    }
    if !is_any {
        failures.push("none of these files belongs to a target".into());
    }
    match failures.is_empty() {
        true => Ok(()),
        false => Err(failures.join("\n")),
    }
}

/// Whether a target has the file, by its name or by all that lies below a folder.
fn is_among(file: &str, files: &[&str]) -> bool {
    files.iter().any(|its| match its.split_once("**") {
        Some((folder, _)) => file.starts_with(folder),
        None => file == *its,
    })
}

/// What an earlier run has found must not be taken for this one's, should this one not get far.
fn forget(output: &Path) -> Result<(), String> {
    match std::fs::remove_dir_all(output) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(format!("{}: {error}", output.display()))
        }
        _ => Ok(()),
    }
}

/// Why too many survive, if they do.
fn judge(output: &Path, name: &str) -> Result<Option<String>, String> {
    let read = |name: &str| {
        let path = output.join(name);
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    // One that makes a test hang is noticed.
    let caught = read("caught.txt")?.lines().count() + read("timeout.txt")?.lines().count();
    let missed = read("missed.txt")?;
    missed.lines().for_each(|line| println!("  survives: {line}"));
    let verdict = verdict(caught, missed.lines().count());
    Ok(verdict.err().map(|why| format!("{name}: {why}")))
}

fn verdict(caught: usize, survivors: usize) -> Result<(), String> {
    let all = caught + survivors;
    if all == 0 {
        return Err("there was nothing to change".into());
    }
    let share = survivors as f64 * 100.0 / all as f64;
    if survivors * 100 > all * SURVIVORS_PERCENT_MAX {
        return Err(format!(
            "{survivors} of {all} survive ({share:.1} %), {SURVIVORS_PERCENT_MAX} % may"
        ));
    }
    println!("{survivors} of {all} survive ({share:.1} %)");
    Ok(())
}

#[cfg(test)]
#[path = "mutants_test.rs"]
mod mutants_test;
