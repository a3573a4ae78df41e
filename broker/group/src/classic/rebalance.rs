//! From a change of members to the next generation.

use std::collections::BTreeMap;

use super::join::refused;
use super::{ClassicGroup, State};
use crate::coordinator::effects::{Step, milliseconds};
use crate::coordinator::reply::Reply;
use crate::error::GroupError;
use crate::ids::MemberId;
use crate::timers::Timer;

impl ClassicGroup {
    /// After a change of members: begins a rebalance, or ends the join phase of the one under way
    /// if nobody is missing any more.
    pub(super) fn rebalance_or_go_on(&mut self, step: &mut Step<'_>) {
        match self.state {
            State::PreparingRebalance => self.end_join_phase_if_complete(step),
            State::Empty | State::CompletingRebalance | State::Stable => self.prepare(step),
        }
    }

    /// A rebalance under way may be waiting for nobody any more; a first one waits out its delay.
    pub(super) fn end_join_phase_if_complete(&mut self, step: &mut Step<'_>) {
        let is_first = self.delayed_at_most_until.is_some();
        if self.state == State::PreparingRebalance && !is_first && self.all_have_joined() {
            self.end_join_phase(step);
        }
    }

    pub(super) fn prepare(&mut self, step: &mut Step<'_>) {
        if self.state == State::CompletingRebalance {
            self.drop_assignments(GroupError::RebalanceInProgress, step);
        }
        step.timers.cancel(&Timer::Sync(self.id.clone()));
        let is_first = self.state == State::Empty;
        self.go_to(State::PreparingRebalance, step.now);
        self.rebalances += 1;
        if is_first {
            self.delayed_at_most_until = Some(step.after(self.rebalance_timeout()));
            self.delay_join_phase(step);
        } else if self.all_have_joined() {
            self.end_join_phase(step);
        } else {
            let timeout = self.rebalance_timeout();
            step.timers.set(Timer::Join(self.id.clone()), step.after(timeout));
        }
    }

    /// A group that forms waits until nobody new has come for a while (KIP-134). Kafka looks whether
    /// somebody has come only when that while is over, and then waits for a whole one more: a group
    /// whose members all come at once has nothing to do for twice as long.
    pub(super) fn delay_join_phase(&self, step: &mut Step<'_>) {
        let Some(at_most_until) = self.delayed_at_most_until else { return };
        let until = step.after(step.config.group_initial_rebalance_delay).min(at_most_until);
        step.timers.set(Timer::Join(self.id.clone()), until);
    }

    fn all_have_joined(&self) -> bool {
        self.joining == self.members.len() && self.pending.is_empty()
    }

    /// [`Timer::Join`] has fired.
    pub fn join_time_is_up(&mut self, step: &mut Step<'_>) {
        if self.state == State::PreparingRebalance {
            self.end_join_phase(step);
        }
    }

    /// Goes on with those that have joined. Static members that have not are kept: they may be
    /// restarting, until their session times out.
    fn end_join_phase(&mut self, step: &mut Step<'_>) {
        self.delayed_at_most_until = None;
        step.timers.cancel(&Timer::Join(self.id.clone()));
        let missing: Vec<MemberId> = self
            .members
            .iter()
            .filter(|(_, member)| member.joining.is_none() && member.instance_id.is_none())
            .map(|(id, _)| id.clone())
            .collect();
        for id in missing {
            self.remove_member(&id);
            step.timers.cancel(&self.session_timer(&id));
        }
        if !self.members.is_empty() && !self.has_leader_that_joined() {
            // Only static members are left, and none has joined: their sessions decide.
            let timeout = self.rebalance_timeout();
            step.timers.set(Timer::Join(self.id.clone()), step.after(timeout));
            return;
        }
        self.begin_generation(step);
    }

    /// A leader that has not joined hands over to one that has.
    fn has_leader_that_joined(&mut self) -> bool {
        let joined = |group: &Self, id: &MemberId| {
            group.members.get(id).is_some_and(|member| member.joining.is_some())
        };
        if self.leader.as_ref().is_some_and(|leader| joined(self, leader)) {
            return true;
        }
        let other = self.members.keys().find(|id| joined(self, id)).cloned();
        let found = other.is_some();
        self.leader = other.or(self.leader.take());
        found
    }

    fn begin_generation(&mut self, step: &mut Step<'_>) {
        self.generation = self.generation.checked_add(1).unwrap_or(0);
        self.unsynced.clear();
        self.protocol = self.vote();
        self.subscriptions = self.read_subscriptions();
        if self.members.is_empty() {
            self.leader = None;
            self.go_to(State::Empty, step.now);
            step.effects.records.push(self.record());
            return;
        }
        self.go_to(State::CompletingRebalance, step.now);
        let mut members = self.joined_members();
        let ids: Vec<MemberId> = self.members.keys().cloned().collect();
        for id in ids {
            let members = match self.is_leader(&id) {
                true => std::mem::take(&mut members),
                false => Vec::new(),
            };
            let joined = self.joined(id.clone(), members);
            self.answer_join(&id, Reply::Joined(Ok(joined)), step);
            self.hear_of(&id, step);
            if let Some(member) = self.members.get_mut(&id) {
                member.is_new = false;
            }
            self.unsynced.insert(id);
        }
        let timeout = self.rebalance_timeout();
        step.timers.set(Timer::Sync(self.id.clone()), step.after(timeout));
    }

    /// Each member votes for its first choice among the protocols that all know. On a tie the
    /// first by name wins; which one Kafka takes depends on its hashing.
    pub(super) fn vote(&self) -> Option<String> {
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            let mut names = member.protocols.iter().map(|protocol| protocol.name.as_str());
            let common = |name: &&str| self.supported.get(*name) == Some(&self.members.len());
            if let Some(choice) = names.find(common) {
                *votes.entry(choice).or_default() += 1;
            }
        }
        let most = votes.values().max()?;
        votes.iter().find(|(_, count)| *count == most).map(|(name, _)| (*name).to_owned())
    }

    /// [`Timer::Sync`] has fired: members that were told of the generation and never asked for
    /// their assignment hold the others up no longer.
    pub fn sync_time_is_up(&mut self, step: &mut Step<'_>) {
        let is_waiting = matches!(self.state, State::CompletingRebalance | State::Stable);
        if !is_waiting || self.unsynced.is_empty() {
            return;
        }
        for id in std::mem::take(&mut self.unsynced) {
            step.timers.cancel(&self.session_timer(&id));
            self.remove_member(&id);
        }
        self.prepare(step);
    }

    /// The rebalance ends without assignments: who waits for one is told why.
    pub(super) fn drop_assignments(&mut self, error: GroupError, step: &mut Step<'_>) {
        let mut told = Vec::new();
        for (id, member) in &mut self.members {
            member.assignment = bytes::Bytes::new();
            if let Some(token) = member.syncing.take() {
                step.reply(token, Reply::Synced(Err(error)));
                told.push(id.clone());
            }
        }
        for id in told {
            self.hear_of(&id, step);
        }
    }

    /// The member has shown that it is there: its session begins anew.
    pub(super) fn hear_of(&self, id: &MemberId, step: &mut Step<'_>) {
        if let Some(member) = self.members.get(id) {
            let timeout = milliseconds(member.session_timeout_ms);
            step.timers.set(self.session_timer(id), step.after(timeout));
        }
    }

    /// Takes a member out whose JoinGroup or SyncGroup may be waiting.
    pub(super) fn expel(&mut self, id: &MemberId, step: &mut Step<'_>) {
        let gone = GroupError::UnknownMemberId;
        self.answer_join(id, refused(gone, MemberId::default()), step);
        step.timers.cancel(&self.session_timer(id));
        if let Some(token) = self.remove_member(id).and_then(|mut member| member.syncing.take()) {
            step.reply(token, Reply::Synced(Err(gone)));
        }
    }
}
