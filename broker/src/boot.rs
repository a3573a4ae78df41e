//! Starting and stopping: lock → meta → cluster log → journals → placement → listeners.

use std::io;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use futures::future::{join, join_all};
use pelton_cluster::{ClusterState, Record};
use pelton_model::ShardId;
use pelton_net::{Admission, Budget, Scratch, ShardResources};
use pelton_storage::disk::GlommioDisk;
use pelton_storage::{OpenError, RecoveryReport, Store, reshard};

use crate::config::BrokerConfig;
use crate::controller::{ClusterLog, ClusterLogError, Controller, View, spread, unplaced};
use crate::message::{Delta, Reply, Request};
use crate::meta::{DataLock, Meta};
use crate::metrics::ShardFigures;
use crate::router::{Peer, Router, Slots};
use crate::runtime::glommio::{self as executor, GlommioEnv, Mailbox, ShardThread};
use crate::runtime::{Env, Inbox, Lane};
use crate::shard::{Shard, ShardParts};

/// Why a broker did not start; each kind has an exit code of its own.
#[derive(Debug)]
pub enum StartError {
    Config(String),
    /// Another process serves this data directory.
    Locked(String),
    /// The port is taken, or not ours to take.
    Listen(String),
    Io(String),
    /// Durable data that no crash can have made like this.
    Damaged(String),
    TooNew(String),
    Runtime(String),
}

impl StartError {
    pub fn io(path: &Path, error: io::Error) -> Self {
        StartError::Io(format!("{}: {error}", path.display()))
    }

    /// What the process exits with.
    pub fn exit_code(&self) -> u8 {
        match self {
            StartError::Config(_) => 2,
            StartError::Locked(_) => 3,
            StartError::Listen(_) => 4,
            StartError::Io(_) => 5,
            StartError::Damaged(_) => 6,
            StartError::TooNew(_) => 7,
            StartError::Runtime(_) => 8,
        }
    }
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StartError::Locked(data) => {
                write!(f, "{data}: another broker uses this data directory")
            }
            StartError::Config(why)
            | StartError::Listen(why)
            | StartError::Io(why)
            | StartError::Damaged(why)
            | StartError::TooNew(why)
            | StartError::Runtime(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for StartError {}

impl From<OpenError> for StartError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Io { .. } => StartError::Io(error.to_string()),
            OpenError::TooNew { .. } => StartError::TooNew(error.to_string()),
            OpenError::Damaged { .. } => StartError::Damaged(error.to_string()),
        }
    }
}

impl From<ClusterLogError> for StartError {
    fn from(error: ClusterLogError) -> Self {
        match error {
            ClusterLogError::Io { .. } => StartError::Io(error.to_string()),
            ClusterLogError::Damaged { .. } => StartError::Damaged(error.to_string()),
        }
    }
}

/// What shard 0 has read, for the others.
struct Founding {
    meta: Meta,
    cluster: ClusterState,
}

/// A running broker.
pub struct Broker {
    pub port: u16,
    pub cluster_id: String,
    control: Control,
    executors: Vec<ShardThread>,
    _lock: DataLock,
}

/// The way from ordinary threads to shard 0: an order, a byte to wake it, and the answer.
#[derive(Clone)]
pub struct Control {
    orders: mpsc::Sender<Order>,
    bell: Arc<Mutex<UnixStream>>,
}

/// What an ordinary thread may ask for.
enum Order {
    Stop(mpsc::Sender<()>),
    Figures(mpsc::Sender<Vec<ShardFigures>>),
}

impl Control {
    fn give(&self, order: Order) -> bool {
        let sent = self.orders.send(order).is_ok();
        let bell = self.bell.lock();
        sent && bell.is_ok_and(|mut bell| bell.write_all(b"!").is_ok())
    }

    /// The figures of all shards; empty once the broker has stopped.
    pub fn figures(&self, timeout: Duration) -> Vec<ShardFigures> {
        let (sender, receiver) = mpsc::channel();
        match self.give(Order::Figures(sender)) {
            true => receiver.recv_timeout(timeout).unwrap_or_default(),
            false => Vec::new(),
        }
    }
}

impl Broker {
    /// Starts every shard; returns when the broker accepts connections.
    pub fn start(config: BrokerConfig) -> Result<Broker, StartError> {
        config.check_kafka().map_err(StartError::Config)?;
        let data = &config.data_dir;
        std::fs::create_dir_all(data).map_err(|error| StartError::io(data, error))?;
        let lock = DataLock::take(data)?;
        let count = config.cpus.len();
        let listeners = pelton_net::bind_shared(config.listen, count)
            .map_err(|error| StartError::Listen(format!("{}: {error}", config.listen)))?;
        let bound = listeners
            .first()
            .and_then(|listener| listener.local_addr().ok())
            .ok_or_else(|| StartError::Listen("no listener".into()))?;
        let port = if config.advertise_port == 0 { bound.port() } else { config.advertise_port };
        let config = Arc::new(config);
        let (ready, started) = mpsc::channel::<Result<String, StartError>>();
        let (orders, order_queue) = mpsc::channel();
        let (bell, wakes) =
            UnixStream::pair().map_err(|error| StartError::Runtime(error.to_string()))?;
        let mut founders = Vec::new();
        let mut founded = Vec::new();
        for _ in 1..count {
            let (sender, receiver) = mpsc::channel();
            founders.push(sender);
            founded.push(receiver);
        }
        let mut founded = founded.into_iter();
        let mut first = Some((founders, order_queue, wakes));
        let mut executors = Vec::new();
        let seats = seats(count);
        let admission = Admission::new(count, connections_max(&config));
        for ((index, listener), seat) in listeners.into_iter().enumerate().zip(seats) {
            let role = match first.take() {
                Some((founders, orders, wakes)) => Role::First { founders, orders, wakes },
                None => match founded.next() {
                    Some(receiver) => Role::Other { founding: receiver },
                    None => return Err(StartError::Runtime("a shard has no founder".into())),
                },
            };
            let boot = ShardBoot {
                index,
                config: config.clone(),
                listener,
                port,
                seat,
                admission: admission.clone(),
                role,
                ready: ready.clone(),
            };
            let cpu = config.cpus[index];
            let handle = executor::spawn_shard(index, cpu, move || boot.run())
                .map_err(|error| StartError::Runtime(format!("shard {index}: {error}")))?;
            executors.push(handle);
        }
        drop(ready);
        match started.recv() {
            Ok(Ok(cluster_id)) => Ok(Broker {
                port: bound.port(),
                cluster_id,
                control: Control { orders, bell: Arc::new(Mutex::new(bell)) },
                executors,
                _lock: lock,
            }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(StartError::Runtime("a shard ended before it was ready".into())),
        }
    }

    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Stops gracefully: answers what was asked, carries what was appended.
    pub fn stop(self) {
        let (sender, receiver) = mpsc::channel();
        if self.control.give(Order::Stop(sender)) {
            let _ = receiver.recv();
        }
        for executor in self.executors {
            if let Err(error) = executor.join() {
                tracing::error!(%error, "a shard ended badly");
            }
        }
    }
}

fn connections_max(config: &BrokerConfig) -> usize {
    usize::try_from(config.at_start().integer("max.connections")).unwrap_or(usize::MAX)
}

/// The mailboxes of one shard, by the other shard's number.
struct Seat {
    requests_out: Vec<Option<executor::Sender>>,
    replies_out: Vec<Option<executor::Sender>>,
    requests_in: Vec<Option<executor::Receiver>>,
    replies_in: Vec<Option<executor::Receiver>>,
}

/// Two mailboxes for every ordered pair of shards: what one asks, and what it is answered.
fn seats(count: usize) -> Vec<Seat> {
    let mut seats: Vec<Seat> = (0..count)
        .map(|_| Seat {
            requests_out: (0..count).map(|_| None).collect(),
            replies_out: (0..count).map(|_| None).collect(),
            requests_in: (0..count).map(|_| None).collect(),
            replies_in: (0..count).map(|_| None).collect(),
        })
        .collect();
    for from in 0..count {
        for to in (0..count).filter(|to| *to != from) {
            let requests = Mailbox::new();
            seats[from].requests_out[to] = Some(requests.sender);
            seats[to].requests_in[from] = Some(requests.receiver);
            let replies = Mailbox::new();
            seats[to].replies_out[from] = Some(replies.sender);
            seats[from].replies_in[to] = Some(replies.receiver);
        }
    }
    seats
}

enum Role {
    /// Shard 0 reads the metadata and takes orders.
    First {
        founders: Vec<mpsc::Sender<Arc<Founding>>>,
        orders: mpsc::Receiver<Order>,
        wakes: UnixStream,
    },
    Other {
        founding: mpsc::Receiver<Arc<Founding>>,
    },
}

/// What a shard's thread is given.
struct ShardBoot {
    index: usize,
    config: Arc<BrokerConfig>,
    listener: TcpListener,
    port: u16,
    seat: Seat,
    admission: Admission,
    role: Role,
    ready: mpsc::Sender<Result<String, StartError>>,
}

/// Orders, and the bell that says there is one.
type Orders = (mpsc::Receiver<Order>, UnixStream);

impl ShardBoot {
    /// The whole life of a shard.
    async fn run(self) {
        let ready = self.ready.clone();
        let id = ShardId::new(self.index as u16);
        let (shard, orders) = match self.open(id).await {
            Ok(opened) => opened,
            Err(error) => {
                // Nobody listens any more if another shard has failed before.
                let _ = ready.send(Err(error));
                return;
            }
        };
        let journal = shard.clone();
        let (ended, stopped) = futures::channel::oneshot::channel::<()>();
        shard.env.spawn(Lane::Foreground, async move {
            journal.store.run_journal().await;
            let _ = ended.send(());
        });
        shard.maintain();
        if let Some(orders) = orders {
            match convene(&shard).await {
                Ok(()) => {
                    let _ = ready.send(Ok(shard.cluster_id.clone()));
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                    return;
                }
            }
            take_orders(&shard, orders).await;
        }
        // The journal's end is the shard's end: a stop ends it, and so does a fence.
        let _ = stopped.await;
        shard.stop.stopped().await;
        shard.disk.shut_down().await;
    }

    async fn open(self, id: ShardId) -> Result<(Rc<Shard>, Option<Orders>), StartError> {
        let seed = executor::entropy().map_err(|error| StartError::Runtime(error.to_string()))?;
        let env = Env::new(GlommioEnv::new(seed));
        let data = self.config.data_dir.clone();
        let disk = GlommioDisk::start(&data, id.get())
            .await
            .map_err(|error| StartError::io(&data, error))?;
        let (founding, controller, orders) = match self.role {
            Role::First { founders, orders, wakes } => {
                let new = Meta::new(&mut || env.random(), self.config.node_id.get());
                let meta = Meta::open(&disk, &data, new).await?;
                let (log, cluster) = ClusterLog::open(&disk, &data).await?;
                // At every start, and before any other shard opens its own: a crash may have ended
                // an earlier move half-way.
                let moved = reshard(
                    &disk,
                    &data,
                    self.config.cpus.len(),
                    self.config.store,
                    || env.random() as u32,
                    env.now(),
                    |topic| cluster.topic_by_id(topic).is_some(),
                )
                .await?;
                if moved.needed {
                    tracing::info!(
                        from = moved.shards_before,
                        to = self.config.cpus.len(),
                        partitions = moved.partitions,
                        moved = moved.moved,
                        "the number of cores has changed: partitions were spread anew"
                    );
                }
                let founding = Arc::new(Founding { meta, cluster });
                for founder in founders {
                    let _ = founder.send(founding.clone());
                }
                (founding, Some(Controller::new(log)), Some((orders, wakes)))
            }
            Role::Other { founding } => {
                // Nothing else runs on this executor yet.
                let founding = founding
                    .recv()
                    .map_err(|_| StartError::Runtime("shard 0 could not start".into()))?;
                (founding, None, None)
            }
        };
        let began = env.elapsed();
        let (store, report) = Store::open(
            &disk,
            &data,
            id,
            self.config.store,
            env.random() as u32,
            env.now(),
            |topic| founding.cluster.topic_by_id(topic).is_some(),
        )
        .await?;
        say_recovered(id, &report, env.elapsed() - began);
        let router = Router::new(id);
        let inboxes = connect(&router, self.seat).await;
        let sleeper = env.clone();
        let shard = Shard::new(ShardParts {
            id,
            env: env.clone(),
            port: self.port,
            cluster_id: founding.meta.cluster_id.clone(),
            disk,
            store,
            router,
            view: View { cluster: founding.cluster.clone(), ..View::default() },
            controller,
            net: ShardResources {
                budget: Budget::new(self.config.frame_budget_bytes),
                scratch: Scratch::new(),
                sleep: Rc::new(move |duration| sleeper.sleep(duration)),
            },
            admission: self.admission,
            listener: self.listener,
            config: self.config,
        });
        for (from, requests, replies) in inboxes {
            env.spawn(Lane::Foreground, shard.clone().serve_requests(from, requests));
            env.spawn(Lane::Foreground, shard.clone().take_replies(replies));
        }
        Ok((shard, orders))
    }
}

type Inboxes = Vec<(ShardId, Rc<dyn Inbox>, Rc<dyn Inbox>)>;

/// Takes this thread's ends of all mailboxes. A connect waits for the other end, so all are
/// awaited at once, here as on every shard.
async fn connect(router: &Router, seat: Seat) -> Inboxes {
    let peers = seat.requests_out.into_iter().zip(seat.replies_out).map(async |ends| {
        let (Some(requests), Some(replies)) = ends else { return None };
        let (requests, replies) = join(executor::outbox(requests), executor::outbox(replies)).await;
        Some(Peer { requests, replies, slots: Slots::default() })
    });
    let inboxes =
        seat.requests_in.into_iter().zip(seat.replies_in).enumerate().map(async |(from, ends)| {
            let (Some(requests), Some(replies)) = ends else { return None };
            let (requests, replies) =
                join(executor::inbox(requests), executor::inbox(replies)).await;
            Some((ShardId::new(from as u16), requests, replies))
        });
    let (peers, inboxes) = join(join_all(peers), join_all(inboxes)).await;
    router.connect(peers);
    inboxes.into_iter().flatten().collect()
}

fn say_recovered(shard: ShardId, report: &RecoveryReport, took: Duration) {
    let (partitions, groups, batches) = (report.partitions, report.groups, report.batches);
    let (bytes, torn) = (report.bytes, report.torn);
    let took_ms = took.as_millis() as u64;
    match report.unclean {
        true => tracing::warn!(%shard, partitions, groups, batches, bytes, torn, took_ms,
            "recovered after an unclean stop: every durable batch is back"),
        false => tracing::info!(%shard, partitions, took_ms, "opened after a clean stop"),
    }
}

/// On shard 0: learns who has which partition, gives a place to those that have none, tells all,
/// and lets the clients in.
async fn convene(shard: &Rc<Shard>) -> Result<(), StartError> {
    let gone = || StartError::Runtime("a shard ended while the broker started".into());
    let mut placement = crate::controller::Placement::new();
    for (owner, reply) in ask_all(shard, || Request::Inventory).await {
        let Reply::Inventory(logs) = reply else { return Err(gone()) };
        placement.extend(logs.into_iter().map(|(partition, _)| (partition, owner)));
    }
    let (revision, homeless) = {
        let view = shard.view.borrow();
        (view.cluster.revision(), unplaced(&view.cluster, &placement))
    };
    let new = spread(&placement, homeless, shard.shard_count());
    let placements = placement.into_iter().chain(new).collect();
    let controller = shard.controller.as_ref().ok_or_else(gone)?;
    controller.publish(shard, Delta { revision, records: Vec::new(), placements }).await;
    let node_id = shard.config.node_id;
    if !shard.view.borrow().cluster.has_broker(node_id) {
        let rack =
            shard.with_broker_configs(|broker| broker.text("broker.rack").map(str::to_owned));
        controller
            .commit(shard, vec![Record::Broker { node_id, rack }])
            .await
            .map_err(StartError::Io)?;
    }
    for (_, reply) in ask_all(shard, || Request::Listen).await {
        if let Reply::Failed(why) = reply {
            return Err(StartError::Listen(why));
        }
    }
    Ok(())
}

/// Asks every shard the same, this one too.
async fn ask_all(shard: &Rc<Shard>, request: impl Fn() -> Request) -> Vec<(ShardId, Reply)> {
    let all = (0..shard.shard_count()).map(|at| ShardId::new(at as u16)).map(|to| {
        let request = request();
        async move {
            let reply = match to == shard.id {
                true => shard.answer(request).await,
                false => match shard.router.send(to, request).await {
                    Ok(pending) => pending.reply().await,
                    Err(_) => Reply::Failed("the shard has stopped".into()),
                },
            };
            (to, reply)
        }
    });
    join_all(all).await
}

/// On shard 0: does what other threads ask for, until a stop.
async fn take_orders(shard: &Rc<Shard>, (orders, wakes): Orders) {
    let Ok(mut bell) = executor::Bell::new(wakes) else { return };
    while bell.rung().await {
        while let Ok(order) = orders.try_recv() {
            match order {
                // A task of its own: a shard that does not answer must not hold up a stop.
                Order::Figures(sender) => {
                    let shard = shard.clone();
                    let env = shard.env.clone();
                    env.spawn(Lane::Foreground, async move {
                        let replies = ask_all(&shard, || Request::Metrics).await;
                        let figures = replies.into_iter().filter_map(|(_, reply)| match reply {
                            Reply::Metrics(figures) => Some(*figures),
                            _ => None,
                        });
                        let _ = sender.send(figures.collect());
                    });
                }
                Order::Stop(sender) => {
                    ask_all(shard, || Request::Stop).await;
                    let _ = sender.send(());
                    return;
                }
            }
        }
    }
}
