//! What decides for a member, by the protocol that it speaks.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;

use super::membership::{self, Membership};
use super::reconciliation::{self, Beaten, Reconciliation};
use super::step::Step;
use super::{Subscription, consumer_heartbeat};
use crate::backoff::Backoff;
use crate::consumer::options::{GroupOptions, GroupProtocol};
use crate::consumer::record::TopicPartition;
use crate::error::{Error, Result};
use crate::group::offsets::{NO_GENERATION, Term};
use crate::random;

pub(super) enum Machine {
    Classic(Membership),
    Consumer(Reconciliation),
}

/// An answer to a heartbeat.
pub(super) enum Heard {
    Classic,
    Consumer(Beaten),
}

impl Machine {
    pub(super) fn new(options: &GroupOptions, backoff: Backoff) -> Self {
        match options.protocol {
            GroupProtocol::Classic => Self::classic(options, backoff),
            GroupProtocol::Consumer | GroupProtocol::Auto => Self::consumer(options, backoff),
        }
    }

    pub(super) fn classic(options: &GroupOptions, backoff: Backoff) -> Self {
        Self::Classic(Membership::new(membership::Rules {
            group: options.id.as_str().into(),
            assignors: options.assignors.clone(),
            heartbeat_interval: options.heartbeat_interval,
            backoff,
        }))
    }

    fn consumer(options: &GroupOptions, backoff: Backoff) -> Self {
        let bits = u128::from(random::number()) << 64 | u128::from(random::number());
        let rules = reconciliation::Rules {
            group: options.id.as_str().into(),
            member_id: consumer_heartbeat::member_id(bits),
            heartbeat_interval: options.heartbeat_interval,
            backoff,
        };
        Self::Consumer(Reconciliation::new(rules))
    }

    pub(super) fn member_id(&self) -> &Arc<str> {
        match self {
            Self::Classic(membership) => membership.member_id(),
            Self::Consumer(reconciliation) => reconciliation.member_id(),
        }
    }

    /// None outside of the group.
    pub(super) fn term(&self) -> Option<Term> {
        match self {
            Self::Classic(membership) => {
                let generation = membership.generation();
                (generation != NO_GENERATION).then_some(Term::Generation(generation))
            }
            Self::Consumer(reconciliation) => reconciliation.epoch().map(Term::Epoch),
        }
    }

    pub(super) fn is_member(&self) -> bool {
        self.term().is_some()
    }

    /// Whether it is out until the user subscribes again, and its user has not heard so yet.
    pub(super) fn is_outside(&self) -> bool {
        match self {
            Self::Classic(membership) => membership.is_outside(),
            Self::Consumer(reconciliation) => reconciliation.is_outside(),
        }
    }

    pub(super) fn owned(&self) -> BTreeSet<TopicPartition> {
        match self {
            Self::Classic(membership) => membership.owned().clone(),
            Self::Consumer(reconciliation) => reconciliation.owned(),
        }
    }

    pub(super) fn subscribe(&mut self, subscription: Subscription) -> Result<()> {
        match (self, subscription) {
            (Self::Classic(membership), Subscription::Topics(topics)) => {
                membership.subscribe(topics);
            }
            (Self::Classic(_), Subscription::Pattern(pattern)) => {
                let reason = format!("no broker of this cluster knows the pattern {pattern}");
                return Err(Error::Invalid(reason.into()));
            }
            (Self::Consumer(reconciliation), subscription) => {
                reconciliation.subscribe(subscription);
            }
        }
        Ok(())
    }

    pub(super) fn left(&mut self) {
        match self {
            Self::Classic(membership) => membership.left(),
            Self::Consumer(reconciliation) => reconciliation.left(),
        }
    }

    pub(super) fn come_back(&mut self) {
        match self {
            Self::Classic(membership) => membership.come_back(),
            Self::Consumer(reconciliation) => reconciliation.come_back(),
        }
    }

    pub(super) fn poll(&mut self, now: Instant) -> Result<Step> {
        match self {
            Self::Classic(membership) => membership.poll(now),
            Self::Consumer(reconciliation) => Ok(reconciliation.poll(now)),
        }
    }

    pub(super) fn prepared(&mut self, gone: &BTreeSet<TopicPartition>) {
        match self {
            Self::Classic(membership) => membership.prepared(gone),
            Self::Consumer(reconciliation) => reconciliation.prepared(gone),
        }
    }

    /// In the course of [`Step::Adopt`].
    pub(super) fn gave_up(&mut self, gone: &BTreeSet<TopicPartition>) {
        match self {
            Self::Classic(membership) => membership.gave_up(gone),
            Self::Consumer(reconciliation) => reconciliation.prepared(gone),
        }
    }

    /// What of it may be read now.
    pub(super) fn adopted(&mut self, added: &BTreeSet<TopicPartition>) -> BTreeSet<TopicPartition> {
        match self {
            Self::Classic(membership) if !membership.is_adopting() => BTreeSet::new(),
            Self::Classic(membership) => {
                membership.adopted();
                added.clone()
            }
            Self::Consumer(reconciliation) => reconciliation.adopted(added),
        }
    }

    pub(super) fn adoption_failed(&mut self, now: Instant, chance: f64) {
        match self {
            Self::Classic(membership) => membership.adoption_failed(now, chance),
            Self::Consumer(reconciliation) => reconciliation.adoption_failed(now, chance),
        }
    }

    /// When a heartbeat should be sent beside whatever else is going on.
    pub(super) fn heartbeat_due(&self) -> Option<Instant> {
        match self {
            Self::Classic(membership) => membership.heartbeat_due(),
            Self::Consumer(reconciliation) => reconciliation.heartbeat_due(),
        }
    }

    pub(super) fn heard(&mut self, answer: Result<Heard>, now: Instant, chance: f64) -> Result<()> {
        match (self, answer) {
            (Self::Classic(membership), answer) if membership.generation() != NO_GENERATION => {
                membership.heard(answer.map(drop), now, chance)
            }
            (Self::Consumer(reconciliation), Ok(Heard::Consumer(beaten))) => {
                reconciliation.heard(Ok(beaten), now, chance)
            }
            (Self::Consumer(reconciliation), Err(error)) => {
                reconciliation.heard(Err(error), now, chance)
            }
            // Of what it is not any more.
            (Self::Classic(_), _) | (Self::Consumer(_), Ok(Heard::Classic)) => Ok(()),
        }
    }
}
