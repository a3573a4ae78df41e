//! Ids that were given out and not yet joined with (KIP-394).

use std::collections::BTreeSet;

use crate::ids::MemberId;
use crate::limits::{PENDING_MEMBER_ID_BYTES_MAX, PENDING_MEMBERS_MAX};

#[derive(Default)]
pub(super) struct PendingMembers {
    ids: BTreeSet<MemberId>,
    /// Of all the ids.
    bytes: usize,
}

impl PendingMembers {
    pub fn insert(&mut self, id: MemberId) {
        let bytes = id.len();
        if self.ids.insert(id) {
            self.bytes += bytes;
        }
    }

    /// Whether it was there.
    pub fn remove(&mut self, id: &MemberId) -> bool {
        let was_there = self.ids.remove(id);
        if was_there {
            self.bytes -= id.len();
        }
        was_there
    }

    pub fn contains(&self, id: &MemberId) -> bool {
        self.ids.contains(id)
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Whether another id may be given out.
    pub fn has_room(&self) -> bool {
        self.ids.len() < PENDING_MEMBERS_MAX && self.bytes < PENDING_MEMBER_ID_BYTES_MAX
    }
}
