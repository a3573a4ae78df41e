use super::{BatchCleaner, CleanRules, Cleaned as Verdict};
use crate::batch::{
    BatchBuilder, BatchFields, BatchHeader, NewRecord, Records, TimestampType, record_bytes,
};
use crate::compact::{KeyHasher, OffsetMap};
use crate::compression::Compression;
use crate::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, TimestampMs};

const BASE: i64 = 1000;
const NOW: TimestampMs = TimestampMs::new(1_700_000_000_000);
const DELETE_RETENTION_MS: i64 = 60_000;

/// Key, value, timestamp; the offsets follow one another from [`BASE`] on.
type Given<'a> = (Option<&'a str>, Option<&'a str>, i64);

fn fields(compression: Compression) -> BatchFields {
    BatchFields {
        base_offset: Offset::new(BASE),
        leader_epoch: LeaderEpoch::new(5),
        producer_id: ProducerId::new(77),
        producer_epoch: ProducerEpoch::new(3),
        base_sequence: 40,
        ..BatchFields::compressed(compression)
    }
}

fn batch(fields: BatchFields, records: &[Given<'_>]) -> Vec<u8> {
    let mut builder = BatchBuilder::new(fields);
    for (key, value, timestamp) in records {
        builder.push(&NewRecord {
            timestamp: TimestampMs::new(*timestamp),
            key: key.map(str::as_bytes),
            value: value.map(str::as_bytes),
            headers: &[(b"h", Some(b"v")), (b"h", None)],
        });
    }
    builder.build()
}

fn hasher() -> KeyHasher {
    KeyHasher::new([9; 16])
}

/// A map that has seen these keys, in order, and all below `end`.
fn map(seen: &[(&str, i64)], end: i64) -> OffsetMap {
    let mut map = OffsetMap::new(Offset::ZERO, 1 << 20);
    for (key, offset) in seen {
        map.put(hasher().hash(key.as_bytes()), Offset::new(*offset)).expect("room");
    }
    map.advance(Offset::new(end));
    map
}

struct Clean {
    now: TimestampMs,
    keep_empty: bool,
    slice: usize,
}

/// What is left, with a rewriting carried out.
#[derive(Debug, PartialEq)]
enum Cleaned {
    AsItIs,
    Rewritten(Vec<u8>),
    Gone,
}

impl Cleaned {
    fn of(verdict: Verdict<'_>, slice: usize) -> Self {
        match verdict {
            Verdict::AsItIs => Self::AsItIs,
            Verdict::Gone => Self::Gone,
            Verdict::Rewritten(mut rewriter) => {
                while rewriter.step(slice) {}
                Self::Rewritten(rewriter.finish())
            }
        }
    }
}

const CLEAN: Clean = Clean { now: NOW, keep_empty: false, slice: usize::MAX };

fn clean(batch: &[u8], map: &OffsetMap, how: Clean) -> Cleaned {
    let hasher = hasher();
    let rules =
        CleanRules { map, hasher: &hasher, now: how.now, delete_retention_ms: DELETE_RETENTION_MS };
    let header = BatchHeader::read(batch).expect("a batch");
    let bytes = record_bytes(&header, batch, 1 << 20).expect("records");
    let mut cleaner = BatchCleaner::new(&header, &bytes);
    while cleaner.step(&rules, how.slice) {}
    Cleaned::of(cleaner.finish(&rules, how.keep_empty), how.slice)
}

fn rewritten(cleaned: Cleaned) -> (BatchHeader, Vec<u8>) {
    let Cleaned::Rewritten(batch) = cleaned else { panic!("{cleaned:?}") };
    let header = BatchHeader::read(&batch).expect("a batch");
    assert_eq!(header.total_bytes(), batch.len());
    assert_eq!(header.crc, crc32c::crc32c(&batch[BatchHeader::CRC_END..]), "its CRC is right");
    (header, batch)
}

/// Offset, key, timestamp of each record; their headers are as they were written.
fn records(batch: &[u8]) -> Vec<(i64, String, i64)> {
    let header = BatchHeader::read(batch).expect("a batch");
    let bytes = record_bytes(&header, batch, 1 << 20).expect("records");
    Records::new(&header, &bytes)
        .map(|record| {
            let record = record.expect("a record");
            let headers: Vec<_> = record.headers.clone().collect();
            assert_eq!(headers, [(&b"h"[..], Some(&b"v"[..])), (b"h", None)]);
            (
                header.base_offset.get() + i64::from(record.offset_delta),
                String::from_utf8_lossy(record.key.unwrap_or(b"-")).into_owned(),
                header.timestamp_of(record.timestamp_delta).get(),
            )
        })
        .collect()
}

fn owned(expected: &[(i64, &str, i64)]) -> Vec<(i64, String, i64)> {
    expected.iter().map(|(offset, key, time)| (*offset, (*key).to_owned(), *time)).collect()
}

#[test]
fn only_the_newest_record_of_a_key_stays_with_all_that_it_was() {
    let given: [Given<'_>; 5] = [
        (Some("a"), Some("1"), 500),
        (Some("b"), Some("2"), 900),
        (Some("a"), Some("3"), 400),
        (None, Some("no key"), 990),
        (Some("c"), Some("4"), 300),
    ];
    let map = map(&[("b", 1001), ("a", 1002), ("c", 2000)], 3000);
    for codec in Compression::ALL {
        for slice in [1, 2, usize::MAX] {
            let before = batch(fields(codec), &given);
            let (header, after) = rewritten(clean(&before, &map, Clean { slice, ..CLEAN }));
            assert_eq!(records(&after), owned(&[(1001, "b", 900), (1002, "a", 400)]));
            let was = BatchHeader::read(&before).expect("a batch");
            let expected = BatchHeader {
                record_count: 2,
                max_timestamp: TimestampMs::new(900),
                length: header.length,
                crc: header.crc,
                ..was
            };
            assert_eq!(header, expected, "{codec}");
        }
    }
}

#[test]
fn a_batch_of_which_nothing_goes_is_not_touched() {
    let given: [Given<'_>; 2] = [(Some("a"), Some("1"), 5), (Some("b"), Some("2"), 6)];
    let batch = batch(fields(Compression::Zstd), &given);
    let newest = map(&[("a", 1000), ("b", 1001)], 1002);
    assert_eq!(clean(&batch, &newest, CLEAN), Cleaned::AsItIs);
    let unknown = map(&[("z", 5000)], 6000);
    assert_eq!(clean(&batch, &unknown, CLEAN), Cleaned::AsItIs);
}

#[test]
fn what_the_map_has_not_seen_stays() {
    let given: [Given<'_>; 3] =
        [(Some("a"), Some("1"), 5), (Some("a"), Some("2"), 6), (None, Some("3"), 7)];
    let before = batch(fields(Compression::None), &given);
    assert_eq!(clean(&before, &map(&[("a", 1000)], 1001), CLEAN), Cleaned::AsItIs);
    let (_, after) = rewritten(clean(&before, &map(&[("a", 1001)], 1002), CLEAN));
    assert_eq!(records(&after), owned(&[(1001, "a", 6), (1002, "-", 7)]));
}

#[test]
fn an_emptied_batch_goes_or_keeps_its_header() {
    let given: [Given<'_>; 2] = [(Some("a"), Some("1"), 5), (Some("a"), Some("2"), 9)];
    let map = map(&[("a", 5000)], 6000);
    for codec in Compression::ALL {
        let before = batch(fields(codec), &given);
        assert_eq!(clean(&before, &map, CLEAN), Cleaned::Gone);
        let keep = || Clean { keep_empty: true, ..CLEAN };
        let (header, after) = rewritten(clean(&before, &map, keep()));
        let was = BatchHeader::read(&before).expect("a batch");
        let expected = BatchHeader {
            length: BatchHeader::LENGTH_MIN as u32,
            crc: header.crc,
            attributes: 0,
            base_timestamp: TimestampMs::new(-1),
            record_count: 0,
            ..was
        };
        assert_eq!(header, expected);
        assert_eq!(header.last_offset(), Offset::new(1001));
        assert_eq!(clean(&after, &map, keep()), Cleaned::AsItIs);
        assert_eq!(clean(&after, &map, CLEAN), Cleaned::Gone);
    }
}

#[test]
fn a_tombstone_gets_a_horizon_first_and_goes_when_it_has_come() {
    let given: [Given<'_>; 3] =
        [(Some("a"), None, 500), (Some("b"), Some("2"), 900), (Some("c"), None, 700)];
    let map = map(&[("a", 1000), ("b", 1001), ("c", 4000)], 5000);
    for codec in Compression::ALL {
        let before = batch(fields(codec), &given);
        let (header, first) = rewritten(clean(&before, &map, CLEAN));
        let horizon = TimestampMs::new(NOW.get() + DELETE_RETENTION_MS);
        assert_eq!(header.delete_horizon(), Some(horizon));
        assert_eq!(header.base_timestamp, horizon);
        assert_eq!(header.max_timestamp.get(), 900);
        assert_eq!(header.last_offset(), Offset::new(1002));
        assert_eq!(header.compression(), Ok(codec));
        assert_eq!((header.base_sequence, header.leader_epoch.get()), (40, 5));
        assert_eq!(records(&first), owned(&[(1000, "a", 500), (1001, "b", 900)]));

        let early = TimestampMs::new(horizon.get() - 1);
        let cleaned = clean(&first, &map, Clean { now: early, ..CLEAN });
        assert_eq!(cleaned, Cleaned::AsItIs, "the horizon is set once");
        let (header, second) = rewritten(clean(&first, &map, Clean { now: horizon, ..CLEAN }));
        assert_eq!(records(&second), owned(&[(1001, "b", 900)]));
        assert_eq!(header.delete_horizon(), Some(horizon));
    }
}

#[test]
fn records_of_the_brokers_time_keep_it() {
    let stamped =
        BatchFields { timestamp_type: TimestampType::LogAppendTime, ..fields(Compression::Gzip) };
    let given: [Given<'_>; 2] = [(Some("a"), Some("1"), 5), (Some("b"), None, 9)];
    let before = batch(stamped, &given);
    let (header, after) = rewritten(clean(&before, &map(&[("a", 5000)], 6000), CLEAN));
    assert_eq!(header.timestamp_type(), TimestampType::LogAppendTime);
    assert_eq!(header.max_timestamp.get(), 9);
    assert_eq!(records(&after), owned(&[(1001, "b", 9)]));
}

#[test]
fn control_batches_and_what_cannot_be_read_stay_as_they_are() {
    let given: [Given<'_>; 2] = [(Some("a"), Some("1"), 5), (Some("a"), Some("2"), 6)];
    let map = map(&[("a", 5000)], 6000);
    let control = BatchFields { is_control: true, ..fields(Compression::None) };
    assert_eq!(clean(&batch(control, &given), &map, CLEAN), Cleaned::AsItIs);

    let before = batch(fields(Compression::None), &given);
    let header = BatchHeader::read(&before).expect("a batch");
    let hasher = hasher();
    let rules = CleanRules { map: &map, hasher: &hasher, now: NOW, delete_retention_ms: 0 };
    for cut in BatchHeader::BYTES..before.len() {
        let mut cleaner = BatchCleaner::new(&header, &before[BatchHeader::BYTES..cut]);
        while cleaner.step(&rules, 1) {}
        assert_eq!(cleaner.removed_count(), 0);
        let verdict = cleaner.finish(&rules, false);
        assert!(matches!(verdict, Verdict::AsItIs), "cut at {cut}");
    }
}

#[test]
fn the_records_that_go_are_counted() {
    let given: [Given<'_>; 3] =
        [(Some("a"), Some("1"), 5), (Some("b"), Some("2"), 6), (None, Some("3"), 7)];
    let map = map(&[("b", 1001), ("a", 5000)], 6000);
    let before = batch(fields(Compression::None), &given);
    let header = BatchHeader::read(&before).expect("a batch");
    let hasher = hasher();
    let rules = CleanRules { map: &map, hasher: &hasher, now: NOW, delete_retention_ms: 0 };
    let mut cleaner = BatchCleaner::new(&header, &before[BatchHeader::BYTES..]);
    while cleaner.step(&rules, 1) {}
    assert_eq!(cleaner.removed_count(), 2, "an older record, and one without a key");
}

#[test]
fn a_large_batch_is_made_in_steps() {
    let value = "v".repeat(1_000);
    let keys: Vec<String> = (0..200).map(|at| format!("k{at}")).collect();
    // The last one is a tombstone: its batch gets a horizon, and its records are written anew.
    for last in [Some(value.as_str()), None] {
        let value_of = |at: usize| if at == 199 { last } else { Some(value.as_str()) };
        let given: Vec<Given<'_>> =
            (0..200).map(|at| (Some(keys[at].as_str()), value_of(at), at as i64)).collect();
        for codec in Compression::ALL {
            let before = batch(fields(codec), &given);
            let cleaned =
                |slice| clean(&before, &map(&[("k0", 5000)], 6000), Clean { slice, ..CLEAN });
            let (header, at_once) = rewritten(cleaned(usize::MAX));
            assert_eq!(records(&at_once).len(), 199);

            let bytes = record_bytes(&header, &at_once, 1 << 20).expect("records").len();
            let plain =
                record_bytes(&BatchHeader::read(&before).unwrap(), &before, 1 << 20).unwrap();
            let map = map(&[("k0", 5000)], 6000);
            let hasher = hasher();
            let rules = CleanRules {
                map: &map,
                hasher: &hasher,
                now: NOW,
                delete_retention_ms: DELETE_RETENTION_MS,
            };
            let header = BatchHeader::read(&before).unwrap();
            let mut cleaner = BatchCleaner::new(&header, &plain);
            while cleaner.step(&rules, 1000) {}
            let Verdict::Rewritten(mut rewriter) = cleaner.finish(&rules, false) else {
                panic!("one record goes")
            };
            let step_bytes = rewriter.step_bytes();
            assert!(step_bytes <= 64 << 10);
            let mut steps = 1;
            while rewriter.step(step_bytes) {
                steps += 1;
            }
            // A step ends behind the record that fills it.
            assert!(steps >= bytes / (step_bytes + 1_100), "{codec}: {steps} steps, {bytes} bytes");
            assert_eq!(records(&rewriter.finish()), records(&at_once));
        }
    }
}
