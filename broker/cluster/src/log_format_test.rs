use pelton_model::ProducerId;
use proptest::prelude::*;

use super::*;

fn block(next: i64) -> Record {
    Record::ProducerIdBlock { next: ProducerId::new(next) }
}

/// A log of `count` entries and where each of them begins.
fn log(count: u64) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut starts) = (Vec::new(), Vec::new());
    for index in 1..=count {
        starts.push(bytes.len());
        encode_entry(1, index, &[block(index as i64)], &mut bytes).unwrap();
    }
    (bytes, starts)
}

#[test]
fn entries_come_back_in_order() {
    let (bytes, _) = log(3);
    let scan = scan(&bytes);
    assert_eq!(scan.end, ScanEnd::Clean);
    assert_eq!(scan.end_bytes, bytes.len());
    assert_eq!(scan.entries.iter().map(|entry| entry.index).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(scan.entries[2].records(), Ok(vec![block(3)]));
}

#[test]
fn an_empty_log_and_the_zeros_of_its_last_block_are_clean() {
    assert_eq!(scan(&[]).end, ScanEnd::Clean);
    let (mut bytes, _) = log(2);
    let end_bytes = bytes.len();
    bytes.resize(4096, 0);
    let scan = scan(&bytes);
    assert_eq!((scan.end, scan.end_bytes, scan.entries.len()), (ScanEnd::Clean, end_bytes, 2));
}

#[test]
fn a_last_entry_cut_anywhere_is_torn() {
    let (bytes, starts) = log(3);
    for length in starts[2] + 1..bytes.len() {
        let scan = scan(&bytes[..length]);
        // A beginning that is all zeros cannot be told from an entry that was never written.
        if bytes[starts[2]..length].iter().any(|byte| *byte != 0) {
            assert_eq!(scan.end, ScanEnd::Torn { at: starts[2] });
        }
        assert_eq!((scan.entries.len(), scan.end_bytes), (2, starts[2]));
    }
}

#[test]
fn any_flipped_bit_is_found_and_is_a_tear_only_in_the_last_entry() {
    let (bytes, starts) = log(3);
    for position in 0..bytes.len() {
        for bit in 0..8 {
            let mut bytes = bytes.clone();
            bytes[position] ^= 1 << bit;
            let entry = starts.iter().rposition(|start| *start <= position).unwrap();
            let scan = scan(&bytes);
            assert_eq!(scan.entries.len(), entry, "bit {bit} of byte {position}");
            let at = starts[entry];
            let expected = match entry {
                2 => ScanEnd::Torn { at },
                _ => ScanEnd::Damaged { at, why: Damage::Checksum },
            };
            assert_eq!(scan.end, expected, "bit {bit} of byte {position}");
        }
    }
}

#[test]
fn a_hole_of_zeros_before_a_later_entry_is_damage() {
    let (mut bytes, starts) = log(3);
    bytes[starts[1]..starts[2]].fill(0);
    let expected = ScanEnd::Damaged { at: starts[1], why: Damage::Checksum };
    assert_eq!(scan(&bytes).end, expected);
}

#[test]
fn an_entry_out_of_order_is_damage() {
    let mut bytes = Vec::new();
    encode_entry(1, 5, &[], &mut bytes).unwrap();
    let at = bytes.len();
    encode_entry(1, 7, &[], &mut bytes).unwrap();
    assert_eq!(scan(&bytes).end, ScanEnd::Damaged { at, why: Damage::OutOfOrder });
    bytes.truncate(at);
    encode_entry(0, 6, &[], &mut bytes).unwrap();
    assert_eq!(scan(&bytes).end, ScanEnd::Damaged { at, why: Damage::OutOfOrder });
}

#[test]
fn an_entry_type_of_a_later_release_is_not_cut_off() {
    let mut bytes = Vec::new();
    encode_entry(1, 1, &[], &mut bytes).unwrap();
    bytes[8] = 9;
    let checksum = crc32c::crc32c(&bytes[8..]);
    bytes[4..8].copy_from_slice(&checksum.to_be_bytes());
    let expected = ScanEnd::Damaged { at: 0, why: Damage::UnknownType(9) };
    assert_eq!(scan(&bytes).end, expected);
}

#[test]
fn an_entry_above_the_limit_is_refused_and_leaves_no_bytes() {
    let huge = Record::Broker {
        node_id: pelton_model::NodeId::new(1),
        rack: Some("x".repeat(PAYLOAD_BYTES_MAX)),
    };
    let mut bytes = vec![7];
    assert!(encode_entry(1, 1, &[huge], &mut bytes).is_err());
    assert_eq!(bytes, [7]);
}

#[test]
fn the_bytes_of_an_entry_do_not_change() {
    let mut bytes = Vec::new();
    encode_entry(1, 2, &[block(3)], &mut bytes).unwrap();
    assert_eq!(bytes[..4], [0, 0, 0, 29]);
    assert_eq!(bytes[8..25], [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
    assert_eq!(bytes[25..], [11, 5, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0]);
}

#[test]
fn a_snapshot_comes_back_and_every_flipped_bit_is_found() {
    let snapshot = Snapshot { index: 9, term: 1, records: vec![block(1), block(2)] };
    let bytes = encode_snapshot(&snapshot);
    assert_eq!(decode_snapshot(&bytes), Ok(snapshot.clone()));
    let mut padded = bytes.clone();
    padded.resize(4096, 0);
    assert_eq!(decode_snapshot(&padded), Ok(snapshot));
    for position in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[position] ^= 4;
        assert!(decode_snapshot(&bytes).is_err(), "byte {position}");
        assert!(decode_snapshot(&bytes[..position]).is_err());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_scanned_without_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = scan(&bytes);
        let _ = decode_snapshot(&bytes);
    }
}
