//! Which shard serves a new connection, if any.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use pelton_model::ids::ShardId;

/// How many connections each shard serves. The one thing that the shards of a process share and
/// change: a few counters, touched when a connection comes and when it goes. Asking the other
/// shards by message would cost more than it is worth, and an answer that is a little old only
/// makes the balance a little worse.
#[derive(Clone)]
pub struct Admission {
    counts: Arc<[AtomicUsize]>,
    connections_max: usize,
    refused: Arc<AtomicU64>,
}

/// What to do with a new connection.
#[derive(Debug)]
pub enum Placement {
    /// This shard serves it, or passes it on to the slot's shard.
    Admitted(ConnectionSlot),
    /// There are too many.
    Refused,
}

impl Admission {
    /// For `shards` shards that together serve at most `connections_max` connections (Kafka's
    /// `max.connections`). Shards that admit at the same instant may exceed it by one each.
    pub fn new(shards: usize, connections_max: usize) -> Self {
        Self {
            counts: (0..shards).map(|_| AtomicUsize::new(0)).collect(),
            connections_max,
            refused: Arc::default(),
        }
    }

    /// Finds a place for a connection that came to shard `here`: the least loaded one if `here`
    /// would have more than one connection above it.
    pub fn place(&self, here: ShardId) -> Placement {
        let counts: Vec<usize> = self.counts.iter().map(|c| c.load(Ordering::Relaxed)).collect();
        if counts.iter().sum::<usize>() >= self.connections_max {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Placement::Refused;
        }
        let least = counts.iter().enumerate().min_by_key(|(_, count)| **count);
        let chosen = match (least, counts.get(usize::from(here.get()))) {
            (Some((index, least)), Some(ours)) if ours > least => {
                u16::try_from(index).map_or(here, ShardId::new)
            }
            _ => here,
        };
        Placement::Admitted(ConnectionSlot::take(self.counts.clone(), chosen))
    }

    /// Connections that found no place, at any shard.
    pub fn refused_count(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Connections of one shard.
    pub fn connection_count(&self, shard: ShardId) -> usize {
        self.counts.get(usize::from(shard.get())).map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

/// The right of one connection to be served by one shard; counted for as long as it lives.
#[derive(Debug)]
pub struct ConnectionSlot {
    counts: Arc<[AtomicUsize]>,
    shard: ShardId,
}

impl ConnectionSlot {
    fn take(counts: Arc<[AtomicUsize]>, shard: ShardId) -> Self {
        if let Some(count) = counts.get(usize::from(shard.get())) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        Self { counts, shard }
    }

    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// The same right at another shard, if the chosen one cannot take the connection after all.
    pub fn moved_to(self, shard: ShardId) -> Self {
        Self::take(self.counts.clone(), shard)
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        if let Some(count) = self.counts.get(usize::from(self.shard.get())) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
#[path = "admission_test.rs"]
mod admission_test;
