//! Record batches that are ready to be sent before the clock starts.

use bytes::Bytes;
use pelton_model::batch::{BatchBuilder, BatchFields, NewRecord};
use pelton_model::{Compression, TimestampMs};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::plan::REQUEST_BYTES_MAX;

/// What records look like.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BatchShape {
    /// Records of one batch; a batch goes to one partition.
    pub records: u32,
    /// Of the value.
    pub value_bytes: usize,
    /// 0: records have no key.
    pub key_bytes: usize,
    /// How many different keys there are.
    pub keys: u64,
    /// 0 (noise) to 1 (all the same): the share of each value that a codec could leave out.
    pub compressibility: f64,
    #[serde(serialize_with = "codec_name")]
    pub compression: Compression,
    /// The same seed gives the same batches.
    pub seed: u64,
}

impl Default for BatchShape {
    fn default() -> Self {
        Self {
            records: 1000,
            value_bytes: 1000,
            key_bytes: 0,
            keys: 1_000_000,
            compressibility: 0.0,
            compression: Compression::None,
            seed: 1,
        }
    }
}

impl BatchShape {
    /// Keys and values of one batch before compression: what throughput is counted in.
    pub fn payload_bytes(&self) -> u64 {
        let record_bytes = self.value_bytes.saturating_add(self.key_bytes) as u64;
        record_bytes.saturating_mul(self.records.into())
    }

    /// # Errors
    /// What cannot be encoded, or would be of no sense.
    pub fn check(&self) -> Result<()> {
        let invalid = |reason: &str| Err(Error::Invalid(reason.into()));
        if self.records == 0 {
            return invalid("a batch has one record at least");
        }
        // A record without a key and a value is none without bytes, either.
        if self.payload_bytes().max(self.records.into()) > REQUEST_BYTES_MAX {
            return Err(Error::Invalid(format!(
                "a batch has {REQUEST_BYTES_MAX} bytes and records at most, as a request"
            )));
        }
        if !(0.0..=1.0).contains(&self.compressibility) {
            return invalid("compressibility is a number from 0 to 1");
        }
        if self.keys == 0 {
            return invalid("there is one key at least");
        }
        Ok(())
    }
}

/// Batches that differ, to be sent in turn, over and over. Clones of a batch share its bytes.
#[derive(Clone, Debug)]
pub struct BatchPool {
    batches: Vec<Bytes>,
    cursor: usize,
}

/// More different ones would only take longer to prepare.
const BATCHES_MAX: u64 = 4096;

impl BatchPool {
    /// As many batches as fit in `pool_bytes`, at least one, each stamped with `timestamp`. Encoded
    /// in memory of the calling thread, and so touched by it.
    pub fn encode(shape: &BatchShape, pool_bytes: u64, timestamp: TimestampMs, lot: u64) -> Self {
        let count = (pool_bytes / shape.payload_bytes().max(1)).clamp(1, BATCHES_MAX);
        let mut noise = Noise::new(shape.seed ^ lot.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let batches = (0..count).map(|_| encode_batch(shape, timestamp, &mut noise)).collect();
        Self { batches, cursor: 0 }
    }

    /// The next batch, whole.
    pub fn next_batch(&mut self) -> Bytes {
        let batch = self.batches[self.cursor].clone();
        self.cursor = (self.cursor + 1) % self.batches.len();
        batch
    }

    /// As they go over the wire, on average.
    pub fn batch_bytes(&self) -> u64 {
        let total: usize = self.batches.iter().map(Bytes::len).sum();
        (total / self.batches.len()) as u64
    }
}

fn encode_batch(shape: &BatchShape, timestamp: TimestampMs, noise: &mut Noise) -> Bytes {
    let mut builder = BatchBuilder::new(BatchFields::compressed(shape.compression));
    let noisy_bytes = (shape.value_bytes as f64 * (1.0 - shape.compressibility)).round() as usize;
    let mut value = vec![b'.'; shape.value_bytes];
    let mut key = vec![0; shape.key_bytes];
    for _ in 0..shape.records {
        noise.fill(&mut value[..noisy_bytes]);
        // The key's number decides all of its bytes, so that equal numbers are equal keys.
        Noise::new(noise.next() % shape.keys).fill(&mut key);
        builder.push(&NewRecord {
            timestamp,
            key: (shape.key_bytes > 0).then_some(&key),
            value: Some(&value),
            headers: &[],
        });
    }
    Bytes::from(builder.build())
}

/// SplitMix64 (Steele, Lea, Flood 2014): enough to keep a codec from finding anything.
pub(crate) struct Noise(u64);

impl Noise {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

pub(crate) fn codec_name<S: serde::Serializer>(
    codec: &Compression,
    to: S,
) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(codec.name())
}

#[cfg(test)]
#[path = "batches_test.rs"]
mod batches_test;
