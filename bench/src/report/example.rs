//! An outcome whose figures are known, for the tests of all reports.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::plan::{Plan, Workload};
use crate::process::{DeviceIo, Usage};
use crate::run::{Machine, Outcome, Repeat};
use crate::schedule::Rate;
use crate::tally::{Counts, GivenUp, Tally, Window};

const MS: Duration = Duration::from_millis(1);

/// Two repeats of two seconds: a request of 1 MB and 1000 records every 10 ms; they take 2 ms, and
/// in the second repeat one of them takes 50 ms. The server uses half a second each.
pub(super) fn outcome() -> Outcome {
    let mut plan = Plan::new(Workload::Produce, "127.0.0.1:9092");
    plan.rate = Some(Rate::BytesPerSecond(100e6));
    plan.duration = 2000 * MS;
    plan.repeats = 2;
    plan.server_pid = Some(1);
    Outcome {
        plan,
        machine: Machine {
            host: "bench".into(),
            kernel: "6.1".into(),
            cpu: "A <fast> one".into(),
            cores: 2,
            memory_bytes: 8 << 30,
        },
        started_ms: 1_700_000_000_000,
        repeats: vec![repeat(1_700_000_001_000, 2 * MS), repeat(1_700_000_004_000, 50 * MS)],
    }
}

/// As [`outcome`], but the broker answers nothing any more in the second half of the first repeat: what
/// was due then is given up at the end.
pub(super) fn stalled() -> Outcome {
    let mut outcome = outcome();
    let produce = &mut outcome.repeats[0].produce;
    let window = produce.window();
    *produce = Tally::new(window);
    for at in 0..200 {
        let due = window.from + 10 * at * MS;
        match at < 100 {
            true => produce.count(due, Counts { requests: 1, records: 1000, bytes: 1_000_000 }),
            false => produce.give_up(due, window.end(), GivenUp::Unanswered),
        }
    }
    outcome
}

fn repeat(started_ms: u64, worst: Duration) -> Repeat {
    let begin = crate::clock::now();
    let window = Window::new(begin, 2000 * MS);
    let mut produce = Tally::new(window);
    for at in 0..200 {
        let due = begin + 10 * at * MS;
        produce.time(due, due + if at == 100 { worst } else { 2 * MS });
        produce.count(due, Counts { requests: 1, records: 1000, bytes: 1_000_000 });
    }
    let usage = Usage {
        cpu_seconds: 0.5,
        resident_bytes: 100 << 20,
        resident_bytes_peak: 120 << 20,
        io: Some(DeviceIo { read_bytes: 0, write_bytes: 200_000_000 }),
    };
    Repeat {
        topic: "filled".into(),
        started_ms,
        seconds: 2.0,
        produce,
        fetch: Tally::new(window),
        end_to_end: Tally::new(window),
        newcomers: Tally::new(window),
        unseen: 0,
        connect: Histogram::new(3).unwrap(),
        client: usage,
        server: Some(usage),
    }
}
