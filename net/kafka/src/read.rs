//! A cursor over a message that a stranger sent.

use bytes::Bytes;
use kafka_wire_core::{DecodeError, StrBytes, Uuid};

/// The most entries an array may have, though the bytes be there. Kafka 4.4 has the same bound.
pub(crate) const ARRAY_ENTRIES_MAX: usize = 1_000_000;
/// The most tagged fields one structure may have. Kafka 4.4 has the same bound.
pub(crate) const TAGGED_FIELDS_MAX: usize = 10_000;

/// The longest text, in bytes, also where its length has more than 16 bits. Kafka 4.4 has the same
/// bound, for all that it reads and writes.
pub(crate) const TEXT_BYTES_MAX: usize = i16::MAX as usize;

/// Reads Kafka's primitives, leniently where Kafka does: a length below -1 is null where null is
/// allowed, broken UTF-8 becomes replacement characters, tagged fields come in any order.
pub(crate) struct Reader {
    bytes: Bytes,
    at: usize,
    flexible: bool,
}

impl Reader {
    /// `flexible`: whether lengths are compact and structures end in tagged fields.
    pub fn new(bytes: Bytes, flexible: bool) -> Self {
        Self { bytes, at: 0, flexible }
    }

    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// What has not been read.
    pub fn into_rest(mut self) -> Bytes {
        self.bytes.split_off(self.at)
    }

    /// Whether lengths are compact from here on: a request header says only in its own bytes
    /// whether tagged fields follow.
    pub fn set_flexible(&mut self, flexible: bool) {
        self.flexible = flexible;
    }

    pub fn i8(&mut self) -> Result<i8, DecodeError> {
        self.array().map(i8::from_be_bytes)
    }

    pub fn i16(&mut self) -> Result<i16, DecodeError> {
        self.array().map(i16::from_be_bytes)
    }

    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        self.array().map(i32::from_be_bytes)
    }

    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        self.array().map(i64::from_be_bytes)
    }

    pub fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        self.array().map(Uuid::from_bytes)
    }

    pub fn string(&mut self) -> Result<StrBytes, DecodeError> {
        let offset = self.at;
        self.nullable_string()?.ok_or(DecodeError::NullNotAllowed { kind: "string", offset })
    }

    pub fn nullable_string(&mut self) -> Result<Option<StrBytes>, DecodeError> {
        let offset = self.at;
        let length =
            if self.flexible { self.compact_length()? } else { usize::try_from(self.i16()?).ok() };
        let Some(length) = length else { return Ok(None) };
        if length > TEXT_BYTES_MAX {
            let limit = TEXT_BYTES_MAX;
            return Err(DecodeError::LimitExceeded { kind: "string", length, limit, offset });
        }
        let start = self.at;
        Ok(Some(StrBytes::try_from(self.take(length)?).unwrap_or_else(|_| {
            let text = String::from_utf8_lossy(&self.bytes[start..self.at]);
            StrBytes::from(text.into_owned())
        })))
    }

    /// A slice of the message.
    pub fn nullable_bytes(&mut self) -> Result<Option<Bytes>, DecodeError> {
        let length =
            if self.flexible { self.compact_length()? } else { usize::try_from(self.i32()?).ok() };
        length.map(|length| self.take(length)).transpose()
    }

    /// An array, each entry of which takes at least `entry_bytes_min` bytes: what is allocated is
    /// bounded by what was sent.
    pub fn array_of<T>(
        &mut self,
        entry_bytes_min: usize,
        entry: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let offset = self.at;
        self.nullable_array_of(entry_bytes_min, entry)?
            .ok_or(DecodeError::NullNotAllowed { kind: "array", offset })
    }

    /// [`Reader::array_of`], which may be null.
    pub fn nullable_array_of<T>(
        &mut self,
        entry_bytes_min: usize,
        mut entry: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let offset = self.at;
        let count =
            if self.flexible { self.compact_length()? } else { usize::try_from(self.i32()?).ok() };
        let Some(count) = count else { return Ok(None) };
        if count > ARRAY_ENTRIES_MAX {
            let limit = ARRAY_ENTRIES_MAX;
            return Err(DecodeError::LimitExceeded { kind: "array", length: count, limit, offset });
        }
        let remaining = self.remaining();
        if count > remaining / entry_bytes_min {
            return Err(DecodeError::CountExceedsFrame { kind: "array", count, remaining, offset });
        }
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            entries.push(entry(self)?);
        }
        Ok(Some(entries))
    }

    /// The end of a structure whose version has no tagged fields that we know.
    pub fn skip_tags(&mut self) -> Result<(), DecodeError> {
        self.tags(|_, _| Ok(()))
    }

    /// The end of a structure. `field` sees each tag and a reader over its bytes alone; what it
    /// leaves unread is skipped, and so is what it does not know. Nothing happens in versions
    /// without tagged fields.
    pub fn tags(
        &mut self,
        mut field: impl FnMut(u32, &mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        if !self.flexible {
            return Ok(());
        }
        let offset = self.at;
        let count = self.varint()? as usize;
        if count > TAGGED_FIELDS_MAX {
            let (kind, limit) = ("tagged fields", TAGGED_FIELDS_MAX);
            return Err(DecodeError::LimitExceeded { kind, length: count, limit, offset });
        }
        for _ in 0..count {
            let tag = self.varint()?;
            let length = self.varint()? as usize;
            let bytes = self.take(length)?;
            field(tag, &mut Reader::new(bytes, true))?;
        }
        Ok(())
    }

    /// An unsigned varint of at most five bytes.
    pub fn varint(&mut self) -> Result<u32, DecodeError> {
        let offset = self.at;
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array()?;
            let bits = u32::from(byte & 0x7f);
            // Of the fifth byte only four bits fit.
            if shift == 28 && bits > 0x0f {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::MalformedVarint { offset })
    }

    /// Compact lengths are one more than they mean; 0 is null.
    fn compact_length(&mut self) -> Result<Option<usize>, DecodeError> {
        Ok(self.varint()?.checked_sub(1).map(|length| length as usize))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.bytes[self.at..].first_chunk::<N>() {
            Some(chunk) => {
                self.at += N;
                Ok(*chunk)
            }
            None => Err(self.too_short(N)),
        }
    }

    fn take(&mut self, length: usize) -> Result<Bytes, DecodeError> {
        if length > self.remaining() {
            return Err(self.too_short(length));
        }
        let start = self.at;
        self.at += length;
        Ok(self.bytes.slice(start..self.at))
    }

    fn too_short(&self, needed: usize) -> DecodeError {
        DecodeError::UnexpectedEnd { offset: self.at, needed, remaining: self.remaining() }
    }
}

#[cfg(test)]
#[path = "read_test.rs"]
mod read_test;
