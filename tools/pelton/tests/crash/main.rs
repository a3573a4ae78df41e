//! The crash laboratory with the real binary and real clients: they write and read while the broker
//! is killed, or the power of its file system is cut, again and again; and what they were told and
//! shown is held against what is there.
//!
//! `PELTON_KILLS` and `PELTON_POWER_CUTS` ask for more of it, `PELTON_SEED` for another course.

mod clients;
mod content;
mod ledger;
mod ledger_test;
mod run;
#[path = "../support/mod.rs"]
mod support;

use run::{Crash, Tally};

/// In one run on one data directory; the next begins with an empty one.
const CRASHES_A_RUN: u64 = 25;

const KILLS_MIN: u64 = 50;
const POWER_CUTS_MIN: u64 = 100;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// As many as asked for; `None` where such crashes are not possible, having said so.
fn crashes(name: &str, crash: Crash, count: u64) -> Option<Tally> {
    match in_runs(count, |seed, crashes| run::run(seed, crash, crashes)) {
        Ok(all) => {
            println!("{name}: {all}");
            Some(all)
        }
        Err(why) => {
            println!("{name}: {count} skipped, {why}");
            support::skipped(name, &format!("{count} of them are not made: {why}"));
            None
        }
    }
}

/// As many runs as it takes.
///
/// # Errors
/// Why such crashes cannot be made here.
///
/// # Panics
/// If they could be made, and then no more.
fn in_runs(
    count: u64,
    mut run: impl FnMut(u64, u64) -> Result<Tally, String>,
) -> Result<Tally, String> {
    let first = number("PELTON_SEED").unwrap_or(1);
    let mut all = Tally::default();
    for seed in first.. {
        if all.crashes >= count {
            break;
        }
        match run(seed, CRASHES_A_RUN.min(count - all.crashes)) {
            Ok(tally) => all.add(tally),
            Err(why) if all.crashes == 0 => return Err(why),
            Err(why) => panic!("after {} of {count} crashes: {why}", all.crashes),
        }
    }
    Ok(all)
}

fn check(all: &Tally, count: u64) {
    assert!(all.crashes >= count, "{} crashes", all.crashes);
    assert_eq!(all.starts_refused, 0);
    // Otherwise little was at stake.
    assert!(all.account.acknowledged > 20 * count && all.account.seen > 20 * count);
    assert!(all.unclean_starts > count / 4, "{} unclean starts", all.unclean_starts);
    assert!(all.interrupted_starts > 0 || count < KILLS_MIN, "{all}");
    assert!(all.segments > 10 && all.extents > 0, "{all}");
}

#[test]
fn only_who_cannot_crash_at_all_is_excused() {
    let make = |working: usize| {
        let mut runs = 0;
        in_runs(100, |_, crashes| {
            runs += 1;
            match runs <= working {
                true => Ok(Tally { crashes, ..Tally::default() }),
                false => Err("no loop device".to_owned()),
            }
        })
    };
    assert_eq!(make(0).err().as_deref(), Some("no loop device"));
    assert_eq!(make(4).expect("all of them").crashes, 100);
    let why = std::panic::catch_unwind(|| make(1).is_err()).expect_err("the second failed");
    let why = why.downcast_ref::<String>().expect("a reason");
    assert_eq!(why, "after 25 of 100 crashes: no loop device");
}

#[test]
fn s2_nothing_is_lost_by_kills() {
    let count = number("PELTON_KILLS").unwrap_or(KILLS_MIN);
    let all = crashes("kill -9", Crash::Kill, count).expect("killing is always possible");
    check(&all, count);
}

/// A laboratory that finds nothing in a disk that forgets proves nothing.
#[test]
fn a_disk_that_forgets_is_found() {
    let found = std::panic::catch_unwind(|| run::run(1, Crash::KillAndForget, 4).map(drop));
    let why = found.expect_err("it forgot what was acknowledged");
    let why = why.downcast_ref::<String>().expect("a reason");
    assert!(why.contains("acknowledged and lost "), "found otherwise: {why}");
    assert!(!why.contains("acknowledged and lost 0,"), "{why}");
}

#[test]
fn s2_nothing_is_lost_by_power_cuts() {
    let count = number("PELTON_POWER_CUTS").unwrap_or(POWER_CUTS_MIN);
    if let Some(all) = crashes("power cuts on ext4", Crash::PowerCut, count) {
        check(&all, count);
    }
}
