//! Compression piece by piece.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use lz4_flex::frame::FrameEncoder;

use super::{Compression, gzip, lz4, snappy, zstd};

/// Compresses what it is given, and keeps what comes out.
///
/// Its gzip is slower than that of [`super::compress`], which cannot stop on the way.
pub struct Packer(Codec);

enum Codec {
    None(Kept),
    Gzip(GzEncoder<Kept>),
    Snappy(Box<snappy::Framer<Kept>>),
    Lz4(Box<FrameEncoder<Kept>>),
    Zstd(::zstd::stream::write::Encoder<'static, Kept>),
}

impl Packer {
    /// What comes out stands behind `room` bytes of zeros. When both together are more than
    /// `bytes_max` nothing is kept any more, but still counted.
    ///
    /// Levels are those of [`super::compress`].
    pub fn new(codec: Compression, level: i32, room: usize, bytes_max: usize) -> Self {
        let kept = Kept { bytes: vec![0; room], total_bytes: room, bytes_max };
        Self(match codec {
            Compression::None => Codec::None(kept),
            Compression::Gzip => Codec::Gzip(gzip::packer(level, kept)),
            Compression::Snappy => Codec::Snappy(Box::new(snappy::Framer::new(kept))),
            Compression::Lz4 => Codec::Lz4(Box::new(lz4::packer(kept))),
            Compression::Zstd => Codec::Zstd(zstd::packer(level, kept)),
        })
    }

    pub fn write(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Codec::None(to) => to.write_all(bytes),
            Codec::Gzip(to) => to.write_all(bytes),
            Codec::Snappy(to) => to.write_all(bytes),
            Codec::Lz4(to) => to.write_all(bytes),
            Codec::Zstd(to) => to.write_all(bytes),
        }
        .expect("what is kept takes every byte");
    }

    /// How many bytes there are, the room in front included; and they, if they are few enough.
    pub fn finish(self) -> (usize, Option<Vec<u8>>) {
        let Kept { bytes, total_bytes, bytes_max } = match self.0 {
            Codec::None(kept) => kept,
            Codec::Gzip(to) => to.finish().expect("what is kept takes every byte"),
            Codec::Snappy(to) => to.finish(),
            Codec::Lz4(to) => to.finish().expect("what is kept takes every byte"),
            Codec::Zstd(to) => to.finish().expect("zstd fails only when memory runs out"),
        };
        (total_bytes, (total_bytes <= bytes_max).then_some(bytes))
    }
}

/// Bytes up to a bound, counted beyond it.
struct Kept {
    bytes: Vec<u8>,
    total_bytes: usize,
    bytes_max: usize,
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.total_bytes += bytes.len();
        if self.total_bytes <= self.bytes_max {
            self.bytes.extend_from_slice(bytes);
        } else {
            self.bytes = Vec::new();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
