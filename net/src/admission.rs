//! Which shard serves a new connection, if any.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pelton_model::ids::ShardId;

/// How many connections there may be, of all shards together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// Kafka's `max.connections`. Shards that admit at the same instant may exceed it by one each.
    pub connections_max: usize,
    /// Of one address: `max.connections.per.ip`.
    pub per_ip_max: usize,
    /// `max.connections.per.ip.overrides`
    pub per_ip_overrides: BTreeMap<IpAddr, usize>,
}

impl AdmissionLimits {
    pub const NONE: Self = Self {
        connections_max: usize::MAX,
        per_ip_max: usize::MAX,
        per_ip_overrides: BTreeMap::new(),
    };

    fn of_ip(&self, ip: &IpAddr) -> usize {
        self.per_ip_overrides.get(ip).copied().unwrap_or(self.per_ip_max)
    }
}

/// How many connections each shard serves, and each address has. The one thing that the shards of a
/// process share and change: touched when a connection comes and when it goes. Asking the other
/// shards by message would cost more than it is worth, and an answer that is a little old only
/// makes the balance a little worse.
#[derive(Clone, Debug)]
pub struct Admission(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    by_shard: Box<[AtomicUsize]>,
    /// Addresses with a connection.
    by_ip: Mutex<BTreeMap<IpAddr, usize>>,
    refused: AtomicU64,
    refused_by_ip: AtomicU64,
}

/// What to do with a new connection.
#[derive(Debug)]
pub enum Placement {
    /// This shard serves it, or passes it on to the slot's shard.
    Admitted(ConnectionSlot),
    /// There are too many.
    Refused,
    /// There are too many of its address.
    RefusedByIp,
}

impl Admission {
    pub fn new(shards: usize) -> Self {
        Self(Arc::new(Counts {
            by_shard: (0..shards).map(|_| AtomicUsize::new(0)).collect(),
            by_ip: Mutex::default(),
            refused: AtomicU64::new(0),
            refused_by_ip: AtomicU64::new(0),
        }))
    }

    /// Finds a place for a connection from `ip` that came to shard `here`: the least loaded one if
    /// `here` would have more than one connection above it.
    pub fn place(&self, here: ShardId, ip: IpAddr, limits: &AdmissionLimits) -> Placement {
        // One host has one count, by whatever kind of address it comes.
        let ip = ip.to_canonical();
        let by_shard = self.0.by_shard.iter();
        let counts: Vec<usize> = by_shard.map(|c| c.load(Ordering::Relaxed)).collect();
        if counts.iter().sum::<usize>() >= limits.connections_max {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            return Placement::Refused;
        }
        if !self.0.take_ip(ip, limits.of_ip(&ip)) {
            self.0.refused_by_ip.fetch_add(1, Ordering::Relaxed);
            return Placement::RefusedByIp;
        }
        let least = counts.iter().enumerate().min_by_key(|(_, count)| **count);
        let chosen = match (least, counts.get(usize::from(here.get()))) {
            (Some((index, least)), Some(ours)) if ours > least => {
                u16::try_from(index).map_or(here, ShardId::new)
            }
            _ => here,
        };
        self.0.take_shard(chosen);
        Placement::Admitted(ConnectionSlot { counts: self.0.clone(), shard: chosen, ip })
    }

    /// Connections that were too many, at any shard.
    pub fn refused_count(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// Connections that were too many of their address, at any shard.
    pub fn refused_by_ip_count(&self) -> u64 {
        self.0.refused_by_ip.load(Ordering::Relaxed)
    }

    /// Connections of one shard.
    pub fn connection_count(&self, shard: ShardId) -> usize {
        let count = self.0.by_shard.get(usize::from(shard.get()));
        count.map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

impl Counts {
    fn take_shard(&self, shard: ShardId) {
        if let Some(count) = self.by_shard.get(usize::from(shard.get())) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn give_back_shard(&self, shard: ShardId) {
        if let Some(count) = self.by_shard.get(usize::from(shard.get())) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether there was room for one more.
    fn take_ip(&self, ip: IpAddr, max: usize) -> bool {
        let mut by_ip = self.by_ip();
        let count = by_ip.get(&ip).copied().unwrap_or(0);
        if count < max {
            by_ip.insert(ip, count + 1);
        }
        count < max
    }

    fn give_back_ip(&self, ip: IpAddr) {
        let mut by_ip = self.by_ip();
        match by_ip.get_mut(&ip) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(by_ip.remove(&ip)),
        }
    }

    fn by_ip(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        // Nothing that is done under the lock can leave a count half-changed.
        self.by_ip.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right of one connection to be served by one shard; counted for as long as it lives.
#[derive(Debug)]
pub struct ConnectionSlot {
    counts: Arc<Counts>,
    shard: ShardId,
    ip: IpAddr,
}

impl ConnectionSlot {
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// The same right at another shard, if the chosen one cannot take the connection after all.
    pub fn moved_to(mut self, shard: ShardId) -> Self {
        self.counts.take_shard(shard);
        self.counts.give_back_shard(self.shard);
        self.shard = shard;
        self
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.counts.give_back_shard(self.shard);
        self.counts.give_back_ip(self.ip);
    }
}

#[cfg(test)]
#[path = "admission_test.rs"]
mod admission_test;
