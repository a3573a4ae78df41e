//! A broker on a machine: one pinned thread per shard, a socket, a lock on the data directory, and
//! the way from ordinary threads to shard 0. All that is above the seams is in [`super`].

use std::fs::File;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use futures::future::FutureExt;
use pelton_model::ShardId;
use pelton_net::Admission;
use pelton_storage::disk::{FailedSyncs, GlommioDisk};

use super::readiness::Readiness;
use super::{Founding, Role, RunningShard, Seat, StartError};
use crate::config::BrokerConfig;
use crate::meta::DataLock;
use crate::metrics::{PartitionFigures, Position, ShardFigures};
use crate::predecessor::outwait;
use crate::runtime::Env;
use crate::runtime::glommio::{self as executor, GlommioEnv, Mailboxes, ShardThread};

/// A running broker.
pub struct Broker {
    pub port: u16,
    pub cluster_id: String,
    control: Control,
    executors: Vec<ShardThread>,
    readiness: Readiness,
    _lock: DataLock,
}

/// The way from ordinary threads to shard 0: an order, a byte to wake it, and the answer.
#[derive(Clone)]
pub struct Control {
    shard_count: usize,
    orders: mpsc::Sender<Order>,
    bell: Arc<Mutex<UnixStream>>,
}

/// What an ordinary thread may ask for.
enum Order {
    Stop(mpsc::Sender<()>),
    Figures(mpsc::Sender<Vec<ShardFigures>>),
    PartitionFigures(mpsc::Sender<Vec<PartitionFigures>>),
    Ages(Vec<Position>, mpsc::Sender<Vec<Option<Duration>>>),
}

impl Control {
    pub fn shard_count(&self) -> usize {
        self.shard_count
    }

    fn give(&self, order: Order) -> bool {
        let sent = self.orders.send(order).is_ok();
        let bell = self.bell.lock();
        sent && bell.is_ok_and(|mut bell| bell.write_all(b"!").is_ok())
    }

    /// The figures of all shards; empty once the broker has stopped.
    pub fn figures(&self, timeout: Duration) -> Vec<ShardFigures> {
        self.ask(Order::Figures, timeout)
    }

    /// The figures of all partitions; empty once the broker has stopped.
    pub fn partition_figures(&self, timeout: Duration) -> Vec<PartitionFigures> {
        self.ask(Order::PartitionFigures, timeout)
    }

    /// How long ago the records at some positions were written, at least, in this order; empty once
    /// the broker has stopped.
    pub fn ages(&self, positions: Vec<Position>, timeout: Duration) -> Vec<Option<Duration>> {
        self.ask(move |sender| Order::Ages(positions, sender), timeout)
    }

    fn ask<T>(
        &self,
        order: impl FnOnce(mpsc::Sender<Vec<T>>) -> Order,
        timeout: Duration,
    ) -> Vec<T> {
        let (sender, receiver) = mpsc::channel();
        match self.give(order(sender)) {
            true => receiver.recv_timeout(timeout).unwrap_or_default(),
            false => Vec::new(),
        }
    }
}

impl Broker {
    /// Starts every shard; returns when the broker accepts connections.
    pub fn start(config: BrokerConfig, readiness: Readiness) -> Result<Broker, StartError> {
        config.check_kafka().map_err(StartError::Config)?;
        for name in config.unknown_kafka_names() {
            tracing::warn!(name, "no broker config has this name: it has no effect");
        }
        for (name, why) in config.kafka_names_without_effect() {
            tracing::warn!(name, why, "this broker config has no effect here");
        }
        let data = &config.data_dir;
        create_durably(data).map_err(|error| StartError::io(data, error))?;
        let lock = DataLock::take(data)?;
        let count = config.cpus.len();
        readiness.recovering(count);
        let backlog = config.listen_backlog();
        let bind = || pelton_net::bind_shared(config.listen, count, backlog);
        let listeners = outwait(&config.listen, io::ErrorKind::AddrInUse, bind)
            .map_err(|error| StartError::Listen(format!("{}: {error}", config.listen)))?;
        let bound = listeners
            .first()
            .and_then(|listener| listener.local_addr().ok())
            .ok_or_else(|| StartError::Listen("no listener".into()))?;
        let port = if config.advertise_port == 0 { bound.port() } else { config.advertise_port };
        let config = Arc::new(config);
        let (ready, started) = mpsc::channel::<Result<String, StartError>>();
        let failed_syncs = FailedSyncs::default();
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
        let mailboxes = executor::mailboxes(count);
        let admission = Admission::new(count);
        for ((index, listener), mailboxes) in listeners.into_iter().enumerate().zip(mailboxes) {
            let duty = match first.take() {
                Some((founders, orders, wakes)) => Duty::First { founders, orders, wakes },
                None => match founded.next() {
                    Some(receiver) => Duty::Other { founding: receiver },
                    None => return Err(StartError::Runtime("a shard has no founder".into())),
                },
            };
            let boot = ShardBoot {
                index,
                config: config.clone(),
                listener,
                port,
                mailboxes,
                admission: admission.clone(),
                duty,
                readiness: readiness.clone(),
                ready: ready.clone(),
                failed_syncs: failed_syncs.clone(),
            };
            let cpu = config.cpus[index];
            let handle = executor::spawn_shard(index, cpu, move || boot.run())
                .map_err(|error| StartError::Runtime(format!("shard {index}: {error}")))?;
            executors.push(handle);
        }
        drop(ready);
        match started.recv() {
            Ok(Ok(cluster_id)) => Ok(Broker {
                readiness,
                port: bound.port(),
                cluster_id,
                control: Control { shard_count: count, orders, bell: Arc::new(Mutex::new(bell)) },
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
        self.readiness.stopping();
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

/// Makes the data directory if there is none; its name, and the names above it that had to be made,
/// outlive a power cut.
fn create_durably(data: &Path) -> io::Result<()> {
    let new: Vec<&Path> = data.ancestors().take_while(|path| !path.exists()).collect();
    std::fs::create_dir_all(data)?;
    for parent in new.into_iter().filter_map(Path::parent) {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

/// What a shard's thread has to do with other threads.
enum Duty {
    /// Shard 0 tells the others what it has read, and takes orders.
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
    mailboxes: Mailboxes,
    admission: Admission,
    duty: Duty,
    readiness: Readiness,
    ready: mpsc::Sender<Result<String, StartError>>,
    failed_syncs: FailedSyncs,
}

/// Orders, and the bell that says there is one.
type Orders = (mpsc::Receiver<Order>, UnixStream);

impl ShardBoot {
    /// The whole life of a shard.
    async fn run(self) {
        let (ready, readiness) = (self.ready.clone(), self.readiness.clone());
        let (running, orders) = match self.start().await {
            Ok(started) => started,
            // What is told is why shard 0 could not, whichever of the two hears of it first.
            Err(StartError::Unfounded) => return,
            Err(error) => {
                // Nobody listens any more if another shard has failed before.
                let _ = ready.send(Err(error));
                return;
            }
        };
        if let Some(orders) = orders {
            readiness.accepting();
            let _ = ready.send(Ok(running.cluster_id().to_owned()));
            take_orders(&running, orders).await;
        }
        running.ended().await;
    }

    async fn start(self) -> Result<(RunningShard, Option<Orders>), StartError> {
        let id = ShardId::new(self.index as u16);
        let seed = executor::entropy().map_err(|error| StartError::Runtime(error.to_string()))?;
        let data = &self.config.data_dir;
        let disk = GlommioDisk::start(data, id.get())
            .await
            .map_err(|error| StartError::io(data, error))?
            .sharing(self.failed_syncs);
        let listener = pelton_net::listener::glommio::from_socket(self.listener)
            .map_err(|error| StartError::Listen(format!("listening: {error}")))?;
        let (role, orders) = match self.duty {
            Duty::First { founders, orders, wakes } => {
                let tell = move |founding: Arc<Founding>| {
                    for founder in founders {
                        let _ = founder.send(founding.clone());
                    }
                };
                (Role::First { tell: Box::new(tell) }, Some((orders, wakes)))
            }
            Duty::Other { founding } => {
                // It blocks, but nothing else runs on this executor yet.
                let told = async move { founding.recv().ok() };
                (Role::Other { told: told.boxed_local() }, None)
            }
        };
        let (readiness, mailboxes) = (self.readiness.clone(), self.mailboxes);
        let neighbours = async move {
            // They are waited for when the shard has opened its storage.
            readiness.shard_recovered();
            mailboxes.connect().await
        };
        let running = RunningShard::start(Seat {
            id,
            config: self.config,
            port: self.port,
            env: Env::new(GlommioEnv::new(seed)),
            disk,
            listener,
            admission: self.admission,
            neighbours: neighbours.boxed_local(),
            role,
            readiness: self.readiness,
        })
        .await?;
        Ok((running, orders))
    }
}

/// On shard 0: does what other threads ask for, until a stop.
async fn take_orders(running: &RunningShard, (orders, wakes): Orders) {
    let Ok(mut bell) = executor::Bell::new(wakes) else { return };
    while bell.rung().await {
        while let Ok(order) = orders.try_recv() {
            match order {
                // A task of its own: a shard that does not answer must not hold up a stop.
                Order::Figures(sender) => {
                    let figures = running.figures();
                    running.spawn(async move {
                        let _ = sender.send(figures.await);
                    });
                }
                Order::PartitionFigures(sender) => {
                    let figures = running.partition_figures();
                    running.spawn(async move {
                        let _ = sender.send(figures.await);
                    });
                }
                Order::Ages(positions, sender) => {
                    let ages = running.ages(positions);
                    running.spawn(async move {
                        let _ = sender.send(ages.await);
                    });
                }
                Order::Stop(sender) => {
                    running.stop_all().await;
                    let _ = sender.send(());
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "threads_test.rs"]
mod threads_test;
