//! The targets, one file each.

mod config;
mod fetch;
mod frame;
mod header;
mod index;
mod journal_group;
mod produce;
mod record_batch;
mod state_file;

pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
    /// Sound inputs.
    pub samples: fn() -> Vec<Vec<u8>>,
    /// Makes the checksums of a changed sample right again, so that what is behind them is reached.
    pub reseal: Option<fn(&mut [u8])>,
    pub bytes_per_input_byte: usize,
    pub bytes_constant: usize,
}

pub const TARGETS: &[Target] = &[
    frame::TARGET,
    header::TARGET,
    produce::TARGET,
    fetch::TARGET,
    record_batch::TARGET,
    journal_group::TARGET,
    state_file::TARGET,
    index::TARGET,
    config::TARGET,
];

pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Samples that begin with the version of the API, one byte.
fn versioned(bodies: Vec<crate::vectors::Body>, is_request: bool) -> Vec<Vec<u8>> {
    let bodies = bodies.into_iter().filter(|body| body.is_request == is_request);
    bodies.map(|body| [&[body.version as u8], body.bytes.as_slice()].concat()).collect()
}
