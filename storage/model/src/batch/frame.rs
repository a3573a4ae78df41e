//! Where one batch ends and the next begins.

use super::header::is_plausible_length;
use super::{BatchError, BatchHeader};

/// The least length of any format (0): below it, the bytes are no batch of any kind.
const OLD_LENGTH_MIN: i32 = 14;

/// The first batch of some bytes, and what follows it.
#[derive(Clone, Copy, Debug)]
pub struct FirstBatch<'a> {
    pub header: BatchHeader,
    /// Whole, header included.
    pub batch: &'a [u8],
    pub rest: &'a [u8],
}

/// Splits the first batch off. None when there is no whole one: a Fetch response may be cut
/// anywhere.
///
/// Fails with `UnknownMagic`, `OldMagic` or `BadLength`.
pub fn split_batch(bytes: &[u8]) -> Result<Option<FirstBatch<'_>>, BatchError> {
    let Some(Framed { magic, batch, rest }) = split_any_format(bytes)? else {
        return Ok(None);
    };
    if magic != BatchHeader::MAGIC {
        return Err(BatchError::OldMagic(magic));
    }
    if batch.len() < BatchHeader::BYTES {
        return Err(BatchError::BadLength((batch.len() - BatchHeader::PREFIX_BYTES) as i32));
    }
    Ok(Some(FirstBatch { header: BatchHeader::read(batch)?, batch, rest }))
}

/// The one batch of a partition's data in a Produce request, and its header. A piece of a second
/// one is cut off, as Kafka does.
pub(super) fn only_batch(bytes: &[u8]) -> Result<(BatchHeader, &[u8]), BatchError> {
    let FirstBatch { header, batch, rest } = split_batch(bytes)?.ok_or(BatchError::Truncated)?;
    match split_any_format(rest)? {
        None => Ok((header, batch)),
        Some(_) => Err(BatchError::SeveralBatches),
    }
}

/// A batch or message of format 0 to 2.
struct Framed<'a> {
    magic: i8,
    batch: &'a [u8],
    rest: &'a [u8],
}

/// As [`split_batch`], for formats 0 to 2.
fn split_any_format(bytes: &[u8]) -> Result<Option<Framed<'_>>, BatchError> {
    let Some(prefix) = bytes.first_chunk::<{ BatchHeader::PREFIX_BYTES }>() else {
        return Ok(None);
    };
    let [.., a, b, c, d] = *prefix;
    let length = i32::from_be_bytes([a, b, c, d]);
    if !is_plausible_length(length, OLD_LENGTH_MIN) {
        return Err(BatchError::BadLength(length));
    }
    let Some(&magic) = bytes.get(BatchHeader::MAGIC_AT) else {
        return Ok(None);
    };
    let magic = i8::from_be_bytes([magic]);
    if !(0..=BatchHeader::MAGIC).contains(&magic) {
        return Err(BatchError::UnknownMagic(magic));
    }
    let split = bytes.split_at_checked(BatchHeader::PREFIX_BYTES + length as usize);
    Ok(split.map(|(batch, rest)| Framed { magic, batch, rest }))
}

/// The whole batches of some bytes, in order. Ends at a partial one, and after an error.
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    rest: &'a [u8],
}

impl<'a> Batches<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been gone through: at the end, the partial batch.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<(BatchHeader, &'a [u8]), BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        match split_batch(self.rest) {
            Ok(None) => None,
            Ok(Some(FirstBatch { header, batch, rest })) => {
                self.rest = rest;
                Some(Ok((header, batch)))
            }
            Err(error) => {
                self.rest = &[];
                Some(Err(error))
            }
        }
    }
}

#[cfg(test)]
#[path = "frame_test.rs"]
mod frame_test;
