//! `cargo x test`: from a fresh clone to the last test, in one command.

use std::path::Path;

use crate::check::{self, Depth};
use crate::repository::Repository;
use crate::{process, simulate};

/// A program that the tests or their builds call, and the Debian package that has it.
const TOOLS: &[(&str, &str)] = &[
    ("cc", "build-essential"),
    ("cmake", "cmake"),
    ("kcat", "kcat"),
    ("python3", "python3-venv"),
    ("javac", "default-jdk-headless"),
    ("mvn", "maven"),
];

/// Programs against the release build, in order. What they need beyond [`TOOLS`] they fetch into
/// the target folder themselves.
const RUNS: &[Run] = &[
    Run {
        name: "the comparison itself",
        call: &["python3", "tools/compat/compare/compare_test.py"],
    },
    Run {
        name: "the checksums themselves",
        call: &["python3", "tools/compat/flights/digest_test.py"],
    },
    Run { name: "the goals themselves", call: &["python3", "bench/peers/peers_test.py"] },
    Run { name: "real clients", call: &["bash", "tools/compat/run"] },
    Run { name: "our client, of both brokers", call: &["bash", "tools/compat/client/run"] },
    Run { name: "the same answers as Apache Kafka", call: &["python3", COMPARE, "--start"] },
    // A minute of them; a longer look is a matter of other seeds.
    Run {
        name: "the same answers to random sequences",
        call: &["python3", COMPARE, "--start", "--random", "1", "2", "3", "4", "--requests", "300"],
    },
];

/// Asks Apache Kafka and Pelton the same.
const COMPARE: &str = "tools/compat/compare/run.py";

struct Run {
    name: &'static str,
    /// A program, and its script, which stands in the repository.
    call: &'static [&'static str],
}

/// Seeds of the simulator; the tests of its crate run the first few of them.
const SEEDS: &str = "1000";

/// # Errors
/// The first thing that could not be installed, or the first check or test that failed.
pub fn run(repository: &Repository) -> Result<(), String> {
    let root = repository.root();
    install_tools(root)?;
    check::run(repository, Depth::FullNamingEachTest)?;
    println!("== simulator");
    simulate::run(repository, &["--seeds", SEEDS])?;
    // Always built: a binary left by an earlier commit would pass in this one's place.
    let build = ["build", "--release", "--quiet", "--package", "pelton"];
    process::run(process::cargo(), &build, root)?;
    for Run { name, call } in RUNS {
        println!("== {name}");
        let (program, arguments) = call.split_first().ok_or("a run without a program")?;
        process::run(program, arguments, root)?;
    }
    Ok(())
}

fn install_tools(root: &Path) -> Result<(), String> {
    let mut packages = packages_missing(process::is_installed);
    // Debian keeps the half of Python's venv that makes pip in a package of its own.
    let can_make_venv = process::output("python3", &["-c", "import ensurepip, venv"], root).is_ok();
    if !can_make_venv && !packages.contains(&"python3-venv") {
        packages.push("python3-venv");
    }
    if packages.is_empty() { Ok(()) } else { install(&packages, root) }
}

fn packages_missing(is_installed: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let missing = TOOLS.iter().filter(|(program, _)| !is_installed(program));
    missing.map(|(_, package)| *package).collect()
}

fn install(packages: &[&str], root: &Path) -> Result<(), String> {
    println!("== installing {}", packages.join(" "));
    if process::output("id", &["-u"], root)?.trim() != "0" {
        return Err(format!("not root: install them yourself: {}", packages.join(" ")));
    }
    // A mirror that is away for a moment fails the update; the old list may still do. What counts
    // is whether the install works.
    if let Err(reason) = process::run("apt-get", &["update", "-q"], root) {
        println!("   going on with the old package list: {reason}");
    }
    let mut arguments = vec!["DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-q"];
    arguments.push("--no-install-recommends");
    arguments.extend(packages);
    process::run("env", &arguments, root)
}

#[cfg(test)]
#[path = "test_test.rs"]
mod test_test;
