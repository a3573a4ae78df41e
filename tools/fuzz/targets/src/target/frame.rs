//! Frames: a stream is cut as it is announced, whatever the pieces it comes in, and costs no more
//! memory than has come.

use std::future::{Future, pending};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use pelton_net::link::sim::{WireOptions, pair};
use pelton_net::{Budget, FrameReader, Scratch, ShardResources};

use super::Target;
use crate::vectors;

const FRAME_BYTES_MAX: usize = 100 << 20;
const BUDGET_BYTES: usize = 128 << 20;
/// More would only make the same states longer.
const STREAM_BYTES_MAX: usize = 1 << 20;

pub const TARGET: Target = Target {
    name: "frame",
    run,
    samples,
    reseal: None,
    // On the wire, in the scratch buffer's copy, in a frame's memory that doubles.
    bytes_per_input_byte: 12,
    // The scratch buffer, a frame's first block, and the wire.
    bytes_constant: 1 << 20,
};

/// The first byte says in how large pieces the rest comes.
fn run(input: &[u8]) {
    let Some((first, stream)) = input.split_first() else { return };
    let stream = stream.get(..STREAM_BYTES_MAX).unwrap_or(stream);
    let read_bytes_max = match first % 4 {
        0 => usize::MAX,
        size => 1 << (4 * size),
    };
    let options =
        WireOptions { buffer_bytes: STREAM_BYTES_MAX, read_bytes_max, ..WireOptions::default() };
    let (client, server, _wire) = pair(options);
    let sent = bytes::Bytes::copy_from_slice(stream);
    assert!(matches!(once(client.write_all(vec![sent])), Poll::Ready(Ok(()))));
    client.shutdown(std::net::Shutdown::Write).expect("it is open");

    let budget = Budget::new(BUDGET_BYTES);
    let shard = ShardResources {
        budget: budget.clone(),
        scratch: Scratch::new(),
        // No time passes here.
        sleep: Rc::new(|_| Box::pin(pending())),
    };
    let mut frames = FrameReader::new(server, &shard, FRAME_BYTES_MAX);
    let mut expected = stream;
    loop {
        let next = match until_ready(frames.next()) {
            Some(next) => next,
            None => panic!("all has been sent, and it waits"),
        };
        let Ok(Some(frame)) = next else { break };
        let (length, rest) = expected.split_first_chunk().expect("a frame that was not sent");
        let (body, rest) = rest.split_at(i32::from_be_bytes(*length) as usize);
        assert_eq!(frame.bytes, body);
        assert_eq!(frame.charge.bytes(), body.len() + 4);
        expected = rest;
    }
    drop(frames);
    assert_eq!(budget.in_use_bytes(), 0, "what was charged comes back");
}

fn once<T>(work: impl Future<Output = T>) -> Poll<T> {
    pin!(work).poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls for as long as it may take: a read of one piece per poll, and pauses between.
fn until_ready<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut cx = Context::from_waker(Waker::noop());
    (0..4 * STREAM_BYTES_MAX).find_map(|_| match work.as_mut().poll(&mut cx) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    })
}

fn samples() -> Vec<Vec<u8>> {
    let frame = |body: &Vec<u8>| {
        let length = (body.len() as i32).to_be_bytes();
        [&length, body.as_slice()].concat()
    };
    let bodies: Vec<Vec<u8>> = vectors::requests()
        .into_iter()
        .map(|body| body.bytes)
        .filter(|body| !body.is_empty())
        .collect();
    let mut samples: Vec<Vec<u8>> = Vec::new();
    for (at, some) in bodies.chunks(3).enumerate() {
        let stream: Vec<u8> = some.iter().flat_map(frame).collect();
        samples.push([&[at as u8], stream.as_slice()].concat());
    }
    samples.push([&[0], frame(&vec![1; 100_000]).as_slice()].concat());
    samples
}
