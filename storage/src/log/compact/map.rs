//! The first walk: where every key of the dirty part was seen last.

use pelton_model::Offset;
use pelton_model::batch::Records;
use pelton_model::compact::{KeyHasher, OffsetMap};

use super::source::{Source, split_first};
use super::{
    Compacted, CompactionError, CompactionRules, DECOMPRESSED_BYTES_MAX, Pace, SLICE_RECORDS,
    SegmentFacts,
};
use crate::log::Log;
use crate::unpack::unpacked;

/// Keys that are put into the map together: see [`OffsetMap::touch`].
const KEYS_AT_ONCE: usize = 32;

/// Goes over `from` up to the end of `dirty`, or as far as the map's memory reaches.
pub(crate) async fn map_keys(
    log: &Log,
    dirty: &[SegmentFacts],
    from: Offset,
    rules: &CompactionRules,
    hasher: &KeyHasher,
    pace: &dyn Pace,
    done: &mut Compacted,
) -> Result<OffsetMap, CompactionError> {
    let mut map = OffsetMap::new(from, rules.map_bytes_max);
    let mut keys = Vec::with_capacity(KEYS_AT_ONCE);
    for segment in dirty {
        let mut source = Source::open(log, segment.name, from).await?;
        while let Some(mut content) = source.read().await? {
            let mut unpaced = content.len();
            done.read_bytes += content.len() as u64;
            while let Some((header, batch)) = split_first(log, &mut content)? {
                if header.next_offset() <= from {
                    continue;
                }
                // One that cannot be unpacked stays, whatever the map says.
                let bytes = match header.is_control() {
                    true => None,
                    false => unpacked(&header, &batch, DECOMPRESSED_BYTES_MAX).await.ok(),
                };
                let mut records = bytes.as_deref().map(|bytes| Records::new(&header, bytes));
                let mut count = 0;
                keys.clear();
                while let Some(Ok(record)) = records.as_mut().and_then(Iterator::next) {
                    count += 1;
                    let offset = header.base_offset.plus(i64::from(record.offset_delta));
                    if let Some(key) = record.key.filter(|_| offset >= map.end()) {
                        keys.push((hasher.hash(key), offset));
                    }
                    if keys.len() == KEYS_AT_ONCE {
                        if map.put_all(&keys).is_err() {
                            breathe(log, pace, &mut unpaced).await?;
                            return Ok(map);
                        }
                        keys.clear();
                    }
                    if count % SLICE_RECORDS == 0 {
                        breathe(log, pace, &mut unpaced).await?;
                    }
                }
                if map.put_all(&keys).is_err() {
                    breathe(log, pace, &mut unpaced).await?;
                    return Ok(map);
                }
                map.advance(header.next_offset());
                breathe(log, pace, &mut unpaced).await?;
            }
        }
        map.advance(segment.end);
    }
    Ok(map)
}

/// Lets others have the core, and says what was read since the last time.
pub(super) async fn breathe(
    log: &Log,
    pace: &dyn Pace,
    unpaced: &mut usize,
) -> Result<(), CompactionError> {
    let goes_on = pace.pace(std::mem::take(unpaced)).await;
    // The removal of a dropped log waits for this.
    if goes_on && !log.is_dropped() { Ok(()) } else { Err(CompactionError::Interrupted) }
}
