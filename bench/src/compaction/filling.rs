//! What a partition is filled with. All of it follows from a seed, so that whoever reads the
//! partition again knows what was written at each offset.

use bytes::Bytes;
use pelton_model::batch::{BatchBuilder, BatchFields, NewRecord};
use pelton_model::{Compression, TimestampMs};

use crate::batches::Noise;

/// The load's keys are longer, so that the two are never taken for each other.
pub(super) const KEY_BYTES: usize = 8;

/// A value begins with its record's index.
pub(super) const INDEX_BYTES: usize = 8;

/// Half of a value is noise: codecs find the other half.
const NOISE_SHARE: usize = 2;

/// Records of one partition, by index: from 0, as their offsets.
#[derive(Clone, Debug)]
pub(super) struct Filling {
    pub partition: i32,
    pub records: u64,
    /// Different keys of this partition.
    pub keys: u64,
    pub value_bytes: usize,
    pub seed: u64,
}

impl Filling {
    /// Which of the keys a record has.
    pub fn key_of(&self, index: u64) -> u64 {
        self.noise(index).next() % self.keys
    }

    /// The bytes of a key.
    pub fn key(&self, number: u64) -> [u8; KEY_BYTES] {
        (number << 16 | u64::from(self.partition as u16)).to_be_bytes()
    }

    /// Which key it is; none if it is not one of this partition.
    pub fn number_of(&self, key: &[u8]) -> Option<u64> {
        let number = u64::from_be_bytes(key.try_into().ok()?) >> 16;
        (number < self.keys && self.key(number) == key).then_some(number)
    }

    pub fn write_value(&self, index: u64, value: &mut Vec<u8>) {
        value.clear();
        value.resize(self.value_bytes, b'.');
        value[..INDEX_BYTES].copy_from_slice(&index.to_be_bytes());
        let noisy = self.value_bytes / NOISE_SHARE;
        self.noise(!index).fill(&mut value[INDEX_BYTES..noisy.max(INDEX_BYTES)]);
    }

    /// A batch of the records from `first` on.
    pub fn batch(&self, first: u64, count: u64, codec: Compression, at: TimestampMs) -> Bytes {
        let mut builder = BatchBuilder::new(BatchFields::compressed(codec));
        let mut value = Vec::new();
        for index in first..first + count {
            self.write_value(index, &mut value);
            let key = self.key(self.key_of(index));
            builder.push(&NewRecord {
                timestamp: at,
                key: Some(&key),
                value: Some(&value),
                headers: &[],
            });
        }
        Bytes::from(builder.build())
    }

    fn noise(&self, index: u64) -> Noise {
        let mut of_seed = Noise::new(self.seed ^ (self.partition as u64) << 48);
        Noise::new(of_seed.next() ^ index)
    }
}
