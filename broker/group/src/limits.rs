//! Bounds of what clients can make a coordinator hold and that Kafka does not bound.

/// Groups of one coordinator. An empty one takes about 500 bytes; 50 coordinators of 20,000 make a
/// million groups. New ones beyond that are refused with COORDINATOR_NOT_AVAILABLE.
pub const GROUPS_PER_COORDINATOR_MAX: usize = 20_000;

/// Member ids of one group that were given out and not yet joined with, which `group.max.size`
/// does not count: each lives until its session timeout.
pub const PENDING_MEMBERS_MAX: usize = 10_000;

/// What these ids of one group may take: each begins with its client's id, which may be 32 KiB.
/// As many as there may be of 200 bytes, more than clients call themselves.
pub const PENDING_MEMBER_ID_BYTES_MAX: usize = 200 * PENDING_MEMBERS_MAX;

/// What the members of one group may say about themselves. It has to fit into one record of the
/// log, 1 MiB by default, with one protocol of several; beyond this it never will, and a group that
/// forms would be a place to put memory to.
pub const GROUP_METADATA_BYTES_MAX: usize = 16 << 20;

/// Timers that fire in one step, so that a thousand members that die at once do not hold the core
/// (R8).
pub const TIMERS_PER_STEP_MAX: usize = 64;

/// Groups looked through for expired offsets in one step (R8).
pub const EXPIRY_GROUPS_PER_STEP_MAX: usize = 64;

/// What a member of the consumer protocol calls itself. It goes into a record's key, which has 16
/// bits for its length.
pub const CONSUMER_ID_BYTES_MAX: usize = i16::MAX as usize;

/// Heartbeats of members at rest, of all groups of the consumer protocol on one core, that members may
/// be told to make beyond what is configured: 70 µs each, 3.5 % of the core.
pub const BEATS_A_SECOND_AT_REST: usize = 500;

/// The same while members have something to wait for: what 10,000 of them make by Kafka's interval, at
/// most 14 % of the core, and soon over.
pub const BEATS_A_SECOND_UNDER_WAY: usize = 2_000;

const _: () = assert!(BEATS_A_SECOND_AT_REST < BEATS_A_SECOND_UNDER_WAY);

/// Of a regular expression, which goes into a record's key as well.
pub const REGEX_BYTES_MAX: usize = 8 << 10;

/// What a compiled regular expression may take, while it is matched.
pub const REGEX_PROGRAM_BYTES_MAX: usize = 1 << 20;

/// Different regular expressions of one group: the topics that each stands for are kept.
pub const REGEXES_PER_GROUP_MAX: usize = 256;
