//! A member of a classic group.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::coordinator::command::{Join, Protocol};
use crate::coordinator::effects::Token;
use crate::ids::InstanceId;

pub(super) struct Member {
    pub instance_id: Option<InstanceId>,
    pub client_id: String,
    pub client_host: String,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    pub protocol_type: String,
    /// In the order of preference.
    pub protocols: Vec<Protocol>,
    pub assignment: Bytes,
    /// Its JoinGroup that waits for the others.
    pub joining: Option<Token>,
    /// Its SyncGroup that waits for the leader's.
    pub syncing: Option<Token>,
    /// It has not been told its id, or not by a whole rebalance yet: it cannot be heard of, and a
    /// client that has gone away and joined anew would stay for ever.
    pub is_new: bool,
}

impl Member {
    pub fn new(join: Join, token: Token) -> Self {
        Self {
            instance_id: join.instance_id,
            client_id: join.client_id,
            client_host: join.client_host,
            session_timeout_ms: join.session_timeout_ms,
            rebalance_timeout_ms: join.rebalance_timeout_ms,
            protocol_type: join.protocol_type,
            protocols: join.protocols,
            assignment: Bytes::new(),
            joining: Some(token),
            syncing: None,
            is_new: true,
        }
    }

    pub fn metadata(&self, protocol: &str) -> Bytes {
        let known = self.protocols.iter().find(|known| known.name == protocol);
        known.map(|known| known.metadata.clone()).unwrap_or_default()
    }

    /// Each name once, though a member may list it twice.
    pub fn protocol_names(&self) -> impl Iterator<Item = &str> {
        let names: BTreeSet<&str> =
            self.protocols.iter().map(|protocol| protocol.name.as_str()).collect();
        names.into_iter()
    }

    pub fn metadata_bytes(&self) -> usize {
        let Self { instance_id, client_id, protocol_type, protocols, .. } = self;
        metadata_bytes(instance_id.as_ref(), client_id, protocol_type, protocols)
    }

    /// While it waits for us, we do not wait for it.
    pub fn is_kept_alive(&self) -> bool {
        !self.is_new && (self.joining.is_some() || self.syncing.is_some())
    }
}

/// What is kept of what a member says about itself, in bytes. Each protocol counts for more than it
/// says: one without a name takes three bytes of a request.
fn metadata_bytes(
    instance_id: Option<&InstanceId>,
    client_id: &str,
    protocol_type: &str,
    protocols: &[Protocol],
) -> usize {
    let of_one = |it: &Protocol| size_of::<Protocol>() + it.name.len() + it.metadata.len();
    let instance = instance_id.map_or(0, |instance| instance.len());
    let protocols: usize = protocols.iter().map(of_one).sum();
    instance + client_id.len() + protocol_type.len() + protocols
}

/// Of somebody who asks to be a member, or joins again.
pub fn bytes_of_join(join: &Join) -> usize {
    let Join { instance_id, client_id, protocol_type, protocols, .. } = join;
    metadata_bytes(instance_id.as_ref(), client_id, protocol_type, protocols)
}
