//! Zstandard: one frame is written, several are read.

use std::io::Write;

use zstd::bulk::Compressor;
use zstd::stream::read::Decoder;
use zstd::stream::write::Encoder;

use super::{Compression, DecompressError};

pub(super) fn compress(level: i32, bytes: &[u8]) -> Vec<u8> {
    Compressor::new(known(level))
        .and_then(|mut compressor| compressor.compress(bytes))
        .expect("zstd fails only when memory runs out")
}

pub(super) fn packer<W: Write>(level: i32, to: W) -> Encoder<'static, W> {
    Encoder::new(to, known(level)).expect("zstd fails only when memory runs out")
}

/// The window that a frame claims (128 MiB at most) is address space until it is written to.
pub(super) fn unpacker(bytes: &[u8]) -> Result<Decoder<'static, &[u8]>, DecompressError> {
    Decoder::with_buffer(bytes).map_err(|_| DecompressError::Corrupt(Compression::Zstd))
}

fn known(level: i32) -> i32 {
    let levels = zstd::compression_level_range();
    level.clamp(*levels.start(), *levels.end())
}
