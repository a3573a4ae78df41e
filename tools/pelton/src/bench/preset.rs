//! What the named workloads are, where the command line does not say otherwise.

use pelton_bench::plan::Workload;

/// Defaults of one sub-command.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    pub workload: Workload,
    pub records: u32,
    pub record_bytes: usize,
    pub partitions: i32,
    pub connections: usize,
    pub in_flight: usize,
    /// Requests are filled up to this with batches of other partitions; 0: one batch a request.
    pub request_bytes: u64,
}

impl Preset {
    pub const PRODUCE: Preset = Preset {
        workload: Workload::Produce,
        records: 1000,
        record_bytes: 1000,
        partitions: 8,
        connections: 8,
        in_flight: 5,
        request_bytes: 0,
    };
    /// Of a Fetch's partitions, each connection asks in one request.
    pub const FETCH: Preset = Preset { workload: Workload::Fetch, in_flight: 1, ..Preset::PRODUCE };
    pub const END_TO_END: Preset =
        Preset { workload: Workload::EndToEnd, records: 16, ..Preset::PRODUCE };
    pub const CATCH_UP: Preset =
        Preset { workload: Workload::CatchUp, in_flight: 1, ..Preset::PRODUCE };
    /// A producer sends what is ready for a broker in one request, up to its
    /// `max.request.size`.
    pub const MANY_PARTITIONS: Preset =
        Preset { records: 16, partitions: 1000, request_bytes: 1 << 20, ..Preset::PRODUCE };
    pub const MANY_CONNECTIONS: Preset = Preset {
        records: 1,
        record_bytes: 100,
        connections: 1000,
        in_flight: 1,
        ..Preset::PRODUCE
    };
    pub const SINGLE_RECORD: Preset = Preset { records: 1, in_flight: 1, ..Preset::PRODUCE };
}
