use super::*;

/// A cluster of brokers 1 to 3 with the topic "old", which has two partitions of one replica.
struct Bench {
    state: ClusterState,
    fixed: Overrides,
}

const OLD_ID: TopicId = TopicId::from_bytes([1; 16]);
const NEW_ID: TopicId = TopicId::from_bytes([2; 16]);

impl Bench {
    fn new() -> Self {
        let mut state = ClusterState::default();
        let mut records: Vec<_> =
            (1..=3).map(|id| Record::Broker { node_id: NodeId::new(id), rack: None }).collect();
        records.push(Record::Topic {
            id: OLD_ID,
            name: "old".into(),
            partition_count: 2,
            replication_factor: 1,
        });
        state.apply(1, &records).unwrap();
        Self { state, fixed: Overrides::new() }
    }

    fn broker(&self) -> BrokerLayers<'_> {
        BrokerLayers::new(&self.state, NodeId::new(1), &self.fixed)
    }

    fn create(&self, request: &NewTopic<'_>) -> Result<Vec<Record>, ErrorKind> {
        create_topic(&self.state, &self.broker(), request, NEW_ID).map_err(|error| error.kind)
    }

    fn more(&self, name: &str, count: i32, brokers: Option<&[&[i32]]>) -> Result<(), ErrorKind> {
        let lists: Option<Vec<_>> =
            brokers.map(|lists| lists.iter().map(|list| node_ids(list)).collect());
        let request =
            MorePartitions { name, partition_count: count, assignments: lists.as_deref() };
        create_partitions(&self.state, &request).map(drop).map_err(|error| error.kind)
    }

    fn delete(&self, targets: &[(Option<&str>, TopicId)]) -> Vec<Result<usize, ErrorKind>> {
        let targets: Vec<_> = targets
            .iter()
            .map(|(name, id)| DeletionTarget { name: name.map(Into::into), id: *id })
            .collect();
        delete_topics(&self.state, &self.broker(), &targets)
            .into_iter()
            .map(|deletion| deletion.outcome.map(|it| it.len()).map_err(|error| error.kind))
            .collect()
    }
}

fn node_ids(ids: &[i32]) -> Vec<NodeId> {
    ids.iter().copied().map(NodeId::new).collect()
}

fn counts(partition_count: i32, replication_factor: i16) -> NewTopic<'static> {
    NewTopic { partition_count, replication_factor, ..NewTopic::with_defaults("new") }
}

#[test]
fn counts_of_minus_one_are_the_brokers_defaults() {
    let mut bench = Bench::new();
    bench.fixed.insert("num.partitions".into(), "6".into());
    bench.fixed.insert("default.replication.factor".into(), "2".into());
    let expected =
        Record::Topic { id: NEW_ID, name: "new".into(), partition_count: 6, replication_factor: 2 };
    assert_eq!(bench.create(&counts(-1, -1)), Ok(vec![expected]));
}

#[test]
fn counts_out_of_range_are_refused() {
    let bench = Bench::new();
    for count in [0, -2, i32::MIN] {
        assert_eq!(bench.create(&counts(count, 1)), Err(ErrorKind::InvalidPartitions));
    }
    for factor in [0, -2, 4] {
        let refused = Err(ErrorKind::InvalidReplicationFactor);
        assert_eq!(bench.create(&counts(1, factor)), refused, "{factor}");
    }
    assert!(bench.create(&counts(10_000, 3)).is_ok());
    assert_eq!(bench.create(&counts(10_001, 1)), Err(ErrorKind::PolicyViolation));
}

#[test]
fn a_single_broker_holds_one_replica_even_before_it_is_registered() {
    let state = ClusterState::default();
    let fixed = Overrides::new();
    let broker = BrokerLayers::new(&state, NodeId::new(1), &fixed);
    let create = |factor| create_topic(&state, &broker, &counts(1, factor), NEW_ID);
    assert!(create(-1).is_ok());
    assert!(create(1).is_ok());
    assert_eq!(create(2).unwrap_err().kind, ErrorKind::InvalidReplicationFactor);
}

#[test]
fn a_request_has_ten_thousand_partitions_at_most() {
    let bench = Bench::new();
    let check = |topics: &[NewTopic<'_>]| {
        check_partition_total(&bench.broker(), topics).map_err(|error| error.kind)
    };
    assert_eq!(check(&[counts(9_999, 1), counts(-1, 1), counts(-7, 1)]), Ok(()));
    let refused = Err(ErrorKind::PolicyViolation);
    assert_eq!(check(&[counts(9_999, 1), counts(-1, 1), counts(1, 1)]), refused);
}

#[test]
fn names_that_cannot_be_are_refused() {
    let mut bench = Bench::new();
    let dotted = Record::Topic {
        id: TopicId::from_bytes([3; 16]),
        name: "a_b".into(),
        partition_count: 1,
        replication_factor: 1,
    };
    bench.state.apply(2, &[dotted]).unwrap();
    for (name, kind) in [
        ("", ErrorKind::InvalidTopicException),
        ("a b", ErrorKind::InvalidTopicException),
        ("a.b", ErrorKind::InvalidTopicException),
        ("old", ErrorKind::TopicAlreadyExists),
        ("a_b", ErrorKind::TopicAlreadyExists),
        ("__cluster_metadata", ErrorKind::InvalidRequest),
    ] {
        assert_eq!(bench.create(&NewTopic::with_defaults(name)), Err(kind), "{name}");
    }
}

#[test]
fn two_new_topics_that_collide_are_both_created() {
    let bench = Bench::new();
    assert!(bench.create(&NewTopic::with_defaults("x.y")).is_ok());
    assert!(bench.create(&NewTopic::with_defaults("x_y")).is_ok());
}

#[test]
fn a_name_that_stands_twice_is_found() {
    assert_eq!(find_duplicates(["a", "b", "a", "c", "a"]), BTreeSet::from(["a"]));
}

#[test]
fn an_assignment_decides_both_counts() {
    let bench = Bench::new();
    let assignments = [
        Assignment { partition: 1, brokers: node_ids(&[2, 3]) },
        Assignment { partition: 0, brokers: node_ids(&[1, 2]) },
    ];
    let request = NewTopic { assignments: &assignments, ..NewTopic::with_defaults("new") };
    let records = bench.create(&request).unwrap();
    assert!(matches!(
        records[..],
        [Record::Topic { partition_count: 2, replication_factor: 2, .. }]
    ));
    for (partition_count, replication_factor) in [(2, -1), (-1, 2)] {
        let request = NewTopic { partition_count, replication_factor, ..request };
        assert_eq!(bench.create(&request), Err(ErrorKind::InvalidRequest));
    }
}

#[test]
fn every_fault_of_an_assignment_is_refused() {
    let faults: [&[(i32, &[i32])]; 7] = [
        &[(0, &[1]), (2, &[1])],
        &[(1, &[1])],
        &[(0, &[1]), (0, &[2])],
        &[(0, &[1, 1])],
        &[(0, &[4])],
        &[(0, &[])],
        &[(0, &[1]), (1, &[1, 2])],
    ];
    let bench = Bench::new();
    for fault in faults {
        let assignments: Vec<_> = fault
            .iter()
            .map(|(partition, brokers)| Assignment {
                partition: *partition,
                brokers: node_ids(brokers),
            })
            .collect();
        let request = NewTopic { assignments: &assignments, ..NewTopic::with_defaults("new") };
        assert_eq!(bench.create(&request), Err(ErrorKind::InvalidReplicaAssignment), "{fault:?}");
    }
}

#[test]
fn configs_become_records_as_they_were_written_and_the_last_of_a_name_wins() {
    let configs = [("retention.ms", Some("1")), ("retention.ms", Some(" 100000 "))];
    let request = NewTopic { configs: &configs, ..NewTopic::with_defaults("new") };
    let records = Bench::new().create(&request).unwrap();
    let expected = Record::ConfigSet {
        resource: ConfigResource::Topic("new".into()),
        name: "retention.ms".into(),
        value: Some(" 100000 ".into()),
    };
    assert_eq!(records[1..], [expected]);
}

#[test]
fn bad_configs_are_refused() {
    let bench = Bench::new();
    let long = "x".repeat(40_000);
    let cases: [&[(&str, Option<&str>)]; 5] = [
        &[("no.such.config", Some("1"))],
        &[("retention.ms", None)],
        &[("retention.ms", Some("soon"))],
        &[("min.compaction.lag.ms", Some("9")), ("max.compaction.lag.ms", Some("8"))],
        &[("compression.type", Some(&long))],
    ];
    for configs in cases {
        let request = NewTopic { configs, ..NewTopic::with_defaults("new") };
        assert_eq!(bench.create(&request), Err(ErrorKind::InvalidConfig));
    }
}

#[test]
fn a_topic_is_deleted_by_name_or_by_id() {
    let bench = Bench::new();
    assert_eq!(bench.delete(&[(Some("old"), TopicId::ZERO)]), [Ok(1)]);
    assert_eq!(bench.delete(&[(None, OLD_ID)]), [Ok(1)]);
}

#[test]
fn what_cannot_be_deleted_is_answered_once() {
    let bench = Bench::new();
    let by_name = |name| (Some(name), TopicId::ZERO);
    let invalid = Err(ErrorKind::InvalidRequest);
    assert_eq!(bench.delete(&[by_name("x")]), [Err(ErrorKind::UnknownTopicOrPartition)]);
    assert_eq!(bench.delete(&[by_name("a b")]), [Err(ErrorKind::UnknownTopicOrPartition)]);
    assert_eq!(bench.delete(&[(None, NEW_ID)]), [Err(ErrorKind::UnknownTopicId)]);
    assert_eq!(bench.delete(&[(None, TopicId::ZERO)]), [invalid]);
    assert_eq!(bench.delete(&[(Some("old"), OLD_ID)]), [invalid]);
    assert_eq!(bench.delete(&[by_name("old"), by_name("old")]), [invalid]);
    assert_eq!(bench.delete(&[by_name("old"), (None, OLD_ID)]), [invalid]);
}

#[test]
fn a_topic_that_stands_twice_is_answered_under_what_the_client_called_it() {
    let bench = Bench::new();
    let by_name = DeletionTarget { name: Some("old".into()), id: TopicId::ZERO };
    let by_id = DeletionTarget { name: None, id: OLD_ID };
    let answered = |first: &DeletionTarget, second: &DeletionTarget| {
        let targets = [first.clone(), second.clone()];
        let mut deletions = delete_topics(&bench.state, &bench.broker(), &targets);
        let deletion = deletions.pop().expect("an answer");
        assert!(deletions.is_empty());
        (deletion.name, deletion.id)
    };
    let name = || Some("old".to_owned());
    assert_eq!(answered(&by_name, &by_name), (name(), TopicId::ZERO));
    assert_eq!(answered(&by_id, &by_id), (None, OLD_ID));
    assert_eq!(answered(&by_name, &by_id), (name(), OLD_ID));
    assert_eq!(answered(&by_id, &by_name), (name(), OLD_ID));
}

#[test]
fn deletion_can_be_switched_off() {
    let mut bench = Bench::new();
    bench.fixed.insert("delete.topic.enable".into(), "false".into());
    let refused = [Err(ErrorKind::TopicDeletionDisabled)];
    assert_eq!(bench.delete(&[(Some("old"), TopicId::ZERO)]), refused);
}

#[test]
fn partitions_only_become_more() {
    let bench = Bench::new();
    for count in [2, 1, 0, -1, i32::MIN, PARTITIONS_PER_TOPIC_MAX + 1] {
        assert_eq!(bench.more("old", count, None), Err(ErrorKind::InvalidPartitions), "{count}");
    }
    assert_eq!(bench.more("old", 3, None), Ok(()));
    assert_eq!(bench.more("old", 10_002, None), Ok(()));
    assert_eq!(bench.more("old", 10_003, None), Err(ErrorKind::PolicyViolation));
}

#[test]
fn partitions_of_an_unknown_topic_are_refused_without_a_message() {
    let request = MorePartitions { name: "a b", partition_count: 3, assignments: None };
    let error = create_partitions(&Bench::new().state, &request).unwrap_err();
    let expected = ClusterError::without_message(ErrorKind::UnknownTopicOrPartition);
    assert_eq!(error, expected);
}

#[test]
fn new_partitions_are_assigned_as_the_old_ones_were() {
    let bench = Bench::new();
    assert_eq!(bench.more("old", 4, Some(&[&[1], &[2]])), Ok(()));
    let faults: [&[&[i32]]; 5] = [&[&[1]], &[&[1], &[1, 2]], &[&[1], &[]], &[&[1], &[9]], &[]];
    for fault in faults {
        let refused = Err(ErrorKind::InvalidReplicaAssignment);
        assert_eq!(bench.more("old", 4, Some(fault)), refused, "{fault:?}");
    }
}
