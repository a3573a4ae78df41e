//! Snappy in the framing of xerial's snappy-java, which Kafka's clients write; and without any,
//! as some C clients do.

use std::io::{self, Read, Write};

use snap::raw::{Decoder, Encoder, decompress_len};

use super::snappy_block::Block;
use super::{Compression, DecompressError};

/// "\x82SNAPPY\0", version 1, readable from version 1 on.
const XERIAL_HEADER: [u8; 16] = *b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
const XERIAL_MAGIC: &[u8] = b"\x82SNAPPY\0";

/// The block size of snappy-java.
const BLOCK_BYTES: usize = 32 << 10;

/// Blocks up to this size are decompressed in one go, by a decoder that is faster than ours.
const WHOLE_BLOCK_BYTES_MAX: usize = 64 << 10;

/// A copy of 64 bytes takes 3: nothing that claims more than this can be true.
const RATIO_MAX: usize = 22;

const CORRUPT: DecompressError = DecompressError::Corrupt(Compression::Snappy);

pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut framer = Framer::new(Vec::new());
    framer.write_all(bytes).expect("a Vec takes every byte");
    framer.finish()
}

/// Writes xerial's framing.
pub(super) struct Framer<W> {
    encoder: Encoder,
    /// Less than a block.
    waiting: Vec<u8>,
    to: W,
}

impl<W: Write> Framer<W> {
    /// Of something that takes every byte.
    pub fn new(mut to: W) -> Self {
        to.write_all(&XERIAL_HEADER).expect("it takes every byte");
        Self { encoder: Encoder::new(), waiting: Vec::new(), to }
    }

    pub fn finish(mut self) -> W {
        if !self.waiting.is_empty() {
            let waiting = std::mem::take(&mut self.waiting);
            self.write_block(&waiting).expect("it takes every byte");
        }
        self.to
    }

    fn write_block(&mut self, block: &[u8]) -> io::Result<()> {
        let block = self.encoder.compress_vec(block).expect("a block of 32 KiB is not too long");
        self.to.write_all(&(block.len() as u32).to_be_bytes())?;
        self.to.write_all(&block)
    }
}

impl<W: Write> Write for Framer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.waiting.is_empty() && bytes.len() >= BLOCK_BYTES {
            self.write_block(&bytes[..BLOCK_BYTES])?;
            return Ok(BLOCK_BYTES);
        }
        let taken = bytes.len().min(BLOCK_BYTES - self.waiting.len());
        self.waiting.extend_from_slice(&bytes[..taken]);
        if self.waiting.len() == BLOCK_BYTES {
            let mut block = std::mem::take(&mut self.waiting);
            self.write_block(&block)?;
            block.clear();
            self.waiting = block;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads either form. Its errors are [`DecompressError`]s.
pub(super) struct Blocks<'a> {
    /// Blocks that are not begun.
    rest: &'a [u8],
    block: Block<'a>,
    /// What the blocks so far claim to be.
    claimed_bytes: usize,
    bytes_max: usize,
}

impl<'a> Blocks<'a> {
    pub fn new(bytes: &'a [u8], bytes_max: usize) -> Result<Self, DecompressError> {
        let is_framed = bytes.starts_with(XERIAL_MAGIC);
        let (rest, whole) = match is_framed {
            true => (bytes.get(XERIAL_HEADER.len()..).ok_or(CORRUPT)?, None),
            false => (&bytes[..0], Some(bytes)),
        };
        let mut blocks = Self { rest, block: Block::default(), claimed_bytes: 0, bytes_max };
        if let Some(block) = whole {
            blocks.begin(block)?;
        }
        Ok(blocks)
    }

    fn read(&mut self, into: &mut [u8]) -> Result<usize, DecompressError> {
        loop {
            match self.block.read(into).ok_or(CORRUPT)? {
                0 if !self.rest.is_empty() && !into.is_empty() => self.next_block()?,
                count => return Ok(count),
            }
        }
    }

    fn next_block(&mut self) -> Result<(), DecompressError> {
        let (length, after) = self.rest.split_first_chunk::<4>().ok_or(CORRUPT)?;
        let length = usize::try_from(i32::from_be_bytes(*length)).map_err(|_| CORRUPT)?;
        let (block, after) = after.split_at_checked(length).ok_or(CORRUPT)?;
        self.rest = after;
        self.begin(block)
    }

    fn begin(&mut self, block: &'a [u8]) -> Result<(), DecompressError> {
        let claimed = decompress_len(block).map_err(|_| CORRUPT)?;
        if claimed > block.len().saturating_mul(RATIO_MAX) {
            return Err(CORRUPT);
        }
        if claimed > self.bytes_max - self.claimed_bytes {
            return Err(DecompressError::TooLarge { bytes_max: self.bytes_max });
        }
        self.claimed_bytes += claimed;
        self.block = match claimed {
            ..=WHOLE_BLOCK_BYTES_MAX => {
                let mut plain = vec![0; claimed];
                Decoder::new().decompress(block, &mut plain).map_err(|_| CORRUPT)?;
                Block::done(plain)
            }
            _ => Block::begin(block, claimed).ok_or(CORRUPT)?,
        };
        Ok(())
    }
}

impl Read for Blocks<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        Blocks::read(self, into).map_err(io::Error::other)
    }
}
