//! Keys as sixteen bytes.

use siphasher::sip128::SipHasher24;

/// What stands for a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyHash {
    pub(super) high: u64,
    pub(super) low: u64,
}

/// SipHash-2-4 with 128 bits of output, keyed.
///
/// Two keys of one hash would cost a record, so the function must be one that nobody can find
/// collisions of without its key, which is drawn anew for every cleaning and told to nobody:
/// unkeyed functions (xxHash, Murmur, MD5 as Kafka uses it) let a producer make two keys that
/// collide. SipHash is a pseudo-random function made for short inputs; of 10⁹ keys, two collide
/// with a chance of 10⁻²¹.
///
/// Source: Aumasson, Bernstein, "SipHash: a fast short-input PRF".
#[derive(Clone, Copy)]
pub struct KeyHasher(SipHasher24);

impl KeyHasher {
    /// `secret` is 128 bits of chance.
    pub fn new(secret: [u8; 16]) -> Self {
        Self(SipHasher24::new_with_key(&secret))
    }

    pub fn hash(&self, key: &[u8]) -> KeyHash {
        let hash = self.0.hash(key);
        KeyHash { high: hash.h1, low: hash.h2 }
    }
}

#[cfg(test)]
#[path = "key_hash_test.rs"]
mod key_hash_test;
