//! What one core owns (H4: parts, no decisions). Each verb is a file.

mod append;
mod apply;
mod ballast;
mod canary;
mod compaction;
mod compaction_budget;
mod connections;
mod figures;
mod find;
pub mod look;
mod maintain;
mod read;
mod roll;
mod serve;
mod stop;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use pelton_cluster::config::{BrokerLayers, TopicConfig};
use pelton_cluster::{Overrides, Topic};
use pelton_model::limits::ANSWERS_BYTES_MAX;
use pelton_model::{ShardId, TopicId};
use pelton_net::{AcceptorStop, Admission, Budget, Listener, ShardResources, StopSignal};
use pelton_storage::Store;
use pelton_storage::disk::Disk;
use pelton_storage::event::Event;
use tokio::sync::Mutex;

use crate::config::BrokerConfig;
use crate::controller::{Controller, View};
use crate::group::Coordinators;
use crate::kafka::fetch_session::FetchSessions;
use crate::metrics::Metrics;
use crate::router::Router;
use crate::runtime::Env;

/// See the module.
pub struct Shard {
    pub id: ShardId,
    pub env: Env,
    /// What opening the storage took at the start.
    pub recovery_time: Duration,
    pub config: Arc<BrokerConfig>,
    /// The port that clients are told.
    pub port: u16,
    pub cluster_id: String,
    pub disk: Disk,
    pub store: Store,
    pub router: Rc<Router>,
    pub view: RefCell<View>,
    /// On shard 0.
    pub controller: Option<Controller>,
    pub metrics: Rc<Metrics>,
    pub groups: Coordinators,
    pub net: ShardResources,
    /// Records in answers that clients have not taken yet (R5).
    pub answers: Budget,
    /// Of the budget of answers, what reads of the device that are under way may take.
    reads_bytes: Cell<usize>,
    pub admission: Admission,
    pub stop: StopSignal,
    /// Given when a stop has done all that it does with the disk.
    pub closed: StopSignal,
    /// A checkpoint has made room in memory, or nobody will.
    pub relieved: Event,
    pub disk_full: Cell<bool>,
    pub connections: Cell<usize>,
    /// Told when a connection ends, for a stop that waits for the last one.
    pub disconnected: Event,
    pub producer_ids: RefCell<std::ops::Range<i64>>,
    /// Of the connections that are served here.
    pub fetch_sessions: RefCell<FetchSessions>,
    /// Whoever has it may unpack or compress a batch of a Produce. That is done in steps, with others
    /// in between, and takes memory all the while: one batch at a time, so that the memory is bounded,
    /// in the order in which they came.
    pub codec_turn: Mutex<()>,
    topic_configs: RefCell<BTreeMap<TopicId, Rc<TopicConfig>>>,
    /// Parked waits of other shards, which they may cancel.
    waits: RefCell<BTreeMap<(ShardId, u64), StopSignal>>,
    accepting: RefCell<Option<AcceptorStop>>,
    listener: Listener,
}

/// What a shard is made of; see [`Shard`].
pub struct ShardParts {
    pub id: ShardId,
    pub env: Env,
    pub recovery_time: Duration,
    pub config: Arc<BrokerConfig>,
    pub port: u16,
    pub cluster_id: String,
    pub disk: Disk,
    pub store: Store,
    pub router: Rc<Router>,
    pub view: View,
    pub controller: Option<Controller>,
    pub net: ShardResources,
    pub admission: Admission,
    pub listener: Listener,
}

impl Shard {
    pub fn new(parts: ShardParts) -> Rc<Shard> {
        let slots = parts.config.at_start().integer("max.incremental.fetch.session.cache.slots");
        let slots = usize::try_from(slots).unwrap_or(0);
        let fetch_sessions = FetchSessions::new(parts.id, parts.config.cpus.len(), slots);
        Rc::new(Shard {
            id: parts.id,
            env: parts.env,
            recovery_time: parts.recovery_time,
            config: parts.config,
            port: parts.port,
            cluster_id: parts.cluster_id,
            disk: parts.disk,
            store: parts.store,
            router: parts.router,
            view: RefCell::new(parts.view),
            controller: parts.controller,
            metrics: Rc::default(),
            groups: Coordinators::default(),
            net: parts.net,
            answers: Budget::new(ANSWERS_BYTES_MAX),
            reads_bytes: Cell::new(0),
            admission: parts.admission,
            stop: StopSignal::new(),
            closed: StopSignal::new(),
            relieved: Event::default(),
            disk_full: Cell::new(false),
            connections: Cell::new(0),
            disconnected: Event::default(),
            producer_ids: RefCell::new(0..0),
            fetch_sessions: RefCell::new(fetch_sessions),
            codec_turn: Mutex::new(()),
            topic_configs: RefCell::default(),
            waits: RefCell::default(),
            accepting: RefCell::default(),
            listener: parts.listener,
        })
    }

    pub fn shard_count(&self) -> usize {
        self.config.cpus.len()
    }

    pub fn new_topic_id(&self) -> TopicId {
        let bits = u128::from(self.env.random()) << 64 | u128::from(self.env.random());
        TopicId::from_random(bits)
    }

    /// Gives a look at the broker's configs in force.
    pub fn with_broker_configs<T>(&self, look: impl FnOnce(&BrokerLayers<'_>) -> T) -> T {
        let view = self.view.borrow();
        look(&BrokerLayers::new(&view.cluster, self.config.node_id, &self.config.kafka))
    }

    /// A topic's configs, resolved once per change of metadata.
    pub fn topic_config(&self, topic: &Topic) -> Rc<TopicConfig> {
        self.resolved(topic.id, &topic.configs)
    }

    /// The same for a partition's topic; `None` when it is gone.
    pub fn config_of(&self, topic: TopicId) -> Option<Rc<TopicConfig>> {
        if let Some(known) = self.topic_configs.borrow().get(&topic) {
            return Some(known.clone());
        }
        let view = self.view.borrow();
        let topic = view.cluster.topic_by_id(topic)?;
        let broker = BrokerLayers::new(&view.cluster, self.config.node_id, &self.config.kafka);
        let resolved = Rc::new(TopicConfig::resolve(&topic.configs, &broker));
        self.topic_configs.borrow_mut().insert(topic.id, resolved.clone());
        Some(resolved)
    }

    fn resolved(&self, topic: TopicId, overrides: &Overrides) -> Rc<TopicConfig> {
        if let Some(known) = self.topic_configs.borrow().get(&topic) {
            return known.clone();
        }
        let resolved =
            Rc::new(self.with_broker_configs(|broker| TopicConfig::resolve(overrides, broker)));
        self.topic_configs.borrow_mut().insert(topic, resolved.clone());
        resolved
    }
}
