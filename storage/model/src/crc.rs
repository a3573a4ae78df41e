//! CRC-32C over much at once, and moving one past bytes without reading them.
//!
//! A CRC is linear: the CRC of `A` followed by `B` is that of `A`, advanced over as many zero
//! bytes as `B` has, XOR that of `B`. Advancing over n bytes is a multiplication by x^8n, which
//! squaring reaches in about log2(n) steps. (`crc32c::crc32c_combine` squares 32×32 matrices
//! instead: microseconds, as much as reading 64 KiB.)

use crc_fast::{CrcAlgorithm, Digest};

/// From this size on the carry-less multiplication of wide registers is worth its beginning and
/// its end. Above all it goes through memory from front to back, at twice the speed where the bytes
/// are not in a cache yet; `crc32c` reads at three places in turn.
const WIDE_BYTES_MIN: usize = 1 << 10;

/// CRC-32C's polynomial, lowest power in the highest bit, as everywhere in this file.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// x^(2^n) for each n that a number of bytes, which is eight times as many bits, can ask for.
const POWERS: [u32; usize::BITS as usize + 3] = {
    let mut powers = [0; usize::BITS as usize + 3];
    powers[0] = 1 << 30;
    let mut n = 1;
    while n < powers.len() {
        powers[n] = multiply(powers[n - 1], powers[n - 1]);
        n += 1;
    }
    powers
};

const fn multiply(a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    let mut bit: u32 = 1 << 31;
    while bit != 0 {
        if a & bit != 0 {
            product ^= b;
        }
        bit >>= 1;
        b = if b & 1 != 0 { (b >> 1) ^ POLYNOMIAL } else { b >> 1 };
    }
    product
}

/// The CRC of `A` followed by `bytes`, from the CRC of `A`; that of no bytes is 0.
pub fn append(crc: u32, bytes: &[u8]) -> u32 {
    if bytes.len() < WIDE_BYTES_MIN {
        return crc32c::crc32c_append(crc, bytes);
    }
    // Between two updates a CRC is kept inverted.
    let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc32Iscsi, u64::from(!crc));
    digest.update(bytes);
    // One of 32 bits, in 64.
    digest.finalize() as u32
}

/// The CRC (or XOR of two CRCs over equally many bytes) advanced over `bytes` zero bytes.
pub(crate) fn advance(crc: u32, bytes: usize) -> u32 {
    let mut factor = 1 << 31;
    let mut rest = bytes;
    // Eight bits a byte: the first power is x^(2^3).
    let mut n = 3;
    while rest != 0 {
        if rest & 1 != 0 {
            factor = multiply(POWERS[n], factor);
        }
        rest >>= 1;
        n += 1;
    }
    multiply(factor, crc)
}

/// The CRC of `A` followed by `B`, from both CRCs and the length of `B`.
pub(crate) fn combine(crc_a: u32, crc_b: u32, bytes_b: usize) -> u32 {
    advance(crc_a, bytes_b) ^ crc_b
}

#[cfg(test)]
#[path = "crc_test.rs"]
mod crc_test;
