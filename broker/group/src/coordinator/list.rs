//! What groups there are, and what one of them is.

use std::ops::Bound;

use super::figures::{Figures, GroupFigures};
use super::reply::{Description, Listing};
use super::{Coordinator, Kind};
use crate::error::GroupError;
use crate::ids::GroupId;

impl Coordinator {
    pub(super) fn list(&self, after: Option<GroupId>, count_max: usize) -> Vec<Listing> {
        let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let groups = self.groups.range::<GroupId, _>((from, Bound::Unbounded)).take(count_max);
        groups
            .map(|(id, group)| match &group.kind {
                Kind::Classic(classic) => Listing {
                    group: id.clone(),
                    protocol_type: classic.protocol_type().to_owned(),
                    state: classic.state(),
                    kind: "classic",
                },
            })
            .collect()
    }

    pub(super) fn describe(&self, id: &GroupId) -> Result<Description, GroupError> {
        let group = self.groups.get(id).ok_or(GroupError::GroupIdNotFound)?;
        match &group.kind {
            Kind::Classic(classic) => Ok(classic.describe()),
        }
    }

    /// Counted since the coordinator was made.
    pub fn figures(&self) -> Figures {
        self.figures
    }

    /// Groups behind `after`, as of now, for metrics; as [`Command::List`](crate::Command::List).
    pub fn group_figures(&self, after: Option<&GroupId>, count_max: usize) -> Vec<GroupFigures> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let groups = self.groups.range::<GroupId, _>((from, Bound::Unbounded)).take(count_max);
        groups
            .map(|(id, group)| {
                let Kind::Classic(classic) = &group.kind;
                GroupFigures {
                    group: id.clone(),
                    kind: "classic",
                    state: classic.state(),
                    members: classic.member_count(),
                    rebalances: classic.rebalances(),
                    offsets: group
                        .offsets
                        .iter()
                        .map(|(topic, partition, offset)| (topic.clone(), partition, offset.offset))
                        .collect(),
                }
            })
            .collect()
    }
}
