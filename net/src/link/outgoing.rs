//! Cuts a list of slices into steps for `sendmsg`.

use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// One step: more would hold the core (R8) and the socket's buffer would not take it anyway.
pub(super) const STEP_BYTES_MAX: usize = 256 << 10;

/// Slices up to this size are copied together: below it a copy is cheaper than an entry of its
/// own in the kernel's list. Larger ones are sent from where they lie.
pub(super) const GATHERED_BYTES_MAX: usize = 4 << 10;

/// Entries of one step; the kernel's own limit is 1024 (`UIO_MAXIOV`).
const STEP_SLICES_MAX: usize = 64;

/// What of a write is still to be sent.
pub(super) struct Outgoing {
    pieces: Vec<Bytes>,
    first: usize,
}

/// How one entry of a step comes about.
enum Entry<'a> {
    /// The next so many bytes of the gather buffer.
    Gathered(usize),
    InPlace(&'a [u8]),
}

impl Outgoing {
    pub(super) fn new(mut pieces: Vec<Bytes>) -> Self {
        pieces.retain(|piece| !piece.is_empty());
        Self { pieces, first: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first == self.pieces.len()
    }

    /// Calls `send` with the slices of the next step, at least one unless all is sent. `gather`
    /// is overwritten; it is used during the call only, so that a shard needs one for all links.
    pub(super) fn with_step<R>(
        &self,
        gather: &mut Vec<u8>,
        send: impl FnOnce(&[IoSlice<'_>]) -> R,
    ) -> R {
        gather.clear();
        let mut entries: Vec<Entry<'_>> = Vec::new();
        let mut room = STEP_BYTES_MAX;
        for piece in self.pieces.iter().skip(self.first) {
            if room == 0 || entries.len() == STEP_SLICES_MAX {
                break;
            }
            let part = piece.get(..room).unwrap_or(piece);
            room -= part.len();
            if part.len() > GATHERED_BYTES_MAX {
                entries.push(Entry::InPlace(part));
                continue;
            }
            gather.extend_from_slice(part);
            match entries.last_mut() {
                Some(Entry::Gathered(bytes)) => *bytes += part.len(),
                _ => entries.push(Entry::Gathered(part.len())),
            }
        }

        let mut gathered = gather.as_slice();
        let slices: Vec<IoSlice<'_>> = entries
            .iter()
            .map(|entry| match entry {
                Entry::Gathered(bytes) => {
                    let (run, rest) = gathered.split_at(*bytes);
                    gathered = rest;
                    IoSlice::new(run)
                }
                Entry::InPlace(part) => IoSlice::new(part),
            })
            .collect();
        send(&slices)
    }

    /// The first `sent` bytes are gone.
    pub(super) fn advance(&mut self, mut sent: usize) {
        while sent > 0 {
            let Some(piece) = self.pieces.get_mut(self.first) else {
                debug_assert!(false, "more sent than there was");
                return;
            };
            if sent < piece.len() {
                piece.advance(sent);
                return;
            }
            sent -= piece.len();
            // What is sent is let go at once: the memory may be wanted while the rest waits.
            *piece = Bytes::new();
            self.first += 1;
        }
    }
}

#[cfg(test)]
#[path = "outgoing_test.rs"]
mod outgoing_test;
