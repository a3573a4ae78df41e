//! What members of both protocols have in common: the topic that they commit offsets for, how they do
//! it, and the question what is committed.

use std::time::Duration;

use pelton_kafka::wire::create_topics_request::CreatableTopic;
use pelton_kafka::wire::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use pelton_kafka::wire::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use pelton_kafka::wire::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use pelton_kafka::wire::{
    CreateTopicsRequest, FindCoordinatorRequest, IncrementalAlterConfigsRequest,
    OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest,
};
use pelton_kafka::{ErrorCode, StrBytes, message};

use super::World;
use super::connection::{Connection, Lost};
use super::role::Role;

/// The topic that offsets are committed for; it is never deleted.
pub const TOPIC: &str = "grouped";
pub const PARTITIONS: i32 = 4;

/// Topics that only a regular expression names: one that may come at any time, and one that comes
/// when all others are at rest.
pub const LATER_TOPIC: &str = "grouped-later";
pub const LAST_TOPIC: &str = "grouped-last";
pub const LATER_PARTITIONS: i32 = 2;
/// What matches all of them.
pub const PATTERN: &str = "group[a-z]d(-.*)?";

/// One number for a partition of any of them, each topic's behind the other's; none for others. Those
/// of [`TOPIC`] are the partitions that are committed for.
pub fn number(topic: &str, partition: i32) -> Option<i32> {
    let first = match topic {
        TOPIC => 0,
        LATER_TOPIC => PARTITIONS,
        LAST_TOPIC => PARTITIONS + LATER_PARTITIONS,
        _ => return None,
    };
    Some(first + partition)
}

/// Where coordinators write.
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";
/// ConfigResource.Type of Kafka.
const TOPIC_RESOURCE: i8 = 2;

pub const BACKOFF: Duration = Duration::from_millis(20);

/// Within so many attempts a broker that nothing troubles any more tells what is committed.
const ATTEMPTS: usize = 200;

/// The coordinator cannot answer now; it will.
pub fn is_passing(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotCoordinator
            | ErrorCode::KafkaStorageError
            | ErrorCode::UnknownTopicOrPartition
    )
}

/// A topic that is there, or will be.
pub async fn create(connection: &mut Connection, name: &str, partitions: i32) -> Result<(), Lost> {
    let topic = message!(CreatableTopic {
        name: name.into(),
        num_partitions: partitions,
        replication_factor: -1,
    });
    let request = message!(CreateTopicsRequest { topics: vec![topic], timeout_ms: 30_000 });
    connection.call(&request, 7).await.map(drop)
}

/// Topic and coordinator are there, or will be: whoever comes first makes them.
pub async fn prepare(
    world: &World,
    connection: &mut Connection,
    group: &'static str,
) -> Result<(), Lost> {
    create(connection, TOPIC, PARTITIONS).await?;
    loop {
        let request = message!(FindCoordinatorRequest { coordinator_keys: vec![group.into()] });
        let answer = connection.call(&request, 4).await?;
        if answer.coordinators.first().is_some_and(|found| found.error_code == 0) {
            break;
        }
        world.runtime.sleep(BACKOFF).await;
    }
    // Small segments, so that coordinators load what compaction has left.
    let configs = [("internal.segment.bytes", "4096"), ("min.cleanable.dirty.ratio", "0.01")];
    let configs = configs.map(|(name, value)| {
        message!(AlterableConfig { name: name.into(), value: Some(value.into()) })
    });
    let request = message!(IncrementalAlterConfigsRequest {
        resources: vec![message!(AlterConfigsResource {
            resource_type: TOPIC_RESOURCE,
            resource_name: OFFSETS_TOPIC.into(),
            configs: configs.to_vec(),
        })],
    });
    connection.call(&request, 1).await?;
    Ok(())
}

/// Commits one number, as the member that is in this epoch or generation.
pub fn commit_request(
    role: &Role,
    member_id: &StrBytes,
    epoch: i32,
    partition: i32,
    number: i64,
) -> OffsetCommitRequest {
    message!(OffsetCommitRequest {
        group_id: role.group.into(),
        generation_id_or_member_epoch: epoch,
        member_id: member_id.clone(),
        group_instance_id: role.instance_id(),
        topics: vec![message!(OffsetCommitRequestTopic {
            name: TOPIC.into(),
            partitions: vec![message!(OffsetCommitRequestPartition {
                partition_index: partition,
                committed_offset: number,
                committed_metadata: Some("".into()),
            })],
        })],
    })
}

/// What became of it.
pub fn commit_outcome(
    connection: &Connection,
    answer: &OffsetCommitResponse,
) -> Result<ErrorCode, Lost> {
    match answer.topics.first().map(|topic| topic.partitions.as_slice()) {
        Some([found]) => Ok(ErrorCode::from_code(found.error_code)),
        _ => Err(connection.incident("a commit was not answered")),
    }
}

/// Asks what is committed, once; notes what it is told. `false`: not told.
pub async fn look(
    world: &World,
    connection: &mut Connection,
    group: &'static str,
    asked: &[i32],
) -> Result<bool, Lost> {
    let told_before: Vec<i64> = asked
        .iter()
        .map(|partition| world.history.borrow_mut().group(group).told(*partition))
        .collect();
    let request = message!(OffsetFetchRequest {
        groups: vec![message!(OffsetFetchRequestGroup {
            group_id: group.into(),
            topics: Some(vec![message!(OffsetFetchRequestTopics {
                name: TOPIC.into(),
                partition_indexes: asked.to_vec(),
            })]),
        })],
    });
    let answer = connection.call(&request, 8).await?;
    let Some(told) = answer.groups.first().filter(|told| told.error_code == 0) else {
        return Ok(false);
    };
    let life = world.machine.life();
    let found = told.topics.iter().flat_map(|topic| &topic.partitions);
    for ((partition, told_before), found) in asked.iter().zip(told_before).zip(found) {
        if found.partition_index != *partition {
            return Err(connection.incident("an OffsetFetch was answered for other partitions"));
        }
        world.history.borrow_mut().group(group).see(
            *partition,
            found.committed_offset,
            told_before,
            life,
        );
    }
    Ok(true)
}

/// At the end: everything that a group has committed.
pub async fn read_committed(
    world: &World,
    connection: &mut Connection,
    group: &'static str,
) -> Result<(), Lost> {
    let all: Vec<i32> = (0..PARTITIONS).collect();
    prepare(world, connection, group).await?;
    for _ in 0..ATTEMPTS {
        if look(world, connection, group, &all).await? {
            return Ok(());
        }
        world.runtime.sleep(BACKOFF).await;
    }
    Err(connection.incident("nobody tells what is committed"))
}
