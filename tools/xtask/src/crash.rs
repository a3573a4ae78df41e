//! `cargo x crash`: the crash laboratory, at the length that is not for every build, and what it
//! came to.

use crate::process;
use crate::repository::Repository;

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Of each kind of power cut over the simulated disk: some 90 images a seed and kind. Beside
    /// compaction likewise.
    pub seeds: u64,
    /// `kill -9` of the real binary.
    pub kills: u64,
    /// Of a real ext4 under the real binary.
    pub power_cuts: u64,
}

impl Wish {
    pub const DEFAULT: Wish = Wish { seeds: 400, kills: 500, power_cuts: 1_500 };

    /// `[--seeds N] [--kills N] [--power-cuts N]`; `None` if it is something else.
    pub fn parse(mut arguments: &[&str]) -> Option<Self> {
        let mut wish = Self::DEFAULT;
        while let [name, count, rest @ ..] = arguments {
            let count = count.parse().ok().filter(|count| *count > 0)?;
            match *name {
                "--seeds" => wish.seeds = count,
                "--kills" => wish.kills = count,
                "--power-cuts" => wish.power_cuts = count,
                _ => return None,
            }
            arguments = rest;
        }
        arguments.is_empty().then_some(wish)
    }
}

/// Of the simulated disk, where nobody asked for fewer seeds.
const IMAGES_MIN: u64 = 100_000;

/// One test binary, and how it is told how long to go on.
struct Part {
    name: &'static str,
    test: &'static [&'static str],
    settings: Vec<String>,
}

fn parts(wish: Wish) -> Vec<Part> {
    let Wish { seeds, kills, power_cuts } = wish;
    vec![
        Part {
            name: "images of the simulated disk",
            test: &["-p", "pelton-storage", "--release", "--test", "power_cut"],
            settings: vec![format!("PELTON_SEEDS={seeds}")],
        },
        Part {
            name: "power cuts beside compaction",
            test: &["-p", "pelton-storage", "--release", "--test", "compaction"],
            settings: vec![format!("PELTON_SEEDS={seeds}")],
        },
        Part {
            name: "bit flips",
            test: &["-p", "pelton-storage", "--release", "--test", "bit_flips"],
            settings: vec!["PELTON_FLIPS=all".into()],
        },
        Part {
            name: "the real binary",
            test: &["-p", "pelton", "--test", "crash"],
            settings: vec![
                format!("PELTON_KILLS={kills}"),
                format!("PELTON_POWER_CUTS={power_cuts}"),
            ],
        },
    ]
}

/// # Errors
/// When a part fails, having said with which seed; or the tests cannot be built; or too few images
/// were tried.
pub fn run(repository: &Repository, wish: Wish) -> Result<(), String> {
    let parts = parts(wish);
    let mut summary = Summary::default();
    for part in &parts {
        println!("== {}", part.name);
        summary.begin(part.name);
        run_part(repository, part, &mut summary)?;
    }
    summary.print();
    if wish.seeds >= Wish::DEFAULT.seeds && summary.images < IMAGES_MIN {
        return Err(format!("{} images were tried, {IMAGES_MIN} are wanted", summary.images));
    }
    Ok(())
}

fn run_part(repository: &Repository, part: &Part, summary: &mut Summary) -> Result<(), String> {
    let cargo = process::cargo();
    let cargo = cargo.to_string_lossy();
    // Planted bugs are found by panics, whose traces nobody wants to read by the hundred.
    let settings = part.settings.iter().map(String::as_str).chain(["RUST_BACKTRACE=0"]);
    let call: Vec<&str> = settings
        .chain([&*cargo, "test"])
        .chain(part.test.iter().copied())
        .chain(["--", "--nocapture"])
        .collect();
    process::watch("env", &call, repository.root(), |line| summary.take(line))
}

/// What the tests said of themselves.
#[derive(Default)]
struct Summary {
    images: u64,
    lines: Vec<String>,
}

impl Summary {
    /// Beginnings of lines that say how much was tried, and what came of it.
    const TOLD: [&str; 6] = [
        "of a damaged journal: ",
        "full at ",
        "after a ",
        "beside compaction: ",
        "kill -9: ",
        "power cuts on ext4: ",
    ];

    fn begin(&mut self, part: &str) {
        self.lines.push(format!("{part}:"));
    }

    fn take(&mut self, line: &str) {
        // Tests that run one by one are named before they run, on what becomes their first line.
        let after_name = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... "));
        let line = after_name.map_or(line, |(_, said)| said);
        let is_told = Self::TOLD.iter().any(|beginning| line.starts_with(beginning))
            || line.contains(" is found by ")
            || line.contains(" errors, ")
            || line.starts_with("==== SKIPPED");
        if let Some(count) =
            line.strip_suffix(" images").and_then(|count| count.parse::<u64>().ok())
        {
            self.images += count;
        } else if is_told {
            self.lines.push(format!("  {line}"));
        }
    }

    fn print(&self) {
        println!("== what it came to");
        println!("  {} images of the simulated disk", self.images);
        self.lines.iter().for_each(|line| println!("{line}"));
    }
}

#[cfg(test)]
#[path = "crash_test.rs"]
mod crash_test;
