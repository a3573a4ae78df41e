//! How many members there are, without counting them each time.

use super::{Coordinator, Kind};
use crate::ids::GroupId;

impl Coordinator {
    /// Members of all groups of the consumer protocol, as of the last step.
    pub fn consumer_members(&self) -> usize {
        self.consumer_members
    }

    /// Call it when a step on the group is done.
    pub(super) fn count_members(&mut self, id: &GroupId) {
        let Some(group) = self.groups.get_mut(id) else { return };
        let count = match &group.kind {
            Kind::Consumer(group) => group.member_count(),
            Kind::Classic(_) => 0,
        };
        self.consumer_members -= std::mem::replace(&mut group.members_counted, count);
        self.consumer_members += count;
    }
}
