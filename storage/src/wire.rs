//! Little-endian fields of our own formats, read without trusting a single length.

use pelton_model::{PartitionId, PartitionIndex, TopicId};

/// Reads fields from the front of a slice; `None` as soon as the bytes do not suffice.
pub(crate) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|b| b[0])
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn i16(&mut self) -> Option<i16> {
        self.array().map(i16::from_le_bytes)
    }

    pub fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub fn partition(&mut self) -> Option<PartitionId> {
        let topic = TopicId::from_bytes(self.array()?);
        Some(PartitionId::new(topic, PartitionIndex::new(self.i32()?)))
    }
}

pub(crate) fn put_partition(out: &mut Vec<u8>, partition: PartitionId) {
    out.extend_from_slice(partition.topic.as_bytes());
    out.extend_from_slice(&partition.index.get().to_le_bytes());
}
