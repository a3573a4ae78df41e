//! LZ4's frame format. Kafka's Java client reads independent blocks only, so those are written;
//! linked ones are read, for they may lie in a log already.

use std::io::Write;

use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

use super::{Compression, DecompressError};

const MAGIC: [u8; 4] = 0x184d_2204_u32.to_le_bytes();

// Bits of the frame's FLG byte.
const INDEPENDENT_BLOCKS: u8 = 1 << 5;
const BLOCK_CHECKSUMS: u8 = 1 << 4;
const CONTENT_SIZE: u8 = 1 << 3;
const CONTENT_CHECKSUM: u8 = 1 << 2;
const DICTIONARY_ID: u8 = 1;

/// In a block's length: the block is not compressed.
const UNCOMPRESSED_BLOCK: u32 = 1 << 31;

const CORRUPT: DecompressError = DecompressError::Corrupt(Compression::Lz4);

pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = packer(Vec::new());
    encoder.write_all(bytes).expect("a Vec takes every byte");
    encoder.finish().expect("a Vec takes every byte")
}

pub(super) fn packer<W: Write>(to: W) -> FrameEncoder<W> {
    let frame = FrameInfo::new().block_size(BlockSize::Max64KB).block_mode(BlockMode::Independent);
    FrameEncoder::with_frame_info(frame, to)
}

pub(super) fn unpacker(bytes: &[u8]) -> Result<FrameDecoder<&[u8]>, DecompressError> {
    check_structure(bytes)?;
    Ok(FrameDecoder::new(bytes))
}

/// Whether these bytes are a frame whose blocks refer to former ones: common defaults of lz4
/// libraries, but unreadable for Kafka's Java client. Looks at the frame's header only.
pub fn has_linked_blocks(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC) && bytes.get(4).is_some_and(|flags| flags & INDEPENDENT_BLOCKS == 0)
}

/// One frame, whole, and nothing behind it. The decoder takes a frame without its end mark for
/// finished and does not look behind the end.
fn check_structure(bytes: &[u8]) -> Result<(), DecompressError> {
    let rest = bytes.strip_prefix(&MAGIC).ok_or(CORRUPT)?;
    let flags = *rest.first().ok_or(CORRUPT)?;
    let has = |flag: u8| flags & flag != 0;
    let optional = |flag: u8, bytes: usize| if has(flag) { bytes } else { 0 };
    // FLG, BD, and the header's checksum at its end.
    let header_bytes = 3 + optional(CONTENT_SIZE, 8) + optional(DICTIONARY_ID, 4);
    let mut rest = rest.get(header_bytes..).ok_or(CORRUPT)?;
    loop {
        let (length, after) = rest.split_first_chunk::<4>().ok_or(CORRUPT)?;
        let length = u32::from_le_bytes(*length);
        if length == 0 {
            let behind = after.len().checked_sub(optional(CONTENT_CHECKSUM, 4));
            return if behind == Some(0) { Ok(()) } else { Err(CORRUPT) };
        }
        let length = (length & !UNCOMPRESSED_BLOCK) as usize + optional(BLOCK_CHECKSUMS, 4);
        rest = after.get(length..).ok_or(CORRUPT)?;
    }
}
