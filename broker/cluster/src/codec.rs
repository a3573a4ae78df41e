//! Reading and writing of fields, after Kafka's flexible encoding: unsigned varints, lengths plus
//! one with 0 for null, numbers in big-endian, tagged fields at the end.
//!
//! A reader believes no length before it has seen the bytes.

use std::fmt;

/// Why bytes are not what they should be. Damage, never a client's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes end inside a field.
    Truncated,
    /// A field holds what it may not hold.
    Malformed(&'static str),
    /// A later release wrote a record of this type.
    UnknownType(u64),
    /// A later release wrote this version of a known type.
    UnknownVersion { record_type: u64, version: u64 },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the bytes end inside a field"),
            Self::Malformed(what) => f.write_str(what),
            Self::UnknownType(record_type) => write!(f, "unknown record type {record_type}"),
            Self::UnknownVersion { record_type, version } => {
                write!(f, "unknown version {version} of record type {record_type}")
            }
        }
    }
}

impl std::error::Error for DecodeError {}

pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(crate) fn i16(&mut self) -> Result<i16, DecodeError> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    pub(crate) fn i32(&mut self) -> Result<i32, DecodeError> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub(crate) fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(crate) fn uvarint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::Malformed("a varint does not end"))
    }

    /// Bytes with their length in front, without Kafka's plus one: never null.
    pub(crate) fn sized(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.uvarint()?;
        self.take(usize::try_from(length).map_err(|_| DecodeError::Truncated)?)
    }

    pub(crate) fn nullable_string(&mut self) -> Result<Option<String>, DecodeError> {
        let Some(length) = self.uvarint()?.checked_sub(1) else {
            return Ok(None);
        };
        let bytes = self.take(usize::try_from(length).map_err(|_| DecodeError::Truncated)?)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => Err(DecodeError::Malformed("a string is not UTF-8")),
        }
    }

    pub(crate) fn string(&mut self) -> Result<String, DecodeError> {
        self.nullable_string()?.ok_or(DecodeError::Malformed("a string is null"))
    }

    /// Skips the tagged fields, all of which are from later releases as long as there are none.
    pub(crate) fn skip_tagged_fields(&mut self) -> Result<(), DecodeError> {
        let count = self.uvarint()?;
        for _ in 0..count {
            self.uvarint()?;
            self.sized()?;
        }
        Ok(())
    }
}

pub(crate) fn put_uvarint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn put_nullable_string(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        None => out.push(0),
        Some(text) => put_string(out, text),
    }
}

pub(crate) fn put_string(out: &mut Vec<u8>, text: &str) {
    put_uvarint(out, text.len() as u64 + 1);
    out.extend_from_slice(text.as_bytes());
}

pub(crate) fn put_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    put_uvarint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(crate) fn put_no_tagged_fields(out: &mut Vec<u8>) {
    out.push(0);
}

#[cfg(test)]
#[path = "codec_test.rs"]
mod codec_test;
