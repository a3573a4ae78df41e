//! ListGroups 0–5: the groups of all coordinators of this broker. Filters by state (from 4) and by
//! type (from 5) ignore case; a value that nobody knows matches nothing.

use std::collections::BTreeSet;

use pelton_group::Listing;
use pelton_kafka::wire::list_groups_response::ListedGroup;
use pelton_kafka::wire::{ListGroupsRequest, ListGroupsResponse};
use pelton_kafka::{StrBytes, message};

use crate::kafka::authorize::{Operation, Resource};
use crate::kafka::context::Call;
use crate::kafka::errors::of_group_fault;

pub async fn handle(call: Call, request: ListGroupsRequest) -> ListGroupsResponse {
    let listed = match call.list_groups().await {
        Ok(listed) => listed,
        Err(fault) => {
            return message!(ListGroupsResponse { error_code: of_group_fault(fault).code() });
        }
    };
    let may_see_all = call.may(Operation::Describe, Resource::Cluster);
    let states = Filter::new(&request.states_filter);
    let types = Filter::new(&request.types_filter);
    let groups = listed
        .iter()
        .filter(|it| states.passes(it.state.name()) && types.passes(it.kind))
        .filter(|it| may_see_all || call.may(Operation::Describe, Resource::Group(&it.group)))
        .map(|it| answer(&call, it));
    message!(ListGroupsResponse { groups: groups.collect() })
}

/// Values that a group may have, in lower case; none: any.
struct Filter(BTreeSet<String>);

impl Filter {
    fn new(wanted: &[StrBytes]) -> Self {
        Self(wanted.iter().map(|value| value.as_str().to_ascii_lowercase()).collect())
    }

    fn passes(&self, value: &str) -> bool {
        self.0.is_empty() || self.0.contains(&value.to_ascii_lowercase())
    }
}

fn answer(call: &Call, listing: &Listing) -> ListedGroup {
    let mut group = message!(ListedGroup {
        group_id: (&*listing.group).into(),
        protocol_type: listing.protocol_type.as_str().into(),
    });
    if call.version() >= 4 {
        group.group_state = listing.state.name().into();
    }
    if call.version() >= 5 {
        group.group_type = listing.kind.into();
    }
    group
}
