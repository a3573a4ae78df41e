//! The four codecs that Kafka has, in the framings that Kafka's clients read.

mod gzip;
mod lz4;
mod pack;
mod snappy;
mod snappy_block;
mod unpack;
mod zstd;

use std::fmt;

pub use lz4::has_linked_blocks as lz4_has_linked_blocks;
pub use pack::Packer;
pub use unpack::Unpacker;

/// How the records of a batch are compressed: bits 0 to 2 of its attributes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Compression {
    #[default]
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// Why bytes did not decompress.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecompressError {
    /// They are not what the codec writes.
    Corrupt(Compression),
    /// They are more than this many bytes when decompressed.
    TooLarge { bytes_max: usize },
}

impl Compression {
    pub const ALL: [Compression; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The codec of an id 0 to 4, none of others.
    pub const fn from_id(id: u8) -> Option<Self> {
        match id {
            0 => Some(Self::None),
            1 => Some(Self::Gzip),
            2 => Some(Self::Snappy),
            3 => Some(Self::Lz4),
            4 => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The number that stands in a batch's attributes.
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// Kafka's name, as in `compression.type` of a producer.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// The level that Kafka uses where none is configured.
    pub const fn default_level(self) -> i32 {
        match self {
            Self::None | Self::Snappy => 0,
            Self::Gzip => -1,
            Self::Lz4 => 9,
            Self::Zstd => 3,
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for DecompressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt(codec) => write!(f, "the records are not valid {codec}"),
            Self::TooLarge { bytes_max } => {
                write!(f, "the records decompress to more than {bytes_max} bytes")
            }
        }
    }
}

impl std::error::Error for DecompressError {}

/// Compresses at Kafka's `level` for the codec: gzip 1 to 9 or −1, zstd −131072 to 22. Snappy has
/// no levels, and of lz4 there is the fast one only. A level out of range acts as the nearest.
pub fn compress(codec: Compression, level: i32, bytes: &[u8]) -> Vec<u8> {
    match codec {
        Compression::None => bytes.to_vec(),
        Compression::Gzip => gzip::compress(level, bytes),
        Compression::Snappy => snappy::compress(bytes),
        Compression::Lz4 => lz4::compress(bytes),
        Compression::Zstd => zstd::compress(level, bytes),
    }
}

/// Decompresses whatever Kafka's clients write, to at most `bytes_max` bytes.
///
/// What comes out grows with what was really decompressed, never from a length that the bytes
/// claim. What is needed beside it, [`Unpacker`] says.
pub fn decompress_bounded(
    codec: Compression,
    bytes: &[u8],
    bytes_max: usize,
) -> Result<Vec<u8>, DecompressError> {
    let mut unpacker = Unpacker::new(codec, bytes, bytes_max)?;
    let mut out = Vec::new();
    let mut filled = 0;
    loop {
        if filled == out.len() {
            // Past the bound there is no room: then the unpacker says whether there is more.
            let growth = filled.max(GROWTH_BYTES).min(bytes_max - filled);
            if out.try_reserve_exact(growth).is_err() {
                return Err(DecompressError::TooLarge { bytes_max: filled });
            }
            out.resize(filled + growth, 0);
        }
        match unpacker.read(&mut out[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    out.truncate(filled);
    Ok(out)
}

/// The first step of growth; then it doubles. (`Read::read_to_end` would double past the bound.)
const GROWTH_BYTES: usize = 16 << 10;

#[cfg(test)]
#[path = "compression_test.rs"]
mod compression_test;
