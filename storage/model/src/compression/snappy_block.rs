//! One block of snappy, decompressed a little at a time: a client that writes no framing makes one
//! block of a whole batch, however large.
//!
//! Source: `format_description.txt` of google/snappy.

/// The plain bytes of a block, as far as somebody asked for them. All of them are kept, since
/// later ones may refer to any.
#[derive(Default)]
pub(super) struct Block<'a> {
    /// Elements that were not looked at.
    rest: &'a [u8],
    /// Of a literal at the front of `rest`, still to be copied.
    literal_bytes: usize,
    plain: Vec<u8>,
    /// What `plain` will be; 0 where nothing is left to be done.
    plain_bytes: usize,
    /// How far it was read.
    read_bytes: usize,
}

impl<'a> Block<'a> {
    /// Of a block that claims to be so many bytes, which the caller has found to be not too many.
    pub fn begin(block: &'a [u8], plain_bytes: usize) -> Option<Self> {
        let preamble = block.iter().position(|byte| byte & 0x80 == 0)? + 1;
        // Address space: memory is taken as it is written to.
        let plain = Vec::with_capacity(plain_bytes);
        Some(Self { rest: &block[preamble..], plain, plain_bytes, ..Self::default() })
    }

    /// Of a block that is decompressed already.
    pub fn done(plain: Vec<u8>) -> Self {
        Self { plain, ..Self::default() }
    }

    /// How many bytes went into `into`, which has room; 0 at the end, none if the block is corrupt.
    pub fn read(&mut self, into: &mut [u8]) -> Option<usize> {
        if self.read_bytes == self.plain.len() {
            self.unpack(self.plain.len().saturating_add(into.len()))?;
        }
        let ready = &self.plain[self.read_bytes..];
        let count = ready.len().min(into.len());
        into[..count].copy_from_slice(&ready[..count]);
        self.read_bytes += count;
        Some(count)
    }

    /// Goes on until so many bytes are plain, or all.
    fn unpack(&mut self, plain_bytes: usize) -> Option<()> {
        let until = plain_bytes.min(self.plain_bytes);
        while self.plain.len() < until {
            if self.literal_bytes == 0 {
                self.take_element()?;
            } else {
                let count = self.literal_bytes.min(until - self.plain.len());
                let literal = self.take(count)?;
                self.plain.extend_from_slice(literal);
                self.literal_bytes -= count;
            }
        }
        let is_done = self.plain.len() == self.plain_bytes;
        let is_more = !self.rest.is_empty() || self.literal_bytes > 0;
        if is_done && is_more { None } else { Some(()) }
    }

    fn take_element(&mut self) -> Option<()> {
        let tag = self.take(1)?[0];
        let high = usize::from(tag >> 2);
        match tag & 0b11 {
            0b00 => {
                let length = match high {
                    ..60 => high,
                    _ => self.take_number(high - 59)?,
                };
                self.literal_bytes = length.checked_add(1)?;
                Some(())
            }
            0b01 => {
                let offset = usize::from(tag >> 5) << 8 | self.take_number(1)?;
                self.copy(offset, 4 + (high & 0b111))
            }
            0b10 => {
                let offset = self.take_number(2)?;
                self.copy(offset, 1 + high)
            }
            _ => {
                let offset = self.take_number(4)?;
                self.copy(offset, 1 + high)
            }
        }
    }

    /// Repeats bytes; what it repeats may be its own.
    fn copy(&mut self, offset: usize, count: usize) -> Option<()> {
        if offset == 0 || count > self.plain_bytes - self.plain.len() {
            return None;
        }
        let from = self.plain.len().checked_sub(offset)?;
        if count <= offset {
            self.plain.extend_from_within(from..from + count);
        } else {
            for at in from..from + count {
                self.plain.push(self.plain[at]);
            }
        }
        Some(())
    }

    /// Little-endian.
    fn take_number(&mut self, bytes: usize) -> Option<usize> {
        let taken = self.take(bytes)?;
        Some(taken.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(taken)
    }
}

#[cfg(test)]
#[path = "snappy_block_test.rs"]
mod snappy_block_test;
