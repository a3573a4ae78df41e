//! The machine that the broker runs on: a disk that outlives the broker's lives, a network, and
//! the switch.

mod network;
mod pace;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{Either, FutureExt, select};
use pelton_broker::boot::readiness::Readiness;
use pelton_broker::boot::{Role, RunningShard, Seat};
use pelton_broker::message::Message;
use pelton_broker::runtime::Env;
use pelton_broker::runtime::sim::{Life, Observer, SimEnv, SimRuntime, neighbours};
use pelton_broker::{BrokerConfig, StartError};
use pelton_model::{NodeId, ShardId, TimestampMs};
use pelton_net::Admission;
use pelton_net::listener::sim::SimListener;
use pelton_storage::StoreOptions;
use pelton_storage::disk::FailedSyncs;
use pelton_storage::disk::sim::{CrashChoice, SimDisk};
use pelton_storage::event::Event;
use pelton_storage::journal::JournalOptions;

use self::network::Network;
pub use self::network::{Line, Weather};
use self::pace::DiskPace;
use crate::trace::Trace;

/// What belongs to no life of the broker: the network, the clients, the run itself.
pub const OUTSIDE: Life = Life(0);

/// Wall-clock time at the beginning of a run.
pub const EPOCH: TimestampMs = TimestampMs::new(1_750_000_000_000);

/// What the wall clock of one life may differ from the clients' by: less than the hour beyond which
/// a topic refuses timestamps of the future (`message.timestamp.after.max.ms`).
const CLOCK_SKEW_MS_MAX: u64 = 3_000_000;

/// A start or a stop that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

const DATA_DIR: &str = "/data";

const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Small, so that a short run fills it many times.
const JOURNAL: JournalOptions = JournalOptions { file_bytes: 16 << 10, ring_bytes_max: 256 << 10 };
const CACHE_BYTES: usize = 32 << 10;

/// So small that the plans' larger tails go straight to segments.
const DIRECT_FLUSH_BYTES: usize = 8 << 10;

/// Few, so that readers and writers push each other out.
const OPEN_FILES_MAX: usize = 8;
const FRAME_BUDGET_BYTES: usize = 4 << 20;

/// Of members of the consumer protocol: short, as runs are.
pub const CONSUMER_SESSION_MS: &str = "500";
/// The same members' shortest and longest pause between heartbeats.
pub const HEARTBEAT_MS: (&str, &str) = ("50", "200");

/// How a life of the broker ends.
pub enum End<'a> {
    /// What was not durable is kept or lost, as the choice says.
    PowerCut(CrashChoice),
    /// kill -9: all that was written stays; of what was under way, the choice says.
    Kill(&'a mut CrashChoice),
}

/// Why the broker is not up.
#[derive(Debug)]
pub enum NotUp {
    Refused(StartError),
    /// It neither came up nor said why not.
    Hangs,
}

/// See the module; clones are the same.
#[derive(Clone)]
pub struct Machine(Rc<Parts>);

struct Parts {
    runtime: SimRuntime,
    trace: Trace,
    network: Network,
    disk: RefCell<SimDisk>,
    lives: Cell<u64>,
    up: RefCell<Option<Up>>,
}

/// A life of the broker.
struct Up {
    life: Life,
    listeners: Vec<SimListener>,
    shards: Rc<Shards>,
}

/// What the shards of a life have become.
#[derive(Default)]
struct Shards {
    first: RefCell<Option<RunningShard>>,
    refused: RefCell<Option<StartError>>,
    ended: Cell<usize>,
    changed: Event,
}

impl Machine {
    pub fn new(runtime: &SimRuntime, trace: &Trace, weather: Weather) -> Self {
        let disk = SimDisk::new(runtime.fork_random().next_u64());
        make_data_dir(&disk);
        Self(Rc::new(Parts {
            runtime: runtime.clone(),
            trace: trace.clone(),
            network: Network::new(runtime, trace, weather),
            disk: RefCell::new(disk),
            lives: Cell::new(0),
            up: RefCell::default(),
        }))
    }

    /// The disk as it is now; a power cut replaces it.
    pub fn disk(&self) -> SimDisk {
        self.0.disk.borrow().clone()
    }

    pub fn network(&self) -> &Network {
        &self.0.network
    }

    /// The number of the broker's life, from 1.
    pub fn life(&self) -> u64 {
        self.0.lives.get()
    }

    /// Begins a life with so many shards; returns when it accepts connections.
    pub async fn start(&self, shards: usize) -> Result<(), NotUp> {
        let state = self.begin(shards);
        let ready = async {
            loop {
                let changed = state.changed.wait();
                if let Some(refused) = state.refused.take() {
                    return Err(NotUp::Refused(refused));
                }
                if state.first.borrow().is_some() {
                    return Ok(());
                }
                changed.await;
            }
        };
        match select(ready.boxed_local(), self.0.runtime.sleep(PATIENCE)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(NotUp::Hangs),
        }
    }

    fn begin(&self, shards: usize) -> Rc<Shards> {
        let parts = &self.0;
        let life = Life(parts.lives.get() + 1);
        parts.lives.set(life.0);
        self.note("start", &[life.0, shards as u64], || {
            format!("life {} with {shards} shards", life.0)
        });
        let disk = self.disk();
        disk.set_pace(Rc::new(DiskPace::new(&parts.runtime, &parts.trace)));
        let config = Arc::new(config(shards));
        // The clock was set, forth or back, while the broker was down.
        let skew_ms = parts.runtime.below(CLOCK_SKEW_MS_MAX) as i64;
        let skew_ms = if parts.runtime.below(2) == 0 { skew_ms } else { -skew_ms };
        let epoch = TimestampMs::new(EPOCH.get() + skew_ms);
        let admission = Admission::new(shards);
        let mailboxes = neighbours(&parts.runtime, shards, &self.observer());
        let (mut tell, mut told) = (Vec::new(), BTreeMap::new());
        for index in 1..shards {
            let (sender, receiver) = oneshot::channel();
            tell.push(sender);
            told.insert(index, receiver);
        }
        let mut tell = Some(tell);
        let state = Rc::<Shards>::default();
        let mut listeners = Vec::new();
        let failed_syncs = FailedSyncs::default();
        for (index, neighbours) in mailboxes.into_iter().enumerate() {
            let role = match told.remove(&index) {
                Some(receiver) => Role::Other { told: receiver.map(Result::ok).boxed_local() },
                None => {
                    let tell = tell.take().unwrap_or_default();
                    let tell_all = move |founding: Arc<_>| {
                        for sender in tell {
                            let _ = sender.send(Arc::clone(&founding));
                        }
                    };
                    Role::First { tell: Box::new(tell_all) }
                }
            };
            let listener = SimListener::default();
            listeners.push(listener.clone());
            let seat = Seat {
                id: ShardId::new(index as u16),
                config: config.clone(),
                port: config.advertise_port,
                env: Env::new(SimEnv::new(&parts.runtime, life, epoch)),
                disk: disk.disk().sharing(failed_syncs.clone()),
                listener: listener.listener(),
                admission: admission.clone(),
                neighbours: futures::future::ready(neighbours).boxed_local(),
                role,
                readiness: Readiness::default(),
            };
            parts.runtime.spawn(life, live(seat, state.clone()));
        }
        *parts.up.borrow_mut() = Some(Up { life, listeners, shards: state.clone() });
        state
    }

    /// Ends the broker's life, whatever it is doing.
    pub fn end(&self, end: End<'_>) {
        let Some(up) = self.0.up.take() else { return };
        let is_power_cut = matches!(end, End::PowerCut(_));
        self.note("end", &[up.life.0, u64::from(is_power_cut)], || {
            let how = if is_power_cut { "power cut" } else { "kill -9" };
            format!("life {}: {how}", up.life.0)
        });
        if is_power_cut {
            self.0.network.cut_all();
        }
        self.drop_life(&up);
        match end {
            End::PowerCut(mut choice) => {
                let survived = self.disk().crash(&mut choice);
                *self.0.disk.borrow_mut() = survived;
            }
            End::Kill(choice) => self.disk().kill(choice),
        }
    }

    /// Stops the broker in order. `false`: it does not stop, and was killed.
    pub async fn stop(&self) -> bool {
        let Some(up) = self.0.up.take() else { return true };
        self.note("stop", &[up.life.0], || format!("life {}", up.life.0));
        let first = up.shards.first.take();
        let (shards, state) = (up.listeners.len(), up.shards.clone());
        if let Some(first) = first {
            self.0.runtime.spawn(up.life, async move {
                first.stop_all().await;
                first.ended().await;
                state.ended.set(state.ended.get() + 1);
                state.changed.notify();
            });
        }
        let state = up.shards.clone();
        let all_ended = async {
            loop {
                let changed = state.changed.wait();
                if state.ended.get() == shards {
                    return;
                }
                changed.await;
            }
        };
        let outcome = select(all_ended.boxed_local(), self.0.runtime.sleep(PATIENCE)).await;
        let is_stopped = matches!(outcome, Either::Left(_));
        self.drop_life(&up);
        self.disk().kill(&mut CrashChoice::keep_all());
        is_stopped
    }

    fn drop_life(&self, up: &Up) {
        // Held by nobody else, it would keep the shard alive beyond its tasks.
        up.shards.first.take();
        for listener in &up.listeners {
            pelton_net::listener::ListenerBackend::stop(listener);
        }
        self.0.runtime.end(up.life);
    }

    /// A new connection to the broker; `None` while it does not listen.
    pub fn connect(&self) -> Option<Line> {
        let up = self.0.up.borrow();
        let up = up.as_ref()?;
        // Before that the kernel would hold the connection back, which is only slower.
        up.shards.first.borrow().as_ref()?;
        let chosen = self.0.runtime.below(up.listeners.len() as u64) as usize;
        self.0.network.connect(&up.listeners[chosen])
    }

    fn observer(&self) -> Observer {
        let (runtime, trace) = (self.0.runtime.clone(), self.0.trace.clone());
        Rc::new(move |from, to, message| {
            let what = kind_of(message);
            let numbers = [u64::from(from.get()), u64::from(to.get()), what];
            trace.note(runtime.now(), "message", &numbers, || {
                format!("{from} to {to}: {}", name_of(message))
            });
        })
    }

    fn note(&self, kind: &'static str, numbers: &[u64], text: impl FnOnce() -> String) {
        self.0.trace.note(self.0.runtime.now(), kind, numbers, text);
    }
}

/// A shard from its start to its end.
async fn live(seat: Seat, state: Rc<Shards>) {
    let is_first = seat.id == ShardId::ZERO;
    match RunningShard::start(seat).await {
        Err(error) => {
            state.refused.borrow_mut().get_or_insert(error);
        }
        // It is ended by who stops the broker.
        Ok(running) if is_first => *state.first.borrow_mut() = Some(running),
        Ok(running) => {
            running.ended().await;
            state.ended.set(state.ended.get() + 1);
        }
    }
    state.changed.notify();
}

fn kind_of(message: &Message) -> u64 {
    let mut hasher = DefaultHasher::new();
    std::mem::discriminant(message).hash(&mut hasher);
    match message {
        Message::Request { id, request, returned } => {
            (id, std::mem::discriminant(request), returned).hash(&mut hasher);
        }
        Message::Reply { id, reply, loan } => {
            (id, std::mem::discriminant(reply), loan).hash(&mut hasher);
        }
        Message::Returned(loans) => loans.hash(&mut hasher),
        Message::Cancel { id } => id.hash(&mut hasher),
        Message::Connection(_) => {}
    }
    hasher.finish()
}

fn name_of(message: &Message) -> String {
    match message {
        Message::Request { id, request, .. } => {
            format!("request {id} ({:?})", std::mem::discriminant(request))
        }
        Message::Reply { id, .. } => format!("reply {id}"),
        Message::Returned(loans) => format!("{} loans go home", loans.len()),
        Message::Cancel { id } => format!("cancel {id}"),
        Message::Connection(_) => "a connection".into(),
    }
}

/// What the process does before it has shards.
fn make_data_dir(disk: &SimDisk) {
    let made = pelton_storage::disk::sim::run(async {
        let disk = disk.disk();
        disk.create_dir_all(Path::new(DATA_DIR)).await?;
        disk.sync_dir(Path::new("/")).await
    });
    made.expect("a new disk takes a directory");
}

fn config(shards: usize) -> BrokerConfig {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 9092));
    let kafka = [
        ("node.id", "1"),
        ("broker.id", "1"),
        ("log.dirs", DATA_DIR),
        ("log.retention.check.interval.ms", "500"),
        ("log.cleaner.backoff.ms", "200"),
        // One group needs one; the others are there to be loaded and idle.
        ("offsets.topic.num.partitions", "3"),
        ("group.initial.rebalance.delay.ms", "20"),
        ("group.min.session.timeout.ms", "500"),
        ("group.consumer.min.session.timeout.ms", "500"),
        ("group.consumer.session.timeout.ms", CONSUMER_SESSION_MS),
        ("group.consumer.min.heartbeat.interval.ms", "10"),
        ("group.consumer.heartbeat.interval.ms", HEARTBEAT_MS.1),
        ("pelton.group.consumer.min.heartbeat.interval.ms", HEARTBEAT_MS.0),
    ];
    BrokerConfig {
        data_dir: PathBuf::from(DATA_DIR),
        node_id: NodeId::new(1),
        listen,
        advertise_host: "localhost".into(),
        advertise_port: listen.port(),
        cpus: (0..shards).collect(),
        metrics: None,
        canary: false,
        kafka: kafka.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
        store: StoreOptions {
            journal: JOURNAL,
            cache_bytes: CACHE_BYTES,
            direct_flush_bytes: DIRECT_FLUSH_BYTES,
            open_files_max: OPEN_FILES_MAX,
        },
        frame_budget_default_bytes: FRAME_BUDGET_BYTES,
        stop_timeout: STOP_TIMEOUT,
    }
}
