//! What can be made to go wrong, and what a power cut leaves.

use std::io;
use std::path::{Path, PathBuf};

use super::random::Random;

/// What a disk is asked to do, and a [`Fault`] can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Open,
    Read,
    Write,
    /// Of a file or of a directory.
    Sync,
    Allocate,
    Truncate,
    Close,
    CreateDir,
    /// Of a file or of a directory.
    Remove,
    Rename,
    List,
    Space,
}

/// A disk that does not keep its promises: what a test that is worth something must notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// A sync, of a file or of a directory, returns and has done nothing.
    SyncsDoNothing,
    /// A write of a file that was opened for durable writes returns when it is merely written.
    DurableWritesAreNot,
}

/// The error that a [`Fault`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultError {
    /// As from the operating system: `libc::EIO`, `libc::ENOSPC`.
    Errno(i32),
    Kind(io::ErrorKind),
}

impl FaultError {
    pub(super) fn to_error(self) -> io::Error {
        match self {
            Self::Errno(errno) => io::Error::from_raw_os_error(errno),
            Self::Kind(kind) => io::Error::new(kind, "injected"),
        }
    }
}

/// Makes the next operation of a kind fail; the methods change which one, and where.
///
/// A write that fails other than for want of room leaves some of its sectors written. What a
/// failed sync covered is never made durable by a later sync, as on Linux.
#[derive(Clone, Debug)]
pub struct Fault {
    operation: Operation,
    error: FaultError,
    /// How many matching operations pass before it strikes.
    spared: u64,
    lasting: bool,
    under: PathBuf,
}

impl Fault {
    pub fn new(operation: Operation, error: FaultError) -> Self {
        Self { operation, error, spared: 0, lasting: false, under: PathBuf::from("/") }
    }

    /// Strikes the n-th operation from now, counted from 1.
    pub fn nth(self, n: u64) -> Self {
        Self { spared: n.saturating_sub(1), ..self }
    }

    /// Strikes every one from then on.
    pub fn lasting(self) -> Self {
        Self { lasting: true, ..self }
    }

    /// Counts and strikes only what concerns this path or lies under it.
    pub fn under(self, path: impl Into<PathBuf>) -> Self {
        Self { under: path.into(), ..self }
    }
}

/// The faults that are still to strike.
#[derive(Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Counts an operation, and says what strikes it.
    pub(super) fn strike(&mut self, operation: Operation, path: &Path) -> Option<FaultError> {
        let mut struck = None;
        self.0.retain_mut(|fault| {
            if fault.operation != operation || !path.starts_with(&fault.under) {
                return true;
            }
            if fault.spared > 0 {
                fault.spared -= 1;
                return true;
            }
            struck = struck.or(Some(fault.error));
            fault.lasting
        });
        struck
    }
}

/// Decides what a power cut keeps of all that was not durable.
pub struct CrashChoice(Choice);

enum Choice {
    LoseAll,
    KeepAll,
    Random(Random),
}

impl CrashChoice {
    /// Exactly what was promised survives.
    pub fn lose_all() -> Self {
        Self(Choice::LoseAll)
    }

    /// Everything that was begun survives.
    pub fn keep_all() -> Self {
        Self(Choice::KeepAll)
    }

    /// Each change, and each 512-byte sector of each write, on its own, in any combination.
    pub fn random(seed: u64) -> Self {
        Self(Choice::Random(Random::new(seed)))
    }

    pub(super) fn keep(&mut self) -> bool {
        match &mut self.0 {
            Choice::LoseAll => false,
            Choice::KeepAll => true,
            Choice::Random(random) => random.coin(),
        }
    }

    /// For one write, a decision per sector; half of all writes survive, or are lost, whole.
    pub(super) fn keep_sectors(&mut self) -> impl FnMut() -> bool {
        let whole = match &mut self.0 {
            Choice::LoseAll => Some(false),
            Choice::KeepAll => Some(true),
            Choice::Random(random) => match random.below(4) {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            },
        };
        let mut random = Random::new(self.next_seed());
        move || whole.unwrap_or_else(|| random.coin())
    }

    pub(super) fn next_seed(&mut self) -> u64 {
        match &mut self.0 {
            Choice::LoseAll | Choice::KeepAll => 0,
            Choice::Random(random) => random.next_u64(),
        }
    }
}
