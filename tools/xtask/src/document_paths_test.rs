use super::*;

fn missing(document: &str) -> Vec<(usize, String)> {
    let files = ["Cargo.toml", "README.md", "deploy/pelton.toml", "storage/src/log/append.rs"];
    missing_paths(document, &files.map(str::to_owned))
}

#[test]
fn paths_that_exist_pass() {
    let document = "`storage/src/log/append.rs`, `storage/src/`, `storage/src/log`, `Cargo.toml`, \
                    and by their end: `log/append.rs`, `append.rs`, `log/`";
    assert_eq!(missing(document), []);
}

#[test]
fn a_path_that_does_not_exist_is_found_with_its_line() {
    let document = "# Map\n\nsee `storage/src/log/roll.rs` and `nowhere/`\n`storage/lib`";
    assert_eq!(
        missing(document),
        [
            (3, "storage/src/log/roll.rs".to_owned()),
            (3, "nowhere/".to_owned()),
            (4, "storage/lib".to_owned()),
        ]
    );
}

#[test]
fn what_is_planned_need_not_exist() {
    let document = "`bench/` (planned)\n## Planned\n`bench/`\n### More\n`sim/`\n## Now\n`gone.rs`";
    assert_eq!(missing(document), [(7, "gone.rs".to_owned())]);
}

#[test]
fn what_is_no_path_of_ours_is_left_alone() {
    let document = "`/metrics` `application/json` `a/b` `cargo x check` `storage/src/*.rs` \
                    `<data>/LOCK` `/etc/pelton/pelton.toml` `.rs` `flush.messages` `and/or`";
    assert_eq!(missing(document), []);
}

#[test]
fn fenced_blocks_are_not_read() {
    assert_eq!(missing("```\n`gone.rs`\n```\n"), []);
}

#[test]
fn every_document_is_read_wherever_it_lies() {
    let files = ["README.md", "storage/README.md", "storage/src/lib.rs"].map(str::to_owned);
    assert_eq!(documents(&files).collect::<Vec<_>>(), ["README.md", "storage/README.md"]);
}
