//! What groups there are, and what one of them is.

use std::ops::Bound;

use super::figures::{Figures, GroupFigures};
use super::reply::{ConsumerDescription, Description, Listing};
use super::{Coordinator, Kind};
use crate::classic::CONSUMER;
use crate::error::GroupError;
use crate::ids::GroupId;

impl Coordinator {
    pub(super) fn list(&self, after: Option<GroupId>, count_max: usize) -> Vec<Listing> {
        let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let groups = self.groups.range::<GroupId, _>((from, Bound::Unbounded)).take(count_max);
        groups
            .map(|(id, group)| Listing {
                group: id.clone(),
                protocol_type: match &group.kind {
                    Kind::Classic(classic) => classic.protocol_type().to_owned(),
                    Kind::Consumer(_) => CONSUMER.to_owned(),
                },
                state: group.state(),
                kind: group.kind.name(),
            })
            .collect()
    }

    pub(super) fn describe(&self, id: &GroupId) -> Result<Description, GroupError> {
        let group = self.groups.get(id).ok_or(GroupError::GroupIdNotFound)?;
        match &group.kind {
            Kind::Classic(classic) => Ok(classic.describe()),
            Kind::Consumer(_) => Err(GroupError::GroupIdNotFound),
        }
    }

    pub(super) fn describe_consumer(
        &self,
        id: &GroupId,
    ) -> Result<ConsumerDescription, GroupError> {
        match self.groups.get(id).map(|group| &group.kind) {
            Some(Kind::Consumer(group)) => Ok(group.describe(&self.config)),
            Some(Kind::Classic(_)) | None => Err(GroupError::GroupIdNotFound),
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
            .map(|(id, group)| GroupFigures {
                group: id.clone(),
                kind: group.kind.name(),
                state: group.state(),
                members: match &group.kind {
                    Kind::Classic(group) => group.member_count(),
                    Kind::Consumer(group) => group.member_count(),
                },
                rebalances: group.rebalances_begun(),
                state_bytes: group.state_bytes(),
                offsets: group
                    .offsets
                    .iter()
                    .map(|(topic, partition, offset)| (topic.clone(), partition, offset.offset))
                    .collect(),
            })
            .collect()
    }
}
