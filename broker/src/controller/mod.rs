//! Shard 0's other duty: the cluster's metadata. One change at a time: decide, make it durable in
//! the cluster log, give new partitions a place, have every shard apply it, and only then answer.

mod cluster_log;
mod decide;
mod placement;

use std::cell::{Cell, RefCell};
use std::io;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use pelton_cluster::{ClusterState, Record};
use pelton_model::{PartitionId, ShardId};
use pelton_storage::event::Event;

pub use cluster_log::{ClusterLog, ClusterLogError, NoSnapshot};
pub use placement::{Placement, spread, unplaced};

use crate::message::{Change, ChangeOutcome, Delta, LogFault, Reply, Request};
use crate::shard::Shard;

/// Lives on shard 0.
pub struct Controller {
    log: RefCell<Option<ClusterLog>>,
    busy: Cell<bool>,
    idle: Event,
    /// A write failed: what stands in the log is not known any more (S3).
    fenced: RefCell<Option<String>>,
}

impl Controller {
    pub fn new(log: ClusterLog) -> Self {
        Self {
            log: RefCell::new(Some(log)),
            busy: Cell::new(false),
            idle: Event::default(),
            fenced: RefCell::default(),
        }
    }

    async fn enter(&self) -> Turn<'_> {
        loop {
            let idle = self.idle.wait();
            if !self.busy.replace(true) {
                return Turn(self);
            }
            idle.await;
        }
    }

    /// Carries out a client's wish.
    pub async fn change(&self, shard: &Rc<Shard>, change: Change) -> ChangeOutcome {
        let _turn = self.enter().await;
        let decision = {
            let view = shard.view.borrow();
            let mut new_id = || shard.new_topic_id();
            decide::decide(&view.cluster, &shard.config, &change, &mut new_id)
        };
        if decision.records.is_empty() {
            return decision.outcome;
        }
        match self.commit(shard, decision.records).await {
            Ok(()) => decision.outcome,
            Err(why) => ChangeOutcome::Failed(why),
        }
    }

    /// The next thousand producer ids.
    pub async fn producer_ids(&self, shard: &Rc<Shard>) -> Result<Range<i64>, LogFault> {
        let _turn = self.enter().await;
        let allocated = pelton_cluster::producer_ids::allocate_block(&shard.view.borrow().cluster);
        let Some((range, record)) = allocated else {
            return Err(LogFault::Storage("all producer ids have been given out".into()));
        };
        self.commit(shard, vec![record]).await.map_err(LogFault::Storage)?;
        Ok(range)
    }

    /// Makes records durable and has every shard apply them.
    pub async fn commit(&self, shard: &Rc<Shard>, records: Vec<Record>) -> Result<(), String> {
        if let Some(why) = &*self.fenced.borrow() {
            return Err(why.clone());
        }
        let revision = shard.view.borrow().cluster.revision() + 1;
        // Nothing was written, so nothing is fenced.
        let entry = ClusterLog::entry(revision, &records).map_err(|error| error.to_string())?;
        let Some(mut log) = self.log.take() else {
            return Err("the cluster log is closed".into());
        };
        let written = log.append(entry).await;
        let snapshot = log.wants_snapshot();
        *self.log.borrow_mut() = Some(log);
        if let Err(error) = written {
            if pelton_storage::disk::is_disk_full(&error) {
                tracing::error!(%error, "the cluster log cannot be written");
            } else {
                self.fence(&error);
            }
            return Err(format!("the cluster log: {error}"));
        }
        let placements = placement::place_new(&shard.view.borrow(), &records, shard.shard_count());
        self.publish(shard, Delta { revision, records, placements }).await;
        if snapshot {
            self.snapshot(shard).await;
        }
        Ok(())
    }

    fn fence(&self, error: &io::Error) {
        tracing::error!(%error, "the cluster log cannot be written: metadata is read-only");
        *self.fenced.borrow_mut() = Some(format!("the cluster log: {error}"));
    }

    /// Has every shard apply a delta; returns when all have.
    pub async fn publish(&self, shard: &Rc<Shard>, delta: Delta) {
        let delta = Arc::new(delta);
        let mut pending = Vec::new();
        for to in (1..shard.shard_count()).map(|index| ShardId::new(index as u16)) {
            let request = Request::Apply(delta.clone());
            match shard.router.send(to, request).await {
                Ok(answer) => pending.push(answer),
                Err(_) => tracing::warn!(shard = %to, "the shard has stopped"),
            }
        }
        if let Err(why) = shard.apply(&delta).await {
            tracing::error!(why, "shard 0 could not apply a change of metadata");
        }
        for answer in pending {
            if let Reply::Failed(why) = answer.reply().await {
                tracing::error!(why, "a shard could not apply a change of metadata");
            }
        }
    }

    async fn snapshot(&self, shard: &Rc<Shard>) {
        let (revision, records) = {
            let view = shard.view.borrow();
            (view.cluster.revision(), view.cluster.to_records())
        };
        let Some(mut log) = self.log.take() else { return };
        match log.snapshot(revision, records).await {
            Ok(()) => {}
            Err(NoSnapshot::NotWritten(error)) => {
                tracing::warn!(%error, "no snapshot of the cluster's metadata could be written");
            }
            Err(NoSnapshot::LogNotCut(error)) => self.fence(&error),
        }
        *self.log.borrow_mut() = Some(log);
    }
}

/// The right to change metadata, held by one change at a time.
struct Turn<'a>(&'a Controller);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.busy.set(false);
        self.0.idle.notify();
    }
}

/// What a shard knows of the whole: applied by revision, the same everywhere.
#[derive(Clone, Default)]
pub struct View {
    pub cluster: ClusterState,
    pub placement: Placement,
}

impl View {
    pub fn owner(&self, partition: PartitionId) -> Option<ShardId> {
        self.placement.get(&partition).copied()
    }
}
