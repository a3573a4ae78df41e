//! What to compact, and in which pieces. Pure.

use std::ops::Range;

use pelton_model::{Offset, TimestampMs};

use super::CompactionRules;
use crate::segment::SegmentName;

/// What is known of a sealed segment without reading it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SegmentFacts {
    pub name: SegmentName,
    /// Where the next segment begins.
    pub end: Offset,
    pub bytes: u64,
    /// See [`Segment::newest_time`](crate::segment::Segment::newest_time).
    pub newest_time: TimestampMs,
    pub appended_at: TimestampMs,
}

/// How much of a log compaction has not been over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dirtiness {
    pub clean_bytes: u64,
    /// Of sealed segments that are old enough. One that is clean in part counts here.
    pub dirty_bytes: u64,
    /// The offsets that a compaction would go over for the first time.
    pub range: Range<Offset>,
}

impl Dirtiness {
    /// What `min.cleanable.dirty.ratio` is compared with.
    pub fn ratio(&self) -> f64 {
        match self.clean_bytes + self.dirty_bytes {
            0 => 0.0,
            all => self.dirty_bytes as f64 / all as f64,
        }
    }
}

/// Of the sealed segments of a log that begins at `start`.
pub(super) fn dirtiness(
    sealed: &[SegmentFacts],
    cleaned_end: Offset,
    start: Offset,
    rules: &CompactionRules,
) -> Dirtiness {
    let from = cleaned_end.max(start);
    let mut found = Dirtiness { clean_bytes: 0, dirty_bytes: 0, range: from..from };
    for segment in sealed.iter().filter(|segment| segment.end > start) {
        if segment.end <= from {
            found.clean_bytes += segment.bytes;
        } else if is_too_young(segment, rules) {
            // What follows may be older by its timestamps; compaction goes over all or nothing.
            break;
        } else {
            found.dirty_bytes += segment.bytes;
            found.range.end = segment.end;
        }
    }
    found
}

/// Segments below `end`, in runs of neighbours that together are no larger than one may be: what
/// compaction made small grows together again.
pub(crate) fn groups(
    sealed: &[SegmentFacts],
    start: Offset,
    end: Offset,
    segment_bytes: u64,
) -> Vec<Vec<SegmentFacts>> {
    let mut groups: Vec<Vec<SegmentFacts>> = Vec::new();
    let mut bytes = 0;
    let wanted = sealed.iter().filter(|segment| segment.end > start && segment.name.base < end);
    for segment in wanted {
        match groups.last_mut() {
            Some(group) if bytes + segment.bytes <= segment_bytes => {
                bytes += segment.bytes;
                group.push(*segment);
            }
            _ => {
                bytes = segment.bytes;
                groups.push(vec![*segment]);
            }
        }
    }
    groups
}

/// A record is safe for `min.compaction.lag.ms`; a segment is judged by its newest, as in Kafka.
fn is_too_young(segment: &SegmentFacts, rules: &CompactionRules) -> bool {
    let lag_ms = rules.min_compaction_lag_ms;
    lag_ms > 0 && segment.newest_time.get() > rules.now.get().saturating_sub(lag_ms)
}

#[cfg(test)]
#[path = "choose_test.rs"]
mod choose_test;
