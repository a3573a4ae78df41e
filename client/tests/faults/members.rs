//! Members of groups, and what their users do and hear.

use std::sync::Mutex;
use std::time::Duration;

use futures::future::BoxFuture;
use pelton_client::{
    Consumer, ConsumerOptions, Error, GroupOptions, GroupProtocol, RebalanceListener,
    TopicPartition,
};

use crate::consume;
use crate::fake_broker::FakeBroker;

pub const SOON: Duration = Duration::from_secs(10);

pub fn options(protocol: GroupProtocol) -> ConsumerOptions {
    let group = GroupOptions { protocol, auto_commit: None, ..GroupOptions::new("g") };
    ConsumerOptions { group: Some(group), ..consume::options() }
}

pub async fn member(broker: &FakeBroker, protocol: GroupProtocol) -> Consumer {
    Consumer::new(broker.connect().await, options(protocol)).unwrap()
}

/// Has the user ask for records until something holds.
pub async fn until(consumer: &Consumer, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            let next = tokio::time::timeout(Duration::from_millis(10), consumer.next()).await;
            if let Ok(Err(error)) = next {
                panic!("{error}");
            }
        }
    };
    tokio::time::timeout(SOON, waiting).await.expect("in time");
}

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

#[derive(Default)]
pub struct Diary(Mutex<Vec<(&'static str, Vec<i32>)>>);

impl Diary {
    fn write<'a>(&'a self, what: &'static str, of: &'a [TopicPartition]) -> BoxFuture<'a, ()> {
        let partitions = of.iter().map(|of| of.partition.get()).collect();
        self.0.lock().unwrap().push((what, partitions));
        Box::pin(std::future::ready(()))
    }

    pub fn read(&self) -> Vec<(&'static str, Vec<i32>)> {
        self.0.lock().unwrap().clone()
    }
}

impl RebalanceListener for Diary {
    fn assigned<'a>(&'a self, _: &'a Consumer, of: &'a [TopicPartition]) -> BoxFuture<'a, ()> {
        self.write("assigned", of)
    }

    fn revoked<'a>(&'a self, _: &'a Consumer, of: &'a [TopicPartition]) -> BoxFuture<'a, ()> {
        self.write("revoked", of)
    }

    fn lost<'a>(&'a self, _: &'a Consumer, of: &'a [TopicPartition]) -> BoxFuture<'a, ()> {
        self.write("lost", of)
    }
}

/// Waits until something holds, while the user asks for nothing.
pub async fn meanwhile(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(SOON, waiting).await.expect("in time");
}
