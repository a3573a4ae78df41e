use proptest::prelude::*;

use super::*;
use crate::config::{Alteration, BrokerLayers, Operation, incremental_alter};
use crate::log_format::{Snapshot, decode_snapshot, encode_entry, encode_snapshot, scan};
use crate::producer_ids::allocate_block;
use crate::topics::{
    DeletionTarget, MorePartitions, NewTopic, create_partitions, create_topic, delete_topics,
};

fn topic(id: u128, name: &str) -> Record {
    Record::Topic {
        id: TopicId::from_random(id),
        name: name.into(),
        partition_count: 2,
        replication_factor: 1,
    }
}

fn set(resource: ConfigResource, name: &str, value: Option<&str>) -> Record {
    Record::ConfigSet { resource, name: name.into(), value: value.map(Into::into) }
}

#[test]
fn a_topic_is_found_by_name_and_by_id_until_it_is_removed() {
    let id = TopicId::from_random(1);
    let mut state = ClusterState::default();
    state.apply(1, &[topic(1, "a.b")]).unwrap();
    assert_eq!(state.topic("a.b").unwrap().id, id);
    assert_eq!(&*state.topic_by_id(id).unwrap().name, "a.b");
    assert_eq!(state.topic_by_id(id).unwrap().partitions().count(), 2);
    assert_eq!(state.colliding_topic("a_b"), Some("a.b"));
    assert_eq!(state.colliding_topic("a.b"), None);

    state.apply(2, &[Record::TopicRemoved { topic: id }]).unwrap();
    assert_eq!((state.topic("a.b"), state.topic_by_id(id)), (None, None));
    assert_eq!(state.colliding_topic("a_b"), None);
    assert_eq!(state.revision(), 2);
}

#[test]
fn a_topic_made_again_does_not_inherit_configs() {
    let resource = ConfigResource::Topic("a".into());
    let mut state = ClusterState::default();
    state.apply(1, &[topic(1, "a"), set(resource.clone(), "retention.ms", Some("5"))]).unwrap();
    assert_eq!(state.overrides(&resource).len(), 1);
    let again = [Record::TopicRemoved { topic: TopicId::from_random(1) }, topic(2, "a")];
    state.apply(2, &again).unwrap();
    assert!(state.overrides(&resource).is_empty());
}

#[test]
fn leader_epochs_start_at_zero_and_only_rise() {
    let partition = PartitionId::new(TopicId::from_random(1), PartitionIndex::new(1));
    let raise =
        |epoch| Record::LeaderEpochRaised { partition, leader_epoch: LeaderEpoch::new(epoch) };
    let mut state = ClusterState::default();
    state.apply(1, &[topic(1, "a"), raise(3)]).unwrap();
    assert_eq!(state.topic("a").unwrap().leader_epoch(partition.index).get(), 3);
    assert_eq!(state.topic("a").unwrap().leader_epoch(PartitionIndex::new(0)).get(), 0);
    assert_eq!(state.clone().apply(2, &[raise(3)]), Err(ApplyError::LeaderEpoch(partition)));
}

#[test]
fn records_that_do_not_fit_are_refused() {
    let id = TopicId::from_random(1);
    let more = |count| Record::PartitionsAdded { topic: id, partition_count: count };
    let next = |id| Record::ProducerIdBlock { next: ProducerId::new(id) };
    let mut state = ClusterState::default();
    state.apply(1, &[topic(1, "a"), next(1000)]).unwrap();
    let unknown = TopicId::from_random(9);
    for record in [
        topic(2, "a"),
        topic(1, "b"),
        more(2),
        more(-1),
        more(PARTITIONS_PER_TOPIC_MAX + 1),
        next(999),
        Record::TopicRemoved { topic: unknown },
        set(ConfigResource::Topic("b".into()), "retention.ms", None),
    ] {
        assert!(state.clone().apply(2, std::slice::from_ref(&record)).is_err(), "{record:?}");
    }
}

#[test]
fn entries_are_applied_one_after_the_other_without_gaps() {
    let mut state = ClusterState::restore(4, &[]).unwrap();
    for index in [0, 3, 4, 6, u64::MAX] {
        let refused = ApplyError::OutOfOrder { revision: 4, index };
        assert_eq!(state.apply(index, &[]), Err(refused));
    }
    assert_eq!(state.apply(5, &[]), Ok(()));
}

#[test]
fn a_resource_without_overrides_is_forgotten() {
    let group = ConfigResource::Group("g".into());
    let mut state = ClusterState::default();
    state.apply(1, &[set(group.clone(), "share.session.timeout.ms", Some("50000"))]).unwrap();
    assert_eq!(state.configured_resources().count(), 1);
    state.apply(2, &[set(group, "share.session.timeout.ms", None)]).unwrap();
    assert_eq!(state.configured_resources().count(), 0);
    assert!(state.group_configs.is_empty());
}

#[derive(Clone, Debug)]
enum Command {
    Create { topic: u8, partitions: i32, compacted: bool },
    Delete { topic: u8 },
    AddPartitions { topic: u8, partitions: i32 },
    Alter { resource: ConfigResource, name: &'static str, value: Option<String> },
    TakeProducerIds,
}

fn commands() -> impl Strategy<Value = Vec<Command>> {
    let resource = prop_oneof![
        (0..4u8).prop_map(|topic| ConfigResource::Topic(topic_name(topic))),
        Just(ConfigResource::AllBrokers),
        Just(ConfigResource::Broker(NodeId::new(1))),
        Just(ConfigResource::Group("g".into())),
        Just(ConfigResource::ClientMetrics("m".into())),
    ];
    let name = prop_oneof![
        Just("retention.ms"),
        Just("message.max.bytes"),
        Just("consumer.session.timeout.ms"),
        Just("interval.ms"),
    ];
    let value = proptest::option::of((-1..100_000i64).prop_map(|value| value.to_string()));
    let command = prop_oneof![
        (0..4u8, -2..20i32, any::<bool>()).prop_map(|(topic, partitions, compacted)| {
            Command::Create { topic, partitions, compacted }
        }),
        (0..4u8).prop_map(|topic| Command::Delete { topic }),
        (0..4u8, -1..40i32)
            .prop_map(|(topic, partitions)| Command::AddPartitions { topic, partitions }),
        (resource, name, value).prop_map(|(resource, name, value)| Command::Alter {
            resource,
            name,
            value
        }),
        Just(Command::TakeProducerIds),
    ];
    proptest::collection::vec(command, 0..40)
}

/// Two of the names collide.
fn topic_name(topic: u8) -> String {
    ["a.b", "a_b", "c", "d"][usize::from(topic)].to_owned()
}

/// What the verbs answer; a refusal is no record.
fn decide(state: &ClusterState, command: &Command, new_id: TopicId) -> Vec<Record> {
    let fixed = Overrides::new();
    let broker = BrokerLayers::new(state, NodeId::new(1), &fixed);
    match command {
        Command::Create { topic, partitions, compacted } => {
            let name = topic_name(*topic);
            let configs = [("cleanup.policy", Some("compact"))];
            let request = NewTopic {
                partition_count: *partitions,
                configs: if *compacted { &configs } else { &[] },
                ..NewTopic::with_defaults(&name)
            };
            create_topic(state, &broker, &request, new_id).unwrap_or_default()
        }
        Command::Delete { topic } => {
            let target = DeletionTarget { name: Some(topic_name(*topic)), id: TopicId::ZERO };
            let deletions = delete_topics(state, &broker, &[target]);
            deletions
                .into_iter()
                .flat_map(|deletion| deletion.outcome.unwrap_or_default())
                .collect()
        }
        Command::AddPartitions { topic, partitions } => {
            let name = topic_name(*topic);
            let request =
                MorePartitions { name: &name, partition_count: *partitions, assignments: None };
            create_partitions(state, &request).unwrap_or_default()
        }
        Command::Alter { resource, name, value } => {
            let operation = if value.is_some() { Operation::Set } else { Operation::Delete };
            let alteration = Alteration { name, operation, value: value.as_deref() };
            incremental_alter(state, &broker, resource, &[alteration]).unwrap_or_default()
        }
        Command::TakeProducerIds => {
            allocate_block(state).map(|(_, record)| record).into_iter().collect()
        }
    }
}

proptest! {
    #[test]
    fn log_and_snapshot_give_the_state_that_the_commands_made(commands in commands()) {
        let mut state = ClusterState::default();
        let mut log = Vec::new();
        for (at, command) in commands.iter().enumerate() {
            let index = at as u64 + 1;
            let records = decide(&state, command, TopicId::from_random(u128::from(index)));
            encode_entry(1, index, &records, &mut log).unwrap();
            state.apply(index, &records).unwrap();
        }

        let mut replayed = ClusterState::default();
        for entry in scan(&log).entries {
            replayed.apply(entry.index, &entry.records().unwrap()).unwrap();
        }
        prop_assert_eq!(&replayed, &state);

        let snapshot =
            Snapshot { index: state.revision(), term: 1, records: state.to_records() };
        let read = decode_snapshot(&encode_snapshot(&snapshot)).unwrap();
        prop_assert_eq!(ClusterState::restore(read.index, &read.records).unwrap(), state);
    }
}
