//! Decompression piece by piece, within a bound.

use std::io::{self, Read};

use super::{Compression, DecompressError, gzip, lz4, snappy, zstd};

/// The plain bytes of compressed ones, as far as somebody asks for them.
///
/// Beside the pieces that are asked for, memory goes to what the codec has to look back on: a block
/// of lz4 (4 MiB at most) and the one before it, a block of snappy, the window that zstd has filled.
pub struct Unpacker<'a> {
    codec: Compression,
    source: Box<dyn Read + 'a>,
    unpacked_bytes: usize,
    bytes_max: usize,
}

impl<'a> Unpacker<'a> {
    /// Of bytes that may become `bytes_max` at most.
    ///
    /// # Errors
    /// The bytes do not begin as the codec's do.
    pub fn new(
        codec: Compression,
        bytes: &'a [u8],
        bytes_max: usize,
    ) -> Result<Self, DecompressError> {
        let source: Box<dyn Read + 'a> = match codec {
            Compression::None => Box::new(bytes),
            Compression::Gzip => Box::new(gzip::unpacker(bytes)),
            Compression::Snappy => Box::new(snappy::Blocks::new(bytes, bytes_max)?),
            Compression::Lz4 => Box::new(lz4::unpacker(bytes)?),
            Compression::Zstd => Box::new(zstd::unpacker(bytes)),
        };
        Ok(Self { codec, source, unpacked_bytes: 0, bytes_max })
    }

    /// Unpacks as much as is at hand into `into`, which has room unless the bound is reached, and
    /// says how many bytes that were; none at the end.
    ///
    /// # Errors
    /// There is a byte beyond the bound, or the bytes are not what the codec writes.
    pub fn read(&mut self, into: &mut [u8]) -> Result<usize, DecompressError> {
        let room = into.len().min(self.bytes_max - self.unpacked_bytes);
        if room == 0 {
            return match self.fill(&mut [0])? {
                0 => Ok(0),
                _ => Err(DecompressError::TooLarge { bytes_max: self.bytes_max }),
            };
        }
        let count = self.fill(&mut into[..room])?;
        self.unpacked_bytes += count;
        Ok(count)
    }

    fn fill(&mut self, into: &mut [u8]) -> Result<usize, DecompressError> {
        self.source.read(into).map_err(|error| fault(self.codec, &error))
    }
}

/// What our own readers found out stands in their errors; all others mean bytes of no sense.
fn fault(codec: Compression, error: &io::Error) -> DecompressError {
    let ours = error.get_ref().and_then(|error| error.downcast_ref());
    ours.copied().unwrap_or(DecompressError::Corrupt(codec))
}
