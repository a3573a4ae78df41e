//! `cargo x mutants`: changes the code in small ways, one by one, and sees whether a test notices.

use std::path::Path;

use crate::process;
use crate::repository::Repository;

/// The pure parts, where a test that is worth something notices every change: each package with
/// its files.
const TARGETS: &[(&str, &[&str])] = &[
    ("pelton-model", &["storage/model/src/**/*.rs"]),
    (
        "pelton-storage",
        &[
            "storage/src/journal/format.rs",
            "storage/src/journal/extent.rs",
            "storage/src/log/recover.rs",
            "storage/src/wire.rs",
        ],
    ),
];

/// Of a hundred mutants, so many may live on.
const SURVIVORS_PERCENT_MAX: usize = 5;

const OUTPUT: &str = "target/mutants";

/// Of all targets, or of the files given.
///
/// # Errors
/// When cargo-mutants is not there, or too many mutants survive.
pub fn run(repository: &Repository, files: &[&str]) -> Result<(), String> {
    let root = repository.root();
    if process::output("cargo", &["mutants", "--version"], root).is_err() {
        return Err("there is no cargo-mutants: cargo install --locked cargo-mutants".into());
    }
    let mut failures = Vec::new();
    for (package, theirs) in TARGETS {
        let folder = theirs[0].split("/src/").next().unwrap_or_default();
        let given: Vec<&str> =
            files.iter().copied().filter(|it| it.starts_with(&format!("{folder}/src/"))).collect();
        let wanted: &[&str] = match files.is_empty() {
            true => theirs,
            false => &given,
        };
        if wanted.is_empty() {
            continue;
        }
        println!("== mutants of {package}");
        let output = format!("{OUTPUT}/{package}");
        std::fs::create_dir_all(root.join(&output))
            .map_err(|error| format!("{output}: {error}"))?;
        let mut call = vec!["mutants", "--package", package, "--output", &output, "--no-shuffle"];
        wanted.iter().for_each(|file| call.extend(["--file", file]));
        // It ends badly if a single mutant survives; how many may is decided below.
        let _ = process::run("cargo", &call, root);
        failures.extend(judge(&root.join(&output).join("mutants.out"), package)?);
    }
    match failures.is_empty() {
        true => Ok(()),
        false => Err(failures.join("\n")),
    }
}

/// Why too many survive, if they do.
fn judge(output: &Path, package: &str) -> Result<Option<String>, String> {
    let read = |name: &str| {
        let path = output.join(name);
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    // One that makes a test hang is noticed.
    let caught = read("caught.txt")?.lines().count() + read("timeout.txt")?.lines().count();
    let missed = read("missed.txt")?;
    missed.lines().for_each(|line| println!("  survives: {line}"));
    let verdict = verdict(caught, missed.lines().count());
    Ok(verdict.err().map(|why| format!("{package}: {why}")))
}

fn verdict(caught: usize, survivors: usize) -> Result<(), String> {
    let all = caught + survivors;
    if all == 0 {
        return Err("there was nothing to change".into());
    }
    if survivors * 100 > all * SURVIVORS_PERCENT_MAX {
        return Err(format!("{survivors} of {all} survive, {SURVIVORS_PERCENT_MAX} % may"));
    }
    println!("{survivors} of {all} survive");
    Ok(())
}

#[cfg(test)]
#[path = "mutants_test.rs"]
mod mutants_test;
