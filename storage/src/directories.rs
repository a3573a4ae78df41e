//! Directories whose names outlive a power cut.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::disk::Disk;
use crate::event::{Event, Wait};

/// Directories that are remembered to be durable; beyond, all are forgotten, and synced once more.
const DURABLE_MAX: usize = 4096;

/// Of a partition's directory may be new: itself, its topic's, and that of all topics.
const NEW_LEVELS: usize = 3;

/// Creates `path`, whose last `levels` components may be new, and makes their names durable.
pub(crate) async fn create_dir_durably(disk: &Disk, path: &Path, levels: usize) -> io::Result<()> {
    disk.create_dir_all(path).await?;
    for above in path.ancestors().skip(1).take(levels) {
        disk.sync_dir(above).await?;
    }
    Ok(())
}

/// Makes many directories beside each other: the names of those above are synced once, and one sync
/// of a directory is for all that were made in it before it began. Where it fails, each of them is
/// told by its own, which then fails as well ([`Disk::sync_dir`]).
#[derive(Default)]
pub(crate) struct Directories {
    /// Their names are durable, and so are those above.
    durable: RefCell<BTreeSet<PathBuf>>,
    syncs: RefCell<BTreeMap<PathBuf, Syncs>>,
    removing: RefCell<BTreeSet<PathBuf>>,
    removed: Event,
}

/// The syncs of one directory while something is made in it.
#[derive(Default)]
struct Syncs {
    making: usize,
    is_running: bool,
    /// Directories that were made so far, and those of them whose names are durable.
    made: u64,
    durable: u64,
    change: Event,
}

impl Directories {
    /// The same as [`create_dir_durably`], for a partition's.
    pub async fn create(&self, disk: &Disk, path: &Path) -> io::Result<()> {
        let Some(parent) = path.parent() else { return disk.create_dir_all(path).await };
        let mut turn = self.enter(parent).await;
        disk.create_dir_all(path).await?;
        turn.has_made();
        turn.sync(disk).await?;
        if self.durable.borrow().contains(parent) {
            return Ok(());
        }
        for above in parent.ancestors().skip(1).take(NEW_LEVELS - 1) {
            disk.sync_dir(above).await?;
        }
        let mut durable = self.durable.borrow_mut();
        if durable.len() >= DURABLE_MAX {
            durable.clear();
        }
        durable.insert(parent.to_path_buf());
        Ok(())
    }

    /// Removes a directory that nothing is in and nothing is being made in. What comes meanwhile waits,
    /// and makes it again, under a name that has to be made durable again. Another shard, of which this
    /// does not know, may make something in it at any time: it is removed only as long as it is empty.
    pub async fn remove_if_empty(&self, disk: &Disk, dir: &Path) -> io::Result<()> {
        if self.syncs.borrow().contains_key(dir) || !self.removing.borrow_mut().insert(dir.into()) {
            return Ok(());
        }
        let _removing = Removing { all: self, dir };
        self.durable.borrow_mut().remove(dir);
        match disk.remove_dir(dir).await {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            removed => removed,
        }
    }

    async fn enter<'a>(&'a self, dir: &'a Path) -> Turn<'a> {
        loop {
            let removed = self.removed.wait();
            if !self.removing.borrow().contains(dir) {
                return Turn::enter(self, dir);
            }
            removed.await;
        }
    }
}

/// A removal under way.
struct Removing<'a> {
    all: &'a Directories,
    dir: &'a Path,
}

impl Drop for Removing<'_> {
    fn drop(&mut self) {
        self.all.removing.borrow_mut().remove(self.dir);
        self.all.removed.notify();
    }
}

/// One that makes something in a directory.
struct Turn<'a> {
    all: &'a Directories,
    dir: &'a Path,
    /// Which of those that were made it is.
    number: u64,
}

impl<'a> Turn<'a> {
    fn enter(all: &'a Directories, dir: &'a Path) -> Self {
        let turn = Turn { all, dir, number: 0 };
        turn.syncs(|syncs| syncs.making += 1);
        turn
    }

    fn has_made(&mut self) {
        self.number = self.syncs(|syncs| {
            syncs.made += 1;
            syncs.made
        });
    }

    /// Makes the name of what it has made durable.
    async fn sync(&self, disk: &Disk) -> io::Result<()> {
        loop {
            match self.look() {
                Look::Durable => return Ok(()),
                // It may have begun before the name was there.
                Look::Running(change) => change.await,
                Look::Mine { made } => {
                    let running = Running::begin(self);
                    disk.sync_dir(self.dir).await?;
                    running.0.syncs(|syncs| syncs.durable = syncs.durable.max(made));
                }
            }
        }
    }

    fn look(&self) -> Look {
        self.syncs(|syncs| match () {
            () if syncs.durable >= self.number => Look::Durable,
            () if syncs.is_running => Look::Running(syncs.change.wait()),
            () => Look::Mine { made: syncs.made },
        })
    }

    fn syncs<T>(&self, look: impl FnOnce(&mut Syncs) -> T) -> T {
        let mut table = self.all.syncs.borrow_mut();
        look(table.entry(self.dir.to_path_buf()).or_default())
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let making = self.syncs(|syncs| {
            syncs.making -= 1;
            syncs.making
        });
        if making == 0 {
            self.all.syncs.borrow_mut().remove(self.dir);
        }
    }
}

enum Look {
    Durable,
    Running(Wait),
    /// To sync as many.
    Mine {
        made: u64,
    },
}

/// A sync under way, which may be given up: then another one begins its own.
struct Running<'a>(&'a Turn<'a>);

impl<'a> Running<'a> {
    fn begin(turn: &'a Turn<'a>) -> Self {
        turn.syncs(|syncs| syncs.is_running = true);
        Running(turn)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.syncs(|syncs| {
            syncs.is_running = false;
            syncs.change.notify();
        });
    }
}

#[cfg(test)]
#[path = "directories_test.rs"]
mod directories_test;
