//! `cargo x fuzz`: libFuzzer on every target, for so many executions each. It needs the nightly
//! toolchain and cargo-fuzz; where they are absent it says so and runs nothing. The same targets
//! run on the stable toolchain, by a seeded mutator, in the tests of `tools/fuzz/targets`.

use std::path::Path;

use crate::process;
use crate::repository::Repository;

pub const EXECUTIONS: u64 = 100_000;
const FOLDER: &str = "tools/fuzz";
/// A single input that takes longer is a finding.
const INPUT_SECONDS_MAX: u32 = 10;
const INPUT_BYTES_MAX: u32 = 64 << 10;
/// libFuzzer's own bound of memory; the targets' is by the input.
const MEMORY_MIB_MAX: u32 = 2048;

/// What to run.
#[derive(Debug, PartialEq, Eq)]
pub struct Wish<'a> {
    pub executions: u64,
    /// `None`: all.
    pub target: Option<&'a str>,
}

impl<'a> Wish<'a> {
    /// `[--executions N] [TARGET]`; `None` if it is something else.
    pub fn parse(mut arguments: &[&'a str]) -> Option<Self> {
        let mut wish = Wish { executions: EXECUTIONS, target: None };
        if let ["--executions", count, rest @ ..] = arguments {
            wish.executions = count.parse().ok().filter(|count| *count > 0)?;
            arguments = rest;
        }
        match arguments {
            [] => Some(wish),
            [target] if !target.starts_with('-') => Some(Wish { target: Some(target), ..wish }),
            _ => None,
        }
    }
}

/// # Errors
/// The first target with a finding, or a target that is none. Not where the tools are absent.
pub fn run(repository: &Repository, wish: &Wish<'_>) -> Result<(), String> {
    let targets = targets(repository);
    let wanted: Vec<&str> = match wish.target {
        None => targets,
        Some(target) if targets.contains(&target) => vec![target],
        Some(target) => return Err(format!("{target} is none of: {}", targets.join(", "))),
    };
    let folder = repository.root().join(FOLDER);
    if let Some(missing) = missing(&folder) {
        println!("==== SKIPPED: fuzzing: {missing}");
        return Ok(());
    }
    for target in wanted {
        println!("== fuzz {target}");
        fuzz(repository.root(), &folder, target, wish.executions)?;
    }
    Ok(())
}

fn targets(repository: &Repository) -> Vec<&str> {
    let prefix = format!("{FOLDER}/fuzz_targets/");
    let files = repository.files().iter();
    files.filter_map(|path| path.strip_prefix(&prefix)?.strip_suffix(".rs")).collect()
}

/// What keeps libFuzzer from running here.
fn missing(folder: &Path) -> Option<&'static str> {
    if process::output("rustc", &["+nightly", "--version"], folder).is_err() {
        return Some("there is no nightly toolchain (rustup toolchain install nightly)");
    }
    if process::output("cargo", &["+nightly", "fuzz", "--version"], folder).is_err() {
        return Some("there is no cargo-fuzz (cargo install cargo-fuzz)");
    }
    None
}

fn fuzz(root: &Path, folder: &Path, target: &str, executions: u64) -> Result<(), String> {
    let corpus = folder.join("corpus").join(target);
    let corpus = corpus.to_str().ok_or("the path of this repository is not UTF-8")?;
    let samples = ["run", "--quiet", "--package", "pelton-fuzz-targets", "--example", "samples"];
    process::run("cargo", &[samples.as_slice(), &["--", target, corpus]].concat(), root)?;
    let options = [
        format!("-runs={executions}"),
        format!("-max_len={INPUT_BYTES_MAX}"),
        format!("-timeout={INPUT_SECONDS_MAX}"),
        format!("-rss_limit_mb={MEMORY_MIB_MAX}"),
        "-print_final_stats=1".to_owned(),
        "-verbosity=0".to_owned(),
    ];
    let mut arguments = vec!["+nightly", "fuzz", "run", "--fuzz-dir", "."];
    arguments.extend([target, corpus, "--"]);
    arguments.extend(options.iter().map(String::as_str));
    process::run("cargo", &arguments, folder)
}

#[cfg(test)]
#[path = "fuzz_test.rs"]
mod fuzz_test;
