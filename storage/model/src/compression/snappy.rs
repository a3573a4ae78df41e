//! Snappy in the framing of xerial's snappy-java, which Kafka's clients write; and without any,
//! as some C clients do.

use snap::raw::{Decoder, Encoder, decompress_len};

use super::{Compression, DecompressError};

/// "\x82SNAPPY\0", version 1, readable from version 1 on.
const XERIAL_HEADER: [u8; 16] = *b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
const XERIAL_MAGIC: &[u8] = b"\x82SNAPPY\0";

/// The block size of snappy-java.
const BLOCK_BYTES: usize = 32 << 10;

/// A copy of 64 bytes takes 3: nothing that claims more than this can be true.
const RATIO_MAX: usize = 22;

const CORRUPT: DecompressError = DecompressError::Corrupt(Compression::Snappy);

pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    let mut out = XERIAL_HEADER.to_vec();
    for block in bytes.chunks(BLOCK_BYTES) {
        let block = encoder.compress_vec(block).expect("a block of 32 KiB is not too long");
        out.extend_from_slice(&(block.len() as u32).to_be_bytes());
        out.extend_from_slice(&block);
    }
    out
}

pub(super) fn decompress(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, DecompressError> {
    let mut out = Vec::new();
    if !bytes.starts_with(XERIAL_MAGIC) {
        append_block(bytes, bytes_max, &mut out)?;
        return Ok(out);
    }
    let mut rest = bytes.get(XERIAL_HEADER.len()..).ok_or(CORRUPT)?;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>().ok_or(CORRUPT)?;
        let length = usize::try_from(i32::from_be_bytes(*length)).map_err(|_| CORRUPT)?;
        let (block, after) = after.split_at_checked(length).ok_or(CORRUPT)?;
        append_block(block, bytes_max, &mut out)?;
        rest = after;
    }
    Ok(out)
}

fn append_block(block: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> Result<(), DecompressError> {
    let claimed = decompress_len(block).map_err(|_| CORRUPT)?;
    if claimed > block.len().saturating_mul(RATIO_MAX) {
        return Err(CORRUPT);
    }
    if claimed > bytes_max - out.len() {
        return Err(DecompressError::TooLarge { bytes_max });
    }
    let start = out.len();
    out.resize(start + claimed, 0);
    Decoder::new().decompress(block, &mut out[start..]).map_err(|_| CORRUPT)?;
    Ok(())
}
