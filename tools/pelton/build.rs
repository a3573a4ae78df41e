//! Names the commit that is built, for the metric that tells it: `PELTON_COMMIT` where somebody sets
//! it, as a build without a repository has to; else what git says; else "unknown".

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=PELTON_COMMIT");
    let named = std::env::var("PELTON_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = named.or_else(head).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=PELTON_COMMIT={commit}");
}

/// The commit that is checked out; what is changed beside it is not looked at, since cargo would
/// not look again.
fn head() -> Option<String> {
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    // HEAD names a branch or a commit; a commit to the branch writes to the branch's own file, or
    // makes one beside those that are packed.
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        if let Some(path) = git(&["rev-parse", "--git-path", name])
            && Path::new(&path).exists()
        {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    Some(commit)
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}
