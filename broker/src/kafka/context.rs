//! Who asks, what, and of which shard.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use pelton_cluster::ClusterError;
use pelton_kafka::{ErrorCode, RequestHeader, TopicRef};
use pelton_model::{PartitionId, PartitionIndex, ShardId};

use super::authorize::{Operation, Principal, Resource};
use super::error_codes::ErrorCodes;
use crate::message::{Change, ChangeOutcome, CreatedTopic, Reply, Request, TopicToCreate};
use crate::metrics::ClientKind;
use crate::router::Pending;
use crate::shard::Shard;

/// Entries of a request that are looked at in one go, each for a microsecond or less.
const ENTRIES_PER_BREATH: usize = 256;

/// One connection's state.
pub struct Session {
    pub shard: Rc<Shard>,
    pub peer: SocketAddr,
    pub principal: Principal,
    /// What the client is counted as, once it has said what it is (KIP-511).
    counted_as: RefCell<Option<ClientKind>>,
    /// When the request that starts next was taken off the connection.
    pub arrived: Cell<Duration>,
    /// The Fetch that is being answered has waited for records; there is one at a time.
    pub fetch_parked: Cell<bool>,
}

impl Session {
    pub fn new(shard: Rc<Shard>, peer: SocketAddr) -> Self {
        Self {
            shard,
            peer,
            principal: Principal::anonymous(),
            counted_as: RefCell::default(),
            arrived: Cell::default(),
            fetch_parked: Cell::default(),
        }
    }

    /// Takes note of the software that the client says it is.
    pub fn name_client(&self, name: &str, version: &str) {
        self.shard.metrics.count(|figures| {
            let kind = figures.add_client(name, version);
            if let Some(before) = self.counted_as.replace(Some(kind)) {
                figures.remove_client(&before);
            }
        });
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(kind) = self.counted_as.take() {
            self.shard.metrics.count(|figures| figures.remove_client(&kind));
        }
    }
}

/// One request on its way through a handler.
#[derive(Clone)]
pub struct Call {
    pub session: Rc<Session>,
    pub header: Rc<RequestHeader>,
}

impl Call {
    pub fn shard(&self) -> &Rc<Shard> {
        &self.session.shard
    }

    pub fn version(&self) -> i16 {
        self.header.api_version
    }

    /// For passes over what a request lists, at each of its entries (R8): every so many of them
    /// others get the core, if they have waited long enough.
    pub async fn breathe_now_and_then(&self, at: usize) {
        if at % ENTRIES_PER_BREATH == ENTRIES_PER_BREATH - 1 {
            self.shard().env.breathe().await;
        }
    }

    /// What the client is told went wrong, for the operator.
    pub fn count_errors(&self, answer: &impl ErrorCodes) {
        let api_key = self.header.api_key.get();
        self.shard().metrics.count(|figures| {
            answer.each_error_code(&mut |code| {
                if code != ErrorCode::None.code() {
                    *figures.errors.entry((api_key, code)).or_default() += 1;
                }
            });
        });
    }

    /// Called by every handler for everything that it touches.
    pub fn may(&self, operation: Operation, resource: Resource<'_>) -> bool {
        super::authorize::authorise(&self.session.principal, operation, resource)
    }

    /// Asks a shard, this one included, something that need not keep its place in line.
    pub async fn ask(&self, to: ShardId, request: Request) -> Reply {
        let shard = self.shard();
        if to != shard.id {
            shard.metrics.count(|figures| figures.requests_hopped += 1);
        }
        shard.ask(to, request).await
    }

    /// Sends a request to another shard now, and gives the answer to wait for.
    pub async fn send(&self, to: ShardId, request: Request) -> Option<Pending> {
        let shard = self.shard();
        shard.metrics.count(|figures| figures.requests_hopped += 1);
        shard.router.send(to, request).await.ok()
    }

    /// Has shard 0 make topics: one outcome for each, in order.
    ///
    /// # Errors
    /// Why none could be made: shard 0 cannot write, or has stopped.
    pub async fn create_topics(
        &self,
        topics: Vec<TopicToCreate>,
        validate_only: bool,
    ) -> Result<Vec<Result<CreatedTopic, ClusterError>>, String> {
        let change = Change::CreateTopics { topics, validate_only };
        match self.ask(ShardId::ZERO, Request::Change(change)).await {
            Reply::Changed(ChangeOutcome::TopicsCreated(outcomes)) => Ok(outcomes),
            Reply::Changed(ChangeOutcome::Failed(why)) | Reply::Failed(why) => Err(why),
            _ => Err("not an answer to the creation of topics".to_owned()),
        }
    }

    /// The partition that a client means, and its owner; `None`: there is none.
    pub fn locate(&self, topic: &TopicRef, index: i32) -> Option<(PartitionId, ShardId)> {
        let view = self.shard().view.borrow();
        let topic = match topic {
            TopicRef::Name(name) => view.cluster.topic(name.as_str())?,
            TopicRef::Id(id) => view.cluster.topic_by_id(*id)?,
        };
        let index = PartitionIndex::new(index);
        let partition = topic.has_partition(index).then(|| PartitionId::new(topic.id, index))?;
        Some((partition, view.owner(partition)?))
    }

    /// Asks each owner once about its part of `items` and puts the answers back in order.
    pub async fn ask_owners<T, A>(
        &self,
        items: Vec<(ShardId, T)>,
        request: impl Fn(Vec<T>) -> Request,
        answers: impl Fn(Reply) -> Option<Vec<A>>,
    ) -> Vec<Option<A>> {
        let mut results: Vec<Option<A>> = items.iter().map(|_| None).collect();
        let mut by_owner: std::collections::BTreeMap<ShardId, (Vec<usize>, Vec<T>)> =
            std::collections::BTreeMap::new();
        for (at, (owner, item)) in items.into_iter().enumerate() {
            let (places, part) = by_owner.entry(owner).or_default();
            places.push(at);
            part.push(item);
        }
        let asked = by_owner.into_iter().map(|(owner, (places, part))| {
            let request = request(part);
            async move { (places, self.ask(owner, request).await) }
        });
        for (places, reply) in futures::future::join_all(asked).await {
            let part = answers(reply).unwrap_or_default();
            for (place, answer) in places.into_iter().zip(part) {
                results[place] = Some(answer);
            }
        }
        results
    }
}
