//! A walk over the records of a batch, which copies nothing.

use std::borrow::Cow;

use super::varint::{take_i32, take_i64};
use super::{BatchError, BatchHeader, RecordFault};
use crate::compression::{Compression, decompress_bounded};

/// A record, borrowed from its batch's (decompressed) bytes.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// No bit has a meaning yet.
    pub attributes: u8,
    /// See [`BatchHeader::timestamp_of`].
    pub timestamp_delta: i64,
    /// Counted from the batch's base offset.
    pub offset_delta: i32,
    pub key: Option<&'a [u8]>,
    /// None: a tombstone.
    pub value: Option<&'a [u8]>,
    pub headers: Headers<'a>,
    /// The record's length as its first field says: without that field.
    pub bytes: usize,
}

/// A record's headers: keys, which need not be UTF-8, and values. Checked when the record was
/// read, so that the walk has no errors.
#[derive(Clone, Debug, Default)]
pub struct Headers<'a> {
    count: usize,
    rest: &'a [u8],
}

/// The records of a batch's uncompressed or decompressed bytes.
///
/// Ends after the batch's record count, or after an error: one record's, or bytes that stand
/// behind the last record.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
    index: usize,
    count: i32,
}

/// What stands behind a batch's header, decompressed to at most `bytes_max` bytes.
pub fn record_bytes<'a>(
    header: &BatchHeader,
    batch: &'a [u8],
    bytes_max: usize,
) -> Result<Cow<'a, [u8]>, BatchError> {
    let body = batch.get(BatchHeader::BYTES..header.total_bytes()).ok_or(BatchError::Truncated)?;
    match header.compression()? {
        Compression::None => Ok(Cow::Borrowed(body)),
        codec => Ok(Cow::Owned(decompress_bounded(codec, body, bytes_max)?)),
    }
}

impl<'a> Records<'a> {
    /// Of what [`record_bytes`] gave for a batch with this header.
    pub fn new(header: &BatchHeader, record_bytes: &'a [u8]) -> Self {
        Self { rest: record_bytes, index: 0, count: header.record_count }
    }

    /// How many bytes have not been walked over: before and after a step, they say where its
    /// record stands, length field included.
    pub fn unread_bytes(&self) -> usize {
        self.rest.len()
    }

    #[inline]
    fn take_record(&mut self) -> Result<Record<'a>, RecordFault> {
        let length = take_i32(&mut self.rest)?;
        let bytes = take_bytes(&mut self.rest, length)?;
        Record::read(bytes)
    }

    #[cold]
    fn fail(&mut self, fault: RecordFault) -> BatchError {
        self.rest = &[];
        self.count = 0;
        BatchError::Malformed { index: self.index, fault }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, BatchError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.count {
            0 if self.rest.is_empty() => None,
            0 => Some(Err(self.fail(RecordFault::BytesBehind))),
            ..0 => Some(Err(self.fail(RecordFault::NegativeCount))),
            1.. => match self.take_record() {
                Ok(record) => {
                    self.index += 1;
                    self.count -= 1;
                    Some(Ok(record))
                }
                Err(fault) => Some(Err(self.fail(fault))),
            },
        }
    }
}

impl<'a> Record<'a> {
    #[inline]
    pub(super) fn read(record: &'a [u8]) -> Result<Self, RecordFault> {
        let (&attributes, mut rest) = record.split_first().ok_or(RecordFault::BadLength)?;
        let timestamp_delta = take_i64(&mut rest)?;
        let offset_delta = take_i32(&mut rest)?;
        let key = take_nullable(&mut rest)?;
        let value = take_nullable(&mut rest)?;
        let count = take_i32(&mut rest)?;
        let count = usize::try_from(count).map_err(|_| RecordFault::BadLength)?;
        let headers = Headers { count, rest };
        for _ in 0..count {
            let length = take_i32(&mut rest)?;
            take_bytes(&mut rest, length)?;
            take_nullable(&mut rest)?;
        }
        if !rest.is_empty() {
            return Err(RecordFault::BytesInside);
        }
        Ok(Self {
            attributes,
            timestamp_delta,
            offset_delta,
            key,
            value,
            headers,
            bytes: record.len(),
        })
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        self.count = self.count.checked_sub(1)?;
        let length = take_i32(&mut self.rest).ok()?;
        let key = take_bytes(&mut self.rest, length).ok()?;
        Some((key, take_nullable(&mut self.rest).ok()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl ExactSizeIterator for Headers<'_> {}

#[inline]
fn take_bytes<'a>(from: &mut &'a [u8], length: i32) -> Result<&'a [u8], RecordFault> {
    let length = usize::try_from(length).map_err(|_| RecordFault::BadLength)?;
    let (taken, rest) = from.split_at_checked(length).ok_or(RecordFault::BadLength)?;
    *from = rest;
    Ok(taken)
}

/// Any negative length is null, as in Kafka.
#[inline]
fn take_nullable<'a>(from: &mut &'a [u8]) -> Result<Option<&'a [u8]>, RecordFault> {
    match take_i32(from)? {
        ..0 => Ok(None),
        length => take_bytes(from, length).map(Some),
    }
}

#[cfg(test)]
#[path = "records_test.rs"]
mod records_test;
