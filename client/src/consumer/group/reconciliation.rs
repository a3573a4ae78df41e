//! A member of a group by the protocol of KIP-848: the coordinator decides what each member is to
//! have, and the member moves there and says so. Everything goes by one request, the heartbeat.
//! Pure: time and chance are arguments; it says what to send and whom to tell, and hears how that
//! went.
//!
//! ```text
//!  Idle --subscribe--> Prepare --prepared--> Inside --what no retry mends--> Outside --prepared--> Idle
//!                         ^                    |
//!                         +------ fenced ------+
//!
//!  Inside, with a target: give up what is not in it -> acknowledge -> take what is new -> acknowledge
//! ```
//!
//! Nobody else gets a partition before its owner has acknowledged that it goes. So nothing is taken
//! before what was given up is acknowledged, and whatever is being taken is said to be owned.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use pelton_kafka::ErrorCode;
use pelton_model::{PartitionId, TopicId};
use tokio::time::Instant;

use super::Subscription;
use super::step::Step;
use crate::backoff::{Attempts, Backoff};
use crate::consumer::record::TopicPartition;
use crate::error::{Error, Result};
use crate::group::coordinator::is_of_the_way;

/// Of one that joins.
const JOINING: i32 = 0;

/// No coordinator makes us send heartbeats faster.
const INTERVAL_MIN: Duration = Duration::from_millis(50);

/// What the member must know of the options.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) group: Arc<str>,
    /// Its own from the first heartbeat to the last.
    pub(super) member_id: Arc<str>,
    /// Until the coordinator tells one.
    pub(super) heartbeat_interval: Duration,
    pub(super) backoff: Backoff,
}

#[derive(Debug)]
pub(super) struct Reconciliation {
    rules: Rules,
    phase: Phase,
    /// [`JOINING`] outside, and until the coordinator has answered.
    epoch: i32,
    subscription: Option<Subscription>,
    /// What the user was told that it has.
    owned: BTreeSet<PartitionId>,
    /// What the user is being told that it has.
    adopting: BTreeSet<PartitionId>,
    /// What the coordinator wants us to have.
    target: BTreeSet<PartitionId>,
    /// Of topics of which there is something in `target` or `owned`.
    names: BTreeMap<TopicId, Arc<str>>,
    /// What the coordinator has heard. None: nobody knows, because an answer was lost.
    told: Option<Told>,
    /// The coordinator has taken something back since it was last told what we own.
    owes_acknowledgement: bool,
    /// A heartbeat that is not answered yet; there is one at a time.
    in_flight: Option<InFlight>,
    heartbeat_interval: Duration,
    /// None while one is in flight.
    heartbeat_due: Option<Instant>,
    beats: Attempts,
    names_asked: Attempts,
    adoptions: Attempts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not a member, and not to be one.
    Idle,
    /// What it had is lost; then it joins.
    Prepare,
    /// It joins or has joined.
    Inside,
    /// What it had is lost; then it is idle.
    Outside,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    subscription: Subscription,
    owned: BTreeSet<PartitionId>,
}

#[derive(Clone, Debug)]
struct InFlight {
    /// Once it is answered.
    told: Told,
    names_owned: bool,
}

/// What a heartbeat says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Beat {
    pub(super) member_id: Arc<str>,
    /// 0 to join.
    pub(super) epoch: i32,
    /// It says everything, also what never changes. Others leave out what has not changed since the
    /// last one that was answered.
    pub(super) is_full: bool,
    pub(super) subscription: Option<Subscription>,
    pub(super) owned: Option<BTreeSet<PartitionId>>,
}

/// What the coordinator answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Beaten {
    pub(super) epoch: i32,
    pub(super) heartbeat_interval: Duration,
    /// None: as before.
    pub(super) target: Option<BTreeSet<PartitionId>>,
}

impl Reconciliation {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            phase: Phase::Idle,
            epoch: JOINING,
            subscription: None,
            owned: BTreeSet::new(),
            adopting: BTreeSet::new(),
            target: BTreeSet::new(),
            names: BTreeMap::new(),
            told: None,
            owes_acknowledgement: false,
            in_flight: None,
            heartbeat_interval: rules.heartbeat_interval,
            heartbeat_due: None,
            beats: Attempts::new(rules.backoff),
            names_asked: Attempts::new(rules.backoff),
            adoptions: Attempts::new(rules.backoff),
            rules,
        }
    }

    pub(super) fn member_id(&self) -> &Arc<str> {
        &self.rules.member_id
    }

    /// None until the coordinator has let us in.
    pub(super) fn epoch(&self) -> Option<i32> {
        (self.epoch != JOINING).then_some(self.epoch)
    }

    /// Whether the coordinator may know us.
    pub(super) fn is_inside(&self) -> bool {
        self.phase == Phase::Inside
    }

    /// Whether it is out until the user subscribes again, and its user has not heard so yet.
    pub(super) fn is_outside(&self) -> bool {
        self.phase == Phase::Outside
    }

    pub(super) fn owned(&self) -> BTreeSet<TopicPartition> {
        self.named(&self.owned)
    }

    pub(super) fn subscription(&self) -> Option<&Subscription> {
        self.subscription.as_ref()
    }

    /// From now on this; joins, if it is not in the group.
    pub(super) fn subscribe(&mut self, subscription: Subscription) {
        self.subscription = Some(subscription);
        if matches!(self.phase, Phase::Idle | Phase::Outside) {
            self.phase = Phase::Prepare;
        }
    }

    /// The member has left; what it had is lost when it joins again.
    pub(super) fn left(&mut self) {
        self.reset();
        self.phase = Phase::Idle;
    }

    /// Joins again after [`Reconciliation::left`].
    pub(super) fn come_back(&mut self) {
        if self.phase == Phase::Idle && self.subscription.is_some() {
            self.phase = Phase::Prepare;
        }
    }

    pub(super) fn poll(&mut self, now: Instant) -> Step {
        match self.phase {
            Phase::Idle => Step::Wait(None),
            Phase::Prepare | Phase::Outside => {
                Step::Prepare { revoked: BTreeSet::new(), lost: self.named(&self.owned) }
            }
            Phase::Inside => self.reconcile(now),
        }
    }

    fn reconcile(&mut self, now: Instant) -> Step {
        let revoked: BTreeSet<_> = self.owned.difference(&self.target).copied().collect();
        if !revoked.is_empty() {
            return Step::Prepare { revoked: self.named(&revoked), lost: BTreeSet::new() };
        }
        if self.is_beat_due(now) {
            return Step::Heartbeat;
        }
        let added = self.target.difference(&self.owned).copied();
        let (added, nameless): (BTreeSet<_>, BTreeSet<_>) =
            added.partition(|of| self.names.contains_key(&of.topic));
        let may_add = !added.is_empty() && self.is_acknowledged();
        if may_add && self.adoptions.may_try(now) {
            let step = Step::Adopt { revoked: BTreeSet::new(), added: self.named(&added) };
            self.adopting = added;
            return step;
        }
        if !nameless.is_empty() && self.names_asked.may_try(now) {
            return Step::Name { topics: nameless.into_iter().map(|of| of.topic).collect() };
        }
        let again = [
            self.heartbeat_due(),
            self.beats.not_before().filter(|_| self.in_flight.is_none()),
            self.adoptions.not_before().filter(|_| may_add),
            self.names_asked.not_before().filter(|_| !nameless.is_empty()),
        ];
        Step::Wait(again.into_iter().flatten().min())
    }

    fn is_beat_due(&self, now: Instant) -> bool {
        let has_news = self.owes_acknowledgement
            || self.told.as_ref().is_none_or(|told| {
                Some(&told.subscription) != self.subscription.as_ref()
                    || told.owned != self.reported()
            });
        let is_due = has_news || self.heartbeat_due.is_some_and(|due| due <= now);
        self.in_flight.is_none() && is_due && self.beats.may_try(now)
    }

    /// Whether the coordinator knows all that we gave up.
    fn is_acknowledged(&self) -> bool {
        !self.owes_acknowledgement
            && self.told.as_ref().is_some_and(|told| told.owned == self.owned)
            && !self.in_flight.as_ref().is_some_and(|beat| beat.names_owned)
    }

    /// Nobody else may have what is on its way to us either.
    fn reported(&self) -> BTreeSet<PartitionId> {
        self.owned.union(&self.adopting).copied().collect()
    }

    /// These are given up or lost, as [`Step::Prepare`] has asked. Meanwhile more may have been lost.
    pub(super) fn prepared(&mut self, gone: &BTreeSet<TopicPartition>) {
        let names = &self.names;
        self.owned.retain(|of| named(names, *of).is_none_or(|name| !gone.contains(&name)));
        self.phase = match self.phase {
            Phase::Prepare if self.owned.is_empty() => Phase::Inside,
            Phase::Outside if self.owned.is_empty() => Phase::Idle,
            phase => phase,
        };
        self.forget_names();
    }

    /// These are adopted, as [`Step::Adopt`] has asked; those of them that are ours.
    pub(super) fn adopted(&mut self, added: &BTreeSet<TopicPartition>) -> BTreeSet<TopicPartition> {
        let adopting = std::mem::take(&mut self.adopting);
        // Some may have been taken back meanwhile.
        let ours: BTreeSet<_> = adopting.intersection(&self.target).copied().collect();
        self.owned.extend(&ours);
        self.adoptions.worked();
        let ours = self.named(&ours);
        ours.intersection(added).cloned().collect()
    }

    /// What [`Step::Adopt`] has asked for did not work: it asks again after a pause.
    pub(super) fn adoption_failed(&mut self, now: Instant, chance: f64) {
        self.adopting.clear();
        self.adoptions.failed(now, chance);
    }

    /// The names of the topics that [`Step::Name`] has asked for, as far as they could be found out.
    pub(super) fn learn_names(
        &mut self,
        names: BTreeMap<TopicId, Arc<str>>,
        now: Instant,
        chance: f64,
    ) {
        self.names.extend(names);
        self.forget_names();
        let is_known = |of: &PartitionId| self.names.contains_key(&of.topic);
        match self.target.iter().all(is_known) {
            true => self.names_asked.worked(),
            false => self.names_asked.failed(now, chance),
        }
    }

    /// When a heartbeat should be sent beside whatever else is going on.
    pub(super) fn heartbeat_due(&self) -> Option<Instant> {
        let due = self.heartbeat_due.filter(|_| self.is_inside())?;
        Some(self.beats.not_before().map_or(due, |at| at.max(due)))
    }

    /// What to say now; None while an answer is awaited.
    pub(super) fn beat(&mut self) -> Option<Beat> {
        if !self.is_inside() || self.in_flight.is_some() {
            return None;
        }
        let told = Told { subscription: self.subscription.clone()?, owned: self.reported() };
        let before = self.told.as_ref();
        let is_new_subscription = before.is_none_or(|it| it.subscription != told.subscription);
        let names_owned =
            self.owes_acknowledgement || before.is_none_or(|before| before.owned != told.owned);
        let beat = Beat {
            member_id: self.rules.member_id.clone(),
            epoch: self.epoch,
            is_full: before.is_none(),
            subscription: is_new_subscription.then(|| told.subscription.clone()),
            owned: names_owned.then(|| told.owned.clone()),
        };
        self.heartbeat_due = None;
        self.in_flight = Some(InFlight { told, names_owned });
        Some(beat)
    }

    /// An answer to a heartbeat. Fails with what the user should know; if no retry mends that, the
    /// member is out, and idle.
    pub(super) fn heard(
        &mut self,
        answer: Result<Beaten>,
        now: Instant,
        chance: f64,
    ) -> Result<()> {
        let Some(InFlight { told, names_owned }) = self.in_flight.take() else { return Ok(()) };
        let beaten = match answer {
            Ok(beaten) => beaten,
            Err(error) => return self.failed(error, now, chance),
        };
        if beaten.epoch <= JOINING {
            let reason = format!("member epoch {}", beaten.epoch);
            return self.out(Error::protocol(format!("group {}", self.rules.group), reason));
        }
        self.beats.worked();
        self.epoch = beaten.epoch;
        self.heartbeat_interval = beaten.heartbeat_interval.max(INTERVAL_MIN);
        self.heartbeat_due = Some(now + self.heartbeat_interval);
        self.told = Some(told);
        self.owes_acknowledgement &= !names_owned;
        if let Some(target) = beaten.target {
            self.owes_acknowledgement |= !self.target.is_subset(&target);
            self.target = target;
            self.names_asked.worked();
            self.forget_names();
        }
        Ok(())
    }

    fn failed(&mut self, error: Error, now: Instant, chance: f64) -> Result<()> {
        // It may have been done all the same.
        self.told = None;
        match error.code() {
            Some(ErrorCode::FencedMemberEpoch | ErrorCode::UnknownMemberId) => {
                self.reset();
                self.phase = Phase::Prepare;
                self.beats.failed(now, chance);
                Ok(())
            }
            // Whoever may give us the right to read a topic may do so at any time.
            Some(ErrorCode::TopicAuthorizationFailed) => {
                self.beats.wait_until(now + self.heartbeat_interval);
                self.heartbeat_due = self.beats.not_before();
                Err(error)
            }
            _ if is_of_the_way(&error) || error.is_retriable() => {
                self.beats.failed(now, chance);
                self.heartbeat_due = self.beats.not_before();
                Ok(())
            }
            _ => self.out(error),
        }
    }

    /// Out, until the user subscribes again.
    fn out(&mut self, error: Error) -> Result<()> {
        self.reset();
        self.phase = Phase::Outside;
        Err(error)
    }

    fn reset(&mut self) {
        self.epoch = JOINING;
        self.told = None;
        self.in_flight = None;
        self.heartbeat_due = None;
        self.owes_acknowledgement = false;
        self.target.clear();
        self.adopting.clear();
    }

    fn forget_names(&mut self) {
        let wanted = self.target.union(&self.owned).map(|of| of.topic);
        let wanted: BTreeSet<_> = wanted.collect();
        self.names.retain(|topic, _| wanted.contains(topic));
    }

    fn named(&self, partitions: &BTreeSet<PartitionId>) -> BTreeSet<TopicPartition> {
        partitions.iter().filter_map(|of| named(&self.names, *of)).collect()
    }
}

fn named(names: &BTreeMap<TopicId, Arc<str>>, of: PartitionId) -> Option<TopicPartition> {
    let topic = names.get(&of.topic)?.clone();
    Some(TopicPartition { topic, partition: of.index })
}

#[cfg(test)]
#[path = "reconciliation_test.rs"]
mod reconciliation_test;

#[cfg(test)]
#[path = "reconciliation_model_test.rs"]
mod reconciliation_model_test;
