//! Members of groups, and what is waited for with them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use pelton_client::{
    Assignor, Consumer, ConsumerOptions, Error, Event, GroupOptions, RebalanceListener,
    TopicPartition,
};

use crate::broker::TestBroker;

pub const SOON: Duration = Duration::from_secs(60);

/// Members that do not wait long for one another.
pub fn options(group: &str, assignors: &[Assignor]) -> ConsumerOptions {
    let mut group = GroupOptions::new(group);
    group.assignors = assignors.into();
    group.session_timeout = Duration::from_secs(10);
    group.heartbeat_interval = Duration::from_millis(200);
    group.auto_commit = None;
    ConsumerOptions { group: Some(group), ..ConsumerOptions::default() }
}

pub async fn member(broker: &TestBroker, topic: &str, options: ConsumerOptions) -> Consumer {
    let consumer = Consumer::new(broker.connect().await, options).unwrap();
    consumer.subscribe(&[topic]).unwrap();
    consumer
}

/// Reads until a condition holds; the numbers that came.
pub async fn read_until(
    consumer: &Consumer,
    mut is_enough: impl FnMut(&BTreeSet<u32>) -> bool,
) -> BTreeSet<u32> {
    let mut numbers = BTreeSet::new();
    let reading = async {
        while !is_enough(&numbers) {
            if let Ok(event) =
                tokio::time::timeout(Duration::from_millis(50), consumer.next()).await
                && let Event::Record(record) = event.unwrap()
            {
                let value: [u8; 4] = record.value.as_deref().unwrap().try_into().unwrap();
                numbers.insert(u32::from_be_bytes(value));
            }
        }
    };
    tokio::time::timeout(SOON, reading).await.expect("in time");
    numbers
}

/// Has all members ask for records until their shares are as wanted.
pub async fn settle(members: &[&Consumer], shares: &[usize]) {
    let settling = async {
        loop {
            for member in members {
                let _ = tokio::time::timeout(Duration::from_millis(20), member.next()).await;
            }
            let mut found: Vec<_> =
                members.iter().map(|member| member.assignment().len()).collect();
            found.sort_unstable();
            if found == shares {
                return;
            }
        }
    };
    tokio::time::timeout(SOON, settling).await.expect("in time");
}

/// The error that the user is told first.
pub async fn told(consumer: &Consumer) -> Error {
    let telling = async {
        loop {
            if let Err(error) = consumer.next().await {
                return error;
            }
        }
    };
    tokio::time::timeout(SOON, telling).await.expect("in time")
}

/// A member that asks for no records for too long leaves, and is back when it asks.
pub async fn leaves_and_comes_back(mut slow: ConsumerOptions) {
    let broker = TestBroker::get().await;
    let topic = broker.topic(2).await;
    slow.group.as_mut().unwrap().poll_interval_max = Duration::from_secs(2);
    let diary = Arc::new(Diary::default());
    let idle = Consumer::new(broker.connect().await, slow.clone()).unwrap();
    idle.subscribe_with(&[&topic], diary.clone()).unwrap();
    settle(&[&idle], &[2]).await;
    let busy = member(&broker, &topic, slow).await;
    // Only one of them asks: it ends up with everything.
    settle(&[&busy], &[2]).await;
    settle(&[&idle, &busy], &[1, 1]).await;
    assert!(diary.read().iter().any(|(what, _)| *what == "lost"), "{:?}", diary.read());
}

/// What a listener was told, and of how many partitions. It commits before they go.
#[derive(Default)]
pub struct Diary(Mutex<Vec<(&'static str, usize)>>);

impl Diary {
    fn write(&self, what: &'static str, partitions: &[TopicPartition]) {
        self.0.lock().unwrap().push((what, partitions.len()));
    }

    pub fn read(&self) -> Vec<(&'static str, usize)> {
        self.0.lock().unwrap().clone()
    }
}

impl RebalanceListener for Diary {
    fn assigned<'a>(
        &'a self,
        _: &'a Consumer,
        partitions: &'a [TopicPartition],
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move { self.write("assigned", partitions) })
    }

    fn revoked<'a>(
        &'a self,
        consumer: &'a Consumer,
        partitions: &'a [TopicPartition],
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            consumer.commit().await.unwrap();
            self.write("revoked", partitions);
        })
    }

    fn lost<'a>(&'a self, _: &'a Consumer, partitions: &'a [TopicPartition]) -> BoxFuture<'a, ()> {
        Box::pin(async move { self.write("lost", partitions) })
    }
}
