//! One data directory, from its first start over many crashes to the last look at all of it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use pelton_storage::disk::sim::Random;
use tempfile::TempDir;

use crate::clients::{Allowance, Reader, TRACKS, Writer, assert_nothing_wrong, create_topics};
use crate::ledger::{Account, Ledger};
use crate::support::clients::LATER;
use crate::support::ext4::Volume;
use crate::support::patience::eventually;
use crate::support::{Broker, directory, port_for_life};

/// The first ones are idempotent.
const WRITERS: usize = 3;
const IDEMPOTENT: std::ops::Range<usize> = 0..2;

/// Sent between two crashes, and at which of them, by chance, the second comes.
const RECORDS_A_CRASH: u64 = 300;
/// May be sent beyond it, so that it comes in the midst of work.
const RECORDS_AHEAD: u64 = 200;

/// One start in so many is crashed into before it is ready, or just after.
const INTERRUPTED_ONE_IN: u64 = 4;
const START_MS: u64 = 150;

/// How long a broker may go on, and tell what is not so, when its file system's power is gone.
const AFTERLIFE_MS: u64 = 10;

/// More than a run writes.
const VOLUME_MEBIBYTES: usize = 512;

/// Small, so that the ring goes round and what is large goes past it.
const SIZES: [&str; 6] = [
    "--journal-file-bytes",
    "131072",
    "--journal-bytes",
    "524288",
    "--direct-flush-bytes",
    "32768",
];

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// `kill -9`.
    Kill,
    /// Of the file system that the data are on.
    PowerCut,
    /// `kill -9`; at the second one the disk has forgotten what came after the first, which no disk
    /// may, and the laboratory must see.
    KillAndForget,
}

/// What came of runs.
#[derive(Default)]
pub struct Tally {
    pub crashes: u64,
    /// Of them, those that came while the broker started.
    pub interrupted_starts: u64,
    pub starts: u64,
    pub starts_refused: u64,
    /// Starts that found what a life before had not settled.
    pub unclean_starts: u64,
    /// Direct flushes that a start cut off, since they had not become durable.
    pub cut_flushes: u64,
    /// That the journals describe at the end of a run.
    pub extents: u64,
    /// At the end of a run.
    pub segments: u64,
    pub account: Account,
}

impl Tally {
    pub fn add(&mut self, other: Tally) {
        self.crashes += other.crashes;
        self.interrupted_starts += other.interrupted_starts;
        self.starts += other.starts;
        self.starts_refused += other.starts_refused;
        self.unclean_starts += other.unclean_starts;
        self.cut_flushes += other.cut_flushes;
        self.extents += other.extents;
        self.segments += other.segments;
        self.account.add(other.account);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} crashes ({} while it started), {} starts, {} refused, {} unclean, {} flushes cut \
             off, {} extents and {} segments at the end; {}",
            self.crashes,
            self.interrupted_starts,
            self.starts,
            self.starts_refused,
            self.unclean_starts,
            self.cut_flushes,
            self.extents,
            self.segments,
            self.account
        )
    }
}

/// Crashes a broker so many times.
///
/// # Errors
/// Why such crashes cannot be made here.
///
/// # Panics
/// If a promise is broken.
pub fn run(seed: u64, crash: Crash, crashes: u64) -> Result<Tally, String> {
    let directory = directory();
    let volume = match crash {
        Crash::Kill | Crash::KillAndForget => None,
        Crash::PowerCut => Some(Volume::make(directory.path(), VOLUME_MEBIBYTES)?),
    };
    println!("{crash:?}, seed {seed}: begins");
    let mut fate = Fate {
        random: Random::new(seed),
        port: port_for_life(),
        forgets: crash == Crash::KillAndForget,
        volume,
        directory,
        tally: Tally::default(),
    };
    let ledger = Arc::new(Ledger::new(TRACKS, WRITERS));
    let allowance = Allowance::default();
    let broker = fate.start();
    create_topics(&broker);
    let writers: Vec<Writer> = (0..WRITERS)
        .map(|number| Writer::new(&broker, &ledger, number, IDEMPOTENT.contains(&number)))
        .collect();
    let (reader, mut auditor) = (Reader::new(&broker, &[0; TRACKS]), Reader::new(&broker, &[0; 6]));
    let broker = std::thread::scope(|scope| {
        // Whoever fails, nobody goes on for ever.
        let _over = Over(&allowance);
        for (number, writer) in writers.iter().enumerate() {
            let (allowance, seed) = (&allowance, seed * 100 + number as u64);
            scope.spawn(move || writer.run(allowance, seed));
        }
        let (ledger, allowance) = (&*ledger, &allowance);
        scope.spawn(move || reader.live(ledger, allowance));
        let mut broker = broker;
        let mut audited = vec![0; TRACKS];
        while fate.tally.crashes < crashes {
            fate.await_the_hour(ledger, allowance);
            fate.end(broker);
            let promised = ledger.ends();
            while fate.tally.crashes < crashes && fate.random.below(INTERRUPTED_ONE_IN) == 0 {
                fate.interrupt_a_start();
            }
            broker = fate.start();
            auditor.seek(&audited);
            auditor.audit(ledger, &promised);
            audited = promised;
            assert_nothing_wrong(ledger);
        }
        allowance.end();
        broker
    });
    let mut last = Reader::new(&broker, &[0; TRACKS]);
    let logs = last.audit(&ledger, &ledger.ends());
    for (track, log) in logs.iter().enumerate() {
        ledger.conclude(track, log, &IDEMPOTENT);
    }
    assert_nothing_wrong(&ledger);
    fate.tally.account = ledger.account();
    fate.look_at_the_files(broker);
    // Should a later run fail, this one has been.
    println!("{crash:?}, seed {seed}: {}", fate.tally);
    Ok(fate.tally)
}

/// Tells the clients of a run that has failed.
struct Over<'a>(&'a Allowance);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.abandon();
        }
    }
}

/// Starts brokers and crashes them, as a seed has it.
struct Fate {
    random: Random,
    port: u16,
    tally: Tally,
    forgets: bool,
    /// Unmounted before the directory goes.
    volume: Option<Volume>,
    directory: TempDir,
}

impl Fate {
    fn data(&self) -> PathBuf {
        let at = self.volume.as_ref().map_or(self.directory.path(), Volume::path);
        at.join("data")
    }

    fn begin(&mut self) -> Broker {
        let cores = std::thread::available_parallelism().map_or(1, usize::from).min(2) as u64;
        let cores = (1 + self.random.below(cores)).to_string();
        let options = [["--cores", &cores].as_slice(), &SIZES].concat();
        self.tally.starts += 1;
        Broker::begin(&self.data(), self.port, &options)
    }

    fn start(&mut self) -> Broker {
        let mut broker = self.begin();
        if let Err(ended) = broker.become_ready() {
            self.tally.starts_refused += 1;
            panic!("start {} was refused: {ended}; {}", self.tally.starts, self.tally);
        }
        self.note_what_it_found(&broker.said());
        broker
    }

    fn note_what_it_found(&mut self, said: &str) {
        self.tally.unclean_starts += u64::from(said.contains("after an unclean stop"));
        let cut = said.matches("a direct flush had not become durable").count();
        self.tally.cut_flushes += cut as u64;
    }

    /// Waits until so many records were acknowledged that it is time.
    fn await_the_hour(&mut self, ledger: &Ledger, allowance: &Allowance) {
        let at = ledger.acknowledged_count() + 1 + self.random.below(RECORDS_A_CRASH);
        allowance.grant(RECORDS_A_CRASH + RECORDS_AHEAD);
        eventually("records are acknowledged", LATER, || {
            assert_nothing_wrong(ledger);
            (ledger.acknowledged_count() >= at).then_some(())
        });
        linger(Duration::from_micros(self.random.below(3_000)));
    }

    fn end(&mut self, broker: Broker) {
        self.tally.crashes += 1;
        match &mut self.volume {
            None => {
                broker.kill();
                if self.forgets {
                    self.forget();
                }
            }
            Some(volume) => {
                volume.cut_power();
                linger(Duration::from_millis(self.random.below(AFTERLIFE_MS)));
                broker.kill();
                volume.power_up();
            }
        }
    }

    /// Keeps a copy of everything, and puts it back at the next crash.
    fn forget(&self) {
        let (data, copy) = (self.data(), self.directory.path().join("copy"));
        let copied = |from: &Path, to: &Path| {
            let status = Command::new("cp").arg("-r").arg(from).arg(to).status();
            assert!(
                status.is_ok_and(|status| status.success()),
                "{} is not copied",
                from.display()
            );
        };
        if !copy.exists() {
            return copied(&data, &copy);
        }
        // The lock is held until the kernel has taken the killed process down.
        std::fs::remove_dir_all(&data).expect("removed");
        copied(&copy, &data);
    }

    fn interrupt_a_start(&mut self) {
        let broker = self.begin();
        linger(Duration::from_millis(self.random.below(START_MS)));
        self.note_what_it_found(&broker.said());
        self.tally.interrupted_starts += 1;
        self.end(broker);
    }

    /// Kills it, stops a last one in order, and has the files verified.
    fn look_at_the_files(&mut self, broker: Broker) {
        broker.kill();
        let data = self.data();
        let dump = pelton(&["journal", "dump", "--stale", "--json"], &data);
        self.tally.extents += dump.matches("\"extent\"").count() as u64;
        let (code, said) = self.start().stop();
        assert_eq!(code, Some(0), "{said}");
        pelton(&["log", "verify"], &data);
        self.tally.segments += count_segments(&data.join("topics"));
    }
}

/// What `pelton` says of a stopped broker's data, of which it must not complain.
fn pelton(command: &[&str], data: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_pelton")).args(command).arg(data).output();
    let output = output.expect("pelton");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}\n{complaint}", output.status);
    said
}

fn count_segments(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).expect("a directory");
    entries
        .map(|entry| entry.expect("an entry").path())
        .map(|path| match path.is_dir() {
            true => count_segments(&path),
            false => u64::from(path.extension().is_some_and(|it| it == "log")),
        })
        .sum()
}

/// Lets time pass that a test has drawn: when a fault strikes is not to hang on what is awaited.
fn linger(time: Duration) {
    #[expect(clippy::disallowed_methods, reason = "the hour of a fault, not a synchronisation")]
    std::thread::sleep(time);
}
