use std::pin::pin;
use std::task::{Context, Poll, Waker};

use pelton_model::batch::{BatchBuilder, BatchFields, NewRecord};
use pelton_model::compression::DecompressError;

use super::*;

/// A batch with a record of so many bytes.
fn batch(codec: Compression, bytes: usize) -> (BatchHeader, Vec<u8>) {
    let mut builder = BatchBuilder::new(BatchFields::compressed(codec));
    let value: Vec<u8> = (0..bytes).map(|at| (at / 5 % 251) as u8).collect();
    builder.push(&NewRecord { value: Some(&value), ..NewRecord::default() });
    let batch = builder.build();
    (BatchHeader::read(&batch).expect("a batch"), batch)
}

/// How often others had the core, and what came out.
fn count_pauses<T>(work: impl Future<Output = T>) -> (usize, T) {
    let mut work = pin!(work);
    let mut pauses = 0;
    loop {
        match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => return (pauses, done),
            Poll::Pending => pauses += 1,
        }
    }
}

#[test]
fn a_large_batch_is_unpacked_with_pauses() {
    for codec in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        let (header, batch) = batch(codec, 1 << 20);
        let (pauses, bytes) = count_pauses(unpacked(&header, &batch, 2 << 20));
        assert!(pauses >= 8, "{codec}: {pauses}");
        assert!(bytes == record_bytes(&header, &batch, 2 << 20), "{codec}");
        let bytes_max = 1 << 20;
        let refused = Err(BatchError::Decompress(DecompressError::TooLarge { bytes_max }));
        assert!(count_pauses(unpacked(&header, &batch, bytes_max)).1 == refused, "{codec}");
    }
}

#[test]
fn a_small_batch_is_unpacked_at_once() {
    for codec in Compression::ALL {
        let (header, batch) = batch(codec, 1000);
        let (pauses, bytes) = count_pauses(unpacked(&header, &batch, 1 << 20));
        assert_eq!((pauses, bytes), (0, record_bytes(&header, &batch, 1 << 20)), "{codec}");
    }
}
