//! Looking at the files of a stopped broker: print them, hold them against what they say of each
//! other, rebuild an index.
//!
//! Nothing here changes a file but [`repair`]. Memory is bounded by a journal group, a chunk and
//! the index of one segment, whatever the size of the data.

mod batches;
mod journal;
mod repair;
mod segments;

use std::path::PathBuf;

use pelton_model::{PartitionId, PartitionIndex, TopicId};

pub use batches::{SeenBatch, each_batch, is_unwritten};
pub use journal::{JournalReport, SeenGroup, inspect_journal};
pub use repair::{Mend, NotRebuilt, Repaired, repair};
pub use segments::{LogReport, verify_logs};

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub path: PathBuf,
    pub partition: Option<PartitionId>,
    pub weight: Weight,
    pub what: String,
}

/// How much a [`Finding`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Bytes that were durable are not what was written.
    Damage,
    /// Worth knowing, and explained by a crash or by a repair.
    Note,
}

/// A bound for what is reported: a disk full of damage must not become a memory full of it.
const FINDINGS_MAX: usize = 10_000;

/// What was found, in the order of the files.
#[derive(Debug, Default)]
pub struct Findings {
    pub listed: Vec<Finding>,
    /// Of all findings, the unlisted ones too.
    pub damage_count: u64,
    pub note_count: u64,
}

impl Findings {
    pub fn is_sound(&self) -> bool {
        self.damage_count == 0
    }

    fn add(&mut self, finding: Finding) {
        match finding.weight {
            Weight::Damage => self.damage_count += 1,
            Weight::Note => self.note_count += 1,
        }
        if self.listed.len() < FINDINGS_MAX {
            self.listed.push(finding);
        }
    }

    /// Takes in what another pass has found.
    pub fn merge(&mut self, other: Findings) {
        self.damage_count += other.damage_count;
        self.note_count += other.note_count;
        let room = FINDINGS_MAX - self.listed.len();
        self.listed.extend(other.listed.into_iter().take(room));
    }
}

/// The partition whose directory this is, by its name and its parent's.
fn partition_of(topic: &str, index: &str) -> Option<PartitionId> {
    let number: i32 = index.parse().ok()?;
    let index = (number.to_string() == index).then_some(PartitionIndex::new(number))?;
    Some(PartitionId::new(TopicId::parse(topic)?, index))
}
