//! A message ready to be sent.

use bytes::{Bytes, BytesMut};

/// A complete frame, its four bytes of length included, in pieces that are to be sent in order.
///
/// Records are pieces of their own, shared with whoever lent them, so that what was read from a
/// disk or a cache is not copied to be sent. An empty piece does not occur.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    pieces: Vec<Bytes>,
}

impl Frame {
    pub(crate) fn new(pieces: Vec<Bytes>) -> Self {
        debug_assert!(pieces.iter().all(|piece| !piece.is_empty()));
        Self { pieces }
    }

    pub fn pieces(&self) -> &[Bytes] {
        &self.pieces
    }

    pub fn into_pieces(self) -> Vec<Bytes> {
        self.pieces
    }

    /// The bytes of all pieces together: four more than the length in front says.
    pub fn total_bytes(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    /// All in one piece; copies, unless there is only one.
    pub fn into_contiguous(self) -> Bytes {
        if let [only] = &self.pieces[..] {
            return only.clone();
        }
        let mut all = BytesMut::with_capacity(self.total_bytes());
        for piece in &self.pieces {
            all.extend_from_slice(piece);
        }
        all.freeze()
    }
}

impl From<Bytes> for Frame {
    fn from(frame: Bytes) -> Self {
        Self { pieces: if frame.is_empty() { Vec::new() } else { vec![frame] } }
    }
}
