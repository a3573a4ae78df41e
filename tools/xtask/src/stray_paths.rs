//! A path into somebody's home directory works on one machine: no file of the repository has one.

use crate::repository::Repository;

/// First components of an absolute path that belongs to a person.
const HOMES: &[&str] = &["home", "root"];

/// # Errors
/// Every line with such a path.
pub fn check(repository: &Repository) -> Result<(), String> {
    let mut found = Vec::new();
    for path in repository.files() {
        let Some(text) = repository.text(path)? else { continue };
        for (index, line) in text.lines().enumerate() {
            if has_stray_path(line) {
                found.push(format!("{path}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    if found.is_empty() { Ok(()) } else { Err(found.join("\n")) }
}

fn has_stray_path(line: &str) -> bool {
    HOMES.iter().any(|home| {
        let path = format!("/{home}/");
        line.match_indices(&path).any(|(position, _)| {
            // `https://example.org/root/` and `tree/root/` are no absolute paths.
            !line[..position].ends_with(|c: char| c.is_alphanumeric() || "._-~}".contains(c))
        })
    })
}

#[cfg(test)]
#[path = "stray_paths_test.rs"]
mod stray_paths_test;
