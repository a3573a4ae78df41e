use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures::future::join_all;
use pelton_client::{Cluster, Error, Producer, ProducerOptions, ProducerRecord, SecurityProtocol};
use pelton_kafka::ErrorCode;

use crate::fake_broker::{FakeBroker, Reply, TOPIC};

#[tokio::test]
async fn a_refused_connection_is_told_at_once_and_is_worth_another_try() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    let options = broker.options();
    broker.kill().await;
    let connecting = tokio::time::timeout(Duration::from_secs(2), Cluster::connect(options));
    let error = connecting.await.expect("not retried").unwrap_err();
    assert!(matches!(error, Error::Connection { .. }), "{error}");
    assert!(error.is_retriable());
}

#[tokio::test]
async fn the_first_address_that_answers_will_do() {
    let gone = FakeBroker::start(|_| Reply::Answer).await;
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    let mut options = broker.options();
    options.bootstrap.insert(0, gone.address.clone());
    gone.kill().await;
    let cluster = Cluster::connect(options).await.unwrap();
    assert_eq!(cluster.topic(TOPIC).await.unwrap().partitions.len(), 3);
}

#[tokio::test]
async fn tls_is_refused_rather_than_pretended() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    let mut options = broker.options();
    options.security = SecurityProtocol::Ssl;
    let error = Cluster::connect(options).await.unwrap_err();
    assert_eq!(error, Error::Invalid("security.protocol=SSL is not supported yet".into()));
    assert_eq!(broker.connections(), 0);
}

#[tokio::test]
async fn an_unknown_topic_is_waited_for_and_then_told() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    let mut options = broker.options();
    options.retry_timeout = Duration::from_millis(100);
    let cluster = Cluster::connect(options).await.unwrap();
    let error = cluster.topic("nobody-has-made-it").await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::UnknownTopicOrPartition));
}

#[tokio::test]
async fn who_waits_for_the_same_attempt_to_connect_hears_what_it_comes_to() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    let mut options = broker.options();
    options.reconnect_backoff = Duration::from_secs(1);
    options.reconnect_backoff_max = Duration::from_secs(1);
    let cluster = Cluster::connect(options).await.unwrap();
    let node = cluster.brokers()[0].id;
    broker.kill().await;
    // Until it is noticed.
    while cluster.connection(node).await.is_ok() {
        tokio::task::yield_now().await;
    }
    // One after the other, each after a pause, they would take most of a minute.
    let all = join_all((0..50).map(|_| cluster.connection(node)));
    let all = tokio::time::timeout(Duration::from_secs(15), all).await.expect("in time");
    for connection in all {
        assert!(matches!(connection, Err(Error::Connection { .. })), "{connection:?}");
    }
}

#[tokio::test]
async fn a_broker_that_comes_back_is_found_again() {
    let broker = FakeBroker::start(|_| Reply::Answer).await;
    let (cluster, address) = (broker.connect().await, broker.address.clone());
    broker.kill().await;
    assert!(cluster.refresh(TOPIC).await.is_err());
    let _broker = FakeBroker::start_at(&address, |_| Reply::Answer).await;
    assert!(cluster.topic(TOPIC).await.is_ok());
}

/// On a thread of its own: a runtime that is frozen fires no timeout.
#[test]
fn metadata_that_somebody_else_got_leaves_the_runtime_its_thread() {
    let (done, is_done) = mpsc::channel();
    let running = thread::Builder::new().spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(metadata_comes_by_another_way());
        done.send(()).unwrap();
    });
    is_done.recv_timeout(Duration::from_secs(60)).expect("in time, and without a panic");
    running.unwrap().join().unwrap();
}

async fn metadata_comes_by_another_way() {
    let broker = FakeBroker::start(|number| match number {
        0 => Reply::Error(ErrorCode::NotLeaderOrFollower),
        _ => Reply::Answer,
    })
    .await;
    let mut options = broker.options();
    options.retry_backoff = Duration::from_secs(1);
    let cluster = Cluster::connect(options).await.unwrap();
    let producer = Producer::new(cluster.clone(), ProducerOptions::default()).unwrap();
    cluster.topic(TOPIC).await.unwrap();
    // The error has the topic asked for in the background. That fails, and pauses.
    broker.be_deaf_to_topics(1);
    let delivery = producer.send(&ProducerRecord::to(TOPIC)).await.unwrap();
    while broker.is_deaf_to_topics() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    while cluster.refresh(TOPIC).await.is_err() {}
    // When the pause is over nothing is left to be asked for.
    tokio::time::sleep(Duration::from_secs(2)).await;
    delivery.await.unwrap();
}
