//! A map that names files which are not there misleads: every path of this repository that a
//! document puts between backticks exists, unless the line or the section says that it is planned.

use std::collections::BTreeSet;

use crate::repository::Repository;

/// Those that have to be there. Every other one is read as well.
const DOCUMENTS: &[&str] = &["README.md", "ARCHITECTURE.md"];

/// A name that ends like this is taken for a file of ours even where its folder is not given.
const EXTENSIONS: &[&str] = &[".rs", ".md", ".toml", ".yml", ".json", ".service"];

/// # Errors
/// Every path that a document names and that does not exist.
pub fn check(repository: &Repository) -> Result<(), String> {
    let files = repository.files();
    let absent = DOCUMENTS.iter().filter(|document| !files.iter().any(|file| file == *document));
    let mut missing: Vec<_> = absent.map(|document| format!("{document} does not exist")).collect();
    for document in documents(files) {
        let text = repository.text(document)?.ok_or_else(|| format!("{document} is not UTF-8"))?;
        for (line, path) in missing_paths(&text, files) {
            missing.push(format!("{document}:{line} names `{path}`, which does not exist"));
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(missing.join("\n")) }
}

fn documents(files: &[String]) -> impl Iterator<Item = &String> {
    files.iter().filter(|file| file.ends_with(".md"))
}

/// Line numbers (from 1) and paths.
fn missing_paths(document: &str, files: &[String]) -> Vec<(usize, String)> {
    let top_level: BTreeSet<&str> =
        files.iter().filter_map(|file| file.split('/').next()).collect();
    let mut missing = Vec::new();
    let mut planned_section: Option<usize> = None;
    let mut fenced = false;
    for (index, line) in document.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if fenced {
            continue;
        }
        let level = line.bytes().take_while(|&byte| byte == b'#').count();
        let is_planned = line.to_lowercase().contains("planned");
        if level > 0 && planned_section.is_none_or(|begun_at| level <= begun_at) {
            planned_section = is_planned.then_some(level);
        }
        if is_planned || planned_section.is_some() {
            continue;
        }
        let quoted = line.split('`').skip(1).step_by(2);
        for path in quoted.filter(|quoted| looks_like_path(quoted, &top_level)) {
            if !exists(path, files, &top_level) {
                missing.push((index + 1, path.to_owned()));
            }
        }
    }
    missing
}

fn looks_like_path(quoted: &str, top_level: &BTreeSet<&str>) -> bool {
    let is_plain = quoted.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
    let is_relative = !quoted.starts_with('/') && !quoted.contains("..");
    let is_named = quoted.len() > 1 && !quoted.starts_with("./");
    let begins_like_ours = quoted
        .split_once('/')
        .is_some_and(|(first, rest)| !rest.is_empty() && top_level.contains(first));
    let ends_like_ours = quoted.ends_with('/')
        || EXTENSIONS.iter().any(|end| quoted.ends_with(end) && quoted != *end);
    is_plain && is_relative && is_named && (begins_like_ours || ends_like_ours)
}

/// A path whose first part is at the top is read from there; another one is relative to what its
/// section is about, so that it may stand anywhere.
fn exists(path: &str, files: &[String], top_level: &BTreeSet<&str>) -> bool {
    let wanted: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let from_top = wanted.first().is_some_and(|first| top_level.contains(first));
    files.iter().any(|file| {
        let parts: Vec<&str> = file.split('/').collect();
        let found = |at: &[&str]| at == wanted.as_slice();
        if from_top { parts.starts_with(&wanted) } else { parts.windows(wanted.len()).any(found) }
    })
}

#[cfg(test)]
#[path = "document_paths_test.rs"]
mod document_paths_test;
