//! A fetch session as a consumer keeps it (KIP-227): asked for is only what has changed.

use std::collections::BTreeSet;

use pelton_kafka::ErrorCode;

/// One request in flight at most: their epochs must arrive in order.
#[derive(Debug)]
pub(super) struct FetchSession {
    /// Whether the broker and the plan have sessions at all.
    is_used: bool,
    /// 0 until the broker has given one.
    id: i32,
    epoch: i32,
    changed: BTreeSet<i32>,
    forgotten: BTreeSet<i32>,
}

/// What a request says of its session.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asking {
    pub session_id: i32,
    pub session_epoch: i32,
    /// None: all of them.
    pub partitions: Option<BTreeSet<i32>>,
    pub forgotten: BTreeSet<i32>,
}

/// A request without a session.
const NO_SESSION_EPOCH: i32 = -1;

impl FetchSession {
    pub fn new(is_used: bool) -> Self {
        Self { is_used, id: 0, epoch: 0, changed: BTreeSet::new(), forgotten: BTreeSet::new() }
    }

    /// A partition is to be read from elsewhere than the broker knows.
    pub fn change(&mut self, partition: i32) {
        self.changed.insert(partition);
    }

    /// A partition is not to be read any more.
    pub fn forget(&mut self, partition: i32) {
        self.changed.remove(&partition);
        self.forgotten.insert(partition);
    }

    /// For the next request.
    pub fn ask(&mut self) -> Asking {
        let changed = std::mem::take(&mut self.changed);
        let forgotten = std::mem::take(&mut self.forgotten);
        if !self.is_used {
            return Asking {
                session_id: 0,
                session_epoch: NO_SESSION_EPOCH,
                partitions: None,
                forgotten: BTreeSet::new(),
            };
        }
        let is_new = self.id == 0;
        Asking {
            session_id: self.id,
            session_epoch: self.epoch,
            partitions: (!is_new).then_some(changed),
            // A new session knows nothing that it could forget.
            forgotten: if is_new { BTreeSet::new() } else { forgotten },
        }
    }

    /// The answer came; `id` is 0 if the broker keeps no session, having too many.
    pub fn answered(&mut self, id: i32) {
        self.id = id;
        self.epoch = match (id, self.epoch) {
            (0, _) => 0,
            (_, i32::MAX) => 1,
            (_, epoch) => epoch + 1,
        };
    }

    /// Whether the answer's error means that the broker has forgotten the session; then the next
    /// request begins another. One that is refused from its beginning is not lost.
    pub fn is_lost(&mut self, error: ErrorCode) -> bool {
        let is_lost = self.id != 0
            && matches!(
                error,
                ErrorCode::FetchSessionIdNotFound
                    | ErrorCode::InvalidFetchSessionEpoch
                    | ErrorCode::FetchSessionTopicIdError
            );
        if is_lost {
            *self = Self::new(self.is_used);
        }
        is_lost
    }
}

#[cfg(test)]
#[path = "fetch_session_test.rs"]
mod fetch_session_test;
