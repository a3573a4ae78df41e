use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use pelton_client::{Acks, Cluster, Delivery, Error, Producer, ProducerOptions, ProducerRecord};
use pelton_kafka::ErrorCode;
use pelton_model::{Compression, PartitionIndex};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::fake_broker::{FakeBroker, Reply, TOPIC};

fn options() -> ProducerOptions {
    // Every record is a batch.
    ProducerOptions { batch_bytes: 1, linger: Duration::ZERO, ..ProducerOptions::default() }
}

async fn producer(broker: &FakeBroker, options: ProducerOptions) -> Producer {
    Producer::new(broker.connect().await, options).unwrap()
}

fn record(value: &[u8]) -> ProducerRecord<'_> {
    let partition = Some(PartitionIndex::new(0));
    ProducerRecord { partition, value: Some(value), ..ProducerRecord::to(TOPIC) }
}

async fn send(producer: &Producer, count: usize) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    for number in 0..count {
        deliveries.push(producer.send(&record(&[number as u8])).await.unwrap());
    }
    deliveries
}

/// Offsets, or the errors' codes.
async fn outcomes(deliveries: Vec<Delivery>) -> Vec<Result<i64, Error>> {
    let mut outcomes = Vec::new();
    for delivery in deliveries {
        outcomes.push(delivery.await.map(|delivered| delivered.offset.unwrap().get()));
    }
    outcomes
}

#[tokio::test]
async fn requests_that_are_in_flight_together_keep_their_order() {
    let broker = FakeBroker::start(|_| Reply::Late(Duration::from_millis(10))).await;
    let producer = producer(&broker, options()).await;
    let deliveries = send(&producer, 12).await;
    assert_eq!(outcomes(deliveries).await, (0..12).map(Ok).collect::<Vec<_>>());
    let sequences: Vec<_> = broker.produced().iter().map(|batch| batch.base_sequence).collect();
    assert_eq!(sequences, (0..12).collect::<Vec<_>>());
    // One for metadata and producer id, one for records.
    assert_eq!(broker.connections(), 2);
}

#[tokio::test]
async fn a_broker_killed_behind_the_append_makes_no_duplicate() {
    let broker = FakeBroker::start(|number| match number {
        2 | 4 => Reply::DoneThenHangUp,
        7 | 9 => Reply::HangUp,
        _ => Reply::Answer,
    })
    .await;
    let producer = producer(&broker, options()).await;
    let deliveries = send(&producer, 40).await;
    assert_eq!(outcomes(deliveries).await, (0..40).map(Ok).collect::<Vec<_>>());
    assert_eq!(broker.sequences_in_log(0), (0..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_broker_that_sleeps_is_left_for_a_new_connection() {
    let broker = FakeBroker::start(|number| match number {
        0 => Reply::Silence,
        _ => Reply::Answer,
    })
    .await;
    let producer = producer(&broker, options()).await;
    let deliveries = send(&producer, 3).await;
    assert_eq!(outcomes(deliveries).await, [Ok(0), Ok(1), Ok(2)]);
    assert_eq!(broker.connections(), 3);
}

#[tokio::test]
async fn a_broker_that_never_answers_is_a_timeout_whose_outcome_is_unknown() {
    let broker = FakeBroker::start(|_| Reply::Silence).await;
    let delivery_timeout = Duration::from_millis(300);
    let producer = producer(&broker, ProducerOptions { delivery_timeout, ..options() }).await;
    let error = outcomes(send(&producer, 1).await).await.remove(0).unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    assert!(error.is_outcome_unknown() && error.is_retriable());
}

#[tokio::test]
async fn a_broker_that_is_gone_for_good_fails_records_within_the_delivery_timeout() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    let delivery_timeout = Duration::from_millis(500);
    let producer = producer(&broker, ProducerOptions { delivery_timeout, ..options() }).await;
    assert_eq!(outcomes(send(&producer, 1).await).await, [Ok(0)]);
    broker.kill().await;
    let outcomes = tokio::time::timeout(Duration::from_secs(2), async {
        outcomes(send(&producer, 3).await).await
    });
    for outcome in outcomes.await.expect("in time") {
        assert!(outcome.unwrap_err().is_retriable());
    }
}

#[tokio::test]
async fn a_full_buffer_makes_senders_wait_and_then_fail() {
    let broker = FakeBroker::start(|_| Reply::Late(Duration::from_millis(300))).await;
    let full =
        ProducerOptions { buffer_bytes: 100, block_max: Duration::from_millis(50), ..options() };
    let cluster = broker.connect().await;
    // So that there is only the buffer to wait for.
    cluster.topic(TOPIC).await.unwrap();
    let producer = Producer::new(cluster, full).unwrap();
    let first = producer.send(&record(&[0; 30])).await.unwrap();
    let error = producer.send(&record(&[0; 30])).await.unwrap_err();
    assert!(matches!(error, Error::BufferFull { .. }), "{error}");
    assert!(error.is_retriable() && !error.is_outcome_unknown());
    assert_eq!(first.await.unwrap().offset.unwrap().get(), 0);
    assert!(producer.send(&record(&[0; 30])).await.is_ok());
}

#[tokio::test]
async fn a_full_buffer_does_not_wait_for_the_linger_time() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    let patient = ProducerOptions {
        buffer_bytes: 100,
        batch_bytes: 10_000,
        linger: Duration::from_secs(100),
        ..options()
    };
    let producer = producer(&broker, patient).await;
    let value = [0; 30];
    let record = record(&value);
    let send = || tokio::time::timeout(Duration::from_secs(5), producer.send(&record));
    for _ in 0..5 {
        send().await.expect("in time").unwrap();
    }
    // Also that of a caller that has waited itself.
    for sent in join_all((0..5).map(|_| send())).await {
        sent.expect("in time").unwrap();
    }
}

/// On a runtime with threads, where the callbacks run beside whoever waits for the records.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_flushes_comes_after_the_callbacks() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    let producer = producer(&broker, options()).await;
    let is_told = Arc::new(AtomicBool::new(false));
    // Nobody sends: it takes its time.
    let (_nobody, slow) = std::sync::mpsc::channel::<()>();
    let tell = {
        let is_told = is_told.clone();
        move |_| {
            let _ = slow.recv_timeout(Duration::from_millis(50));
            is_told.store(true, Ordering::Relaxed);
        }
    };
    producer.send_with(&record(b"value"), tell).await.unwrap();
    producer.flush().await.unwrap();
    assert!(is_told.load(Ordering::Relaxed));
}

#[tokio::test]
async fn a_record_that_no_request_holds_is_refused_at_once() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    let small = ProducerOptions { request_bytes_max: 1000, ..options() };
    let producer = producer(&broker, small).await;
    let error = producer.send(&record(&[0; 1000])).await.unwrap_err();
    assert!(matches!(error, Error::RecordTooLarge { bytes_max: 1000, .. }), "{error}");
    assert!(!error.is_retriable());
}

#[tokio::test]
async fn an_error_that_no_retry_mends_is_told_and_the_next_record_goes_on() {
    let broker = FakeBroker::start(|number| match number {
        0 => Reply::Error(ErrorCode::MessageTooLarge),
        _ => Reply::Answer,
    })
    .await;
    let producer = producer(&broker, options()).await;
    let outcomes = outcomes(send(&producer, 4).await).await;
    assert_eq!(outcomes[0].clone().unwrap_err().code(), Some(ErrorCode::MessageTooLarge));
    assert_eq!(outcomes[1..], [Ok(0), Ok(1), Ok(2)]);
}

#[tokio::test]
async fn too_large_a_batch_is_sent_in_halves() {
    let broker = FakeBroker::start(|number| match number {
        0 | 1 => Reply::Error(ErrorCode::MessageTooLarge),
        _ => Reply::Answer,
    })
    .await;
    let lingering =
        ProducerOptions { linger: Duration::from_secs(100), ..ProducerOptions::default() };
    let producer = producer(&broker, lingering).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let mut deliveries = Vec::new();
    for number in 0..8_u8 {
        let told = told.clone();
        let callback = move |result: pelton_client::Result<pelton_client::Delivered>| {
            told.lock().unwrap().push(result.unwrap().offset.unwrap().get());
        };
        deliveries.push(producer.send_with(&record(&[number]), callback).await.unwrap());
    }
    let flushing = tokio::time::timeout(Duration::from_secs(30), producer.flush());
    assert_eq!(flushing.await.expect("in time"), Ok(()));
    assert_eq!(*told.lock().unwrap(), (0..8).collect::<Vec<_>>());
    assert_eq!(outcomes(deliveries).await, (0..8).map(Ok).collect::<Vec<_>>());
    let batches = broker.produced();
    let batches: Vec<_> = batches.iter().map(|it| (it.base_sequence, it.record_count)).collect();
    assert_eq!(batches, [(0, 8), (0, 4), (0, 2), (2, 2), (4, 4)]);
}

#[tokio::test]
async fn a_leader_that_moved_is_asked_for_and_the_records_sent_again() {
    let broker = FakeBroker::start(|number| match number {
        0..3 => Reply::Error(ErrorCode::NotLeaderOrFollower),
        _ => Reply::Answer,
    })
    .await;
    let producer = producer(&broker, options()).await;
    assert_eq!(outcomes(send(&producer, 4).await).await, [Ok(0), Ok(1), Ok(2), Ok(3)]);
}

#[tokio::test]
async fn bytes_that_make_no_sense_are_an_error_of_unknown_outcome() {
    let broker = FakeBroker::start(|_| Reply::Garbage(b"\xff\xff")).await;
    let producer = producer(&broker, options()).await;
    let error = outcomes(send(&producer, 1).await).await.remove(0).unwrap_err();
    assert!(matches!(error, Error::Protocol { .. }), "{error}");
    assert!(error.is_outcome_unknown() && !error.is_retriable());
}

#[tokio::test]
async fn callbacks_are_told_in_the_order_of_the_records() {
    let broker = FakeBroker::start(|number| match number {
        1 => Reply::HangUp,
        _ => Reply::Answer,
    })
    .await;
    let producer = producer(&broker, options()).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    for number in 0..20_u8 {
        let told = told.clone();
        let callback = move |result: pelton_client::Result<pelton_client::Delivered>| {
            told.lock().unwrap().push(result.unwrap().offset.unwrap().get());
        };
        producer.send_with(&record(&[number]), callback).await.unwrap();
    }
    producer.flush().await.unwrap();
    assert_eq!(*told.lock().unwrap(), (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_callback_that_panics_is_nobody_elses_end() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    let together = ProducerOptions { linger: Duration::from_millis(100), ..Default::default() };
    let producer = producer(&broker, together).await;
    let first = producer.send_with(&record(b"x"), |_| panic!("on purpose")).await.unwrap();
    let (sender, told) = tokio::sync::oneshot::channel();
    let tell = |result| sender.send(result).unwrap();
    let second = producer.send_with(&record(b"y"), tell).await.unwrap();
    let soon = |outcomes| tokio::time::timeout(Duration::from_secs(30), outcomes);
    assert_eq!(soon(outcomes(vec![first, second])).await.expect("in time"), [Ok(0), Ok(1)]);
    assert_eq!(told.await.unwrap().unwrap().offset.unwrap().get(), 1);
    let third = soon(outcomes(send(&producer, 1).await));
    assert_eq!(third.await.expect("the sender goes on"), [Ok(2)]);
    assert_eq!(producer.close(Duration::from_secs(30)).await, Ok(()));
}

#[tokio::test]
async fn what_falls_due_while_callbacks_run_is_told_too() {
    let broker = FakeBroker::start(|_| Reply::Silence).await;
    let mut patient = broker.options();
    // Nothing but the clock wakes the task that sends.
    patient.request_timeout = Duration::from_secs(600);
    let cluster = Cluster::connect(patient).await.unwrap();
    let delivery_timeout = Duration::from_millis(500);
    let producer =
        Producer::new(cluster, ProducerOptions { delivery_timeout, ..options() }).unwrap();

    let second_is_due = Arc::new(Mutex::new(None));
    let due = second_is_due.clone();
    let until_then = move |_| {
        let due: Instant = due.lock().unwrap().expect("the second was sent");
        while Instant::now() < due {
            std::thread::yield_now();
        }
    };
    let first = producer.send_with(&record(b"first"), until_then).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let elsewhere = ProducerRecord { partition: Some(PartitionIndex::new(1)), ..record(b"second") };
    let second = producer.send(&elsewhere).await.unwrap();
    *second_is_due.lock().unwrap() = Some(Instant::now() + delivery_timeout);

    for delivery in [first, second] {
        let told = tokio::time::timeout(Duration::from_secs(30), delivery);
        let error = told.await.expect("in time").unwrap_err();
        assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_broker_that_tells_nothing_of_a_topic_keeps_nobody_longer_than_asked_for() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    let mut options = broker.options();
    options.request_timeout = Duration::from_secs(600);
    let cluster = Cluster::connect(options).await.unwrap();
    cluster.topic(TOPIC).await.unwrap();
    let address = broker.address.clone();
    broker.kill().await;
    // Connections are made, and nothing is heard on them.
    let _mute = TcpListener::bind(&address).await.unwrap();

    let block_max = Duration::from_millis(300);
    let options = ProducerOptions { block_max, ..ProducerOptions::default() };
    let producer = Producer::new(cluster, options).unwrap();
    let missing = Some(PartitionIndex::new(99));
    for record in [
        ProducerRecord::to("unknown"),
        ProducerRecord { partition: missing, ..ProducerRecord::to(TOPIC) },
    ] {
        let sending = tokio::time::timeout(Duration::from_secs(30), producer.send(&record));
        let error = sending.await.expect("in time").unwrap_err();
        assert!(error.is_retriable(), "{error}");
    }
}

#[tokio::test]
async fn flush_waits_for_all_and_tells_the_first_error() {
    let broker = FakeBroker::start(|number| match number {
        0 => Reply::Error(ErrorCode::InvalidRecord),
        _ => Reply::Answer,
    })
    .await;
    let lingering = ProducerOptions { linger: Duration::from_secs(100), ..options() };
    let producer = producer(&broker, lingering).await;
    let mut deliveries = send(&producer, 3).await;
    assert_eq!(producer.flush().await.unwrap_err().code(), Some(ErrorCode::InvalidRecord));
    assert!(outcomes(deliveries.split_off(1)).await.iter().all(Result::is_ok));
    assert_eq!(producer.flush().await, Ok(()));
}

#[tokio::test]
async fn close_sends_what_waits_and_takes_no_more() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    let lingering = ProducerOptions { linger: Duration::from_secs(100), ..options() };
    let producer = producer(&broker, lingering).await;
    let deliveries = send(&producer, 3).await;
    assert_eq!(producer.close(Duration::from_secs(5)).await, Ok(()));
    assert_eq!(outcomes(deliveries).await, [Ok(0), Ok(1), Ok(2)]);
    assert_eq!(producer.send(&record(b"late")).await.unwrap_err(), Error::Closed);
}

#[tokio::test]
async fn close_gives_up_at_its_deadline() {
    let broker = FakeBroker::start(|_| Reply::Silence).await;
    let producer = producer(&broker, options()).await;
    let deliveries = send(&producer, 3).await;
    let told = Arc::new(Mutex::new(None));
    let sink = told.clone();
    producer
        .send_with(&record(b"x"), move |result| *sink.lock().unwrap() = Some(result))
        .await
        .unwrap();
    let closing = tokio::time::timeout(
        Duration::from_millis(350),
        producer.close(Duration::from_millis(100)),
    );
    assert_eq!(closing.await.expect("in time"), Err(Error::Closed));
    assert_eq!(outcomes(deliveries).await, vec![Err(Error::Closed); 3]);
    assert_eq!(*told.lock().unwrap(), Some(Err(Error::Closed)));
}

#[tokio::test]
async fn without_acknowledgement_sent_is_delivered() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    let told = ProducerOptions { acks: Acks::None, is_idempotent: false, ..options() };
    let producer = producer(&broker, told).await;
    let delivered = producer.send(&record(b"x")).await.unwrap().await.unwrap();
    assert_eq!(delivered.offset, None);
}

#[tokio::test]
async fn records_that_come_together_travel_together() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    for compression in Compression::ALL {
        let together = ProducerOptions {
            compression,
            linger: Duration::from_millis(100),
            ..ProducerOptions::default()
        };
        let before = broker.produced().len();
        let producer = producer(&broker, together).await;
        send(&producer, 100).await;
        producer.flush().await.unwrap();
        let batches = broker.produced().split_off(before);
        assert_eq!(batches.len(), 1, "{compression}");
        assert_eq!(batches[0].record_count, 100);
    }
}

#[tokio::test]
async fn options_that_contradict_each_other_are_refused() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    let cluster: Cluster = broker.connect().await;
    for options in [
        ProducerOptions { acks: Acks::Leader, ..options() },
        ProducerOptions { requests_in_flight_max: 0, ..options() },
        ProducerOptions { buffer_bytes: 0, ..options() },
        ProducerOptions { request_bytes_max: 2 << 30, ..options() },
        ProducerOptions { batch_bytes: 2 << 30, ..options() },
        ProducerOptions { requests_in_flight_max: usize::MAX, ..options() },
        ProducerOptions { delivery_timeout: Duration::MAX, ..options() },
        ProducerOptions { block_max: Duration::MAX, ..options() },
        ProducerOptions { linger: Duration::from_secs(1000), ..options() },
    ] {
        let refused = Producer::new(cluster.clone(), options);
        assert!(matches!(refused, Err(Error::Invalid(_))));
    }
}
