//! What the tables of configs are made of.

pub(super) const MAX_INT: &str = "2147483647";
pub(super) const MAX_LONG: &str = "9223372036854775807";
pub(super) const MAX_DOUBLE: &str = "1.7976931348623157E308";

/// Why `file.delete.delay.ms` has no effect. Kafka renames files and removes them later because a
/// fetch may still send from them; here a file is closed, which waits for its reads, and then
/// removed, and its space is free at once.
pub(super) const NO_READER_LEFT: &str = "a file goes as soon as nobody reads it any more";

/// Why `flush.messages` and `flush.ms` have no effect: see ARCHITECTURE.md.
pub(super) const SYNCED_ANYWAY: &str = "every record is synced before it is acknowledged";

/// A config that Kafka 4.4 knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConfigDef {
    pub name: &'static str,
    pub kind: Kind,
    /// `None`: unset, or given by whoever starts the broker.
    pub default: Option<&'static str>,
    pub valid: Valid,
    /// Of a broker config; those of other resources can always be altered.
    pub dynamic: Dynamic,
    /// Not described unless it was set.
    pub internal: bool,
    /// Broker configs that stand in when this one is unset, the first one first.
    pub synonyms: &'static [&'static str],
    pub support: Support,
    /// What it does, or why it does nothing; may be empty.
    pub doc: &'static str,
}

/// A config's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Boolean,
    String,
    Int,
    Short,
    Long,
    Double,
    List,
    Class,
    Password,
}

impl Kind {
    /// The type as DescribeConfigs names it from version 3 on; 0 is a type that is not known.
    pub const fn wire_id(self) -> i8 {
        match self {
            Self::Boolean => 1,
            Self::String => 2,
            Self::Int => 3,
            Self::Short => 4,
            Self::Long => 5,
            Self::Double => 6,
            Self::List => 7,
            Self::Class => 8,
            Self::Password => 9,
        }
    }
}

/// What a value of the right type must also be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Valid {
    Any,
    AtLeast(i64),
    /// Both ends included.
    Between(i64, i64),
    /// As `Between`, or exactly `or`.
    BetweenOr {
        least: i64,
        most: i64,
        or: i64,
    },
    OneOf(&'static [&'static str]),
    OneOfAnyCase(&'static [&'static str]),
    /// Every member of the list is one of these.
    MembersOf(&'static [&'static str]),
    NonEmpty,
    /// `partition:broker,...`, or `*`.
    ThrottledReplicas,
    /// `address:count,...`; [`ip_count`](super::value::ip_count) reads one.
    IpCounts,
    /// `latest`, `earliest`, or `by_duration:` and an ISO 8601 duration that is not negative.
    OffsetReset,
}

/// Whether a broker config can be altered while the broker runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dynamic {
    No,
    /// For one broker only.
    PerBroker,
    /// For one broker or for all.
    ClusterWide,
}

/// What a config does here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    Serve,
    /// Validated, stored and described, without effect.
    Accept,
    /// Belongs to a part of Kafka that does not exist here; described with its default.
    NotApplicable,
}

impl ConfigDef {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            default: None,
            valid: Valid::Any,
            dynamic: Dynamic::No,
            internal: false,
            synonyms: &[],
            support: Support::Serve,
            doc: "",
        }
    }

    pub(super) const fn default(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    pub(super) const fn at_least(self, least: i64) -> Self {
        Self { valid: Valid::AtLeast(least), ..self }
    }

    pub(super) const fn between(self, least: i64, most: i64) -> Self {
        Self { valid: Valid::Between(least, most), ..self }
    }

    pub(super) const fn between_or(self, least: i64, most: i64, or: i64) -> Self {
        Self { valid: Valid::BetweenOr { least, most, or }, ..self }
    }

    pub(super) const fn one_of(self, values: &'static [&'static str]) -> Self {
        Self { valid: Valid::OneOf(values), ..self }
    }

    pub(super) const fn one_of_any_case(self, values: &'static [&'static str]) -> Self {
        Self { valid: Valid::OneOfAnyCase(values), ..self }
    }

    pub(super) const fn members_of(self, values: &'static [&'static str]) -> Self {
        Self { valid: Valid::MembersOf(values), ..self }
    }

    pub(super) const fn non_empty(self) -> Self {
        Self { valid: Valid::NonEmpty, ..self }
    }

    pub(super) const fn throttled_replicas(self) -> Self {
        Self { valid: Valid::ThrottledReplicas, ..self }
    }

    pub(super) const fn ip_counts(self) -> Self {
        Self { valid: Valid::IpCounts, ..self }
    }

    pub(super) const fn offset_reset(self) -> Self {
        Self { valid: Valid::OffsetReset, ..self }
    }

    pub(super) const fn per_broker(self) -> Self {
        Self { dynamic: Dynamic::PerBroker, ..self }
    }

    pub(super) const fn cluster_wide(self) -> Self {
        Self { dynamic: Dynamic::ClusterWide, ..self }
    }

    pub(super) const fn internal(self) -> Self {
        Self { internal: true, ..self }
    }

    pub(super) const fn synonyms(self, synonyms: &'static [&'static str]) -> Self {
        Self { synonyms, ..self }
    }

    pub(super) const fn accept(self, why: &'static str) -> Self {
        Self { support: Support::Accept, doc: why, ..self }
    }

    pub(super) const fn not_applicable(self, why: &'static str) -> Self {
        Self { support: Support::NotApplicable, doc: why, ..self }
    }

    pub(super) const fn doc(self, doc: &'static str) -> Self {
        Self { doc, ..self }
    }

    /// A sensitive value is never told.
    pub fn is_sensitive(&self) -> bool {
        self.kind == Kind::Password
    }
}

macro_rules! constructors {
    ($($function:ident => $kind:ident),+) => {
        $(pub(super) const fn $function(name: &'static str) -> ConfigDef {
            ConfigDef::new(name, Kind::$kind)
        })+
    };
}

constructors! {
    boolean => Boolean, string => String, int => Int, short => Short, long => Long,
    double => Double, list => List, class => Class, password => Password
}

/// The configs of one kind of resource, sorted by name.
#[derive(Debug)]
pub struct Table(&'static [ConfigDef]);

impl Table {
    pub(super) const fn new(defs: &'static [ConfigDef]) -> Self {
        Self(defs)
    }

    pub fn get(&self, name: &str) -> Option<&'static ConfigDef> {
        let at = self.0.binary_search_by(|def| def.name.cmp(name)).ok()?;
        self.0.get(at)
    }

    /// All configs by name.
    pub fn iter(&self) -> impl Iterator<Item = &'static ConfigDef> + use<> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
#[path = "def_test.rs"]
mod def_test;
