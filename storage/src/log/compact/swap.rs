//! Putting a compacted segment in the place of those that it was made from.

use pelton_model::Offset;

use super::Unswept;
use crate::gate::Pass;
use crate::log::Log;
use crate::segment::{Segment, SegmentName};
use crate::state::SegmentState;

/// A segment, durable, that says all that is left of its sources.
pub(crate) struct Replacement {
    pub sources: Vec<SegmentName>,
    pub segment: SegmentState,
    /// Where the sources end.
    pub end: Offset,
    /// With it, the log is clean up to here.
    pub cleaned_end: Option<Offset>,
}

impl Replacement {
    pub fn name(&self) -> SegmentName {
        self.segment.name()
    }
}

impl Log {
    /// For one compaction at a time; `None` when another is under way.
    pub(crate) fn try_begin_compaction(&self) -> Option<Pass<'_>> {
        self.0.compaction.try_enter()
    }

    /// Swaps, in memory: from here on reads find the new segment, and so does the next state file.
    /// `version` is that of the newest state file, which does not know. Returns what was replaced;
    /// `None`, and no change, if a source has gone meanwhile.
    pub(crate) async fn swap_in(
        &self,
        replacement: &Replacement,
        version: u64,
    ) -> Option<Vec<Segment>> {
        let _pass = self.0.gate.enter().await;
        let mut positions = self.0.positions.borrow_mut();
        let first = replacement.sources.first()?;
        let at = positions.segments.iter().position(|segment| segment.name == *first)?;
        let sources = at..at + replacement.sources.len();
        let present = positions.segments.get(sources.clone())?.iter().map(|segment| segment.name);
        let ends = positions.segments.get(sources.end).map(Segment::base);
        let is_whole = present.eq(replacement.sources.iter().copied());
        if positions.dropped || !is_whole || ends != Some(replacement.end) {
            return None;
        }
        let segment = Segment::from_state(&replacement.segment);
        let replaced = positions.segments.splice(sources, [segment]).collect();
        if let Some(cleaned_end) = replacement.cleaned_end {
            positions.cleaned_end = positions.cleaned_end.max(cleaned_end);
        }
        // What memory still has of it is the log as it was.
        while positions.recent.front().is_some_and(|batch| batch.base < replacement.end) {
            let Some(batch) = positions.recent.pop_front() else { break };
            self.0.memory.release(batch.bytes.len(), true);
        }
        drop(positions);
        self.0.unswept.set(Unswept::SwappedAt(version));
        Some(replaced)
    }
}
