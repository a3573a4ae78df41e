//! Every served message against the bytes that Kafka's own serialisers wrote.

mod golden;
mod hostile;
mod hot_path;
mod messages;

use bytes::Bytes;

const CORRELATION_ID: i32 = 0x0102_0304;

/// Takes the length off a frame that has been written, and checks it.
fn after_length(mut frame: Bytes) -> Bytes {
    let rest = frame.split_off(4);
    assert_eq!(frame[..], (rest.len() as i32).to_be_bytes());
    rest
}
