//! A group to its record and back.

use super::member::Member;
use super::{ClassicGroup, State};
use crate::coordinator::command::Protocol;
use crate::record::{GroupMetadata, MemberMetadata, Record};

impl ClassicGroup {
    /// The group as it is now.
    pub fn record(&self) -> Record {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let members = self.members.iter().map(|(id, member)| MemberMetadata {
            member_id: id.clone(),
            instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            session_timeout_ms: member.session_timeout_ms,
            subscription: member.metadata(protocol),
            assignment: member.assignment.clone(),
        });
        let value = GroupMetadata {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            current_state_timestamp: self.since.map_or(-1, |since| since.get()),
            members: members.collect(),
        };
        Record::GroupMetadata { group: self.id.clone(), value: Some(value) }
    }

    /// Becomes what a record says.
    pub fn restore(&mut self, value: GroupMetadata) {
        *self = Self::new(self.id.clone());
        self.protocol_type = Some(value.protocol_type).filter(|kind| !kind.is_empty());
        self.generation = value.generation;
        self.since = (value.current_state_timestamp != -1)
            .then_some(pelton_model::TimestampMs::new(value.current_state_timestamp));
        let protocol = value.protocol;
        let protocol_type = self.protocol_type.clone().unwrap_or_default();
        for member in value.members {
            let restored = Member {
                instance_id: member.instance_id,
                client_id: member.client_id,
                client_host: member.client_host,
                session_timeout_ms: member.session_timeout_ms,
                rebalance_timeout_ms: match member.rebalance_timeout_ms {
                    -1 => member.session_timeout_ms,
                    timeout => timeout,
                },
                protocol_type: protocol_type.clone(),
                // What else it knows was not written: it joins again before that is needed.
                protocols: vec![Protocol {
                    name: protocol.clone().unwrap_or_default(),
                    metadata: member.subscription,
                }],
                assignment: member.assignment,
                joining: None,
                syncing: None,
                is_new: false,
            };
            self.add_member(member.member_id, restored);
        }
        self.protocol = protocol;
        self.leader = value.leader;
        self.state = if self.members.is_empty() { State::Empty } else { State::Stable };
        self.subscriptions = self.read_subscriptions();
    }
}
