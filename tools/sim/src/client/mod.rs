//! Simulated clients: they speak Kafka's protocol over simulated connections, and note in the
//! history what they asked, were told, and saw.

pub mod admin;
pub mod committed;
pub mod connection;
pub mod consumer;
pub mod consumer_member;
pub mod member;
pub mod plain_producer;
pub mod producer;
pub mod reader;
pub mod role;
pub mod settle;
pub(crate) mod tireless;

mod fetch;
mod fetch_session;
mod produce;
mod records;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use pelton_broker::runtime::sim::SimRuntime;
use pelton_kafka::ErrorCode;
use pelton_model::TopicId;
use pelton_storage::disk::sim::Random;

use self::connection::Connection;
use crate::history::groups::Moment;
use crate::history::{History, Partition};
use crate::machine::Machine;
use crate::trace::Trace;

/// Between two attempts to reach the broker.
const RECONNECT_PAUSE: Duration = Duration::from_millis(20);

/// What all clients of a run share.
#[derive(Clone)]
pub struct World {
    pub runtime: SimRuntime,
    pub machine: Machine,
    pub trace: Trace,
    pub history: Rc<RefCell<History>>,
    /// Topics that clients use, each told to exist and not yet asked to go.
    pub catalogue: Rc<RefCell<Vec<CataloguedTopic>>>,
    /// Until then clients that think do not stop to.
    pub quiet_until: Rc<Cell<Duration>>,
}

/// A topic as clients know it.
#[derive(Clone, Debug)]
pub struct CataloguedTopic {
    pub id: TopicId,
    pub name: String,
    pub partitions: i32,
}

/// What the names of topics begin with that may come again after they went; all others are given
/// once.
pub const RECURRING: &str = "again-";

/// What the names of topics begin with whose old segments go by themselves.
pub const BRIEF: &str = "brief-";

impl CataloguedTopic {
    /// Whether the name will never mean another topic.
    pub fn has_lasting_name(&self) -> bool {
        !self.name.starts_with(RECURRING)
    }
}

impl World {
    /// Waits until the broker listens.
    pub async fn connect(&self) -> Connection {
        loop {
            if let Some(line) = self.machine.connect() {
                return Connection::new(self, line);
            }
            self.runtime.sleep(RECONNECT_PAUSE).await;
        }
    }

    /// Any topic, if there is one.
    pub fn any_topic(&self, random: &mut Random) -> Option<CataloguedTopic> {
        let catalogue = self.catalogue.borrow();
        match catalogue.len() {
            0 => None,
            count => catalogue.get(random.below(count as u64) as usize).cloned(),
        }
    }

    pub fn forget_topic(&self, id: TopicId) {
        self.catalogue.borrow_mut().retain(|topic| topic.id != id);
    }

    /// Now, in the broker's life that it is.
    pub fn moment(&self) -> Moment {
        Moment { at: self.runtime.now(), life: self.machine.life() }
    }

    /// A pause of up to so many milliseconds.
    pub async fn think(&self, random: &mut Random, most_ms: u64) {
        let pause = Duration::from_micros(random.below(most_ms * 1000 + 1));
        let quiet = self.quiet_until.get().saturating_sub(self.runtime.now());
        self.runtime.sleep(pause + quiet).await;
    }

    /// An answer that no circumstance explains.
    pub fn unexpected(&self, what: &str, partition: Partition, error: ErrorCode) {
        let life = self.machine.life();
        self.history.borrow_mut().incident(format!(
            "{what} of {partition:?} in life {life} was answered {}",
            error.name()
        ));
    }

    pub fn may_be_gone(&self, partition: Partition) -> bool {
        self.history.borrow().may_be_gone(partition)
    }
}

/// Whether an error says that the topic, or the partition, is not there; or, to a fetch session,
/// that another topic has its name now.
pub fn is_unknown_topic(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::InconsistentTopicId
    )
}
