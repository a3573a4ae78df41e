//! Reading and writing of the fields of Kafka's coordinator records: plain lengths in the older
//! versions, compact ones and tagged fields in the flexible ones (KIP-482).
//!
//! A reader believes no length before it has seen the bytes.

use std::fmt;

/// Why bytes are not the record that they should be. Damage, or a later release; never a client's
/// fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes end inside a field.
    Truncated,
    /// A field holds what it may not hold.
    Malformed(&'static str),
    /// A version of a known record that a later release wrote.
    UnknownVersion { record_type: i16, version: i16 },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the bytes end inside a field"),
            Self::Malformed(what) => f.write_str(what),
            Self::UnknownVersion { record_type, version } => {
                write!(f, "unknown version {version} of record type {record_type}")
            }
        }
    }
}

impl std::error::Error for DecodeError {}

pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    flexible: bool,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, flexible: false }
    }

    /// Lengths are compact, and structures end in tagged fields, from here on.
    pub fn set_flexible(&mut self, flexible: bool) {
        self.flexible = flexible;
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub fn i8(&mut self) -> Result<i8, DecodeError> {
        Ok(i8::from_be_bytes(self.array()?))
    }

    pub fn i16(&mut self) -> Result<i16, DecodeError> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    pub fn uuid(&mut self) -> Result<[u8; 16], DecodeError> {
        self.array()
    }

    pub fn uvarint(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value)
                    .map_err(|_| DecodeError::Malformed("a varint exceeds 32 bits"));
            }
        }
        Err(DecodeError::Malformed("a varint does not end"))
    }

    /// The count of an array, none for null. The entries are read one by one, so a lie ends in
    /// [`DecodeError::Truncated`] and reserves nothing.
    pub fn count(&mut self) -> Result<Option<usize>, DecodeError> {
        let count = match self.flexible {
            true => i64::from(self.uvarint()?) - 1,
            false => i64::from(self.i32()?),
        };
        Ok(usize::try_from(count).ok())
    }

    pub fn nullable_text(&mut self) -> Result<Option<&'a str>, DecodeError> {
        let length = match self.flexible {
            true => i64::from(self.uvarint()?) - 1,
            false => i64::from(self.i16()?),
        };
        let Ok(length) = usize::try_from(length) else { return Ok(None) };
        match std::str::from_utf8(self.take(length)?) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(DecodeError::Malformed("a text is not UTF-8")),
        }
    }

    pub fn text(&mut self) -> Result<&'a str, DecodeError> {
        self.nullable_text()?.ok_or(DecodeError::Malformed("a text is null"))
    }

    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.count()?.ok_or(DecodeError::Malformed("bytes are null"))?;
        self.take(length)
    }

    /// Goes through the tagged fields of a flexible structure, each with a reader of its own.
    pub fn tagged_fields(
        &mut self,
        mut each: impl FnMut(u32, &mut Reader<'a>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        if !self.flexible {
            return Ok(());
        }
        for _ in 0..self.uvarint()? {
            let tag = self.uvarint()?;
            let length = self.uvarint()? as usize;
            each(tag, &mut Reader { rest: self.take(length)?, flexible: true })?;
        }
        Ok(())
    }

    pub fn skip_tagged_fields(&mut self) -> Result<(), DecodeError> {
        self.tagged_fields(|_, _| Ok(()))
    }
}

/// Appends fields to a record's key or value.
#[derive(Default)]
pub(crate) struct Writer {
    out: Vec<u8>,
    flexible: bool,
}

impl Writer {
    /// Keys begin with their record type, values with their version.
    pub fn new(prefix: i16, flexible: bool) -> Self {
        Self { out: prefix.to_be_bytes().to_vec(), flexible }
    }

    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    pub fn i8(&mut self, value: i8) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    pub fn i32(&mut self, value: i32) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    pub fn i64(&mut self, value: i64) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    pub fn uvarint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub fn count(&mut self, count: usize) {
        match self.flexible {
            true => self.uvarint(count as u32 + 1),
            false => self.i32(count as i32),
        }
    }

    /// Texts come from requests or configs, and are no longer than 16 bits can say; the id of a member
    /// whose client has such a name is, and is cut at a character, so that a record stays readable.
    pub fn text(&mut self, text: &str) {
        if self.flexible {
            self.uvarint(text.len() as u32 + 1);
            self.out.extend_from_slice(text.as_bytes());
            return;
        }
        let mut length = text.len().min(i16::MAX as usize);
        while !text.is_char_boundary(length) {
            length -= 1;
        }
        self.out.extend_from_slice(&(length as i16).to_be_bytes());
        self.out.extend_from_slice(&text.as_bytes()[..length]);
    }

    pub fn nullable_text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None if self.flexible => self.uvarint(0),
            None => self.out.extend_from_slice(&(-1i16).to_be_bytes()),
        }
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.out.extend_from_slice(bytes);
    }

    /// The tagged fields that end a flexible structure, in ascending order of their tags.
    pub fn tagged_fields(&mut self, fields: &[(u32, Vec<u8>)]) {
        self.uvarint(fields.len() as u32);
        for (tag, bytes) in fields {
            self.uvarint(*tag);
            self.uvarint(bytes.len() as u32);
            self.out.extend_from_slice(bytes);
        }
    }

    /// A tagged field's content; it has no version of its own.
    pub fn field() -> Self {
        Self { out: Vec::new(), flexible: true }
    }
}
