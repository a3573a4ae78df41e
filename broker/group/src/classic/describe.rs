//! A group as DescribeGroups tells it.

use bytes::Bytes;

use super::{ClassicGroup, State};
use crate::coordinator::reply::{Description, MemberDescription};

impl ClassicGroup {
    pub fn describe(&self) -> Description {
        let is_stable = self.state == State::Stable;
        let protocol = self.protocol.as_deref().filter(|_| is_stable).unwrap_or_default();
        let members = self.members.iter().map(|(id, member)| MemberDescription {
            member_id: id.clone(),
            instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            metadata: match is_stable {
                true => member.metadata(protocol),
                false => Bytes::new(),
            },
            assignment: member.assignment.clone(),
        });
        Description {
            state: self.state,
            protocol_type: self.protocol_type().to_owned(),
            protocol: protocol.to_owned(),
            members: members.collect(),
        }
    }
}
