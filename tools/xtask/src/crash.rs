//! `cargo x crash`: the power cuts of storage, many more of them than every build wants.

use crate::process;
use crate::repository::Repository;

/// Some 70 images a seed, in six tests: several hundred thousand.
pub const SEEDS_DEFAULT: u32 = 1500;

/// # Errors
/// When a seed fails, which the tests name; or the tests cannot be built.
pub fn run(repository: &Repository, seeds: u32) -> Result<(), String> {
    let seeds = format!("PELTON_SEEDS={seeds}");
    let cargo = process::cargo();
    let cargo = cargo.to_string_lossy();
    let tests = ["test", "-p", "pelton-storage", "--release", "--test", "power_cut"];
    let call: Vec<&str> = [&*seeds, &*cargo]
        .into_iter()
        .chain(tests)
        .chain(["--", "--nocapture", "--skip", "planted"])
        .collect();
    process::run("env", &call, repository.root())
}
