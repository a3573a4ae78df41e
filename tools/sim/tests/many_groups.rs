//! Coordinators with more groups than are gone through at once.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture};
use pelton_broker::runtime::sim::SimRuntime;
use pelton_kafka::wire::delete_topics_request::DeleteTopicState;
use pelton_kafka::wire::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use pelton_kafka::wire::offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use pelton_kafka::wire::{
    DeleteTopicsRequest, FindCoordinatorRequest, OffsetCommitRequest, OffsetFetchRequest,
};
use pelton_kafka::{ErrorCode, message};
use pelton_sim::client::World;
use pelton_sim::client::committed::{BACKOFF, create, is_passing};
use pelton_sim::client::connection::Connection;
use pelton_sim::machine::{Machine, Weather};
use pelton_sim::trace::Trace;
use pelton_storage::disk::sim::{Operation, Pace, Step};

const TOPIC: &str = "flights";

/// On three partitions, so that each has more than the 256 that are gone through at once.
const GROUPS: i64 = 1_000;

/// What groups' names begin with, and no other name.
const PREFIX: &str = "travellers-";

/// Longer than a coordinator waits for the device (`offsets.commit.timeout.ms`).
const STALL: Duration = Duration::from_secs(6);

/// For what is done in the background, in virtual time.
const PATIENCE: Duration = Duration::from_secs(60);

const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

const TIME_MAX: Duration = Duration::from_secs(600);

/// Futures of a debug build are large.
const STACK_BYTES: usize = 16 << 20;

#[test]
fn the_answers_about_many_groups_stand_in_the_order_of_the_questions() {
    on_a_broker(|world| async move {
        let mut connection = groups_that_have_committed(&world).await;
        let expected: Vec<i64> = (0..GROUPS).collect();
        assert_eq!(committed(&mut connection).await, expected);
    });
}

#[test]
fn a_deleted_topics_offsets_go_also_while_the_disk_takes_nothing() {
    on_a_broker(|world| async move {
        let mut connection = groups_that_have_committed(&world).await;
        let until = world.runtime.now() + STALL;
        let has_begun = Rc::new(Cell::new(false));
        let runtime = world.runtime.clone();
        let pace = Stall { runtime, until, has_begun: has_begun.clone() };
        world.machine.disk().set_pace(Rc::new(pace));
        let topic = message!(DeleteTopicState { name: Some(TOPIC.into()) });
        let delete = message!(DeleteTopicsRequest { topics: vec![topic], timeout_ms: 30_000 });
        let deleted = connection.call(&delete, 6).await.expect("an answer");
        assert_eq!(deleted.responses[0].error_code, 0);

        world.runtime.sleep(until - world.runtime.now()).await;
        assert!(has_begun.get(), "nothing was forgotten during the stall");
        let deadline = world.runtime.now() + PATIENCE;
        loop {
            let left = committed(&mut connection).await.iter().filter(|it| **it != -1).count();
            if left == 0 {
                return;
            }
            assert!(world.runtime.now() < deadline, "{left} groups have not forgotten it");
            world.runtime.sleep(BETWEEN_LOOKS).await;
        }
    });
}

/// Holds up what is written about the groups, until a time.
struct Stall {
    runtime: SimRuntime,
    until: Duration,
    has_begun: Rc<Cell<bool>>,
}

impl Pace for Stall {
    fn begin(&self, step: &Step<'_>) -> LocalBoxFuture<'static, ()> {
        let mut names = step.content.windows(PREFIX.len());
        let is_theirs =
            step.operation == Operation::Write && names.any(|bytes| bytes == PREFIX.as_bytes());
        match self.until.checked_sub(self.runtime.now()).filter(|_| is_theirs) {
            Some(rest) => {
                self.has_begun.set(true);
                self.runtime.sleep(rest).boxed_local()
            }
            None => futures::future::ready(()).boxed_local(),
        }
    }
}

/// Two shards, and a network that does no harm.
fn on_a_broker<F>(play: impl FnOnce(World) -> F + Send + 'static)
where
    F: Future<Output = ()> + 'static,
{
    let playing = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(|| {
        let trace = Trace::new(false);
        let runtime = SimRuntime::new(1);
        let machine = Machine::new(&runtime, &trace, Weather::FAIR);
        let world = World {
            runtime: runtime.clone(),
            machine: machine.clone(),
            trace,
            history: Rc::default(),
            catalogue: Rc::default(),
            quiet_until: Rc::default(),
        };
        let history = world.history.clone();
        let ended = runtime.run(TIME_MAX, async move {
            machine.start(2).await.expect("it starts");
            play(world).await;
        });
        ended.expect("it ends");
        assert_eq!(history.borrow().incidents, [""; 0]);
    });
    if let Err(panic) = playing.expect("a thread").join() {
        std::panic::resume_unwind(panic);
    }
}

fn name_of(group: i64) -> String {
    format!("{PREFIX}{group}")
}

/// Each group has committed its own number.
async fn groups_that_have_committed(world: &World) -> Connection {
    let mut connection = world.connect().await;
    create(&mut connection, TOPIC, 1).await.expect("an answer");
    let find = message!(FindCoordinatorRequest { coordinator_keys: vec![PREFIX.into()] });
    connection.call(&find, 4).await.expect("an answer");
    for group in 0..GROUPS {
        let commit = message!(OffsetCommitRequest {
            group_id: name_of(group).as_str().into(),
            generation_id_or_member_epoch: -1,
            topics: vec![message!(OffsetCommitRequestTopic {
                name: TOPIC.into(),
                partitions: vec![message!(OffsetCommitRequestPartition {
                    partition_index: 0,
                    committed_offset: group,
                    committed_metadata: Some("".into()),
                })],
            })],
        });
        loop {
            let answer = connection.call(&commit, 8).await.expect("an answer");
            let error = ErrorCode::from_code(answer.topics[0].partitions[0].error_code);
            if error == ErrorCode::None {
                break;
            }
            assert!(is_passing(error), "{error:?}");
            world.runtime.sleep(BACKOFF).await;
        }
    }
    connection
}

/// By group, what it has committed; -1: nothing.
async fn committed(connection: &mut Connection) -> Vec<i64> {
    let groups = (0..GROUPS).map(|group| {
        message!(OffsetFetchRequestGroup {
            group_id: name_of(group).as_str().into(),
            topics: Some(vec![message!(OffsetFetchRequestTopics {
                name: TOPIC.into(),
                partition_indexes: vec![0],
            })]),
        })
    });
    let fetch = message!(OffsetFetchRequest { groups: groups.collect() });
    let answer = connection.call(&fetch, 8).await.expect("an answer");
    let groups = answer.groups.iter().enumerate().map(|(at, group)| {
        assert_eq!((group.group_id.as_str(), group.error_code), (&*name_of(at as i64), 0));
        group.topics[0].partitions[0].committed_offset
    });
    groups.collect()
}
