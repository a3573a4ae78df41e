//! A client's half of a fetch session (KIP-227).

use std::collections::BTreeMap;

use pelton_kafka::ErrorCode;

use super::fetch::Position;
use crate::history::Partition;

/// Says that there is no session.
const NONE: i32 = -1;
/// Begins one, with everything that is wanted.
const FULL: i32 = 0;

/// What the broker is to remember between two fetches.
pub struct FetchSession {
    id: i32,
    epoch: i32,
    /// What it was told last.
    told: BTreeMap<Partition, i64>,
}

impl FetchSession {
    /// Each fetch stands for itself.
    pub fn none() -> Self {
        Self { id: 0, epoch: NONE, told: BTreeMap::new() }
    }

    /// Begins with the next fetch.
    pub fn begin() -> Self {
        Self { epoch: FULL, ..Self::none() }
    }

    pub fn id_and_epoch(&self) -> (i32, i32) {
        (self.id, self.epoch)
    }

    /// Whether an answer leaves out what there is no news of.
    pub fn is_incremental(&self) -> bool {
        self.epoch > FULL
    }

    /// Whether the next request has to name this position.
    pub fn must_tell(&self, position: &Position) -> bool {
        !self.is_incremental() || self.told.get(&position.partition()) != Some(&position.offset)
    }

    /// A fetch was answered, and the session goes on with what it was told.
    pub fn advance(&mut self, id: i32, positions: &[Position]) {
        if self.epoch == NONE || id == 0 {
            *self = Self::none();
            return;
        }
        self.id = id;
        self.epoch += 1;
        let told = positions.iter().map(|position| (position.partition(), position.offset));
        self.told.extend(told);
    }

    /// `true`: the broker does not know the session, and a new one is to begin.
    pub fn is_gone(&mut self, error: ErrorCode) -> bool {
        let is_gone = matches!(
            error,
            ErrorCode::FetchSessionIdNotFound | ErrorCode::InvalidFetchSessionEpoch
        );
        if is_gone && self.is_incremental() {
            *self = Self::begin();
            return true;
        }
        false
    }
}
