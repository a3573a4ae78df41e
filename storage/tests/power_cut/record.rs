//! Everything that was ever written to the journal, in every life of a disk.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use bytes::Bytes;
use futures::future::{FutureExt, LocalBoxFuture};
use pelton_model::limits::BLOCK_BYTES;
use pelton_storage::disk::sim::{Operation, Pace, Step};
use pelton_storage::journal::{Group, GroupHeader};

use crate::support::SEED;

/// One write, whether or not it lasted.
#[derive(Clone)]
pub struct JournalWrite {
    pub path: PathBuf,
    pub position: u64,
    pub content: Vec<u8>,
    /// Of a group; others strike out what may stand there, or make a file.
    pub group: Option<GroupHeader>,
}

impl JournalWrite {
    fn block(&self, path: &PathBuf, position: u64) -> Option<&[u8]> {
        let at = position.checked_sub(self.position)? as usize;
        if self.path == *path { self.content.get(at..at + BLOCK_BYTES) } else { None }
    }
}

#[derive(Default)]
pub struct Record {
    writes: RefCell<Vec<JournalWrite>>,
    /// What groups hold, by incarnation and sequence.
    names: RefCell<BTreeMap<(u64, u64), u32>>,
    wrong: RefCell<Option<String>>,
}

impl Record {
    /// F3: incarnation and sequence name one group, also among those that did not last.
    pub fn check(&self) {
        if let Some(wrong) = self.wrong.borrow().as_ref() {
            panic!("{wrong}");
        }
    }

    /// The newest write of a group, and how many writes there were before it.
    pub fn newest_of(&self, sequence: u64) -> Option<(usize, JournalWrite)> {
        let writes = self.writes.borrow();
        let is_it =
            |write: &JournalWrite| write.group.is_some_and(|group| group.sequence == sequence);
        let at = writes.iter().rposition(is_it)?;
        Some((at, writes[at].clone()))
    }

    /// What a place would hold if no write from the `end`-th on had ever reached it.
    pub fn before(&self, end: usize, of: &JournalWrite) -> Vec<u8> {
        let writes = self.writes.borrow();
        let mut content = Vec::new();
        while content.len() < of.content.len() {
            let position = of.position + content.len() as u64;
            let older = writes[..end].iter().rev().find_map(|it| it.block(&of.path, position));
            content.extend_from_slice(older.unwrap_or(&[0; BLOCK_BYTES]));
        }
        content
    }

    /// The newest write of another life's group of this sequence, by number.
    pub fn of_another_life(&self, group: &GroupHeader) -> Option<usize> {
        self.writes.borrow().iter().rposition(|write| {
            write.group.is_some_and(|it| {
                it.sequence == group.sequence && it.incarnation != group.incarnation
            })
        })
    }

    /// The writes that touched a place, by number, oldest first.
    pub fn touching(&self, of: &JournalWrite) -> Vec<usize> {
        let writes = self.writes.borrow();
        let touches = |write: &JournalWrite| write.block(&of.path, of.position).is_some();
        (0..writes.len()).filter(|at| touches(&writes[*at])).collect()
    }

    fn note(&self, step: &Step<'_>) {
        let name = step.path.file_name().unwrap_or_default().to_string_lossy();
        if step.operation != Operation::Write || !name.starts_with("journal.") {
            return;
        }
        let group = Group::read(&Bytes::copy_from_slice(step.content), 0, SEED).ok();
        let group = group.map(|group| group.header);
        if let Some(group) = group {
            let name = (group.incarnation, group.sequence);
            let before = *self.names.borrow_mut().entry(name).or_insert(group.body_crc);
            if before != group.body_crc {
                let wrong = format!("incarnation and sequence {name:?} name two groups");
                self.wrong.borrow_mut().get_or_insert(wrong);
            }
        }
        self.writes.borrow_mut().push(JournalWrite {
            path: step.path.to_path_buf(),
            position: step.position,
            content: step.content.to_vec(),
            group,
        });
    }
}

impl Pace for Record {
    fn begin(&self, step: &Step<'_>) -> LocalBoxFuture<'static, ()> {
        self.note(step);
        async {}.boxed_local()
    }
}
