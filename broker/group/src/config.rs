//! The broker configs that rule groups; all of them are read at the start only, as in Kafka.

use std::time::Duration;

use crate::assignor::Assignor;

/// Under Kafka's names, in their units or as durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupConfig {
    pub group_min_session_timeout_ms: i32,
    pub group_max_session_timeout_ms: i32,
    pub group_initial_rebalance_delay: Duration,
    /// Members of one group.
    pub group_max_size: usize,
    /// Of the metadata beside a committed offset, in UTF-16 units as Java counts.
    pub offset_metadata_max: usize,
    pub offsets_retention_ms: i64,
    pub offsets_retention_check_interval: Duration,
    pub consumer: ConsumerConfig,
}

/// What rules all groups of the consumer protocol; `group.consumer.*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerConfig {
    /// Members of one group.
    pub group_max_size: usize,
    pub assignors: Assignors,
    pub migration_policy: MigrationPolicy,
}

/// `group.consumer.migration.policy`: which protocol a group with members may move to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MigrationPolicy {
    /// A classic group becomes one of the consumer protocol when a member of that one joins.
    pub upgrade: bool,
    /// And a classic one when the last such member has gone.
    pub downgrade: bool,
}

impl MigrationPolicy {
    /// By Kafka's names, in any case; what is none of them allows nothing.
    pub fn from_name(name: &str) -> Self {
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        Self {
            upgrade: is("upgrade") || is("bidirectional"),
            downgrade: is("downgrade") || is("bidirectional"),
        }
    }
}

impl Default for MigrationPolicy {
    fn default() -> Self {
        Self { upgrade: true, downgrade: true }
    }
}

/// `group.consumer.assignors`: those that are offered, and the one of groups that do not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assignors {
    pub default: Assignor,
    uniform: bool,
    range: bool,
}

impl Assignors {
    /// By their names, the default first. Names that nobody knows are left out; without any that is
    /// known all are offered.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut known = names.into_iter().filter_map(Assignor::from_name).peekable();
        let Some(default) = known.peek().copied() else { return Self::default() };
        let mut offered = Self { default, uniform: false, range: false };
        for assignor in known {
            match assignor {
                Assignor::Uniform => offered.uniform = true,
                Assignor::Range => offered.range = true,
            }
        }
        offered
    }

    pub fn offers(self, assignor: Assignor) -> bool {
        match assignor {
            Assignor::Uniform => self.uniform,
            Assignor::Range => self.range,
        }
    }
}

impl Default for Assignors {
    fn default() -> Self {
        Self { default: Assignor::Uniform, uniform: true, range: true }
    }
}

impl Default for ConsumerConfig {
    /// Kafka's defaults.
    fn default() -> Self {
        Self {
            group_max_size: i32::MAX as usize,
            assignors: Assignors::default(),
            migration_policy: MigrationPolicy::default(),
        }
    }
}

impl Default for GroupConfig {
    /// Kafka's defaults.
    fn default() -> Self {
        Self {
            group_min_session_timeout_ms: 6_000,
            group_max_session_timeout_ms: 1_800_000,
            group_initial_rebalance_delay: Duration::from_millis(3_000),
            group_max_size: i32::MAX as usize,
            offset_metadata_max: 4_096,
            offsets_retention_ms: 7 * 24 * 3_600_000,
            offsets_retention_check_interval: Duration::from_secs(600),
            consumer: ConsumerConfig::default(),
        }
    }
}
