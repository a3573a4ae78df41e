use std::collections::BTreeSet;

use super::*;

const NO_KEY: RejectedRecord = RejectedRecord { index: 0, cause: Rejection::NoKey };

fn timestamp(index: usize) -> RejectedRecord {
    let at = TimestampMs::new;
    let cause = Rejection::Timestamp { timestamp: at(9), earliest: at(1), latest: at(5) };
    RejectedRecord { index, cause }
}

/// One of each, with its reason, and what its message must name.
fn all() -> Vec<(BatchError, &'static str, Vec<&'static str>)> {
    vec![
        (BatchError::Truncated, "framing", vec!["no whole"]),
        (BatchError::SeveralBatches, "framing", vec!["more than one"]),
        (BatchError::BadLength(-3), "framing", vec!["-3"]),
        (BatchError::OldMagic(1), "magic", vec!["1"]),
        (BatchError::UnknownMagic(9), "magic", vec!["9"]),
        (
            BatchError::BadCrc { stored: 0xab, computed: 0xcd },
            "crc",
            vec!["0x000000ab", "0x000000cd"],
        ),
        (BatchError::TooLarge { bytes: 77, bytes_max: 66 }, "too_large", vec!["77", "66"]),
        (BatchError::ZstdTooEarly, "codec", vec!["zstd", "7"]),
        (BatchError::UnknownCodec(6), "codec", vec!["6"]),
        (BatchError::LinkedLz4Blocks, "codec", vec!["lz4", "linked"]),
        (BatchError::BaseOffset(4), "offset_or_sequence", vec!["4"]),
        (
            BatchError::Count { record_count: 3, last_offset_delta: 8 },
            "offset_or_sequence",
            vec!["3", "8"],
        ),
        (
            BatchError::OffsetDelta { index: 2, offset_delta: 5 },
            "offset_or_sequence",
            vec!["2", "5"],
        ),
        (BatchError::BaseSequence(-1), "offset_or_sequence", vec!["-1"]),
        (BatchError::ControlBatch, "control_batch", vec!["control"]),
        (
            BatchError::Malformed { index: 6, fault: RecordFault::BytesInside },
            "malformed",
            vec!["6", "longer than its fields"],
        ),
        (
            BatchError::Decompress(DecompressError::TooLarge { bytes_max: 55 }),
            "malformed",
            vec!["55"],
        ),
        (BatchError::RecordTooLarge { index: 1, bytes: 88 }, "record_too_large", vec!["1", "88"]),
        (
            BatchError::Rejected(vec![NO_KEY, timestamp(3)]),
            "timestamp",
            vec!["2 records", "first is 0", "without a key"],
        ),
        (BatchError::Rejected(vec![NO_KEY]), "no_key", vec!["1 records"]),
    ]
}

#[test]
fn every_refusal_has_its_reason_and_names_what_is_wrong() {
    let mut messages = BTreeSet::new();
    for (error, reason, named) in all() {
        assert_eq!(error.reason(), reason, "{error:?}");
        let message = error.to_string();
        for part in named {
            assert!(message.contains(part), "{message:?} does not say {part:?}");
        }
        assert!(messages.insert(message), "{error:?} reads like another");
    }
}

#[test]
fn every_fault_of_a_record_has_a_message_of_its_own() {
    let faults = [
        RecordFault::VarintTooLong,
        RecordFault::BadLength,
        RecordFault::BytesInside,
        RecordFault::BytesBehind,
        RecordFault::NegativeCount,
    ];
    let messages: BTreeSet<String> = faults.iter().map(RecordFault::to_string).collect();
    assert_eq!(messages.len(), faults.len());
    assert!(messages.iter().all(|message| message.len() > 10));
}

/// KIP-467: the answer names each refused record, and why.
#[test]
fn refused_records_are_named_one_by_one() {
    let stamped = RejectedRecord { index: 5, cause: Rejection::StampedBySender };
    let errors = BatchError::Rejected(vec![NO_KEY, timestamp(3), stamped]).record_errors();
    let indexes: Vec<usize> = errors.iter().map(|(index, _)| *index).collect();
    assert_eq!(indexes, [0, 3, 5]);
    assert!(errors[0].1.contains("without a key"));
    assert!(errors[1].1.contains("timestamp 9 is not within [1, 5]"));
    assert!(errors[2].1.contains("stamps records itself"));
    assert_eq!(BatchError::ControlBatch.record_errors(), []);
}

#[test]
fn timestamps_are_refused_as_timestamps_whatever_else_is_wrong() {
    let refusal = |records| BatchError::Rejected(records).refusal();
    assert_eq!(refusal(vec![NO_KEY, timestamp(1)]), Refusal::InvalidTimestamp);
    assert_eq!(refusal(vec![NO_KEY]), Refusal::InvalidRecord);
}

/// What Kafka looks at first; everything else is told by partition, beside others that are appended.
#[test]
fn framing_is_what_comes_before_the_batch() {
    let of_framing: Vec<_> =
        all().into_iter().filter(|(error, ..)| error.is_of_framing()).map(|(it, ..)| it).collect();
    let expected = [
        BatchError::Truncated,
        BatchError::SeveralBatches,
        BatchError::OldMagic(1),
        BatchError::ZstdTooEarly,
    ];
    assert_eq!(of_framing, expected);
}

/// Of what fails before the records are looked at, the answer's log start offset is -1.
#[test]
fn the_first_checks_name_no_log_start_offset() {
    let early = ["framing", "magic", "crc", "too_large"];
    for (error, reason, _) in all() {
        let is_early = early.contains(&reason) || error == BatchError::ZstdTooEarly;
        assert_eq!(error.names_log_start_offset(), !is_early, "{error}");
    }
}
