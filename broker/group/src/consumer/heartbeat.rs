//! ConsumerGroupHeartbeat of a member that joins or stays: its one way to say what it wants and
//! has, and to hear what it is to have.

use super::check::check_regex;
use super::{ConsumerGroup, Member};
use crate::coordinator::command::ConsumerHeartbeat;
use crate::coordinator::effects::{Step, milliseconds};
use crate::coordinator::reply::ConsumerBeat;
use crate::error::GroupError;
use crate::ids::MemberId;
use crate::limits::{GROUP_METADATA_BYTES_MAX, REGEXES_PER_GROUP_MAX};
use crate::record::{
    Assignment, ConsumerMemberMetadata, ConsumerRecord, EpochedAssignment, MemberState,
};

impl ConsumerGroup {
    /// Its shape has been checked.
    ///
    /// # Errors
    /// GROUP_MAX_SIZE_REACHED; UNKNOWN_MEMBER_ID, FENCED_MEMBER_EPOCH, FENCED_INSTANCE_ID,
    /// UNRELEASED_INSTANCE_ID: it is not in the group, or not any more; RECORD_TOO_LARGE.
    pub fn heartbeat(
        &mut self,
        beat: ConsumerHeartbeat,
        step: &mut Step<'_>,
    ) -> Result<ConsumerBeat, GroupError> {
        self.check_room(&beat, step)?;
        let id = self.seat(&beat, step)?;
        let before = self.members.get(&id).cloned().unwrap_or_default();
        if beat.regex.as_ref().is_some_and(|regex| *regex != before.metadata.regex) {
            check_regex(&beat)?;
        }
        let metadata = merged(before.metadata.clone(), &beat);
        let names_other_topics = metadata.topics != before.metadata.topics;
        let has_new_subscription = names_other_topics || metadata.regex != before.metadata.regex;
        let has_new_assignor = metadata.server_assignor != before.metadata.server_assignor;
        let matched = self.matched_by(&before.metadata.regex);
        if metadata != before.metadata || !self.members.contains_key(&id) {
            self.write(ConsumerRecord::Member(id.clone(), Some(metadata)), step);
        }
        // Before anything that may be refused: who is in the group can be missed by it.
        self.hear_of(&id, step);
        let means_otherwise = self.resolve_regexes(step)?;
        let regex = self.members.get(&id).map(|it| it.metadata.regex.clone()).unwrap_or_default();
        let reads_otherwise =
            names_other_topics || means_otherwise || matched != self.matched_by(&regex);
        if reads_otherwise || has_new_assignor || self.topics_have_changed(step) {
            self.raise_epoch(step);
        }
        self.assign(step)?;
        self.reconcile(&id, beat.owned.as_ref(), has_new_subscription, step);
        Ok(self.answer(id, &beat, &before, step))
    }

    fn check_room(&self, beat: &ConsumerHeartbeat, step: &Step<'_>) -> Result<(), GroupError> {
        let is_there = self.members.contains_key(&beat.member_id);
        check_size(beat, self.members.len(), is_there, step)?;
        let is_new = |regex: &&str| !regex.is_empty() && !self.regex_users.contains_key(*regex);
        match beat.regex.as_deref().filter(is_new) {
            Some(_) if self.regex_users.len() >= REGEXES_PER_GROUP_MAX => {
                Err(GroupError::InvalidRegularExpression)
            }
            _ => Ok(()),
        }
    }

    /// Moves the member towards its target, as far as it can go now.
    pub(super) fn reconcile(
        &mut self,
        id: &MemberId,
        owned: Option<&Assignment>,
        has_new_subscription: bool,
        step: &mut Step<'_>,
    ) {
        let Some(next) = self.next_of(id, owned, has_new_subscription, step) else { return };
        let gives_up = next.state == MemberState::UnrevokedPartitions;
        self.write(ConsumerRecord::Current(id.clone(), Some(next)), step);
        let timer = self.rebalance_timer(id);
        let Some(member) = self.members.get(id) else { return };
        match gives_up && member.metadata.classic.is_none() {
            true => {
                let timeout = milliseconds(member.metadata.rebalance_timeout_ms);
                step.timers.set(timer, step.after(timeout));
            }
            false => step.timers.cancel(&timer),
        }
    }

    fn answer(
        &self,
        id: MemberId,
        beat: &ConsumerHeartbeat,
        before: &Member,
        step: &Step<'_>,
    ) -> ConsumerBeat {
        let member = self.members.get(&id);
        let current = member.map(|it| it.current.clone()).unwrap_or_default();
        let says_all = beat.rebalance_timeout_ms != -1
            && (beat.topics.is_some() || beat.regex.is_some())
            && beat.owned.is_some();
        let is_told =
            beat.member_epoch == 0 || says_all || current.assigned != before.current.assigned;
        ConsumerBeat {
            member_epoch: current.member_epoch,
            heartbeat_interval_ms: self.heartbeat_interval_ms(member, step),
            assignment: is_told.then(|| without_epochs(&current.assigned)),
            member_id: id,
        }
    }
}

/// Whether a group of so many members, this one among them or not, has room for it and for what it
/// subscribes to.
///
/// # Errors
/// GROUP_MAX_SIZE_REACHED.
pub(crate) fn check_size(
    beat: &ConsumerHeartbeat,
    member_count: usize,
    is_there: bool,
    step: &Step<'_>,
) -> Result<(), GroupError> {
    let said = beat.topics.iter().flatten().map(|topic| topic.len()).sum::<usize>();
    let others = member_count.saturating_mul(said);
    let is_full = !is_there && member_count >= step.config.consumer.group_max_size;
    match is_full || said > step.cluster.record_bytes_max() || others > GROUP_METADATA_BYTES_MAX {
        true => Err(GroupError::GroupMaxSizeReached),
        false => Ok(()),
    }
}

/// What a member says now in place of what it said; what it leaves out stays.
fn merged(mut member: ConsumerMemberMetadata, beat: &ConsumerHeartbeat) -> ConsumerMemberMetadata {
    if beat.instance_id.is_some() {
        member.instance_id.clone_from(&beat.instance_id);
    }
    if beat.rack_id.is_some() {
        member.rack_id.clone_from(&beat.rack_id);
    }
    if beat.rebalance_timeout_ms != -1 {
        member.rebalance_timeout_ms = beat.rebalance_timeout_ms;
    }
    if beat.server_assignor.is_some() {
        member.server_assignor.clone_from(&beat.server_assignor);
    }
    if let Some(topics) = &beat.topics {
        member.topics = topics.iter().cloned().collect();
    }
    if let Some(regex) = &beat.regex {
        member.regex.clone_from(regex);
    }
    member.client_id.clone_from(&beat.client_id);
    member.client_host.clone_from(&beat.client_host);
    member.classic = None;
    member
}

pub(super) fn without_epochs(assignment: &EpochedAssignment) -> Assignment {
    let topics = assignment.iter();
    topics.map(|(topic, partitions)| (*topic, partitions.keys().copied().collect())).collect()
}
