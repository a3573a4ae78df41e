//! What a segment's files are called.

use std::fmt;
use std::path::{Path, PathBuf};

use pelton_model::{Offset, PartitionId};

/// A segment's first offset, and how often compaction has written it anew.
///
/// The files of a generation are never changed once a state file names them, so that readers may go
/// on with them while the next generation is written beside them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct SegmentName {
    pub base: Offset,
    /// 0: as it was carried.
    pub generation: u32,
}

impl SegmentName {
    pub fn carried(base: Offset) -> Self {
        Self { base, generation: 0 }
    }

    pub fn log_path(self, dir: &Path) -> PathBuf {
        dir.join(format!("{self}.log"))
    }

    pub fn index_path(self, dir: &Path) -> PathBuf {
        dir.join(format!("{self}.idx"))
    }

    /// Whose file this is; `None` for a name that no segment's file has.
    pub fn of_file(file_name: &str) -> Option<Self> {
        let stem = file_name.strip_suffix(".log").or_else(|| file_name.strip_suffix(".idx"))?;
        let (base, generation) = match stem.split_once('.') {
            None => (stem, 0),
            Some((base, generation)) => (base, generation.parse().ok()?),
        };
        let name = Self { base: Offset::new(base.parse().ok()?), generation };
        (name.to_string() == stem).then_some(name)
    }
}

/// `00000000000000000042`, and of later generations `00000000000000000042.3`: Kafka's own tools
/// take the offset from what stands before the first dot.
impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}", self.base.get())?;
        match self.generation {
            0 => Ok(()),
            generation => write!(f, ".{generation}"),
        }
    }
}

/// The directory of every topic's directory.
pub(crate) fn topics_dir(data: &Path) -> PathBuf {
    data.join("topics")
}

/// The directory of one partition's segments.
pub(crate) fn partition_dir(data: &Path, partition: PartitionId) -> PathBuf {
    topics_dir(data).join(partition.topic.to_string()).join(partition.index.to_string())
}

#[cfg(test)]
#[path = "name_test.rs"]
mod name_test;
