//! Numbers that must not be mistaken for one another.

use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name($inner);

        impl $name {
            /// Wraps a raw number as it stands on the wire or on the disk.
            pub const fn new(value: $inner) -> Self {
                Self(value)
            }

            /// The raw number.
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

number!(
    /// The position of a record in its partition, counted from 0. Ranges are half-open.
    Offset(i64)
);
number!(
    /// Raised whenever a partition's leadership, or the identity of its tail, may have changed.
    LeaderEpoch(i32)
);
number!(
    /// A partition's number within its topic.
    PartitionIndex(i32)
);
number!(
    /// A core's share of the broker.
    ShardId(u16)
);
number!(
    /// A broker's number in its cluster.
    NodeId(i32)
);
number!(
    /// Milliseconds since 1970-01-01 UTC; producers may send any value.
    TimestampMs(i64)
);
number!(
    /// An idempotent or transactional producer (KIP-98).
    ProducerId(i64)
);
number!(
    /// Fences earlier lives of a producer id (KIP-98).
    ProducerEpoch(i16)
);

impl Offset {
    pub const ZERO: Offset = Offset(0);

    /// The offset `count` records further on. Saturates: a log never gets there.
    pub const fn plus(self, count: i64) -> Offset {
        Offset(self.0.saturating_add(count))
    }
}

impl ShardId {
    pub const ZERO: ShardId = ShardId(0);

    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl ProducerId {
    /// A batch without a producer id.
    pub const NONE: ProducerId = ProducerId(-1);
}

/// A topic's identity: a UUID that survives neither deletion nor re-creation (KIP-516).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TopicId([u8; 16]);

impl TopicId {
    /// Stands on the wire where no id is known.
    pub const ZERO: TopicId = TopicId([0; 16]);

    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A version 4 UUID from 128 random bits.
    pub fn from_random(bits: u128) -> Self {
        let mut bytes = bits.to_be_bytes();
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Self(bytes)
    }

    /// Reads the hexadecimal form that [`fmt::Display`] writes, as it stands in folder names.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        if text.len() != 36 || !text.is_ascii() {
            return None;
        }
        let mut digits = text.bytes().enumerate().filter(|(at, _)| !matches!(at, 8 | 13 | 18 | 23));
        for at in [8, 13, 18, 23] {
            if text.as_bytes()[at] != b'-' {
                return None;
            }
        }
        for byte in &mut bytes {
            let high = char::from(digits.next()?.1).to_digit(16)?;
            let low = char::from(digits.next()?.1).to_digit(16)?;
            *byte = (high * 16 + low) as u8;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TopicId({self})")
    }
}

/// A partition of one life of a topic: what a log on the disk belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId {
    pub topic: TopicId,
    pub index: PartitionIndex,
}

impl PartitionId {
    pub const fn new(topic: TopicId, index: PartitionIndex) -> Self {
        Self { topic, index }
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.index)
    }
}

impl fmt::Debug for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartitionId({self})")
    }
}

#[cfg(test)]
#[path = "ids_test.rs"]
mod ids_test;
