use pelton_kafka::TopicRef;
use pelton_kafka::produce::{ProducePartition, ProduceTopic};

use super::*;

/// The beginning of a batch of format 2, with so many bytes behind its length.
fn batch(length: i32, magic: u8, attributes: u8) -> Vec<u8> {
    let mut bytes = vec![0; 70];
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    bytes[MAGIC_AT] = magic;
    bytes[ATTRIBUTES_LOW_AT] = attributes;
    bytes
}

fn code(batches: &[Vec<u8>]) -> Option<ErrorCode> {
    let partitions = batches.iter().enumerate().map(|(at, bytes)| ProducePartition {
        index: at as i32,
        records: Some(Bytes::from(bytes.clone())),
    });
    let topic = TopicRef::Name("a".into());
    let topics = vec![ProduceTopic { topic, partitions: partitions.collect() }];
    let request = ProduceRequest { topics, ..ProduceRequest::default() };
    fault(&request).map(|fault| fault.error)
}

#[test]
fn sound_beginnings_have_no_fault_and_too_short_ones_are_for_others_to_refuse() {
    assert_eq!(code(&[batch(58, 2, 0), batch(58, 0, 0xff), batch(58, 1, 0)]), None);
    for bytes in 0..MAGIC_AT {
        assert_eq!(code(&[batch(58, 9, 0xff)[..bytes].to_vec()]), None);
    }
    assert_eq!(code(&[batch(59, 2, TRANSACTIONAL)]), None, "cut short");
    assert_eq!(code(&[batch(i32::MAX, 2, TRANSACTIONAL)]), None, "cut short");
}

#[test]
fn an_impossible_length_or_magic_is_corrupt() {
    for bad in
        [batch(13, 2, 0), batch(0, 2, 0), batch(-1, 2, 0), batch(58, 3, 0), batch(58, 255, 0)]
    {
        assert_eq!(code(&[batch(58, 2, 0), bad]), Some(ErrorCode::CorruptMessage));
    }
}

#[test]
fn the_first_fault_counts() {
    let refused = Some(ErrorCode::TransactionalIdAuthorizationFailed);
    assert_eq!(code(&[batch(58, 2, TRANSACTIONAL), batch(58, 3, 0)]), refused);
    assert_eq!(
        code(&[batch(58, 3, 0), batch(58, 2, TRANSACTIONAL)]),
        Some(ErrorCode::CorruptMessage)
    );
}
