//! Topics and their configs, by librdkafka's admin client.

use rdkafka::admin::{
    AlterConfig, ConfigResource, ConfigSource, NewPartitions, NewTopic, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::support::clients::{
    SOON, admin, admin_options, config, consumer, create_topic, numbered, payloads, produce,
    read_all, wait_for,
};
use crate::support::patience::eventually;
use crate::support::requests::{Joined, find_coordinator, join_group};
use crate::support::wire::{Answer, Connection, Fields};
use crate::support::{Broker, directory};

const ALTER_CONFIGS: i16 = 33;
const INCREMENTAL_ALTER_CONFIGS: i16 = 44;
const TOPIC: i8 = 2;
const SET: i8 = 0;
const INVALID_CONFIG: i16 = 40;

fn partition_count(broker: &Broker, topic: &str) -> Option<usize> {
    // All topics are asked for: asking for one by its name may create it.
    let metadata = consumer(broker, &[]).fetch_metadata(None, SOON).expect("metadata");
    let found = metadata.topics().iter().find(|found| found.name() == topic)?;
    Some(found.partitions().len())
}

fn topic_configs(broker: &Broker, topic: &str) -> ConfigResource {
    let topic = [ResourceSpecifier::Topic(topic)];
    let described = wait_for(admin(broker).describe_configs(&topic, &admin_options()));
    described.expect("an answer").remove(0).expect("the topic's configs")
}

#[test]
fn a_topic_is_created_once_and_grows() {
    let data = directory();
    let broker = Broker::start(data.path());
    create_topic(&broker, "grows", 3);
    assert_eq!(partition_count(&broker, "grows"), Some(3));

    let again = NewTopic::new("grows", 3, TopicReplication::Fixed(1));
    let refused = wait_for(admin(&broker).create_topics([&again], &admin_options()));
    let refused = refused.expect("an answer");
    assert_eq!(refused, [Err(("grows".into(), RDKafkaErrorCode::TopicAlreadyExists))]);

    let more = NewPartitions::new("grows", 5);
    let grown = wait_for(admin(&broker).create_partitions([&more], &admin_options()));
    assert_eq!(grown.expect("an answer"), [Ok("grows".into())]);
    assert_eq!(partition_count(&broker, "grows"), Some(5));
    let fewer = NewPartitions::new("grows", 4);
    let refused = wait_for(admin(&broker).create_partitions([&fewer], &admin_options()));
    let refused = refused.expect("an answer");
    assert_eq!(refused, [Err(("grows".into(), RDKafkaErrorCode::InvalidPartitions))]);

    produce(&config(&broker), "grows", 4, &numbered("n", 0..10));
    assert_eq!(payloads(&broker, "grows", 4), numbered("n", 0..10));
}

#[test]
fn configs_are_described_and_altered_and_obeyed() {
    let data = directory();
    let broker = Broker::start(data.path());
    let topic = NewTopic::new("set", 1, TopicReplication::Fixed(1)).set("retention.ms", "86400000");
    let created = wait_for(admin(&broker).create_topics([&topic], &admin_options()));
    assert_eq!(created.expect("an answer"), [Ok("set".to_owned())]);

    let configs = topic_configs(&broker, "set");
    let retention = configs.get("retention.ms").expect("described");
    assert_eq!(retention.value.as_deref(), Some("86400000"));
    assert_eq!(retention.source, ConfigSource::DynamicTopic);
    let size = configs.get("max.message.bytes").expect("described");
    assert_eq!(size.source, ConfigSource::Default);
    assert!(produce(&config(&broker), "set", 0, &[vec![7; 5000]])[0].is_ok());

    let altered =
        AlterConfig::new(ResourceSpecifier::Topic("set")).set("max.message.bytes", "2000");
    let answer = wait_for(admin(&broker).alter_configs([&altered], &admin_options()));
    assert!(answer.expect("an answer")[0].is_ok());

    let configs = topic_configs(&broker, "set");
    let size = configs.get("max.message.bytes").expect("described");
    assert_eq!(size.value.as_deref(), Some("2000"));
    let retention = configs.get("retention.ms").expect("described");
    assert_ne!(retention.source, ConfigSource::DynamicTopic, "what is not named is reset");
    let refused = produce(&config(&broker), "set", 0, &[vec![7; 5000]]);
    assert_eq!(refused, [Err(RDKafkaErrorCode::MessageSizeTooLarge)]);
    assert!(produce(&config(&broker), "set", 0, &[vec![7; 500]])[0].is_ok());

    let senseless = AlterConfig::new(ResourceSpecifier::Topic("set")).set("retention.ms", "soon");
    // The binding keeps the error of a single resource to itself, so the wire is asked as well.
    let answer = wait_for(admin(&broker).alter_configs([&senseless], &admin_options()));
    answer.expect("an answer");
    let request = Fields::request(ALTER_CONFIGS, 0).i32(1).i8(TOPIC).string("set");
    let request = request.i32(1).string("retention.ms").string("soon").i8(0);
    let answer = Connection::open(&broker).ask(&request).expect("an answer");
    let mut answer = Answer(&answer);
    let (_throttle_ms, _resources) = (answer.i32(), answer.i32());
    assert_eq!(answer.i16(), INVALID_CONFIG);
    let configs = topic_configs(&broker, "set");
    let size = configs.get("max.message.bytes").expect("described");
    assert_eq!(size.value.as_deref(), Some("2000"), "a refused change changes nothing");
}

/// `max.message.bytes` of `__consumer_offsets` counts as it is, not as it was when the group's
/// coordinator was made.
#[test]
fn a_group_that_has_outgrown_a_record_goes_on_when_records_may_be_larger() {
    const UNKNOWN_SERVER_ERROR: i16 = -1;
    let data = directory();
    let options = ["--set", "group.initial.rebalance.delay.ms=0"];
    let broker = Broker::start_with(data.path(), 0, &options);
    let mut connection = Connection::open(&broker);
    let joined = join(&mut connection, "");
    let (error, _) = sync(&mut connection, &joined, 1_500_000);
    assert_eq!(error, UNKNOWN_SERVER_ERROR);

    let request = Fields::request(INCREMENTAL_ALTER_CONFIGS, 0).i32(1).i8(TOPIC);
    let request = request.string("__consumer_offsets").i32(1).string("max.message.bytes");
    let answer = connection.ask(&request.i8(SET).string("2000000").i8(0)).expect("an answer");
    let mut answer = Answer(&answer);
    let (_throttle_ms, _resources) = (answer.i32(), answer.i32());
    assert_eq!(answer.i16(), 0);

    let joined = join(&mut connection, &joined.member);
    assert_eq!(sync(&mut connection, &joined, 1_500_000), (0, 1_500_000));
    let joined = join(&mut connection, &joined.member);
    let (error, _) = sync(&mut connection, &joined, 2_000_000);
    assert_eq!(error, UNKNOWN_SERVER_ERROR, "there is a bound still");
}

/// Joins the group `g` alone.
fn join(connection: &mut Connection, member: &str) -> Joined {
    find_coordinator(connection, "g");
    let join = join_group("g", member, 30_000, b"");
    eventually("the group has a member", SOON, || {
        let joined = Joined::read(&connection.ask(&join).expect("an answer"));
        (joined.error == 0).then_some(joined)
    })
}

/// Has a lone member assign itself so many bytes: the error, and how many it got.
fn sync(connection: &mut Connection, joined: &Joined, bytes: usize) -> (i16, i32) {
    let request = joined.sync("g", &[(&joined.member, &vec![7; bytes])]);
    let answer = connection.ask(&request).expect("an answer");
    let mut answer = Answer(&answer);
    (answer.i16(), answer.i32())
}

/// As it is made for a coordinator, also where a consumer is the first to ask for it.
#[test]
fn the_topic_of_offsets_is_what_it_is_whoever_asks_for_it_first() {
    const METADATA: i16 = 3;
    let data = directory();
    let broker = Broker::start(data.path());
    for internal in ["__consumer_offsets", "__transaction_state"] {
        let request = Fields::request(METADATA, 4).i32(1).string(internal).i8(1);
        Connection::open(&broker).ask(&request).expect("an answer");
    }
    assert_eq!(partition_count(&broker, "__consumer_offsets"), Some(50));
    assert_eq!(partition_count(&broker, "__transaction_state"), None, "nobody serves it");
    let configs = topic_configs(&broker, "__consumer_offsets");
    let policy = configs.entries.iter().find(|entry| entry.name == "cleanup.policy");
    assert_eq!(policy.and_then(|entry| entry.value.as_deref()), Some("compact"));
}

#[test]
fn deleted_records_are_gone_and_stay_gone() {
    let data = directory();
    let broker = Broker::start(data.path());
    create_topic(&broker, "trimmed", 2);
    produce(&config(&broker), "trimmed", 1, &numbered("n", 0..100));

    let delete_before = |broker: &Broker, offset| {
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset("trimmed", 1, offset).expect("an offset");
        let deleted = wait_for(admin(broker).delete_records(&offsets, &admin_options()));
        let deleted = deleted.expect("an answer");
        let deleted = deleted.find_partition("trimmed", 1).expect("the partition");
        deleted.error().map(|()| deleted.offset())
    };
    assert_eq!(delete_before(&broker, Offset::Offset(42)), Ok(Offset::Offset(42)));
    let refused = delete_before(&broker, Offset::Offset(101));
    let refused = refused.map_err(|error| error.rdkafka_error_code());
    assert_eq!(refused, Err(Some(RDKafkaErrorCode::OffsetOutOfRange)));
    let left = read_all(&broker, "trimmed", 1);
    assert_eq!(left.first().map(|record| record.offset), Some(42));
    assert_eq!(payloads(&broker, "trimmed", 1), numbered("n", 42..100));

    broker.kill();
    let broker = Broker::start(data.path());
    let marks = consumer(&broker, &[]).fetch_watermarks("trimmed", 1, SOON).expect("marks");
    assert_eq!(marks, (42, 100));
    assert_eq!(delete_before(&broker, Offset::End), Ok(Offset::Offset(100)));
    assert_eq!(read_all(&broker, "trimmed", 1), []);
    let deliveries = produce(&config(&broker), "trimmed", 1, &numbered("n", 100..101));
    assert_eq!(deliveries, [Ok(100)]);
}

#[test]
fn a_deleted_topic_is_gone_and_its_name_begins_anew() {
    let data = directory();
    let broker = Broker::start(data.path());
    create_topic(&broker, "twice", 2);
    create_topic(&broker, "once", 1);
    produce(&config(&broker), "twice", 0, &numbered("old", 0..100));
    produce(&config(&broker), "once", 0, &numbered("kept", 0..100));

    let deleted = wait_for(admin(&broker).delete_topics(&["twice"], &admin_options()));
    assert_eq!(deleted.expect("an answer"), [Ok("twice".to_owned())]);
    eventually("the topic is gone", SOON, || match partition_count(&broker, "twice") {
        None => Some(()),
        Some(_) => None,
    });
    let deleted = wait_for(admin(&broker).delete_topics(&["twice"], &admin_options()));
    let unknown = ("twice".to_owned(), RDKafkaErrorCode::UnknownTopicOrPartition);
    assert_eq!(deleted.expect("an answer"), [Err(unknown)]);

    create_topic(&broker, "twice", 1);
    assert_eq!(read_all(&broker, "twice", 0), []);
    produce(&config(&broker), "twice", 0, &numbered("new", 0..10));
    assert_eq!(payloads(&broker, "twice", 0), numbered("new", 0..10));
    assert_eq!(payloads(&broker, "once", 0), numbered("kept", 0..100));

    // And it stays that way.
    broker.kill();
    let broker = Broker::start(data.path());
    assert_eq!(payloads(&broker, "twice", 0), numbered("new", 0..10));
    assert_eq!(payloads(&broker, "once", 0), numbered("kept", 0..100));
}
