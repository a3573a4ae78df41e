//! `cargo x sim`: the whole broker under the deterministic simulator, at the speed of a release.

use crate::process;
use crate::repository::Repository;

/// # Errors
/// A seed breaks an invariant; the run says which, and how to repeat it.
pub fn run(repository: &Repository, arguments: &[&str]) -> Result<(), String> {
    let mut all = vec!["run", "--release", "--quiet", "--package", "pelton-sim", "--"];
    all.extend(arguments);
    process::run(process::cargo(), &all, repository.root())
}
