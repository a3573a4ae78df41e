//! From batches to a Produce request, and from its answer to what became of each batch.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use pelton_kafka::messages::EncodeError;
use pelton_kafka::produce::{
    ProducePartition, ProducePartitionResponse, ProduceRequest, ProduceResponse, ProduceTopic,
};
use pelton_kafka::{ErrorCode, Frame, TopicRef};
use pelton_model::{Offset, TimestampMs};

use super::batch::Parcel;
use super::queue::Verdict;
use super::record::Appended;
use crate::cluster::{Cluster, Topic};
use crate::error::{Error, check};

/// Topics are named by id from this version on.
const BY_ID_FROM: i16 = 13;

/// What a request carries for one partition.
pub(super) struct Piece {
    pub(super) topic: Arc<Topic>,
    pub(super) parcel: Parcel,
}

/// A complete frame. Records are not copied.
pub(super) fn encode(
    pieces: &mut [Piece],
    acks: i16,
    timeout_ms: i32,
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
) -> Result<Frame, EncodeError> {
    let mut topics: BTreeMap<Arc<str>, ProduceTopic> = BTreeMap::new();
    for Piece { topic, parcel } in pieces {
        let entry = topics.entry(topic.name.clone()).or_insert_with(|| ProduceTopic {
            topic: named(topic, version),
            partitions: Vec::new(),
        });
        let records: Bytes = parcel.encode();
        let index = parcel.partition.get();
        entry.partitions.push(ProducePartition { index, records: Some(records) });
    }
    let topics = topics.into_values().collect();
    ProduceRequest { transactional_id: None, acks, timeout_ms, topics }.encode(
        correlation_id,
        client_id,
        version,
    )
}

fn named(topic: &Topic, version: i16) -> TopicRef {
    match version {
        BY_ID_FROM.. => TopicRef::Id(topic.id),
        _ => TopicRef::Name((&*topic.name).into()),
    }
}

/// What became of each batch. The cluster learns what the answer tells of leaders.
pub(super) fn verdicts(
    pieces: Vec<Piece>,
    answer: &ProduceResponse,
    version: i16,
    cluster: &Cluster,
) -> Vec<(Parcel, Verdict)> {
    let judged = pieces.into_iter().map(|Piece { topic, parcel }| {
        let name = named(&topic, version);
        let found = answer.topics.iter().filter(|found| found.topic == name);
        let mut found = found.flat_map(|found| &found.partitions);
        let found = found.find(|found| found.index == parcel.partition.get());
        if let Some(leader) = found.and_then(|found| found.current_leader.as_ref()) {
            cluster.learn_leader(&topic.name, parcel.partition, leader, &answer.node_endpoints);
        }
        let verdict = match found {
            Some(found) => verdict(&parcel, found),
            None => Verdict::Unknown(Error::protocol(context(&parcel), "is missing in the answer")),
        };
        (parcel, verdict)
    });
    judged.collect()
}

fn verdict(parcel: &Parcel, found: &ProducePartitionResponse) -> Verdict {
    if found.error == ErrorCode::DuplicateSequenceNumber {
        return Verdict::Appended(Appended::default());
    }
    // Which records were to blame, the first of them named.
    let blamed = found.record_errors.first().and_then(|blamed| blamed.message.as_deref());
    let message = found.error_message.as_deref().or(blamed);
    match check(found.error.code(), message, || context(parcel)) {
        Ok(()) => Verdict::Appended(Appended {
            base_offset: (found.base_offset >= 0).then(|| Offset::new(found.base_offset)),
            log_append_time: (found.log_append_time_ms >= 0)
                .then(|| TimestampMs::new(found.log_append_time_ms)),
        }),
        Err(error) => judge(error),
    }
}

/// What an error that a leader answered says of the attempt. A leader that has stepped down, or whose
/// disk fails, may have appended before it found that out, and its successor, or itself when it has
/// recovered, has the batch. So of all codes only those count as a refusal that are certain to be.
pub(super) fn judge(error: Error) -> Verdict {
    match error.code() {
        Some(code) if is_checked_first(code) => Verdict::Refused(error),
        _ => Verdict::Unknown(error),
    }
}

/// Whether a code comes of what a leader checks before it appends.
const fn is_checked_first(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::ClusterAuthorizationFailed
            | ErrorCode::CorruptMessage
            | ErrorCode::InvalidProducerEpoch
            | ErrorCode::InvalidProducerIdMapping
            | ErrorCode::InvalidRecord
            | ErrorCode::InvalidRequest
            | ErrorCode::InvalidRequiredAcks
            | ErrorCode::InvalidTimestamp
            | ErrorCode::InvalidTopicException
            | ErrorCode::InvalidTxnState
            | ErrorCode::MessageTooLarge
            | ErrorCode::NotEnoughReplicas
            | ErrorCode::OutOfOrderSequenceNumber
            | ErrorCode::PolicyViolation
            | ErrorCode::ProducerFenced
            | ErrorCode::RecordListTooLarge
            | ErrorCode::ThrottlingQuotaExceeded
            | ErrorCode::TopicAuthorizationFailed
            | ErrorCode::TransactionalIdAuthorizationFailed
            | ErrorCode::UnknownProducerId
            | ErrorCode::UnsupportedCompressionType
            | ErrorCode::UnsupportedForMessageFormat
            | ErrorCode::UnsupportedVersion
    )
}

pub(super) fn context(parcel: &Parcel) -> String {
    format!("produce to {}/{}", parcel.topic, parcel.partition)
}
