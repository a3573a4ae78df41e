use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

use super::super::example::outcome;
use super::*;

#[test]
fn the_log_is_read_back_by_the_librarys_own_reader() {
    let outcome = outcome();
    let mut bytes = Vec::new();
    write_hdr(&outcome, &mut bytes).unwrap();

    let mut all: [Histogram<u64>; 2] = std::array::from_fn(|_| Histogram::new(3).unwrap());
    let mut starts = Vec::new();
    for entry in IntervalLogIterator::new(&bytes) {
        let LogEntry::Interval(interval) = entry.unwrap() else { continue };
        let tag = interval.tag().unwrap().as_str();
        let encoded = from_base64(interval.encoded_histogram());
        let histogram: Histogram<u64> =
            Deserializer::new().deserialize(&mut encoded.as_slice()).unwrap();
        let repeat = match tag {
            "repeat1" => 0,
            "repeat2" => 1,
            other => panic!("a tag of nothing: {other}"),
        };
        all[repeat].add(histogram).unwrap();
        starts.push(interval.start_timestamp());
    }
    // Ten intervals each; the second repeat began three seconds after the first.
    assert_eq!(starts.len(), 20);
    assert_eq!(starts[10] - starts[0], Duration::from_secs(3));
    for histogram in &all {
        assert_eq!(histogram.len(), 200);
    }
    assert!((49_000_000..51_000_000).contains(&all[1].max()));
}

/// Base64, of which the log is made.
fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|byte| DIGITS.iter().position(|&digit| digit == byte));
    let (mut bits, mut count, mut bytes) = (0u32, 0, Vec::new());
    for digit in digits {
        bits = bits << 6 | digit as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
