//! The bytes of the cluster log and of its snapshots (design F5, drawn in this crate's README).
//!
//! What must be applied together goes into one entry, and **an entry is written only when the one
//! before it is durable**. That is what lets [`scan`] tell a torn tail from rot: whatever has a
//! valid entry behind it was durable once, so its damage is no tear.

use std::fmt;

use crate::codec::{DecodeError, Reader};
use crate::record::{Record, decode_records, encode_records};

/// Length and checksum.
const PREFIX_BYTES: usize = 8;

/// Type, term and index: what an entry holds beside its payload and its prefix.
const FIXED_BYTES: usize = 17;

/// An entry's payload: sixteen times the largest request that changes metadata needs in practice,
/// and little enough to be read into memory.
pub const PAYLOAD_BYTES_MAX: usize = 16 << 20;

const SNAPSHOT_MAGIC: [u8; 8] = *b"PELTSNAP";

/// Version 0 until the first turn of work closes (design section 5).
const SNAPSHOT_VERSION: u16 = 0;

/// What an entry's payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryType {
    /// Records, as `encode_records` writes them.
    Records,
}

impl EntryType {
    fn number(self) -> u8 {
        match self {
            Self::Records => 1,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Records),
            _ => None,
        }
    }
}

/// One entry of the log, its payload still where it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub entry_type: EntryType,
    pub term: u64,
    /// Counts from 1 without gaps.
    pub index: u64,
    pub payload: &'a [u8],
}

impl Entry<'_> {
    /// The records of the entry.
    ///
    /// # Errors
    /// Damage that the checksum did not see, or a record of a later release.
    pub fn records(&self) -> Result<Vec<Record>, DecodeError> {
        match self.entry_type {
            EntryType::Records => decode_records(self.payload),
        }
    }
}

/// More bytes than one entry may hold; nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryTooLarge {
    pub payload_bytes: usize,
}

impl fmt::Display for EntryTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { payload_bytes } = self;
        write!(f, "an entry of {payload_bytes} bytes, {PAYLOAD_BYTES_MAX} at most")
    }
}

impl std::error::Error for EntryTooLarge {}

/// Appends the entry that holds `records`, which are applied together or not at all.
///
/// # Errors
/// If the records take more than [`PAYLOAD_BYTES_MAX`]; `out` is as it was.
pub fn encode_entry(
    term: u64,
    index: u64,
    records: &[Record],
    out: &mut Vec<u8>,
) -> Result<(), EntryTooLarge> {
    let start = out.len();
    out.extend_from_slice(&[0; PREFIX_BYTES]);
    out.push(EntryType::Records.number());
    out.extend_from_slice(&term.to_be_bytes());
    out.extend_from_slice(&index.to_be_bytes());
    encode_records(records, out);

    let payload_bytes = out.len() - start - PREFIX_BYTES - FIXED_BYTES;
    if payload_bytes > PAYLOAD_BYTES_MAX {
        out.truncate(start);
        return Err(EntryTooLarge { payload_bytes });
    }
    let length = (FIXED_BYTES + payload_bytes) as u32;
    let checksum = crc32c::crc32c(&out[start + PREFIX_BYTES..]);
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    out[start + 4..start + PREFIX_BYTES].copy_from_slice(&checksum.to_be_bytes());
    Ok(())
}

/// What a log's bytes hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan<'a> {
    pub entries: Vec<Entry<'a>>,
    /// Where the last whole entry ends: the place of the next one.
    pub end_bytes: usize,
    pub end: ScanEnd,
}

/// How a log ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanEnd {
    /// Behind the last entry there is nothing, or the zeros of a block that was not filled.
    Clean,
    /// The last write did not become durable: cut the log at `at` and go on.
    Torn { at: usize },
    /// What was durable is no longer readable: refuse to start, cut nothing.
    Damaged { at: usize, why: Damage },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// An entry fails its checksum, and a later one stands behind it.
    Checksum,
    /// An entry is whole but not the successor of the one before it.
    OutOfOrder,
    /// A later release wrote an entry of this type.
    UnknownType(u8),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checksum => f.write_str("an entry that was durable fails its checksum"),
            Self::OutOfOrder => f.write_str("an entry does not follow the one before it"),
            Self::UnknownType(number) => write!(f, "unknown entry type {number}"),
        }
    }
}

/// Reads a log from its first byte.
pub fn scan(bytes: &[u8]) -> Scan<'_> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let mut at = 0;
    let end = loop {
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.iter().all(|byte| *byte == 0) {
            break ScanEnd::Clean;
        }
        let Some(frame) = Frame::read(rest) else {
            break unreadable(bytes, at, entries.last());
        };
        let Some(entry_type) = EntryType::from_number(frame.type_number) else {
            break ScanEnd::Damaged { at, why: Damage::UnknownType(frame.type_number) };
        };
        if entries.last().is_some_and(|last| !frame.follows(last)) {
            break ScanEnd::Damaged { at, why: Damage::OutOfOrder };
        }
        let Frame { term, index, payload, .. } = frame;
        entries.push(Entry { entry_type, term, index, payload });
        at += PREFIX_BYTES + FIXED_BYTES + payload.len();
    };
    Scan { entries, end_bytes: at, end }
}

/// A whole frame whose checksum holds.
struct Frame<'a> {
    type_number: u8,
    term: u64,
    index: u64,
    payload: &'a [u8],
}

impl<'a> Frame<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let length = reader.u32().ok()? as usize;
        let checksum = reader.u32().ok()?;
        if !(FIXED_BYTES..=FIXED_BYTES + PAYLOAD_BYTES_MAX).contains(&length) {
            return None;
        }
        let body = reader.take(length).ok()?;
        if crc32c::crc32c(body) != checksum {
            return None;
        }
        let mut reader = Reader::new(body);
        let (type_number, term, index) =
            (reader.u8().ok()?, reader.u64().ok()?, reader.u64().ok()?);
        Some(Self { type_number, term, index, payload: body.get(FIXED_BYTES..)? })
    }

    fn follows(&self, last: &Entry<'_>) -> bool {
        Some(self.index) == last.index.checked_add(1) && self.term >= last.term
    }
}

/// Decides between a tear and rot: is there a later entry anywhere behind `at`?
///
/// The length at `at` may itself be what rotted, so every position is tried; a candidate's fixed
/// fields must make sense before its checksum is worth computing.
fn unreadable(bytes: &[u8], at: usize, last: Option<&Entry<'_>>) -> ScanEnd {
    let last_index = last.map_or(0, |last| last.index);
    let last_term = last.map_or(0, |last| last.term);
    let later_entry_at = |position: usize| {
        let rest = bytes.get(position..)?;
        let fixed = rest.get(PREFIX_BYTES..PREFIX_BYTES + FIXED_BYTES)?;
        let mut reader = Reader::new(fixed);
        let (number, term, index) = (reader.u8().ok()?, reader.u64().ok()?, reader.u64().ok()?);
        EntryType::from_number(number)?;
        let plausible = index > last_index && term >= last_term;
        plausible.then(|| Frame::read(rest)).flatten()
    };
    let fixed_end = bytes.len().saturating_sub(PREFIX_BYTES + FIXED_BYTES);
    if (at + 1..=fixed_end).any(|position| later_entry_at(position).is_some()) {
        ScanEnd::Damaged { at, why: Damage::Checksum }
    } else {
        ScanEnd::Torn { at }
    }
}

/// The whole state as of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last entry that the records contain.
    pub index: u64,
    pub term: u64,
    /// What makes the state again when applied to an empty one.
    pub records: Vec<Record>,
}

/// Why a snapshot cannot be used. A file of it exists only once it was durable: this is rot, or
/// the work of a later release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    NotASnapshot,
    UnknownVersion(u16),
    Checksum,
    Records(DecodeError),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASnapshot => f.write_str("not a snapshot of cluster metadata"),
            Self::UnknownVersion(version) => write!(f, "a snapshot of later version {version}"),
            Self::Checksum => f.write_str("the snapshot fails its checksum"),
            Self::Records(why) => write!(f, "the snapshot's records: {why}"),
        }
    }
}

impl std::error::Error for SnapshotError {}

/// The bytes of a snapshot file.
pub fn encode_snapshot(snapshot: &Snapshot) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(&SNAPSHOT_MAGIC);
    out.extend_from_slice(&SNAPSHOT_VERSION.to_be_bytes());
    out.extend_from_slice(&snapshot.index.to_be_bytes());
    out.extend_from_slice(&snapshot.term.to_be_bytes());
    let mut records = Vec::new();
    encode_records(&snapshot.records, &mut records);
    out.extend_from_slice(&(records.len() as u64).to_be_bytes());
    out.extend_from_slice(&records);
    let checksum = crc32c::crc32c(&out);
    out.extend_from_slice(&checksum.to_be_bytes());
    out
}

/// Reads a snapshot file; zeros behind it, the rest of its last block, are ignored.
///
/// # Errors
/// Rot, or a later release's format.
pub fn decode_snapshot(bytes: &[u8]) -> Result<Snapshot, SnapshotError> {
    let truncated = |_| SnapshotError::Checksum;
    let mut reader = Reader::new(bytes);
    if reader.array().map_err(|_| SnapshotError::NotASnapshot)? != SNAPSHOT_MAGIC {
        return Err(SnapshotError::NotASnapshot);
    }
    let version = reader.u16().map_err(truncated)?;
    if version != SNAPSHOT_VERSION {
        return Err(SnapshotError::UnknownVersion(version));
    }
    let index = reader.u64().map_err(truncated)?;
    let term = reader.u64().map_err(truncated)?;
    let length = reader.u64().map_err(truncated)?;
    let length = usize::try_from(length).map_err(|_| SnapshotError::Checksum)?;
    let records = reader.take(length).map_err(truncated)?;
    let checksum = reader.u32().map_err(truncated)?;
    let header_bytes = SNAPSHOT_MAGIC.len() + 2 + 8 + 8 + 8;
    if crc32c::crc32c(bytes.get(..header_bytes + length).unwrap_or_default()) != checksum {
        return Err(SnapshotError::Checksum);
    }
    let records = decode_records(records).map_err(SnapshotError::Records)?;
    Ok(Snapshot { index, term, records })
}

#[cfg(test)]
#[path = "log_format_test.rs"]
mod log_format_test;
