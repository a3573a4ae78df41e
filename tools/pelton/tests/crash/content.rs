//! What a record says of itself, so that whoever reads it can tell whether it was ever sent, and
//! whether every byte of it is as it was.

use pelton_storage::disk::sim::Random;

/// Which record: a writer's so-manieth of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    pub writer: usize,
    /// Of all partitions, by number.
    pub track: usize,
    pub number: u64,
}

const HEAD_BYTES: usize = 24;

/// One in so many records is larger than what goes through the journal.
const ONE_LARGE_IN: u64 = 24;

impl Id {
    /// A record's payload: who it is, and bytes that follow from that.
    pub fn payload(self) -> Vec<u8> {
        let mut random = Random::new(self.seed());
        let bytes = HEAD_BYTES as u64
            + match random.below(ONE_LARGE_IN) {
                0 => 20_000 + random.below(100_000),
                1..4 => 1_000 + random.below(8_000),
                _ => random.below(1_000),
            };
        let mut payload = Vec::with_capacity(bytes as usize + 8);
        for field in [self.writer as u64, self.track as u64, self.number] {
            payload.extend_from_slice(&field.to_le_bytes());
        }
        while payload.len() < bytes as usize {
            payload.extend_from_slice(&random.next_u64().to_le_bytes());
        }
        payload.truncate(bytes as usize);
        payload
    }

    /// Whose payload it is; `None` if it is nobody's, or not as it was sent.
    pub fn of(payload: &[u8]) -> Option<Self> {
        let field = |at: usize| {
            let bytes = payload.get(at..at + 8)?.try_into().ok()?;
            usize::try_from(u64::from_le_bytes(bytes)).ok()
        };
        let id = Id { writer: field(0)?, track: field(8)?, number: field(16)? as u64 };
        (id.payload() == payload).then_some(id)
    }

    fn seed(self) -> u64 {
        (self.writer as u64) << 56 ^ (self.track as u64) << 40 ^ self.number
    }
}

#[test]
fn a_changed_byte_makes_a_payload_nobodys() {
    for number in 0..200 {
        let id = Id { writer: 2, track: 3, number };
        let mut payload = id.payload();
        assert_eq!(Id::of(&payload), Some(id));
        let at = payload.len() - 1 - number as usize % payload.len().min(24);
        payload[at] ^= 1;
        assert_eq!(Id::of(&payload), None, "byte {at} of {number}");
        assert_eq!(Id::of(&payload[..at]), None);
    }
}
