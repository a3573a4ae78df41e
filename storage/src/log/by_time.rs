//! Finding records by time: chunks whose records are all older are not read.

use std::cmp::Reverse;
use std::ops::ControlFlow;

use pelton_model::batch::{BatchError, BatchHeader, RecordTimes};
use pelton_model::compression::Compression;
use pelton_model::limits::{CHUNK_BYTES, IO_BYTES_MAX};
use pelton_model::{LeaderEpoch, Offset, TimestampMs};

use super::{Log, Positions, ReadLimits};
use crate::error::ReadError;
use crate::event::yield_now;
use crate::segment::Segment;

/// A record's place and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetAndTimestamp {
    pub offset: Offset,
    pub timestamp: TimestampMs,
    pub epoch: LeaderEpoch,
}

/// A batch of records that is looked into is decompressed to at most so much.
const DECOMPRESSED_BYTES_MAX: usize = 64 << 20;

/// Chunks of a segment that a search holds: it is told of the next ones when it has looked at those, as
/// a segment may have many thousands, and any number of clients may search.
const SPANS_MAX: usize = 16;

/// A part of a log, and a time that none of its records is later than. They may all be earlier: some
/// are below the start or not committed, and a compressed batch says of itself what it likes.
#[derive(Clone, Copy)]
struct Span {
    from: Offset,
    end: Offset,
    latest: TimestampMs,
}

impl Span {
    /// For a search that begins with what may hold the greatest time, and there with the first.
    fn by_time(&self) -> (Reverse<TimestampMs>, Offset) {
        (Reverse(self.latest), self.from)
    }
}

/// The first record of the greatest time, among those that were looked at.
#[derive(Default)]
struct Greatest(Option<OffsetAndTimestamp>);

impl Greatest {
    fn is_before(&self, timestamp: TimestampMs, offset: Offset) -> bool {
        self.0.is_none_or(|it| (Reverse(timestamp), offset) < (Reverse(it.timestamp), it.offset))
    }

    fn add(&mut self, found: OffsetAndTimestamp) {
        if self.is_before(found.timestamp, found.offset) {
            self.0 = Some(found);
        }
    }
}

impl Log {
    /// The first record, by offset, whose timestamp is not less than `target`.
    pub async fn offset_for_timestamp(
        &self,
        target: TimestampMs,
    ) -> Result<Option<OffsetAndTimestamp>, ReadError> {
        for mut part in self.parts().into_iter().filter(|part| part.latest >= target) {
            loop {
                let mut spans = self.spans(&part).await;
                spans.retain(|span| span.latest >= target);
                spans.truncate(SPANS_MAX);
                spans.shrink_to_fit();
                for span in &spans {
                    let first = self.first_record(span, target).await?;
                    if first.is_some() {
                        return Ok(first);
                    }
                }
                match spans.get(SPANS_MAX - 1) {
                    Some(last) => part.from = last.end,
                    None => break,
                }
            }
        }
        Ok(None)
    }

    /// The first record that has the greatest timestamp of the log (KIP-734).
    pub async fn max_timestamp(&self) -> Result<Option<OffsetAndTimestamp>, ReadError> {
        let mut greatest = Greatest::default();
        let mut parts = self.parts();
        parts.sort_unstable_by_key(Span::by_time);
        for part in parts {
            if !greatest.is_before(part.latest, part.from) {
                break;
            }
            let mut spans = self.spans(&part).await;
            spans.sort_unstable_by_key(Span::by_time);
            if spans.len() > SPANS_MAX {
                // None of which is later than the first of them. Nobody comes so far unless many
                // batches claim times that they do not have.
                let latest = spans[SPANS_MAX].latest;
                spans.truncate(SPANS_MAX);
                spans.push(Span { latest, ..part });
                spans.shrink_to_fit();
            }
            for span in spans {
                if !greatest.is_before(span.latest, span.from) {
                    break;
                }
                match self.first_record(&span, span.latest).await? {
                    Some(first) => greatest.add(first),
                    None => self.look_for_greatest(&span, &mut greatest).await?,
                }
            }
        }
        Ok(greatest.0)
    }

    /// The segments, and what is behind them, from the start to the commit point.
    fn parts(&self) -> Vec<Span> {
        let start = self.start_offset();
        let positions = self.0.positions.borrow();
        let segment = |(at, segment): (usize, &Segment)| Span {
            from: segment.base(),
            end: positions.segments.get(at + 1).map_or(positions.carried_end, Segment::base),
            latest: segment.max_timestamp,
        };
        let mut parts: Vec<Span> = positions.segments.iter().enumerate().map(segment).collect();
        let first = positions.recent.partition_point(|batch| batch.base < positions.carried_end);
        let tail = positions.recent.range(first..).map(|batch| batch.max_timestamp).max();
        let (from, end) = (positions.carried_end, positions.commit);
        parts.extend(tail.map(|latest| Span { from, end, latest }));
        within(parts, start, positions.commit)
    }

    /// The chunks of a part of the log. What is not known in detail is one span: whoever reads it is
    /// told of damage, or of what has become of the log meanwhile.
    async fn spans(&self, part: &Span) -> Vec<Span> {
        let parts = &self.0;
        let (mut access, name, beyond, segment_end) = {
            let positions = parts.positions.borrow();
            if positions.recent.front().is_some_and(|first| first.base <= part.from) {
                return within(spans_in_memory(&positions, part), part.from, part.end);
            }
            let at = positions.segments.partition_point(|segment| segment.base() <= part.from);
            let segment = at.checked_sub(1).and_then(|at| positions.segments.get(at));
            let Some(segment) = segment.filter(|_| !positions.dropped) else { return vec![*part] };
            let beyond: Vec<_> = match at == positions.segments.len() {
                true => positions.unindexed.iter().copied().chain(positions.open_chunk).collect(),
                false => Vec::new(),
            };
            let end = positions.segments.get(at).map_or(positions.carried_end, Segment::base);
            (parts.open.access(parts.id, segment), segment.name, beyond, end)
        };
        let Ok(index) = access.index(&parts.disk, &parts.dir, parts.id).await else {
            return vec![*part];
        };
        let positions = parts.positions.borrow();
        // One that is gone has been closed, and what is known of it must not be kept.
        if let Some(segment) = positions.segments.iter().find(|it| it.name == name) {
            parts.open.keep(parts.id, segment, access);
        }
        let mut spans: Vec<Span> = Vec::with_capacity(index.len() + beyond.len() + 1);
        for chunk in index.iter().chain(&beyond) {
            if let Some(last) = spans.last_mut() {
                last.end = chunk.offset;
            }
            spans.push(Span { from: chunk.offset, end: segment_end, latest: chunk.max_timestamp });
        }
        // It was in memory, and a segment that was begun meanwhile has the rest.
        spans.push(Span { from: segment_end, ..*part });
        within(spans, part.from, part.end)
    }

    /// The first record of a span whose timestamp is not less than `at_least`.
    async fn first_record(
        &self,
        span: &Span,
        at_least: TimestampMs,
    ) -> Result<Option<OffsetAndTimestamp>, ReadError> {
        let matches = |it: OffsetAndTimestamp| {
            (it.timestamp >= at_least && it.offset >= span.from).then_some(it)
        };
        self.each_batch(span, async |header, batch| match header.max_timestamp >= at_least {
            true => self.each_record(header, batch, matches).await,
            false => None,
        })
        .await
    }

    /// Looks at all records of a span that may be it.
    async fn look_for_greatest(
        &self,
        span: &Span,
        greatest: &mut Greatest,
    ) -> Result<(), ReadError> {
        let look = async |header: &BatchHeader, batch: &[u8]| {
            if greatest.is_before(header.max_timestamp, header.base_offset) {
                let add = |it: OffsetAndTimestamp| {
                    if it.offset >= span.from {
                        greatest.add(it);
                    }
                    None::<()>
                };
                self.each_record(header, batch, add).await;
            }
            None::<()>
        };
        self.each_batch(span, look).await?;
        Ok(())
    }

    /// Shows every batch of a span, until `look` has found what it wants.
    async fn each_batch<T>(
        &self,
        span: &Span,
        mut look: impl AsyncFnMut(&BatchHeader, &[u8]) -> Option<T>,
    ) -> Result<Option<T>, ReadError> {
        let mut from = span.from;
        loop {
            let limits = ReadLimits { bytes_max: IO_BYTES_MAX, at_least_one: true, end: span.end };
            let read = self.read(from, limits).await?;
            if read.slices.is_empty() {
                return Ok(None);
            }
            for batch in &read.slices {
                let Ok(header) = BatchHeader::read(batch) else { return Ok(None) };
                from = header.next_offset();
                if let Some(found) = look(&header, batch).await {
                    return Ok(Some(found));
                }
            }
        }
    }

    /// Shows the records of a batch, until `look` has found what it wants. Of a batch that cannot be
    /// unpacked the first is shown, with the time that the batch says: its readers will see the same.
    async fn each_record<T>(
        &self,
        header: &BatchHeader,
        batch: &[u8],
        mut look: impl FnMut(OffsetAndTimestamp) -> Option<T>,
    ) -> Option<T> {
        // One at a time: what a codec looks back on, at worst all that it has unpacked, nobody is
        // charged (R3).
        let _turn = match header.compression() {
            Ok(Compression::None) => None,
            _ => Some(self.0.unpacking.enter().await),
        };
        let epoch = header.leader_epoch;
        let of = |offset, timestamp| OffsetAndTimestamp { offset, timestamp, epoch };
        let walked: Result<Option<T>, BatchError> = async {
            let mut times = RecordTimes::new(header, batch, DECOMPRESSED_BYTES_MAX)?;
            loop {
                let step = times.step(|offset, timestamp| look(of(offset, timestamp)))?;
                if let ControlFlow::Break(found) = step {
                    return Ok(found);
                }
                yield_now().await;
            }
        }
        .await;
        walked.unwrap_or_else(|_| look(of(header.base_offset, header.max_timestamp)))
    }
}

/// What of the spans lies between two offsets.
fn within(spans: Vec<Span>, from: Offset, end: Offset) -> Vec<Span> {
    let clip = |span: Span| Span { from: span.from.max(from), end: span.end.min(end), ..span };
    spans.into_iter().map(clip).filter(|span| span.from < span.end).collect()
}

/// Batches of a part in memory, by as many as a chunk holds.
fn spans_in_memory(positions: &Positions, part: &Span) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut bytes = CHUNK_BYTES;
    let first = positions.recent.partition_point(|batch| batch.next <= part.from);
    for batch in positions.recent.range(first..).take_while(|batch| batch.base < part.end) {
        match spans.last_mut().filter(|_| bytes < CHUNK_BYTES) {
            Some(last) => {
                last.end = batch.next;
                last.latest = last.latest.max(batch.max_timestamp);
                bytes += batch.bytes.len();
            }
            None => {
                bytes = batch.bytes.len();
                let latest = batch.max_timestamp;
                spans.push(Span { from: batch.base, end: batch.next, latest });
            }
        }
    }
    spans
}
