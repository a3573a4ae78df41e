//! The records of a batch, unpacked with others in between.

use std::borrow::Cow;

use pelton_model::batch::{BatchError, BatchHeader, record_bytes};
use pelton_model::compression::{Compression, Unpacker};

use crate::event::yield_now;

/// Plain bytes between two pauses: gzip takes 0.2 ms for them (R8).
const STEP_BYTES: usize = 64 << 10;

/// As [`record_bytes`], and the other tasks of the core run meanwhile.
pub(crate) async fn unpacked<'a>(
    header: &BatchHeader,
    batch: &'a [u8],
    bytes_max: usize,
) -> Result<Cow<'a, [u8]>, BatchError> {
    let codec = header.compression()?;
    if codec == Compression::None {
        return record_bytes(header, batch, bytes_max);
    }
    let body = batch.get(BatchHeader::BYTES..header.total_bytes()).ok_or(BatchError::Truncated)?;
    let mut unpacker = Unpacker::new(codec, body, bytes_max)?;
    let mut bytes = Vec::new();
    let mut next_pause = STEP_BYTES;
    loop {
        let filled = bytes.len();
        bytes.resize(filled + STEP_BYTES, 0);
        let count = unpacker.read(&mut bytes[filled..])?;
        bytes.truncate(filled + count);
        if count == 0 {
            return Ok(Cow::Owned(bytes));
        }
        if bytes.len() >= next_pause {
            next_pause = bytes.len() + STEP_BYTES;
            yield_now().await;
        }
    }
}

#[cfg(test)]
#[path = "unpack_test.rs"]
mod unpack_test;
