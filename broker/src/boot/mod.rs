//! Starting a shard: meta → cluster log → journal → placement → listener. What is started here
//! has the seams' handles and nothing else; [`threads`] gives it a machine's, the simulator gives
//! it its own.

mod error;
mod figures;
pub mod readiness;
pub mod threads;

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{LocalBoxFuture, join_all};
use pelton_cluster::{ClusterState, Record};
use pelton_model::ShardId;
use pelton_net::{Admission, Budget, Listener, Scratch, ShardResources};
use pelton_storage::disk::Disk;
use pelton_storage::{
    Opening, RecoveryReport, Store, remove_forgotten_topics, reshard, topic_dirs,
};

pub use self::error::StartError;
use self::readiness::Readiness;
use crate::config::BrokerConfig;
use crate::controller::{ClusterLog, Controller, View, spread, unplaced};
use crate::message::{Delta, Reply, Request};
use crate::meta::Meta;
use crate::router::Router;
use crate::runtime::{Env, Lane, Neighbour};
use crate::shard::{Shard, ShardParts};

/// What a shard is given of the machine, and of the other shards.
pub struct Seat {
    pub id: ShardId,
    pub config: Arc<BrokerConfig>,
    /// The port that clients are told.
    pub port: u16,
    pub env: Env,
    pub disk: Disk,
    pub listener: Listener,
    pub admission: Admission,
    /// The ends of the mailboxes. They are waited for when the shard has opened its storage, on
    /// all shards at once.
    pub neighbours: LocalBoxFuture<'static, Vec<Neighbour>>,
    pub role: Role,
    /// Told how far the recovery is.
    pub readiness: Readiness,
}

/// Who reads the metadata, and who is told.
pub enum Role {
    /// Shard 0. It reads for all, and begins before any other shard.
    First { tell: Box<dyn FnOnce(Arc<Founding>)> },
    /// `None`: shard 0 could not start.
    Other { told: LocalBoxFuture<'static, Option<Arc<Founding>>> },
}

/// What shard 0 has read, for the others.
pub struct Founding {
    meta: Meta,
    cluster: ClusterState,
}

/// A shard that has opened its storage. Shard 0 is there only once all shards accept connections.
pub struct RunningShard {
    shard: Rc<Shard>,
    journal_ended: oneshot::Receiver<()>,
}

impl RunningShard {
    pub async fn start(seat: Seat) -> Result<RunningShard, StartError> {
        let shard = open(seat).await?;
        let journal = shard.clone();
        let (ended, journal_ended) = oneshot::channel();
        shard.env.spawn(Lane::Foreground, async move {
            journal.store.run_journal(|log| journal.roll_rules(log)).await;
            let _ = ended.send(());
        });
        let carries = shard.clone();
        shard.env.spawn(Lane::Background, async move {
            carries.store.run_carries(|log| carries.roll_rules(log)).await;
        });
        shard.maintain();
        if shard.controller.is_some() {
            convene(&shard).await?;
            if shard.config.canary {
                shard.send_canaries();
            }
        }
        Ok(RunningShard { shard, journal_ended })
    }

    pub fn cluster_id(&self) -> &str {
        &self.shard.cluster_id
    }

    /// Stops all shards gracefully: answers what was asked, carries what was appended. Called on
    /// shard 0.
    pub async fn stop_all(&self) {
        ask_all(&self.shard, || Request::Stop).await;
    }

    /// Spawns a task on this shard.
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.shard.env.spawn(Lane::Foreground, task);
    }

    /// Resolves when the shard has stopped and nothing of it uses the disk any more.
    pub async fn ended(self) {
        let _ = self.journal_ended.await;
        // The last checkpoint of a stop comes after the journal's end.
        self.shard.closed.stopped().await;
        self.shard.disk.shut_down().await;
    }
}

async fn open(seat: Seat) -> Result<Rc<Shard>, StartError> {
    let Seat { id, config, port, env, disk, listener, admission, neighbours, role, readiness } =
        seat;
    let (founding, controller) = match role {
        Role::First { tell } => {
            let (founding, log) = found(&config, &env, &disk).await?;
            tell(founding.clone());
            (founding, Some(Controller::new(log)))
        }
        Role::Other { told } => (told.await.ok_or(StartError::Unfounded)?, None),
    };
    let began = env.elapsed();
    let opening = Opening {
        disk: &disk,
        data_dir: &config.data_dir,
        shard: id,
        options: config.store,
        seed: env.random() as u32,
        now: env.now(),
    };
    let (store, report) = Store::open_telling(
        opening,
        |topic| founding.cluster.topic_by_id(topic).is_some(),
        |left| readiness.partitions_left(id, left),
    )
    .await?;
    let recovery_time = env.elapsed() - began;
    say_recovered(id, &report, recovery_time);
    let neighbours = neighbours.await;
    let router = Router::new(id);
    router.connect(config.cpus.len(), &neighbours);
    let sleeper = env.clone();
    let shard = Shard::new(ShardParts {
        id,
        env: env.clone(),
        recovery_time,
        port,
        cluster_id: founding.meta.cluster_id.clone(),
        disk,
        store,
        router,
        view: View { cluster: founding.cluster.clone(), ..View::default() },
        controller,
        net: ShardResources {
            budget: Budget::new(config.frame_budget_bytes()),
            scratch: Scratch::new(),
            sleep: Rc::new(move |duration| sleeper.sleep(duration)),
        },
        admission,
        listener,
        config,
    });
    for Neighbour { id, requests_in, replies_in, .. } in neighbours {
        env.spawn(Lane::Foreground, shard.clone().serve_requests(id, requests_in));
        env.spawn(Lane::Foreground, shard.clone().take_replies(id, replies_in));
        env.spawn(Lane::Foreground, shard.clone().return_loans(id));
    }
    Ok(shard)
}

/// On shard 0, before any other shard opens its own: reads who this broker is and what it knows,
/// and deals the partitions out anew if there are other shards than before.
async fn found(
    config: &BrokerConfig,
    env: &Env,
    disk: &Disk,
) -> Result<(Arc<Founding>, ClusterLog), StartError> {
    let data = &config.data_dir;
    let new = Meta::new(&mut || env.random(), config.node_id.get());
    let meta = Meta::open(disk, data, new).await?;
    let (log, cluster) = ClusterLog::open(disk, data).await?;
    if cluster.revision() == 0 {
        refuse_without_metadata(disk, data).await?;
    }
    // At every start: a crash may have ended an earlier move half-way.
    let moved = reshard(
        disk,
        data,
        config.cpus.len(),
        config.store,
        || env.random() as u32,
        env.now(),
        |topic| cluster.topic_by_id(topic).is_some(),
    )
    .await?;
    if moved.needed {
        tracing::info!(
            from = moved.shards_before,
            to = config.cpus.len(),
            partitions = moved.partitions,
            moved = moved.moved,
            "the number of cores has changed: partitions were spread anew"
        );
    }
    Ok((Arc::new(Founding { meta, cluster }), log))
}

/// Topics that the metadata does not know are taken for deleted ones, whose files go. Where it knows
/// nothing at all, not even this broker, it is the metadata that is gone.
async fn refuse_without_metadata(disk: &Disk, data: &Path) -> Result<(), StartError> {
    let topics = topic_dirs(disk, data).await.map_err(|error| StartError::io(data, error))?;
    match topics.len() {
        0 => Ok(()),
        count => Err(StartError::Damaged(format!(
            "{}: the metadata of the cluster is gone, yet there are files of {count} topics. They \
             would be taken for deleted ones: bring back the directory `cluster`, or move `topics` \
             and `shard` away",
            data.display()
        ))),
    }
}

fn say_recovered(shard: ShardId, report: &RecoveryReport, took: Duration) {
    let RecoveryReport { partitions, groups, batches, extents, bytes, torn, .. } = *report;
    let took_ms = took.as_millis() as u64;
    match report.unclean {
        true => tracing::warn!(%shard, partitions, groups, batches, extents, bytes, torn, took_ms,
            "recovered after an unclean stop: every durable batch is back"),
        false => {
            tracing::info!(%shard, partitions, took_ms, "opened: there was nothing to recover")
        }
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
    remove_forgotten(shard).await;
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

/// Every shard has opened its storage by now, and no client can make a topic yet.
async fn remove_forgotten(shard: &Rc<Shard>) {
    let exists = |topic| shard.view.borrow().cluster.topic_by_id(topic).is_some();
    match remove_forgotten_topics(&shard.disk, &shard.config.data_dir, exists).await {
        Ok(0) => {}
        Ok(topics) => tracing::info!(topics, "what was left of deleted topics is removed"),
        Err(error) => tracing::warn!(%error, "what is left of deleted topics cannot be seen"),
    }
}

/// Asks every shard the same, this one too.
async fn ask_all(shard: &Rc<Shard>, request: impl Fn() -> Request) -> Vec<(ShardId, Reply)> {
    let all = (0..shard.shard_count()).map(|at| ShardId::new(at as u16));
    ask_each(shard, all.map(|to| (to, request()))).await
}

/// Asks some shards, of which this one may be one, at once.
async fn ask_each(
    shard: &Rc<Shard>,
    requests: impl Iterator<Item = (ShardId, Request)>,
) -> Vec<(ShardId, Reply)> {
    let all = requests.map(|(to, request)| async move {
        let reply = shard.ask(to, request).await;
        (to, reply)
    });
    join_all(all).await
}
