use std::ops::ControlFlow;

use super::RecordTimes;
use crate::batch::{BatchBuilder, BatchError, BatchFields, BatchHeader, NewRecord};
use crate::compression::{Compression, DecompressError};
use crate::ids::{Offset, TimestampMs};

/// A batch at offset 100 whose record `n` has the time 1000 + n.
fn batch(compression: Compression, count: i64) -> (BatchHeader, Vec<u8>) {
    let fields = BatchFields { base_offset: Offset::new(100), compression, ..Default::default() };
    let mut builder = BatchBuilder::new(fields);
    for at in 0..count {
        let timestamp = TimestampMs::new(1000 + at);
        builder.push(&NewRecord { timestamp, value: Some(&[7; 50]), ..NewRecord::default() });
    }
    let bytes = builder.build().to_vec();
    (BatchHeader::read(&bytes).expect("a batch"), bytes)
}

/// What the walk finds at a time or after it, and how many records it was shown.
fn find(
    header: &BatchHeader,
    bytes: &[u8],
    bytes_max: usize,
    time: i64,
) -> Result<(Option<i64>, i64), BatchError> {
    let mut times = RecordTimes::new(header, bytes, bytes_max)?;
    let mut seen = 0;
    loop {
        let step = times.step(|offset, timestamp| {
            seen += 1;
            (timestamp.get() >= time).then_some(offset.get())
        })?;
        if let ControlFlow::Break(found) = step {
            return Ok((found, seen));
        }
    }
}

#[test]
fn records_are_shown_in_order_until_one_is_wanted() {
    for codec in Compression::ALL {
        let (header, bytes) = batch(codec, 5000);
        let find = |time| find(&header, &bytes, 1 << 20, time).expect("a whole batch");
        assert_eq!(find(0), (Some(100), 1), "{codec:?}");
        assert_eq!(find(1000 + 4321), (Some(4421), 4322), "{codec:?}");
        assert_eq!(find(i64::MAX), (None, 5000), "{codec:?}");
    }
}

#[test]
fn nothing_is_unpacked_beyond_what_is_wanted_or_allowed() {
    let (header, bytes) = batch(Compression::Zstd, 5000);
    assert_eq!(find(&header, &bytes, 20_000, 1010), Ok((Some(110), 11)));
    let too_large = DecompressError::TooLarge { bytes_max: 20_000 };
    assert_eq!(find(&header, &bytes, 20_000, i64::MAX), Err(too_large.into()));
}

#[test]
fn a_batch_that_is_cut_off_or_has_fewer_records_than_it_says_is_an_error() {
    let (header, bytes) = batch(Compression::None, 10);
    assert_eq!(find(&header, &bytes[..bytes.len() - 1], 0, 0), Err(BatchError::Truncated));
    let more = BatchHeader { record_count: 11, ..header };
    assert!(find(&more, &bytes, 0, i64::MAX).is_err());
}
