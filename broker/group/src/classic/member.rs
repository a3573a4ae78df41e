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

    /// While it waits for us, we do not wait for it.
    pub fn is_kept_alive(&self) -> bool {
        !self.is_new && (self.joining.is_some() || self.syncing.is_some())
    }
}

/// What a member says about itself, in bytes.
pub(super) fn metadata_bytes(protocols: &[Protocol]) -> usize {
    protocols.iter().map(|protocol| protocol.name.len() + protocol.metadata.len()).sum()
}
