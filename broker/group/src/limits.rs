//! Bounds of what clients can make a coordinator hold and that Kafka does not bound.

/// Groups of one coordinator. An empty one takes about 500 bytes; 50 coordinators of 20,000 make a
/// million groups. New ones beyond that are refused with COORDINATOR_NOT_AVAILABLE.
pub const GROUPS_PER_COORDINATOR_MAX: usize = 20_000;

/// Member ids of one group that were given out and not yet joined with, where `group.max.size`
/// does not set a lower bound: each lives until its session timeout.
pub const PENDING_MEMBERS_MAX: usize = 10_000;

/// What the members of one group may say about themselves. It has to fit into one record of the
/// log, 1 MiB by default, with one protocol of several; beyond this it never will, and a group that
/// forms would be a place to put memory to.
pub const GROUP_METADATA_BYTES_MAX: usize = 16 << 20;

/// Timers that fire in one step, so that a thousand members that die at once do not hold the core
/// (R8).
pub const TIMERS_PER_STEP_MAX: usize = 64;

/// Groups looked through for expired offsets in one step (R8).
pub const EXPIRY_GROUPS_PER_STEP_MAX: usize = 64;
