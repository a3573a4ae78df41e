//! What a connection waits for, seen from outside: is it the peer who keeps us waiting?

use std::cell::Cell;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Not reading: full, working, or waiting for memory.
    #[default]
    Nothing,
    /// The peer may send a request, or not.
    NextFrame,
    /// The peer has begun a frame and owes the rest.
    RestOfFrame,
    /// The peer sends no more. It may have gone, whatever is still being answered.
    Ended,
}

/// Shared by the two directions of one connection and its watchdog.
#[derive(Default)]
pub(crate) struct Watch {
    progress: Cell<u64>,
    pub(crate) reading: Cell<Reading>,
    /// Bytes of ours are on their way, and the peer has not taken them.
    pub(crate) writing: Cell<bool>,
}

impl Watch {
    /// Bytes have moved.
    pub(crate) fn note_progress(&self) {
        self.progress.set(self.progress.get().wrapping_add(1));
    }

    /// Changes whenever bytes have moved.
    pub(crate) fn progress(&self) -> u64 {
        self.progress.get()
    }

    /// Whether the next move is the peer's. While requests are being answered, silence is ours.
    pub(crate) fn peer_is_to_move(&self, answers_pending: bool) -> bool {
        self.writing.get()
            || match self.reading.get() {
                Reading::Nothing => false,
                Reading::NextFrame => !answers_pending,
                Reading::RestOfFrame | Reading::Ended => true,
            }
    }
}
