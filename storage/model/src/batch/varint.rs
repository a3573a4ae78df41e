//! Kafka's variable-length numbers: zigzag, seven bits a byte, lowest first.

use super::RecordFault;

/// Takes a number of at most 5 bytes off the front. Bits beyond 32 are dropped, as in Java.
#[inline]
pub(super) fn take_i32(bytes: &mut &[u8]) -> Result<i32, RecordFault> {
    let raw = take(bytes, 5)? as u32;
    Ok((raw >> 1) as i32 ^ -((raw & 1) as i32))
}

/// Takes a number of at most 10 bytes off the front. Bits beyond 64 are dropped, as in Java.
#[inline]
pub(super) fn take_i64(bytes: &mut &[u8]) -> Result<i64, RecordFault> {
    let raw = take(bytes, 10)?;
    Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
}

/// Nearly all numbers of a record fit into one byte or two, and producers are acknowledged after
/// each of them was read.
#[inline]
fn take(bytes: &mut &[u8], bytes_max: usize) -> Result<u64, RecordFault> {
    match **bytes {
        [low @ ..0x80, ref rest @ ..] => {
            *bytes = rest;
            Ok(u64::from(low))
        }
        [low, high @ ..0x80, ref rest @ ..] => {
            *bytes = rest;
            Ok(u64::from(low & 0x7f) | u64::from(high) << 7)
        }
        _ => take_long(bytes, bytes_max),
    }
}

#[cold]
fn take_long(bytes: &mut &[u8], bytes_max: usize) -> Result<u64, RecordFault> {
    let mut value = 0;
    for (at, &byte) in bytes.iter().take(bytes_max).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            *bytes = &bytes[at + 1..];
            return Ok(value);
        }
    }
    Err(if bytes.len() < bytes_max { RecordFault::BadLength } else { RecordFault::VarintTooLong })
}

pub(super) fn put_i32(out: &mut Vec<u8>, value: i32) {
    // The zigzag of an i32 is the same number in either width.
    put_i64(out, i64::from(value));
}

pub(super) fn put_i64(out: &mut Vec<u8>, value: i64) {
    let mut raw = ((value << 1) ^ (value >> 63)) as u64;
    while raw >= 0x80 {
        out.push(raw as u8 | 0x80);
        raw >>= 7;
    }
    out.push(raw as u8);
}

#[cfg(test)]
#[path = "varint_test.rs"]
mod varint_test;
