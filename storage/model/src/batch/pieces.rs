//! The plain bytes of a batch's records, piece by piece, whether they are compressed or not.

use crate::compression::{Compression, DecompressError, Unpacker};

/// Plain bytes that are unpacked, or compressed, in a step: gzip at its default level takes 0.5 ms.
pub(super) const PACK_STEP_BYTES: usize = 8 << 10;

/// Plain bytes whose records are walked in a step: 0.2 ms if all records are as short as can be.
pub(super) const WALK_STEP_BYTES: usize = 64 << 10;

pub(super) enum Pieces<'a> {
    /// What was not given out yet.
    Plain(&'a [u8]),
    Packed {
        unpacker: Unpacker<'a>,
        /// Where the plain bytes of a step are.
        piece: Vec<u8>,
    },
}

impl<'a> Pieces<'a> {
    /// Of what stands behind a batch's header, and may become `bytes_max` bytes when it is unpacked.
    pub fn new(
        codec: Compression,
        body: &'a [u8],
        bytes_max: usize,
    ) -> Result<Self, DecompressError> {
        Ok(match codec {
            Compression::None => Self::Plain(body),
            _ => Self::Packed {
                unpacker: Unpacker::new(codec, body, bytes_max)?,
                piece: vec![0; PACK_STEP_BYTES],
            },
        })
    }

    /// The next piece, of at most `plain_step` bytes where nothing is to be unpacked; empty at the end.
    pub fn next(&mut self, plain_step: usize) -> Result<&[u8], DecompressError> {
        match self {
            Self::Plain(rest) => {
                let (piece, behind) = rest.split_at(plain_step.min(rest.len()));
                *rest = behind;
                Ok(piece)
            }
            Self::Packed { unpacker, piece } => {
                let count = unpacker.read(piece)?;
                Ok(&piece[..count])
            }
        }
    }

    /// Whether it is known already that there is no other.
    pub fn is_at_end(&self) -> bool {
        matches!(self, Self::Plain([]))
    }
}
