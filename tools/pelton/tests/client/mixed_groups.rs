//! Groups of our members and librdkafka's: either may lead.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pelton_client::{Admin, Assignor, Consumer, ConsumerOptions, GroupOptions};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tokio::task::JoinHandle;

use crate::broker::{TestBroker, unique};

/// Members of the consumer protocol beat every five seconds, and a machine may be busy.
const SOON: Duration = Duration::from_secs(60);

/// A member that polls until it is told to leave.
struct Librdkafka {
    is_leaving: Arc<AtomicBool>,
    task: Option<JoinHandle<()>>,
}

impl Drop for Librdkafka {
    /// Also when a test fails: the runtime waits for the task.
    fn drop(&mut self) {
        self.is_leaving.store(true, Ordering::Relaxed);
    }
}

impl Librdkafka {
    /// By the classic protocol.
    fn join(broker: &TestBroker, topic: &str, group: &str, assignor: Assignor) -> Self {
        let settings =
            [("heartbeat.interval.ms", "200"), ("partition.assignment.strategy", assignor.name())];
        Self::join_with(broker, topic, group, &settings)
    }

    fn join_with(broker: &TestBroker, topic: &str, group: &str, settings: &[(&str, &str)]) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &broker.bootstrap).set("group.id", group);
        for (name, value) in settings {
            config.set(*name, *value);
        }
        let consumer: BaseConsumer = config.create().unwrap();
        consumer.subscribe(&[topic]).unwrap();
        let is_leaving = Arc::new(AtomicBool::new(false));
        let task = tokio::task::spawn_blocking({
            let is_leaving = is_leaving.clone();
            move || {
                while !is_leaving.load(Ordering::Relaxed) {
                    // There are no records; what it says while rebalancing is of no interest.
                    let _ = consumer.poll(Duration::from_millis(50));
                }
            }
        });
        Self { is_leaving, task: Some(task) }
    }

    async fn leave(mut self) {
        self.is_leaving.store(true, Ordering::Relaxed);
        self.task.take().unwrap().await.unwrap();
    }
}

/// Until the group is stable, and each of its members has `each`.
async fn settle(admin: &Admin, group: &str, members: usize, each: usize) {
    let settling = async {
        loop {
            // There is no such group before somebody has joined it.
            if let Ok(found) = admin.describe_group(group).await {
                let is_even = found.members.iter().all(|member| member.assignment.len() == each);
                if found.state == "Stable" && found.members.len() == members && is_even {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let settled = tokio::time::timeout(SOON, settling).await;
    assert!(settled.is_ok(), "{:?}", admin.describe_group(group).await);
}

async fn share(assignor: Assignor, we_come_first: bool) {
    let broker = TestBroker::get().await;
    let (topic, group) = (broker.topic(4).await, unique("mixed"));
    let admin = Admin::new(broker.connect().await);
    let join_us = async || {
        let mut options = GroupOptions::new(&group);
        options.assignors = vec![assignor];
        options.heartbeat_interval = Duration::from_millis(200);
        let options = ConsumerOptions { group: Some(options), ..ConsumerOptions::default() };
        let consumer = Consumer::new(broker.connect().await, options).unwrap();
        consumer.subscribe(&[&topic]).unwrap();
        consumer
    };
    // Nobody asks for records: the poll interval is long enough for all of this.
    let (ours, theirs) = if we_come_first {
        let ours = join_us().await;
        settle(&admin, &group, 1, 4).await;
        (ours, Librdkafka::join(&broker, &topic, &group, assignor))
    } else {
        let theirs = Librdkafka::join(&broker, &topic, &group, assignor);
        settle(&admin, &group, 1, 4).await;
        (join_us().await, theirs)
    };
    settle(&admin, &group, 2, 2).await;
    theirs.leave().await;
    settle(&admin, &group, 1, 4).await;
    ours.close(SOON).await.unwrap();
}

#[tokio::test]
async fn a_group_that_we_lead_is_shared_with_librdkafka() {
    for assignor in [Assignor::Range, Assignor::RoundRobin, Assignor::CooperativeSticky] {
        share(assignor, true).await;
    }
}

#[tokio::test]
async fn a_group_that_librdkafka_leads_is_shared_with_us() {
    for assignor in [Assignor::Range, Assignor::RoundRobin, Assignor::CooperativeSticky] {
        share(assignor, false).await;
    }
}

#[tokio::test]
async fn a_group_of_the_consumer_protocol_is_described_with_its_epochs() {
    let broker = TestBroker::get().await;
    let (topic, group) = (broker.topic(4).await, unique("next"));
    let admin = Admin::new(broker.connect().await);
    let join = || {
        let settings = [("group.protocol", "consumer")];
        Librdkafka::join_with(&broker, &topic, &group, &settings)
    };
    let (first, second) = (join(), join());
    settle(&admin, &group, 2, 2).await;

    let found = admin.describe_group(&group).await.unwrap();
    assert_eq!((&*found.protocol_type, &*found.protocol), ("consumer", "uniform"));
    let epochs = found.epochs.expect("it is of the consumer protocol");
    assert_eq!(epochs.group, epochs.assignment);
    for member in &found.members {
        assert_eq!(member.epoch, Some(epochs.group));
        assert_eq!(member.target.as_ref(), Some(&member.assignment), "it has what it is to have");
    }
    let listed = admin.list_groups().await.unwrap();
    let listed = listed.into_iter().find(|listed| listed.id == group).unwrap();
    assert_eq!(listed.kind.to_lowercase(), "consumer");

    first.leave().await;
    settle(&admin, &group, 1, 4).await;
    let after = admin.describe_group(&group).await.unwrap().epochs.unwrap();
    assert!(after.group > epochs.group, "{after:?} after {epochs:?}");
    second.leave().await;
    let found = admin.describe_group(&group).await.unwrap();
    assert_eq!((&*found.state, found.members.len()), ("Empty", 0));
    admin.delete_group(&group).await.unwrap();
    let error = admin.describe_group(&group).await.unwrap_err();
    assert_eq!(error.code(), Some(pelton_kafka::ErrorCode::GroupIdNotFound));
}
