//! A disk without space refuses records, serves what it has, and recovers by itself.

use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode;

use crate::support::clients::{
    Producer, SOON, config, create_topic, numbered, payloads, produce, record,
};
use crate::support::mount::Tmpfs;
use crate::support::patience::eventually;
use crate::support::{Broker, directory, skipped};

#[test]
fn a_full_disk_refuses_records_until_there_is_space_again() {
    let place = directory();
    let Some(disk) = Tmpfs::mount(place.path(), 256) else {
        skipped("a_full_disk_refuses_records_until_there_is_space_again", "no right to mount");
        return;
    };
    let data = place.path().join("data");
    let broker = Broker::start_with(&data, 0, &["--cores", "1"]);
    create_topic(&broker, "full", 1);
    let mut config = config(&broker);
    // The broker's own answer is wanted, not that of the tenth attempt.
    config.set("retries", "0").set("linger.ms", "0");
    produce(&config, "full", 0, &numbered("before", 0..100));

    let ballast = disk.fill();
    let producer = Producer::new(&config);
    let attempts = std::cell::Cell::new(0);
    let attempt = || {
        let number = attempts.replace(attempts.get() + 1);
        producer.send(record(number, "full", 0, format!("attempt-{number}").as_bytes()));
        producer.finish()[&number]
    };
    let refusal = eventually("a record is refused", SOON, || attempt().err());
    assert_eq!(refusal, RDKafkaErrorCode::KafkaStorageError);
    assert_eq!(attempt(), Err(RDKafkaErrorCode::KafkaStorageError));
    assert_eq!(payloads(&broker, "full", 0)[..100], numbered("before", 0..100));

    std::fs::remove_file(ballast).expect("removed");
    eventually("a record is accepted again", Duration::from_secs(5), || attempt().ok());

    let accepted: Vec<Vec<u8>> = producer
        .deliveries()
        .so_far()
        .into_iter()
        .filter(|(_, delivery)| delivery.is_ok())
        .map(|(number, _)| format!("attempt-{number}").into_bytes())
        .collect();
    let expected = [numbered("before", 0..100), accepted].concat();
    assert_eq!(payloads(&broker, "full", 0), expected);
    broker.kill();
    let broker = Broker::start_with(&data, 0, &["--cores", "1"]);
    assert_eq!(payloads(&broker, "full", 0), expected);
}
