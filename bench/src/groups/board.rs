//! Who has what: tells when a group has come to rest.

use std::collections::BTreeMap;

/// What the members of a group have told so far.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// Members that belong to the group; without an epoch, one has not been heard of.
    members: BTreeMap<usize, Share>,
    /// How many members have come to an epoch.
    epochs: BTreeMap<i32, usize>,
    /// By partition, how many have it.
    owners: Vec<u32>,
    /// Partitions that exactly one has.
    owned_once: usize,
}

/// Of one member.
#[derive(Clone, Debug, Default)]
struct Share {
    /// The generation, or the member's epoch.
    epoch: Option<i32>,
    partitions: Vec<i32>,
}

impl Board {
    pub fn new(partitions: usize) -> Self {
        Self { owners: vec![0; partitions], ..Self::default() }
    }

    /// The member belongs to the group from now on.
    pub fn expect(&mut self, member: usize) {
        self.members.entry(member).or_default();
    }

    /// The member has gone, with what it had.
    pub fn dismiss(&mut self, member: usize) {
        if let Some(share) = self.members.remove(&member) {
            self.take(&share);
        }
    }

    /// What a member has in an epoch. Partitions that the topic does not have count for nothing.
    pub fn report(&mut self, member: usize, epoch: i32, partitions: Vec<i32>) {
        let Some(share) = self.members.get_mut(&member) else { return };
        let new = Share { epoch: Some(epoch), partitions };
        let old = std::mem::replace(share, new.clone());
        self.take(&old);
        *self.epochs.entry(epoch).or_default() += 1;
        self.count(&new.partitions, 1);
    }

    /// The epoch that all are in, if every partition has one owner then, and every member its share:
    /// as many as any other, give or take one. (A broker that puts off the next assignment keeps
    /// newcomers in the epoch of the last one, with nothing.)
    pub fn settled(&self) -> Option<i32> {
        let (epoch, count) = self.epochs.first_key_value()?;
        let all_are_in_it = self.epochs.len() == 1 && *count == self.members.len();
        let is_settled = all_are_in_it && self.owned_once == self.owners.len() && self.is_even();
        is_settled.then_some(*epoch)
    }

    fn is_even(&self) -> bool {
        let least = self.owners.len() / self.members.len().max(1);
        self.members.values().all(|it| (least..=least + 1).contains(&it.partitions.len()))
    }

    /// For whoever waits in vain: members, those of them in the newest epoch, partitions that one
    /// member has.
    pub fn progress(&self) -> (usize, usize, usize) {
        let newest = self.epochs.last_key_value().map_or(0, |(_, count)| *count);
        (self.members.len(), newest, self.owned_once)
    }

    fn take(&mut self, share: &Share) {
        if let Some(epoch) = share.epoch
            && let Some(count) = self.epochs.get_mut(&epoch)
        {
            *count -= 1;
            if *count == 0 {
                self.epochs.remove(&epoch);
            }
        }
        self.count(&share.partitions, -1);
    }

    fn count(&mut self, partitions: &[i32], more: i32) {
        for partition in partitions {
            let at = usize::try_from(*partition).ok();
            let Some(owners) = at.and_then(|at| self.owners.get_mut(at)) else { continue };
            self.owned_once -= usize::from(*owners == 1);
            *owners = owners.saturating_add_signed(more);
            self.owned_once += usize::from(*owners == 1);
        }
    }
}

#[cfg(test)]
#[path = "board_test.rs"]
mod board_test;
