//! What bytes from strangers, from sockets and from disks, are held to: no panic, no memory beyond
//! a small multiple of their own, and what is read can be written and read again.
//!
//! A target is a function from bytes. libFuzzer drives it (`cargo x fuzz`, nightly), and so does a
//! seeded mutator of sound samples in this crate's tests, on any toolchain and always the same.

pub mod allocation;
pub mod mutate;
mod target;
mod vectors;

pub use target::{TARGETS, Target, find};

use crate::allocation::peak_bytes_of;

/// Runs a target once.
///
/// # Panics
/// If the target does, or takes more memory than it may. The latter is seen only where
/// [`allocation::Counting`] is the global allocator.
pub fn run(target: &Target, input: &[u8]) {
    let ((), peak_bytes) = peak_bytes_of(|| (target.run)(input));
    let allowed = target.bytes_per_input_byte * input.len() + target.bytes_constant;
    assert!(
        peak_bytes <= allowed,
        "{}: {peak_bytes} bytes of memory for {} of input, {allowed} are allowed",
        target.name,
        input.len(),
    );
}
