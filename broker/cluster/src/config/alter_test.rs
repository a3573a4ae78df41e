use pelton_model::{NodeId, TopicId};

use super::*;

const BROKER: ConfigResource = ConfigResource::Broker(NodeId::new(1));

/// A cluster with the topic "t", whose changes are applied when they are taken.
struct Bench {
    state: ClusterState,
}

impl Bench {
    fn new() -> Self {
        let topic = Record::Topic {
            id: TopicId::from_random(1),
            name: "t".into(),
            partition_count: 1,
            replication_factor: 1,
        };
        let mut state = ClusterState::default();
        state.apply(1, &[topic]).unwrap();
        Self { state }
    }

    fn alter(
        &mut self,
        resource: &ConfigResource,
        changes: &[(&str, Operation, Option<&str>)],
    ) -> Result<usize, ErrorKind> {
        let changes: Vec<_> = changes
            .iter()
            .map(|(name, operation, value)| Alteration {
                name,
                operation: *operation,
                value: *value,
            })
            .collect();
        let fixed = Overrides::new();
        let broker = BrokerLayers::new(&self.state, NodeId::new(1), &fixed);
        let outcome = incremental_alter(&self.state, &broker, resource, &changes);
        self.take(outcome)
    }

    fn replace(
        &mut self,
        resource: &ConfigResource,
        configs: &[(&str, Option<&str>)],
    ) -> Result<usize, ErrorKind> {
        let fixed = Overrides::new();
        let broker = BrokerLayers::new(&self.state, NodeId::new(1), &fixed);
        let outcome = replace_all(&self.state, &broker, resource, configs);
        self.take(outcome)
    }

    fn take(&mut self, outcome: Result<Vec<Record>, ClusterError>) -> Result<usize, ErrorKind> {
        let records = outcome.map_err(|error| error.kind)?;
        self.state.apply(self.state.revision() + 1, &records).unwrap();
        Ok(records.len())
    }

    fn value(&self, resource: &ConfigResource, name: &str) -> Option<&str> {
        self.state.overrides(resource).get(name).map(String::as_str)
    }
}

fn topic() -> ConfigResource {
    ConfigResource::Topic("t".into())
}

#[test]
fn what_is_set_can_be_deleted_and_deleted_again() {
    let mut bench = Bench::new();
    let name = "retention.ms";
    assert_eq!(bench.alter(&topic(), &[(name, Operation::Set, Some(" 5 "))]), Ok(1));
    assert_eq!(bench.value(&topic(), name), Some(" 5 "));
    assert_eq!(bench.alter(&topic(), &[(name, Operation::Set, Some(" 5 "))]), Ok(0));
    assert_eq!(bench.alter(&topic(), &[(name, Operation::Delete, Some("x"))]), Ok(1));
    assert_eq!(bench.alter(&topic(), &[(name, Operation::Delete, None)]), Ok(0));
    assert_eq!(bench.alter(&topic(), &[("no.such", Operation::Delete, None)]), Ok(0));
    assert_eq!(bench.alter(&topic(), &[]), Ok(0));
}

#[test]
fn members_are_appended_to_and_subtracted_from_the_default() {
    let mut bench = Bench::new();
    let name = "cleanup.policy";
    let mut change = |operation, value| {
        bench.alter(&topic(), &[(name, operation, Some(value))]).unwrap();
        bench.value(&topic(), name).map(str::to_owned)
    };
    assert_eq!(change(Operation::Append, "compact").as_deref(), Some("delete,compact"));
    assert_eq!(change(Operation::Append, "compact").as_deref(), Some("delete,compact"));
    assert_eq!(change(Operation::Subtract, "delete").as_deref(), Some("compact"));
    assert_eq!(change(Operation::Subtract, "delete").as_deref(), Some("compact"));
    assert_eq!(change(Operation::Subtract, "compact").as_deref(), Some(""));
}

#[test]
fn faulty_changes_are_told_apart() {
    let mut bench = Bench::new();
    let group = ConfigResource::Group("g".into());
    let metrics = ConfigResource::ClientMetrics("m".into());
    let missing = ConfigResource::Topic("x".into());
    let invalid = ConfigResource::Topic("a b".into());
    let long = "9".repeat(CONFIG_VALUE_BYTES_MAX + 1);
    let (set, append) = (Operation::Set, Operation::Append);
    for (resource, name, operation, value, kind) in [
        (&topic(), "retention.ms", set, None, ErrorKind::InvalidRequest),
        (&topic(), "cleanup.policy", append, None, ErrorKind::InvalidRequest),
        (&topic(), "retention.ms", append, Some("1"), ErrorKind::InvalidConfig),
        (&topic(), "no.such", append, Some("1"), ErrorKind::InvalidConfig),
        (&topic(), "no.such", set, Some("1"), ErrorKind::InvalidConfig),
        (&topic(), "retention.ms", set, Some("x"), ErrorKind::InvalidConfig),
        (&group, "no.such", set, Some("1"), ErrorKind::InvalidConfig),
        (&group, "consumer.session.timeout.ms", set, Some("1"), ErrorKind::InvalidConfig),
        (&metrics, "no.such", set, Some("1"), ErrorKind::InvalidRequest),
        (&BROKER, "num.partitions", set, Some("1"), ErrorKind::InvalidRequest),
        (&BROKER, "message.max.bytes", set, Some("x"), ErrorKind::InvalidRequest),
        (&BROKER, "my.setting", set, Some(&long), ErrorKind::InvalidConfig),
        (&missing, "retention.ms", set, Some("1"), ErrorKind::UnknownTopicOrPartition),
        (&invalid, "retention.ms", set, Some("1"), ErrorKind::InvalidTopicException),
    ] {
        assert_eq!(bench.alter(resource, &[(name, operation, value)]), Err(kind), "{name}");
    }
}

#[test]
fn a_name_twice_is_refused_whatever_is_done_to_it() {
    let changes =
        [("retention.ms", Operation::Set, Some("1")), ("retention.ms", Operation::Delete, None)];
    assert_eq!(Bench::new().alter(&topic(), &changes), Err(ErrorKind::InvalidRequest));
    let configs = [("retention.ms", Some("1")), ("retention.ms", Some("1"))];
    assert_eq!(Bench::new().replace(&topic(), &configs), Err(ErrorKind::InvalidRequest));
}

#[test]
fn a_good_change_beside_a_bad_one_is_not_made() {
    let mut bench = Bench::new();
    let changes =
        [("retention.ms", Operation::Set, Some("1")), ("segment.ms", Operation::Set, Some("0"))];
    assert_eq!(bench.alter(&topic(), &changes), Err(ErrorKind::InvalidConfig));
    assert_eq!(bench.value(&topic(), "retention.ms"), None);
}

#[test]
fn replacing_resets_what_is_not_named() {
    let mut bench = Bench::new();
    let before = [("retention.ms", Some("1")), ("segment.ms", Some("2"))];
    assert_eq!(bench.replace(&topic(), &before), Ok(2));
    assert_eq!(bench.replace(&topic(), &[("segment.ms", Some("3"))]), Ok(2));
    assert_eq!(bench.value(&topic(), "retention.ms"), None);
    assert_eq!(bench.value(&topic(), "segment.ms"), Some("3"));
    let null = [("segment.ms", None)];
    assert_eq!(bench.replace(&topic(), &null), Err(ErrorKind::InvalidRequest));
}

#[test]
fn an_unknown_broker_config_is_taken_and_their_number_is_bounded() {
    let mut bench = Bench::new();
    assert_eq!(bench.alter(&BROKER, &[("my.setting", Operation::Set, Some("x"))]), Ok(1));
    let names: Vec<_> = (0..OVERRIDES_PER_RESOURCE_MAX).map(|at| format!("my.{at}")).collect();
    let changes: Vec<_> =
        names.iter().map(|name| (name.as_str(), Operation::Set, Some("x"))).collect();
    assert_eq!(bench.alter(&BROKER, &changes), Err(ErrorKind::InvalidConfig));
}

#[test]
fn operations_have_kafkas_numbers() {
    let known = [Operation::Set, Operation::Delete, Operation::Append, Operation::Subtract];
    assert_eq!([0, 1, 2, 3].map(Operation::from_wire), known.map(Some));
    assert_eq!([4, -1].map(Operation::from_wire), [None, None]);
}
