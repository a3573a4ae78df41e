//! Who a member of a group is: its group, and the name that it comes back under, if it has one.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use pelton_kafka::StrBytes;

use super::World;
use crate::history::groups::{Moment, Seat, Service};

/// The group whose members all speak the classic protocol, and hand partitions out as bytes.
pub const CLASSIC_GROUP: &str = "members";
/// The group whose members all speak the consumer protocol.
pub const CONSUMER_GROUP: &str = "consumer-members";
/// The group whose members speak one or the other: it turns as they come and go.
pub const MIXED_GROUP: &str = "mixed-members";

pub const GROUPS: [&str; 3] = [CLASSIC_GROUP, CONSUMER_GROUP, MIXED_GROUP];

/// See the module.
#[derive(Clone, Debug)]
pub struct Role {
    pub group: &'static str,
    /// `group.instance.id` (KIP-345); two members may have been given the same.
    pub instance: Option<u32>,
    /// Somebody else has been given the same name.
    pub is_doubled: bool,
    /// It neither stalls nor leaves, and tells what it has.
    pub share: Option<SharedShare>,
}

/// What a steady member has, for whoever waits for its group to settle.
pub type SharedShare = Rc<RefCell<Share>>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    pub member: String,
    pub partitions: BTreeSet<i32>,
}

impl Role {
    pub fn new(group: &'static str) -> Self {
        Self { group, instance: None, is_doubled: false, share: None }
    }

    /// One of those that come back under a name. Names are given to two members each, if there are as
    /// many; `count`: of the group's members with names.
    pub fn named(group: &'static str, number: u32, count: u32) -> Self {
        let is_doubled = number + 1 < count || number % 2 == 1;
        Self { instance: Some(number / 2), is_doubled, ..Self::new(group) }
    }

    /// One that stays, and where it tells what it has.
    pub fn steady(group: &'static str) -> (Self, SharedShare) {
        let share = SharedShare::default();
        (Self { share: Some(share.clone()), ..Self::new(group) }, share)
    }

    pub fn is_steady(&self) -> bool {
        self.share.is_some()
    }

    /// Whether what the member takes for its own is nobody else's. Of a doubled classic one it may be:
    /// it does not hear at once that somebody has come in its place, and gone again.
    pub fn holds_alone(&self) -> bool {
        self.group != MIXED_GROUP || !self.is_doubled
    }

    /// Whether an epoch of the group is the only one of its number. It is not where the group turns
    /// while nobody is in it: then it begins anew.
    pub fn has_epochs(&self) -> bool {
        self.group != MIXED_GROUP
    }

    /// In the group of both protocols everybody reads the same topic.
    pub fn reads_patterns(&self) -> bool {
        self.group == CONSUMER_GROUP
    }

    pub fn instance_id(&self) -> Option<StrBytes> {
        self.instance.map(|instance| format!("static-{instance}").into())
    }

    /// Whose a partition is: a static member's, whatever its id, since it keeps what it has.
    pub fn owner(&self, id: &StrBytes) -> String {
        self.instance_id().unwrap_or_else(|| id.clone()).as_str().to_owned()
    }

    pub fn tell(&self, id: &StrBytes, partitions: impl IntoIterator<Item = i32>) {
        if let Some(share) = &self.share {
            let member = id.as_str().to_owned();
            *share.borrow_mut() = Share { member, partitions: partitions.into_iter().collect() };
        }
    }

    /// The answer to a request of `asked` says that the name is this member's.
    pub fn seated(&self, world: &World, id: &StrBytes, asked: Moment) {
        let Some(instance) = self.instance else { return };
        let (member, told) = (id.as_str().to_owned(), world.moment());
        let seat = Seat { instance, member, asked, told };
        world.history.borrow_mut().group(self.group).seats.push(seat);
    }

    /// A request of `sent` was taken as one of this member's.
    pub fn served(&self, world: &World, id: &StrBytes, sent: Moment) {
        let Some(instance) = self.instance else { return };
        let service = Service { instance, member: id.as_str().to_owned(), sent };
        world.history.borrow_mut().group(self.group).services.push(service);
    }
}
