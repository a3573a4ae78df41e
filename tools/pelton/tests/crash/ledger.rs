//! What clients were told and what they saw, held against one another: the checker.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard};

use crate::content::Id;

/// A broken promise, by kind; none of them is ever allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    AcknowledgedAndLost,
    SeenAndLost,
    /// An offset has another record than somebody was told or has seen.
    OffsetGivenTwice,
    /// A record that was never sent, or that is not as it was sent.
    Phantom,
    /// An offset that a reader was not shown though it was shown a later one.
    Hole,
    /// An idempotent writer's record is there twice, or before one that was sent earlier.
    TwiceOrOutOfOrder,
    /// A record was refused for good, though nothing was wrong with it.
    Refused,
}

/// Somebody was told that this record has this offset, or has seen it there.
#[derive(Clone, Copy)]
struct Claim {
    id: Id,
    is_acknowledged: bool,
    is_seen: bool,
}

#[derive(Default)]
struct Track {
    /// How many records each writer has begun to send.
    sent: Vec<u64>,
    claims: BTreeMap<i64, Claim>,
}

#[derive(Default)]
struct Book {
    tracks: Vec<Track>,
    acknowledged: u64,
    seen: u64,
    wrongs: Vec<(Wrong, String)>,
}

/// Shared by writers, readers and fate.
pub struct Ledger(Mutex<Book>);

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub acknowledged: u64,
    pub seen: u64,
    pub wrongs: Vec<(Wrong, String)>,
}

impl Account {
    pub fn count(&self, wrong: Wrong) -> usize {
        self.wrongs.iter().filter(|(kind, _)| *kind == wrong).count()
    }

    pub fn add(&mut self, other: Account) {
        self.acknowledged += other.acknowledged;
        self.seen += other.seen;
        self.wrongs.extend(other.wrongs);
    }
}

impl fmt::Display for Account {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} acknowledged, {} seen; acknowledged and lost {}, seen and lost {}, offsets given \
             twice {}, phantoms {}, holes {}, twice or out of order {}, refused {}",
            self.acknowledged,
            self.seen,
            self.count(Wrong::AcknowledgedAndLost),
            self.count(Wrong::SeenAndLost),
            self.count(Wrong::OffsetGivenTwice),
            self.count(Wrong::Phantom),
            self.count(Wrong::Hole),
            self.count(Wrong::TwiceOrOutOfOrder),
            self.count(Wrong::Refused),
        )
    }
}

impl Ledger {
    pub fn new(tracks: usize, writers: usize) -> Self {
        let track = || Track { sent: vec![0; writers], ..Track::default() };
        let tracks = (0..tracks).map(|_| track()).collect();
        Self(Mutex::new(Book { tracks, ..Book::default() }))
    }

    /// The record that a writer is about to send.
    pub fn next(&self, writer: usize, track: usize) -> Id {
        let mut book = self.book();
        let sent = &mut book.tracks[track].sent[writer];
        *sent += 1;
        Id { writer, track, number: *sent - 1 }
    }

    pub fn acknowledged(&self, id: Id, offset: i64) {
        let mut book = self.book();
        book.acknowledged += 1;
        if let Some(claim) = book.claim(id, id.track, offset, "acknowledged") {
            claim.is_acknowledged = true;
        }
    }

    pub fn refused(&self, id: Id, why: &str) {
        self.book().wrong(Wrong::Refused, format!("{id:?}: {why}"));
    }

    /// A reader was shown this; returns whose record it is.
    pub fn saw(&self, track: usize, offset: i64, payload: &[u8]) -> Option<Id> {
        let found = Id::of(payload);
        let mut book = self.book();
        book.seen += 1;
        let was_sent = |id: &Id| {
            let sent = book.tracks[track].sent.get(id.writer);
            id.track == track && sent.is_some_and(|sent| id.number < *sent)
        };
        let Some(id) = found.filter(was_sent) else {
            let what = format!("track {track} at {offset}: {} bytes, {found:?}", payload.len());
            book.wrong(Wrong::Phantom, what);
            return None;
        };
        if let Some(claim) = book.claim(id, track, offset, "seen") {
            claim.is_seen = true;
        }
        Some(id)
    }

    /// A reader was shown `offset` where it expected `expected`.
    pub fn jumped(&self, track: usize, expected: i64, offset: i64) {
        let what = format!("track {track}: {offset} instead of {expected}");
        self.book().wrong(Wrong::Hole, what);
    }

    /// A reader was told that the position at which it stands is not there any more.
    pub fn has_no_place(&self) {
        let what = "a reader's position is out of range".to_owned();
        self.book().wrong(Wrong::SeenAndLost, what);
    }

    /// The log ends at `end` although there were claims above it.
    pub fn ends_at(&self, track: usize, end: i64) {
        let mut book = self.book();
        let lost: Vec<(i64, Claim)> =
            book.tracks[track].claims.range(end..).map(|(at, claim)| (*at, *claim)).collect();
        for (at, claim) in lost {
            let what = format!("track {track} ends at {end}: {at}, {:?}", claim.id);
            if claim.is_acknowledged {
                book.wrong(Wrong::AcknowledgedAndLost, what.clone());
            }
            if claim.is_seen {
                book.wrong(Wrong::SeenAndLost, what);
            }
        }
    }

    /// For each track, behind the last offset that somebody knows of.
    pub fn ends(&self) -> Vec<i64> {
        let book = self.book();
        let end = |track: &Track| track.claims.last_key_value().map_or(0, |(last, _)| last + 1);
        book.tracks.iter().map(end).collect()
    }

    pub fn acknowledged_count(&self) -> u64 {
        self.book().acknowledged
    }

    /// Holds a whole log, from offset 0 on, against all that is known of it; `exactly_once` are the
    /// writers whose records must be there once, all of them, and in order.
    pub fn conclude(&self, track: usize, log: &[Id], exactly_once: &Range<usize>) {
        self.ends_at(track, log.len() as i64);
        let mut book = self.book();
        for writer in exactly_once.clone() {
            let numbers = log.iter().filter(|id| id.writer == writer).map(|id| id.number);
            let sent = book.tracks[track].sent[writer];
            let wrong = numbers.clone().zip(0..).find(|(number, expected)| number != expected);
            if let Some((number, expected)) = wrong {
                let what = format!("track {track}, writer {writer}: {number}, not {expected}");
                book.wrong(Wrong::TwiceOrOutOfOrder, what);
            } else if numbers.count() as u64 != sent {
                let what = format!("track {track}, writer {writer}: fewer than {sent}");
                book.wrong(Wrong::AcknowledgedAndLost, what);
            }
        }
    }

    pub fn account(&self) -> Account {
        let book = self.book();
        Account { acknowledged: book.acknowledged, seen: book.seen, wrongs: book.wrongs.clone() }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("no panics under the lock")
    }
}

impl Book {
    fn wrong(&mut self, kind: Wrong, what: String) {
        self.wrongs.push((kind, what));
    }

    /// `None` where another record has the offset.
    fn claim(&mut self, id: Id, track: usize, offset: i64, how: &str) -> Option<&mut Claim> {
        let before = self.tracks[track].claims.get(&offset).map(|claim| claim.id);
        if let Some(before) = before.filter(|before| *before != id) {
            let what = format!("track {track} at {offset}: {id:?} {how}, {before:?} before");
            self.wrong(Wrong::OffsetGivenTwice, what);
            return None;
        }
        let new = Claim { id, is_acknowledged: false, is_seen: false };
        Some(self.tracks[track].claims.entry(offset).or_insert(new))
    }
}
