//! A look at where every batch begins, before anything is done with one of them. As in Kafka, what
//! is found there fails the whole request, and nothing of it is written.

use bytes::Bytes;
use pelton_kafka::produce::ProduceRequest;
use pelton_kafka::{ErrorCode, StrBytes};

/// Bytes of a batch up to and with its length, which does not count them.
const LENGTH_ENDS_AT: usize = 12;
/// What the oldest format's record takes at least: nothing shorter was ever a batch.
const LENGTH_MIN: i32 = 14;
const MAGIC_AT: usize = 16;
const MAGIC_MAX: u8 = 2;
const ATTRIBUTES_LOW_AT: usize = 22;
const TRANSACTIONAL: u8 = 1 << 4;

/// What all partitions of a request are answered.
#[derive(Clone, Debug)]
pub struct Fault {
    pub error: ErrorCode,
    pub message: Option<StrBytes>,
    /// As refused batches are counted, [`pelton_model::batch::BatchError::reason`].
    pub reason: &'static str,
}

/// The first fault, in the order of the request.
pub fn fault(request: &ProduceRequest) -> Option<Fault> {
    let partitions = request.topics.iter().flat_map(|topic| &topic.partitions);
    partitions.filter_map(|partition| partition.records.as_ref()).find_map(fault_of)
}

fn fault_of(records: &Bytes) -> Option<Fault> {
    let length = i32::from_be_bytes(*records.get(LENGTH_ENDS_AT - 4..)?.first_chunk()?);
    if length < LENGTH_MIN {
        return Some(corrupt("framing", "a batch is shorter than any can be"));
    }
    let magic = *records.get(MAGIC_AT)?;
    if magic > MAGIC_MAX {
        return Some(corrupt("magic", "a batch has an unknown magic"));
    }
    // One that is cut short is for its own partition to refuse.
    let batch = records.get(..LENGTH_ENDS_AT.checked_add(usize::try_from(length).ok()?)?)?;
    let is_transactional = magic == MAGIC_MAX
        && batch.get(ATTRIBUTES_LOW_AT).is_some_and(|it| it & TRANSACTIONAL != 0);
    // Transactions are to come; until then nobody owns a transactional id.
    is_transactional.then_some(Fault {
        error: ErrorCode::TransactionalIdAuthorizationFailed,
        message: None,
        reason: "transactional",
    })
}

fn corrupt(reason: &'static str, message: &str) -> Fault {
    Fault { error: ErrorCode::CorruptMessage, message: Some(message.into()), reason }
}

#[cfg(test)]
#[path = "first_look_test.rs"]
mod first_look_test;
