//! Which connection goes to which broker, and which partitions it serves.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, Result};

/// One connection's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// `host:port` of the broker that leads the partitions.
    pub address: Arc<str>,
    /// Never empty.
    pub partitions: Vec<i32>,
}

/// Deals partitions, whose leaders are given in order of their indexes, to connections.
///
/// With more partitions than connections each partition has one connection, so that batches arrive
/// in one order; with fewer, connections share partitions.
///
/// # Errors
/// Too few connections for the brokers that lead something.
pub fn deal(leaders: &[Arc<str>], connections: usize) -> Result<Vec<Share>> {
    let mut by_leader: BTreeMap<&Arc<str>, Vec<i32>> = BTreeMap::new();
    for (leader, index) in leaders.iter().zip(0..) {
        by_leader.entry(leader).or_default().push(index);
    }
    if connections < by_leader.len() {
        return Err(Error::Invalid(format!(
            "{} brokers lead partitions of the topic: give one connection to each at least \
             (--connections {})",
            by_leader.len(),
            by_leader.len()
        )));
    }
    // Connection n goes to leader n % leaders, as its n / leaders-th one.
    let leaders: Vec<_> = by_leader.into_iter().collect();
    let share = |at: usize| {
        let (address, partitions) = &leaders[at % leaders.len()];
        let place = at / leaders.len();
        let peers = (connections - at % leaders.len()).div_ceil(leaders.len());
        let partitions = if partitions.len() < peers {
            vec![partitions[place % partitions.len()]]
        } else {
            partitions.iter().skip(place).step_by(peers).copied().collect()
        };
        Share { address: (*address).clone(), partitions }
    };
    Ok((0..connections).map(share).collect())
}

#[cfg(test)]
#[path = "assignment_test.rs"]
mod assignment_test;
