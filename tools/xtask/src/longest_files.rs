//! The longest source files. Nothing fails here: a long one asks which noun is hiding in it.

use crate::repository::Repository;

const SHOWN: usize = 10;

/// # Errors
/// When a source cannot be read.
pub fn print(repository: &Repository) -> Result<(), String> {
    let sources = repository.rust_sources()?;
    let lengths = sources.iter().map(|(path, text)| (text.lines().count(), *path)).collect();
    for (lines, path) in longest(lengths) {
        println!("   {lines:>5} {path}");
    }
    Ok(())
}

fn longest(mut lengths: Vec<(usize, &str)>) -> Vec<(usize, &str)> {
    lengths.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    lengths.truncate(SHOWN);
    lengths
}

#[cfg(test)]
#[path = "longest_files_test.rs"]
mod longest_files_test;
