//! Zstandard: one frame is written, several are read.
//!
//! Making a context costs more than what a small batch needs of it, so each thread keeps its own.
//! What comes out does not depend on what a context did before.

use std::cell::RefCell;
use std::io::{self, Read, Write};

use zstd::stream::write::Encoder;
use zstd::zstd_safe::{CCtx, DCtx, InBuffer, OutBuffer, ResetDirective, compress_bound};

/// A context that has grown beyond this (high levels, wide windows) is not kept: a few batches
/// would otherwise hold their memory for as long as the thread lives.
const KEPT_BYTES_MAX: usize = 4 << 20;

thread_local! {
    static COMPRESSOR: RefCell<Option<CCtx<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

pub(super) fn compress(level: i32, bytes: &[u8]) -> Vec<u8> {
    let mut context = COMPRESSOR.take().unwrap_or_else(CCtx::create);
    let mut out = Vec::with_capacity(compress_bound(bytes.len()));
    context.compress(&mut out, bytes, known(level)).expect("zstd fails only when memory runs out");
    if context.sizeof() <= KEPT_BYTES_MAX {
        COMPRESSOR.set(Some(context));
    }
    // The room was for bytes that do not compress; batches are kept for a while.
    out.shrink_to_fit();
    out
}

pub(super) fn packer<W: Write>(level: i32, to: W) -> Encoder<'static, W> {
    Encoder::new(to, known(level)).expect("zstd fails only when memory runs out")
}

/// The window that a frame claims (128 MiB at most) is address space until it is written to.
pub(super) fn unpacker(bytes: &[u8]) -> Unpacker<'_> {
    let context = DECOMPRESSOR.take().unwrap_or_else(DCtx::create);
    Unpacker { context: Some(context), rest: bytes, wanted: 0 }
}

/// Reads what was packed, frame after frame.
pub(super) struct Unpacker<'a> {
    /// There until it is dropped.
    context: Option<DCtx<'static>>,
    rest: &'a [u8],
    /// What the decoder still wants of the frame that it is in; 0 between two frames.
    wanted: usize,
}

impl Read for Unpacker<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let Some(context) = &mut self.context else { return Ok(0) };
        while !to.is_empty() && (!self.rest.is_empty() || self.wanted > 0) {
            let (mut input, mut output) = (InBuffer::around(self.rest), OutBuffer::around(to));
            let wanted = context.decompress_stream(&mut output, &mut input);
            self.wanted = wanted.map_err(|_| io::ErrorKind::InvalidData)?;
            let (taken, given) = (input.pos(), output.pos());
            self.rest = &self.rest[taken..];
            match (taken, given) {
                // It wants more than there is.
                (0, 0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                (_, 0) => {}
                (_, given) => return Ok(given),
            }
        }
        Ok(0)
    }
}

impl Drop for Unpacker<'_> {
    fn drop(&mut self) {
        let Some(mut context) = self.context.take() else { return };
        // One that was left in the middle of a frame, by a failure perhaps, begins anew.
        let is_new = context.reset(ResetDirective::SessionOnly).is_ok();
        if is_new && context.sizeof() <= KEPT_BYTES_MAX {
            DECOMPRESSOR.set(Some(context));
        }
    }
}

fn known(level: i32) -> i32 {
    let levels = zstd::compression_level_range();
    level.clamp(*levels.start(), *levels.end())
}

#[cfg(test)]
#[path = "zstd_test.rs"]
mod zstd_test;
