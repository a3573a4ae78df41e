//! Gzip: one member is written, several are read.

use std::io::Write;

use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use libdeflater::{CompressionLvl, Compressor};

/// What zlib, and so Kafka, means by level −1.
const DEFAULT_LEVEL: i32 = 6;

pub(super) fn compress(level: i32, bytes: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(CompressionLvl::new(known(level)).unwrap_or_default());
    let mut out = vec![0; compressor.gzip_compress_bound(bytes.len())];
    let length = compressor
        .gzip_compress(bytes, &mut out)
        .expect("gzip_compress_bound is what gzip_compress needs");
    out.truncate(length);
    out
}

/// libdeflate compresses faster, but only all at once.
pub(super) fn packer<W: Write>(level: i32, to: W) -> GzEncoder<W> {
    GzEncoder::new(to, flate2::Compression::new(known(level) as u32))
}

/// libdeflate decompresses faster, but only into a buffer of a length that the bytes claim.
pub(super) fn unpacker(bytes: &[u8]) -> MultiGzDecoder<&[u8]> {
    MultiGzDecoder::new(bytes)
}

/// The level that Kafka's level means.
fn known(level: i32) -> i32 {
    if level < 0 { DEFAULT_LEVEL } else { level.clamp(1, 9) }
}
