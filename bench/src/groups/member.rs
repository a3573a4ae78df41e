//! What members of both protocols have in common: their connection, what they tell the board, and
//! how they end.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pelton_kafka::{ErrorCode, StrBytes};
use pelton_model::TopicId;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use super::board::Board;
use super::{GroupEvent, GroupProtocol, GroupsPlan, classic, consumer};
use crate::clock;
use crate::connection::Connection;
use crate::error::{Error, Result};

/// Before a coordinator that loads is asked again.
pub(super) const BACKOFF: Duration = Duration::from_millis(50);

/// The coordinator is not there yet: Kafka names it as soon as its topic is made, and has it answer a
/// little later.
pub(super) fn is_passing(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotCoordinator
    )
}

/// How a member goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It says so.
    Leaves,
    /// It is not heard of any more.
    Dies,
}

/// The group, as all members know it.
#[derive(Clone)]
pub(super) struct Group(Rc<Inner>);

pub(super) struct Inner {
    pub name: StrBytes,
    pub topic: StrBytes,
    pub topic_id: TopicId,
    pub partitions: i32,
    pub heartbeat: Duration,
    pub session_ms: i32,
    protocol: GroupProtocol,
    coordinator: Arc<str>,
    state: RefCell<State>,
    changed: Notify,
}

struct State {
    board: Board,
    /// The epoch of the last rest: the next one is behind it.
    rested_in: i32,
    /// When the last report made the group settled, and in which epoch.
    settled: Option<(Instant, i32)>,
    failure: Option<Error>,
}

impl std::ops::Deref for Group {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Group {
    pub fn new(
        plan: &GroupsPlan,
        name: String,
        topic: StrBytes,
        topic_id: TopicId,
        coordinator: Arc<str>,
    ) -> Self {
        let board = Board::new(usize::try_from(plan.partitions).unwrap_or(0));
        Self(Rc::new(Inner {
            name: name.into(),
            topic,
            topic_id,
            partitions: plan.partitions,
            heartbeat: Duration::from_millis(plan.heartbeat_ms.into()),
            session_ms: i32::try_from(plan.session_ms).unwrap_or(i32::MAX),
            protocol: plan.protocol,
            coordinator,
            state: RefCell::new(State { board, rested_in: -1, settled: None, failure: None }),
            changed: Notify::new(),
        }))
    }

    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    pub async fn connect(&self) -> Result<Connection> {
        Connection::connect(&self.coordinator).await
    }

    /// A member that joins now.
    pub fn join(&self, number: usize, connection: Connection) -> Member {
        self.state.borrow_mut().board.expect(number);
        let (end, ending) = oneshot::channel();
        let group = self.clone();
        let task = tokio::task::spawn_local(async move {
            let ended = match group.protocol {
                GroupProtocol::Classic => classic::live(&group, number, connection, ending).await,
                GroupProtocol::Consumer => consumer::live(&group, number, connection, ending).await,
            };
            if let Err(error) = ended {
                group.state.borrow_mut().failure.get_or_insert(error);
                group.changed.notify_one();
            }
        });
        Member { number, end, task }
    }

    pub fn dismiss(&self, member: usize) {
        self.state.borrow_mut().board.dismiss(member);
    }

    /// What a member has from now on.
    pub fn report(&self, member: usize, epoch: i32, partitions: Vec<i32>) {
        let mut state = self.state.borrow_mut();
        state.board.report(member, epoch, partitions);
        let settled = state.board.settled().filter(|epoch| *epoch > state.rested_in);
        // It may have to go on yet: the last time counts.
        state.settled = settled.map(|epoch| (clock::now(), epoch));
        if state.settled.is_some() {
            self.changed.notify_one();
        }
    }

    /// Waits until the group is at rest again; when that was.
    pub async fn settled(&self) -> Result<Instant> {
        loop {
            {
                let mut state = self.state.borrow_mut();
                if let Some(error) = state.failure.take() {
                    return Err(error);
                }
                if let Some((at, epoch)) = state.settled.take() {
                    state.rested_in = epoch;
                    return Ok(at);
                }
            }
            self.changed.notified().await;
        }
    }

    /// Lets time go by, as long as no member fails.
    pub async fn stay(&self, time: Duration) -> Result<()> {
        let failed = async {
            loop {
                if let Some(error) = self.state.borrow_mut().failure.take() {
                    return error;
                }
                self.changed.notified().await;
            }
        };
        match tokio::time::timeout(time, failed).await {
            Ok(error) => Err(error),
            Err(_) => Ok(()),
        }
    }

    pub fn why_not(&self, event: GroupEvent) -> String {
        let (members, newest, owned) = self.state.borrow().board.progress();
        format!(
            "{event:?}: the group does not come to rest: {newest} of {members} members are in the \
             newest epoch, {owned} of {} partitions have one owner",
            self.partitions
        )
    }

    pub fn refused(&self, what: &str, code: ErrorCode) -> Error {
        Error::Broker { context: format!("{what} of group {}", self.name()), code }
    }
}

/// One that is in the group, or on its way there.
pub(super) struct Member {
    number: usize,
    end: oneshot::Sender<Ending>,
    task: JoinHandle<()>,
}

impl Member {
    pub fn number(&self) -> usize {
        self.number
    }

    /// Tells it to go; what comes back ends when it has gone.
    pub fn end(self, how: Ending) -> impl Future<Output = Result<()>> {
        // One that has failed listens no more; the group tells why.
        let _ = self.end.send(how);
        async { self.task.await.map_err(|error| Error::Invalid(error.to_string())) }
    }
}

/// Until it is time for the next heartbeat; an ending, if that comes first.
pub(super) async fn pause(
    time: Duration,
    ending: &mut oneshot::Receiver<Ending>,
) -> Option<Ending> {
    match tokio::time::timeout(time, ending).await {
        Ok(how) => Some(how.unwrap_or(Ending::Dies)),
        Err(_) => None,
    }
}

#[cfg(test)]
#[path = "member_test.rs"]
mod member_test;
