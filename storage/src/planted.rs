//! Bugs for the crash tests to find: a harness that finds none of them proves nothing. Without the
//! feature `planted-bugs`, which tests alone switch on, none of this is compiled in.

/// One wrong thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A segment is taken for durable without a sync.
    SkipSegmentSync,
    /// A sync that has failed is tried again, and believed.
    RetryAFailedSync,
    /// A group is acknowledged before it is written.
    AcknowledgeBeforeTheWrite,
    /// Two groups are in flight at once, and each is acknowledged when it is written.
    AcknowledgeOutOfOrder,
    /// The buffer of a group is filled with the next one while the device reads it.
    ReuseABufferInFlight,
    /// An extent is acknowledged with its group, whether or not its segment has it.
    AcknowledgeBeforeTheSegment,
    /// The horizon passes extents that are still being written.
    HorizonTooEarly,
    /// A start takes extents above the horizon as they are described.
    TrustExtents,
    /// A start does not say where it has cut a log off.
    ForgetTheCut,
    /// Journal space is used again before a state file has what was in it.
    ReclaimEarly,
    /// A recovered log begins again at the carried end.
    MintOffsetsTwice,
    /// Any whole group is taken for the successor of the one before.
    TrustAStaleGroup,
    /// A life has the incarnation of the one before.
    KeepTheIncarnation,
    /// A group need not name the CRC of its predecessor.
    SkipTheChain,
    /// Groups behind damage are passed over, as if they had never become durable.
    CutRotAsATear,
    /// A chunk is served whatever its bytes are.
    SkipTheCrc,
}

#[cfg(feature = "planted-bugs")]
std::thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Plants a bug, or none, in what this thread does from here on.
#[cfg(feature = "planted-bugs")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

#[cfg(feature = "planted-bugs")]
pub(crate) fn is_planted(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

#[cfg(not(feature = "planted-bugs"))]
pub(crate) const fn is_planted(_bug: Bug) -> bool {
    false
}
