//! What a start has cut off a log, and what still counts of the journal then.

use pelton_model::Offset;

use crate::journal::Entry;

/// Where a start has cut a log off, because a direct flush had not become durable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// Records at and above it are gone.
    pub end: Offset,
    /// Records below it are in segments; those up to `end` only in the journal.
    pub carried: Offset,
}

impl Cut {
    /// What was known before this cut and after it.
    pub fn lowest(self, other: Option<&Cut>) -> Cut {
        other.map_or(self, |other| Cut {
            end: self.end.min(other.end),
            carried: self.carried.min(other.carried),
        })
    }

    /// What counts of an entry that stands before the cut, or behind what was cut off.
    pub fn of(&self, entry: Entry) -> Option<Entry> {
        let counts = match &entry {
            Entry::Append { base_offset, .. } => *base_offset < self.end,
            Entry::Extent(extent) => extent.end <= self.carried,
            Entry::Roll { base } => *base <= self.carried,
            Entry::LogStart { start } => *start <= self.end,
            // The epoch may have been told to somebody. None of its records is left.
            Entry::Place { epoch, start } => {
                return Some(Entry::Place { epoch: *epoch, start: self.end.min(*start) });
            }
            Entry::Truncate { .. } | Entry::Drop => true,
        };
        counts.then_some(entry)
    }
}

#[cfg(test)]
#[path = "cut_test.rs"]
mod cut_test;
