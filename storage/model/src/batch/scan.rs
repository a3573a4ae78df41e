//! A walk over records that come in pieces, cut anywhere. It needs no record in one piece, so that
//! neither memory nor a step grows with what a record says of its length.

use super::varint::{take_i32, take_i64};
use super::{BatchError, Record, RecordFault};

/// What there is to say of a record without its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Seen {
    pub timestamp_delta: i64,
    pub offset_delta: i32,
    pub has_key: bool,
    /// As [`Record::bytes`].
    pub bytes: usize,
}

#[derive(Debug)]
pub(super) struct Scan {
    index: usize,
    /// Records that must still come, with the one under way.
    count: i32,
    /// The record that the last piece ended in.
    torn: Option<Torn>,
}

impl Scan {
    /// Of so many records.
    pub fn new(record_count: i32) -> Self {
        Self { index: 0, count: record_count, torn: None }
    }

    /// The next record that ends in the piece, which is taken off the piece's front; none when the
    /// piece is used up.
    pub fn next(&mut self, piece: &mut &[u8]) -> Result<Option<Seen>, BatchError> {
        let seen = self.take(piece).map_err(|fault| self.malformed(fault))?;
        if seen.is_some() {
            self.torn = None;
            self.index += 1;
            self.count -= 1;
        }
        Ok(seen)
    }

    /// There are no more pieces.
    pub fn finish(&self) -> Result<(), BatchError> {
        match self.count {
            0 => Ok(()),
            _ => Err(self.malformed(RecordFault::BadLength)),
        }
    }

    fn take(&mut self, piece: &mut &[u8]) -> Result<Option<Seen>, RecordFault> {
        if self.torn.is_none() {
            if piece.is_empty() {
                return Ok(None);
            }
            if self.count == 0 {
                return Err(RecordFault::BytesBehind);
            }
            if let Some(record) = split_whole(piece) {
                return Ok(Some(Seen::of(&Record::read(record)?)));
            }
        }
        self.torn.get_or_insert_default().go_on(piece)
    }

    fn malformed(&self, fault: RecordFault) -> BatchError {
        BatchError::Malformed { index: self.index, fault }
    }
}

impl Seen {
    fn of(record: &Record<'_>) -> Self {
        let Record { timestamp_delta, offset_delta, bytes, .. } = *record;
        Self { timestamp_delta, offset_delta, has_key: record.key.is_some(), bytes }
    }
}

/// The record at the front of the piece, without its length, if all of it is there.
fn split_whole<'a>(piece: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut rest = *piece;
    let length = usize::try_from(take_i32(&mut rest).ok()?).ok()?;
    let (record, rest) = rest.split_at_checked(length)?;
    *piece = rest;
    Some(record)
}

/// A record whose bytes come one after the other.
#[derive(Default, Debug)]
struct Torn {
    next: Field,
    /// The bytes of a variable-length number that are there.
    number: Number,
    /// Of a key, value or header, still to be passed over.
    passing: usize,
    /// Of the record, behind what is being passed over.
    rest: usize,
    /// Headers that must still come, with the one under way.
    headers: usize,
    seen: Seen,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Field {
    #[default]
    Length,
    Attributes,
    TimestampDelta,
    OffsetDelta,
    KeyLength,
    ValueLength,
    HeaderCount,
    HeaderKeyLength,
    HeaderValueLength,
    End,
}

#[derive(Default, Debug)]
struct Number {
    bytes: [u8; NUMBER_BYTES_MAX],
    count: usize,
}

const NUMBER_BYTES_MAX: usize = 10;

impl Torn {
    fn go_on(&mut self, piece: &mut &[u8]) -> Result<Option<Seen>, RecordFault> {
        loop {
            let passed = self.passing.min(piece.len());
            *piece = &piece[passed..];
            self.passing -= passed;
            if self.passing > 0 {
                return Ok(None);
            }
            match self.next {
                Field::End if self.rest == 0 => return Ok(Some(self.seen)),
                Field::End => return Err(RecordFault::BytesInside),
                Field::Length => {}
                _ if self.rest == 0 => return Err(RecordFault::BadLength),
                _ => {}
            }
            let Some((&byte, behind)) = piece.split_first() else { return Ok(None) };
            *piece = behind;
            if self.next != Field::Length {
                self.rest -= 1;
            }
            self.take(byte)?;
        }
    }

    fn take(&mut self, byte: u8) -> Result<(), RecordFault> {
        let bytes_max = match self.next {
            Field::Attributes => {
                self.next = Field::TimestampDelta;
                return Ok(());
            }
            Field::TimestampDelta => NUMBER_BYTES_MAX,
            _ => 5,
        };
        self.number.bytes[self.number.count] = byte;
        self.number.count += 1;
        if byte & 0x80 != 0 && self.number.count < bytes_max {
            return Ok(());
        }
        let mut bytes = &self.number.bytes[..self.number.count];
        self.number.count = 0;
        if self.next == Field::TimestampDelta {
            self.seen.timestamp_delta = take_i64(&mut bytes)?;
            self.next = Field::OffsetDelta;
            return Ok(());
        }
        self.take_number(take_i32(&mut bytes)?)
    }

    fn take_number(&mut self, number: i32) -> Result<(), RecordFault> {
        let length = usize::try_from(number);
        self.next = match self.next {
            Field::Length => {
                self.rest = length.map_err(|_| RecordFault::BadLength)?;
                self.seen.bytes = self.rest;
                Field::Attributes
            }
            Field::OffsetDelta => {
                self.seen.offset_delta = number;
                Field::KeyLength
            }
            Field::KeyLength => {
                self.seen.has_key = length.is_ok();
                self.pass(length.unwrap_or(0))?;
                Field::ValueLength
            }
            Field::ValueLength => {
                self.pass(length.unwrap_or(0))?;
                Field::HeaderCount
            }
            Field::HeaderCount => {
                self.headers = length.map_err(|_| RecordFault::BadLength)?;
                self.next_header()
            }
            Field::HeaderKeyLength => {
                self.pass(length.map_err(|_| RecordFault::BadLength)?)?;
                Field::HeaderValueLength
            }
            Field::HeaderValueLength => {
                self.pass(length.unwrap_or(0))?;
                self.headers -= 1;
                self.next_header()
            }
            // No numbers of 32 bits.
            Field::Attributes | Field::TimestampDelta | Field::End => self.next,
        };
        Ok(())
    }

    fn next_header(&self) -> Field {
        if self.headers == 0 { Field::End } else { Field::HeaderKeyLength }
    }

    fn pass(&mut self, bytes: usize) -> Result<(), RecordFault> {
        self.rest = self.rest.checked_sub(bytes).ok_or(RecordFault::BadLength)?;
        self.passing = bytes;
        Ok(())
    }
}

#[cfg(test)]
#[path = "scan_test.rs"]
mod scan_test;
