//! H2: the runtime is named in the seams and nowhere else, so that it stays replaceable and so
//! that everything above a seam runs in the simulator.

use crate::repository::Repository;

const RUNTIME: &str = "glommio";

/// Folders in which a file, or a folder, whose name begins with the runtime's may name it.
const SEAMS: &[&str] =
    &["storage/src/disk/", "net/src/link/", "net/src/listener/", "broker/src/runtime/"];

/// # Errors
/// Every line outside the seams that names the runtime.
pub fn check(repository: &Repository) -> Result<(), String> {
    let mut found = Vec::new();
    for (path, text) in repository.rust_sources()? {
        if may_name_runtime(path) {
            continue;
        }
        for number in lines_naming_runtime(&text) {
            found.push(format!("{path}:{number} names {RUNTIME} outside the seams (H2)"));
        }
    }
    if found.is_empty() { Ok(()) } else { Err(found.join("\n")) }
}

fn may_name_runtime(path: &str) -> bool {
    let is_test = path.ends_with("_test.rs") || path.split('/').any(|folder| folder == "tests");
    let stands_in_seam = SEAMS.iter().filter_map(|seam| path.strip_prefix(seam)).any(|below| {
        below.split('/').any(|part| {
            part.strip_prefix(RUNTIME)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '_']))
        })
    });
    is_test || stands_in_seam
}

/// Numbers, from 1, of the lines in which the crate is named. Comments may speak of it, and so may
/// paths to a module of our own with the same name (`super::glommio::Disk`).
fn lines_naming_runtime(text: &str) -> Vec<usize> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| names_runtime(line.split("//").next().unwrap_or_default()))
        .map(|(index, _)| index + 1)
        .collect()
}

fn names_runtime(code: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(RUNTIME).any(|(position, _)| {
        let before = code[..position].trim_end();
        let after = code[position + RUNTIME.len()..].trim_start();
        let is_whole_word = !code[..position].ends_with(is_word)
            && !code[position + RUNTIME.len()..].starts_with(is_word);
        let is_ours = before.strip_suffix("::").is_some_and(|path| path.ends_with(is_word));
        let is_path = after.starts_with("::");
        let is_import = ["use", "use ::", "extern crate"].iter().any(|word| before.ends_with(word));
        is_whole_word && !is_ours && (is_path || is_import)
    })
}

#[cfg(test)]
#[path = "runtime_seams_test.rs"]
mod runtime_seams_test;
