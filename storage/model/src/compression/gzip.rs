//! Gzip: one member is written, several are read.

use flate2::bufread::MultiGzDecoder;
use libdeflater::{CompressionLvl, Compressor};

use super::{Compression, DecompressError, read_bounded};

/// What zlib, and so Kafka, means by level −1.
const DEFAULT_LEVEL: i32 = 6;

pub(super) fn compress(level: i32, bytes: &[u8]) -> Vec<u8> {
    let level = if level < 0 { DEFAULT_LEVEL } else { level.clamp(1, 9) };
    let mut compressor = Compressor::new(CompressionLvl::new(level).unwrap_or_default());
    let mut out = vec![0; compressor.gzip_compress_bound(bytes.len())];
    let length = compressor
        .gzip_compress(bytes, &mut out)
        .expect("gzip_compress_bound is what gzip_compress needs");
    out.truncate(length);
    out
}

pub(super) fn decompress(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, DecompressError> {
    // libdeflate decompresses faster, but only into a buffer of a length that the bytes claim.
    read_bounded(Compression::Gzip, MultiGzDecoder::new(bytes), bytes_max)
}
