//! Heartbeats, also while something else is done.

use tokio::time::Instant;

use super::{Abort, GroupTask, ended, lacks_consumer_protocol, sleep_until};
use crate::consumer::group::machine::{Heard, Machine};
use crate::consumer::group::requests::heartbeat;
use crate::consumer::group::{Subscription, consumer_heartbeat};
use crate::consumer::options::GroupProtocol;
use crate::error::Result;
use crate::random;

impl GroupTask {
    pub(super) fn beat(&mut self, now: Instant) {
        match &self.machine {
            Machine::Classic(_) => self.beat_classic(now),
            Machine::Consumer(_) => self.beat_consumer(),
        }
    }

    /// Somebody was told that we are not what we think: a heartbeat tells.
    pub(super) fn beat_in_doubt(&mut self) {
        if self.machine.is_member() {
            self.beat(Instant::now());
        }
    }

    fn beat_consumer(&mut self) {
        let Machine::Consumer(reconciliation) = &mut self.machine else { return };
        let Some(beat) = reconciliation.beat() else { return };
        // A topic that nobody knows yet may have come to be, or come to be by being asked for.
        if let Some(Subscription::Topics(topics)) = reconciliation.subscription() {
            let cluster = &self.inner.cluster;
            let unknown = topics.iter().filter(|name| cluster.known_topic(name).is_none());
            unknown.for_each(|name| cluster.want(name));
        }
        let group = self.group.clone();
        self.beating = Some(Abort::spawn(async move {
            let beaten = consumer_heartbeat::beat(&group.coordinator, &group.options, beat).await;
            beaten.map(Heard::Consumer)
        }));
    }

    fn beat_classic(&mut self, now: Instant) {
        let Machine::Classic(membership) = &mut self.machine else { return };
        membership.beat(now);
        // A topic that nobody knows yet may have come to be.
        let unknown = membership.watched().into_iter().flatten();
        for (name, _) in unknown.filter(|(_, count)| **count == 0) {
            self.inner.cluster.want(name);
        }
        if self.beating.is_none() {
            let (group, asker) = (self.group.clone(), membership.asker());
            self.beating = Some(Abort::spawn(async move {
                let heard = heartbeat(&group.coordinator, &group.options, asker).await;
                heard.map(|()| Heard::Classic)
            }));
        }
    }

    pub(super) fn heard(&mut self, answer: Result<Heard>) {
        if let Err(error) = &answer {
            tracing::debug!(%error, "a heartbeat");
        }
        let heard = self.machine.heard(answer, Instant::now(), random::chance());
        if let Err(error) = heard {
            let is_auto = self.group.options.protocol == GroupProtocol::Auto;
            match is_auto && lacks_consumer_protocol(&error) {
                true => self.falls_back = true,
                false => self.tell(error),
            }
        }
        self.publish();
    }

    /// Goes on with heartbeats while something else is done.
    pub(super) async fn beating<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            let due = self.machine.heartbeat_due();
            tokio::select! {
                done = &mut work => return done,
                () = self.group.doubts.notified() => self.beat_in_doubt(),
                heard = ended(&mut self.beating) => self.heard(heard),
                () = sleep_until(due) => self.beat(Instant::now()),
            }
        }
    }
}
