//! Zstandard: one frame is written, several are read.

use zstd::bulk::Compressor;
use zstd::stream::read::Decoder;

use super::{Compression, DecompressError, read_bounded};

pub(super) fn compress(level: i32, bytes: &[u8]) -> Vec<u8> {
    let levels = zstd::compression_level_range();
    Compressor::new(level.clamp(*levels.start(), *levels.end()))
        .and_then(|mut compressor| compressor.compress(bytes))
        .expect("zstd fails only when memory runs out")
}

pub(super) fn decompress(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, DecompressError> {
    // The window that a frame claims (128 MiB at most) is address space until it is written to.
    let corrupt = DecompressError::Corrupt(Compression::Zstd);
    let decoder = Decoder::with_buffer(bytes).map_err(|_| corrupt)?;
    read_bounded(Compression::Zstd, decoder, bytes_max)
}
