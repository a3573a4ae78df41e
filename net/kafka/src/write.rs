//! Builds a frame front to back.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_wire_core::{EncodeError, Uuid};

use crate::Frame;

const LENGTH_BYTES: usize = 4;

/// Writes Kafka's primitives into one buffer and remembers where borrowed slices come between.
pub(crate) struct Writer {
    buffer: BytesMut,
    /// Where in the buffer a slice of someone else's bytes is to be put in.
    inserts: Vec<(usize, Bytes)>,
    inserted_bytes: usize,
    flexible: bool,
}

impl Writer {
    /// Leaves room for the frame's length. `flexible`: whether lengths are compact and structures
    /// end in tagged fields.
    pub fn new(capacity: usize, flexible: bool) -> Self {
        let mut buffer = BytesMut::with_capacity(LENGTH_BYTES + capacity);
        buffer.put_i32(0);
        Self { buffer, inserts: Vec::new(), inserted_bytes: 0, flexible }
    }

    /// The frame with its length in front.
    pub fn finish(mut self) -> Result<Frame, EncodeError> {
        let body = self.buffer.len() - LENGTH_BYTES + self.inserted_bytes;
        let length = i32::try_from(body).map_err(|_| EncodeError::FrameTooLarge { bytes: body })?;
        self.buffer[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());

        let mut own = self.buffer.freeze();
        let mut pieces = Vec::with_capacity(2 * self.inserts.len() + 1);
        let mut cut = 0;
        for (at, slice) in self.inserts {
            // Slices next to each other have nothing of ours between them.
            if at > cut {
                pieces.push(own.split_to(at - cut));
                cut = at;
            }
            pieces.push(slice);
        }
        if !own.is_empty() {
            pieces.push(own);
        }
        Ok(Frame::new(pieces))
    }

    pub fn i8(&mut self, value: i8) {
        self.buffer.put_i8(value);
    }

    pub fn i16(&mut self, value: i16) {
        self.buffer.put_i16(value);
    }

    pub fn i32(&mut self, value: i32) {
        self.buffer.put_i32(value);
    }

    pub fn i64(&mut self, value: i64) {
        self.buffer.put_i64(value);
    }

    pub fn uuid(&mut self, value: Uuid) {
        self.buffer.put_slice(value.as_bytes());
    }

    pub fn string(&mut self, value: &str) -> Result<(), EncodeError> {
        self.nullable_string(Some(value))
    }

    pub fn nullable_string(&mut self, value: Option<&str>) -> Result<(), EncodeError> {
        if self.flexible {
            self.compact_length("string", value.map(str::len))?;
        } else {
            match value {
                Some(value) => {
                    let length = i16::try_from(value.len())
                        .map_err(|_| too_long("string", value.len(), i16::MAX as usize))?;
                    self.i16(length);
                }
                None => self.i16(-1),
            }
        }
        self.buffer.put_slice(value.unwrap_or_default().as_bytes());
        Ok(())
    }

    /// Bytes that are lent, not copied; several slices follow one another as one value.
    pub fn nullable_bytes(&mut self, slices: Option<&[Bytes]>) -> Result<(), EncodeError> {
        let length = slices.map(|slices| slices.iter().map(Bytes::len).sum());
        self.length("bytes", length)?;
        for slice in slices.unwrap_or_default() {
            if !slice.is_empty() {
                self.inserted_bytes += slice.len();
                self.inserts.push((self.buffer.len(), slice.clone()));
            }
        }
        Ok(())
    }

    pub fn array_length(&mut self, count: usize) -> Result<(), EncodeError> {
        self.length("array", Some(count))
    }

    /// [`Writer::array_length`] of an array that may be null.
    pub fn nullable_array_length(&mut self, count: Option<usize>) -> Result<(), EncodeError> {
        self.length("array", count)
    }

    /// The end of a structure that sets none of its tagged fields.
    pub fn no_tags(&mut self) {
        if self.flexible {
            self.buffer.put_u8(0);
        }
    }

    /// The end of a structure: how many tagged fields follow. Only for flexible versions.
    pub fn tag_count(&mut self, count: u32) {
        debug_assert!(self.flexible);
        self.varint(count);
    }

    /// A tagged field, whose content `value` writes: no borrowed slices in there.
    pub fn tag(
        &mut self,
        tag: u32,
        value: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        debug_assert!(self.flexible);
        self.varint(tag);
        // The content's length goes in front of it and is seldom more than one byte: leave room
        // for one, and move the content if it needs more.
        let at = self.buffer.len();
        self.buffer.put_u8(0);
        value(self)?;
        debug_assert!(self.inserts.last().is_none_or(|(insert, _)| *insert <= at));
        let end = self.buffer.len();
        let bytes = end - at - 1;
        let length =
            u32::try_from(bytes).map_err(|_| too_long("tagged field", bytes, u32::MAX as usize))?;
        if length < 0x80 {
            self.buffer[at] = length as u8;
        } else {
            self.varint(length);
            let varint_bytes = self.buffer.len() - end;
            self.buffer[at + 1..].rotate_right(varint_bytes);
            // The byte left free in front is not needed any more.
            self.buffer.copy_within(at + 1.., at);
            self.buffer.truncate(end + varint_bytes - 1);
        }
        Ok(())
    }

    /// Whether lengths are compact from here on: a header's rule may differ from its body's.
    pub fn set_flexible(&mut self, flexible: bool) {
        self.flexible = flexible;
    }

    /// Where the generated messages write themselves.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    fn length(&mut self, kind: &'static str, length: Option<usize>) -> Result<(), EncodeError> {
        if self.flexible {
            return self.compact_length(kind, length);
        }
        match length {
            Some(length) => {
                let length =
                    i32::try_from(length).map_err(|_| too_long(kind, length, i32::MAX as usize))?;
                self.i32(length);
            }
            None => self.i32(-1),
        }
        Ok(())
    }

    fn compact_length(
        &mut self,
        kind: &'static str,
        length: Option<usize>,
    ) -> Result<(), EncodeError> {
        let maximum = i32::MAX as usize;
        let encoded = match length {
            Some(length) if length < maximum => length as u32 + 1,
            Some(length) => return Err(too_long(kind, length, maximum)),
            None => 0,
        };
        self.varint(encoded);
        Ok(())
    }

    fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.buffer.put_u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.buffer.put_u8(value as u8);
    }
}

fn too_long(kind: &'static str, length: usize, maximum: usize) -> EncodeError {
    EncodeError::LengthOverflow { kind, length, maximum }
}

#[cfg(test)]
#[path = "write_test.rs"]
mod write_test;
