//! Coordinators come with their partitions, and go with them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use pelton_model::{Offset, PartitionId};
use pelton_storage::event::Event;

use super::{Coordinators, GroupFault, Hosted, HostedState, OFFSETS_TOPIC};
use crate::message::Delta;
use crate::shard::Shard;

impl Coordinators {
    pub(super) fn get(&self, partition: PartitionId) -> Option<Rc<Hosted>> {
        self.hosted.borrow().get(&partition).cloned()
    }

    pub(super) fn all(&self) -> Vec<Rc<Hosted>> {
        self.hosted.borrow().values().cloned().collect()
    }

    /// After each step of the coordinator, and when it goes.
    pub(super) fn count_members(&self, hosted: &Hosted, count: usize) {
        let before = hosted.consumer_members.replace(count);
        self.consumer_members.set(self.consumer_members.get() - before + count);
    }
}

impl Hosted {
    fn new(partition: PartitionId) -> Self {
        Self {
            partition,
            state: RefCell::new(HostedState::Failed),
            life: Cell::new(0),
            consumer_members: Cell::new(0),
            newest: Cell::new(Offset::ZERO),
            changed: Event::default(),
            sleeps_until: Cell::new(None),
        }
    }
}

impl Shard {
    /// After a change of metadata: the partitions of `__consumer_offsets` that have come here get
    /// their coordinators.
    pub fn host_coordinators(self: &Rc<Self>, delta: &Delta) {
        let Some(topic) = self.view.borrow().cluster.topic(OFFSETS_TOPIC).map(|topic| topic.id)
        else {
            return;
        };
        for (partition, owner) in &delta.placements {
            if *owner == self.id
                && partition.topic == topic
                && self.groups.get(*partition).is_none()
            {
                let hosted = Rc::new(Hosted::new(*partition));
                self.groups.hosted.borrow_mut().insert(*partition, hosted.clone());
                self.load(&hosted);
            }
        }
    }

    /// The partitions are gone, and their coordinators with them.
    pub fn dismiss_coordinators(self: &Rc<Self>, removed: &[PartitionId]) {
        for partition in removed {
            let hosted = self.groups.hosted.borrow_mut().remove(partition);
            if let Some(hosted) = hosted {
                self.end(&hosted, HostedState::Closed);
            }
        }
    }

    /// The shard stops: who waits for a rebalance is told to look elsewhere, or later.
    pub fn stop_coordinators(self: &Rc<Self>) {
        for hosted in self.groups.all() {
            self.end(&hosted, HostedState::Closed);
        }
    }

    /// The state is ahead of the log: it is thrown away.
    pub(super) fn fail(self: &Rc<Self>, hosted: &Rc<Hosted>) {
        if matches!(*hosted.state.borrow(), HostedState::Ready(_)) {
            tracing::error!(partition = %hosted.partition, "a coordinator is dropped");
            self.end(hosted, HostedState::Failed);
        }
    }

    fn end(self: &Rc<Self>, hosted: &Rc<Hosted>, state: HostedState) {
        let before = hosted.state.replace(state);
        hosted.changed.notify();
        self.groups.count_members(hosted, 0);
        if let HostedState::Ready(mut coordinator) = before {
            let fault = GroupFault::NotCoordinator;
            let told = coordinator.take_waiting().into_iter().map(|token| (token, Err(fault)));
            self.send_group_answers(told.collect());
        }
    }
}
