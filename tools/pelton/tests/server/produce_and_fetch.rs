//! Records in, the same records out.

use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::Offset;

use crate::support::clients::{
    Producer, SOON, assign, config, consumer, create_topic, next, numbered, payloads, produce,
    read_all, record,
};
use crate::support::patience::eventually;
use crate::support::{Broker, directory};

#[test]
fn records_of_every_codec_come_back_as_they_were() {
    let data = directory();
    let broker = Broker::start(data.path());
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        create_topic(&broker, codec, 1);
        let mut config = config(&broker);
        config.set("compression.type", codec).set("linger.ms", "20");
        let producer = Producer::new(&config);
        let sent: Vec<Vec<u8>> = numbered(codec, 0..300)
            .into_iter()
            .map(|name| [name.as_slice(), &[b'.'; 2000]].concat())
            .collect();
        for (number, payload) in sent.iter().enumerate() {
            let record = record(number, codec, 0, payload);
            producer.send(record.key(b"a key").timestamp(1_700_000_000_000 + number as i64));
        }
        let deliveries = producer.finish();

        let read = read_all(&broker, codec, 0);
        assert_eq!(read.len(), sent.len(), "{codec}");
        for (number, (read, sent)) in read.iter().zip(&sent).enumerate() {
            assert_eq!(read.payload, *sent);
            assert_eq!(read.key.as_deref(), Some(b"a key".as_slice()));
            assert_eq!(read.timestamp_ms, Some(1_700_000_000_000 + number as i64));
            assert_eq!(deliveries[&number], Ok(read.offset));
        }
    }
}

#[test]
fn an_idempotent_producer_keeps_its_order_with_many_requests_under_way() {
    let data = directory();
    let broker = Broker::start(data.path());
    create_topic(&broker, "ordered", 1);
    let mut config = config(&broker);
    config
        .set("enable.idempotence", "true")
        .set("max.in.flight.requests.per.connection", "5")
        .set("batch.num.messages", "100")
        .set("linger.ms", "1");
    let sent = numbered("n", 0..20_000);

    let deliveries = produce(&config, "ordered", 0, &sent);

    let offsets: Vec<i64> =
        deliveries.into_iter().map(|delivery| delivery.expect("kept")).collect();
    assert_eq!(offsets, (0..20_000).collect::<Vec<i64>>());
    assert!(payloads(&broker, "ordered", 0) == sent, "other records, or in another order");
}

#[test]
fn an_offset_is_found_by_its_time() {
    const FIRST: i64 = 1_700_000_000_000;
    let data = directory();
    let broker = Broker::start(data.path());
    create_topic(&broker, "times", 1);
    let mut config = config(&broker);
    config.set("batch.num.messages", "7");
    let producer = Producer::new(&config);
    for number in 0..100 {
        let time = FIRST + 1000 * number as i64;
        producer.send(record(number, "times", 0, b"tick").timestamp(time));
    }
    producer.finish();

    let consumer = consumer(&broker, &[]);
    let found = |time: i64| {
        let mut wanted = rdkafka::TopicPartitionList::new();
        wanted.add_partition_offset("times", 0, Offset::Offset(time)).expect("an offset");
        let found = consumer.offsets_for_times(wanted, SOON).expect("an answer");
        found.elements_for_topic("times")[0].offset()
    };
    assert_eq!(found(0), Offset::Offset(0));
    assert_eq!(found(FIRST), Offset::Offset(0));
    assert_eq!(found(FIRST + 1), Offset::Offset(1));
    assert_eq!(found(FIRST + 41_500), Offset::Offset(42));
    assert_eq!(found(FIRST + 99_000), Offset::Offset(99));
    assert_eq!(found(FIRST + 99_001), Offset::End, "nothing is that young");
}

#[test]
fn watermarks_are_the_beginning_and_the_end_of_what_is_acknowledged() {
    let data = directory();
    let broker = Broker::start(data.path());
    create_topic(&broker, "marks", 2);
    let consumer = consumer(&broker, &[]);
    let marks = |partition| consumer.fetch_watermarks("marks", partition, SOON).expect("marks");
    assert_eq!(marks(1), (0, 0));

    produce(&config(&broker), "marks", 1, &numbered("m", 0..123));

    assert_eq!(marks(0), (0, 0));
    assert_eq!(marks(1), (0, 123));
}

#[test]
fn a_waiting_consumer_is_woken_by_the_record_that_it_waits_for() {
    let data = directory();
    let broker = Broker::start(data.path());
    // Of two partitions one lies on another core than the connection, if there are two.
    create_topic(&broker, "news", 2);
    for partition in [0, 1] {
        // Longer than `next` is patient: what comes has been woken.
        let consumer = consumer(&broker, &[("fetch.wait.max.ms", "60000")]);
        assign(&consumer, "news", partition, Offset::Beginning);
        let mut config = config(&broker);
        config.set("linger.ms", "0");
        let producer = Producer::new(&config);
        for round in 0..4 {
            let payload = format!("news {round}").into_bytes();
            producer.send(record(round, "news", partition, &payload));
            producer.finish();
            // From here on the consumer has the end before it, and its next fetch waits.
            assert_eq!(next(&consumer).expect("a record").payload, payload);
        }
    }
}

#[test]
fn a_topic_that_nobody_has_created_is_created_by_its_producer() {
    let data = directory();
    let broker = Broker::start_with(data.path(), 0, &["--set", "num.partitions=3"]);

    let deliveries = produce(&config(&broker), "new", 2, &numbered("n", 0..10));

    assert_eq!(deliveries, (0..10).map(Ok).collect::<Vec<_>>());
    let consumer = consumer(&broker, &[]);
    let metadata = consumer.fetch_metadata(Some("new"), SOON).expect("metadata");
    assert_eq!(metadata.topics()[0].partitions().len(), 3);
    assert_eq!(payloads(&broker, "new", 2), numbered("n", 0..10));
}

#[test]
fn a_topic_is_not_created_by_its_producer_where_that_is_forbidden() {
    let data = directory();
    let broker = Broker::start_with(data.path(), 0, &["--set", "auto.create.topics.enable=false"]);
    let mut config = config(&broker);
    config.set("topic.metadata.propagation.max.ms", "200").set("message.timeout.ms", "5000");
    let producer = Producer::new(&config);
    producer.send(record(0, "absent", 0, b"?"));
    let delivery = eventually("an answer", SOON, || producer.deliveries().so_far().remove(&0));
    assert!(
        matches!(
            delivery,
            Err(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition)
        ),
        "{delivery:?}"
    );
}
