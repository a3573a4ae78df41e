//! Directories whose names outlive a power cut.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::disk::Disk;
use crate::event::{Event, Wait};

/// Directories that are remembered to be durable; beyond, all are forgotten, and synced once more.
const DURABLE_MAX: usize = 4096;

/// Creates `path`, whose last `levels` components may be new, and makes their names durable.
pub(crate) async fn create_dir_durably(disk: &Disk, path: &Path, levels: usize) -> io::Result<()> {
    disk.create_dir_all(path).await?;
    for above in path.ancestors().skip(1).take(levels) {
        disk.sync_dir(above).await?;
    }
    Ok(())
}

/// Makes many directories beside each other: the names of those above are synced once, and one sync
/// of a directory is for all that were made in it before it began.
#[derive(Default)]
pub(crate) struct Directories {
    /// Their names are durable, and so are those above.
    durable: RefCell<BTreeSet<PathBuf>>,
    syncs: RefCell<BTreeMap<PathBuf, Syncs>>,
}

/// The syncs of one directory while somebody waits for one.
#[derive(Default)]
struct Syncs {
    waiting: usize,
    is_running: bool,
    /// Directories that were made so far, and those of them whose names are durable.
    made: u64,
    durable: u64,
    /// The same of those whose names a failed sync has lost: a later one would not bring them back
    /// (S3), so all of them have failed.
    lost: Option<(u64, io::ErrorKind)>,
    change: Event,
}

impl Directories {
    /// The same as [`create_dir_durably`].
    pub async fn create(&self, disk: &Disk, path: &Path, levels: usize) -> io::Result<()> {
        disk.create_dir_all(path).await?;
        let Some(parent) = path.parent().filter(|_| levels > 0) else { return Ok(()) };
        self.sync_names_in(disk, parent).await?;
        if self.durable.borrow().contains(parent) {
            return Ok(());
        }
        for above in parent.ancestors().skip(1).take(levels - 1) {
            disk.sync_dir(above).await?;
        }
        let mut durable = self.durable.borrow_mut();
        if durable.len() >= DURABLE_MAX {
            durable.clear();
        }
        durable.insert(parent.to_path_buf());
        Ok(())
    }

    /// To be called before a directory may be removed: if it is made again, its name is another.
    pub fn forget(&self, path: &Path) {
        self.durable.borrow_mut().remove(path);
    }

    /// Makes what is in `dir` now durable.
    async fn sync_names_in(&self, disk: &Disk, dir: &Path) -> io::Result<()> {
        let turn = Turn::take(self, dir);
        loop {
            match turn.look() {
                Look::Over(result) => return result,
                // It may have begun before the name was there.
                Look::Running(change) => change.await,
                Look::Mine { made } => {
                    let running = Running::begin(&turn);
                    let synced = disk.sync_dir(dir).await;
                    running.0.syncs(|syncs| match &synced {
                        Ok(()) => syncs.durable = syncs.durable.max(made),
                        Err(error) => syncs.lost = Some((made, error.kind())),
                    });
                    synced?;
                }
            }
        }
    }
}

/// One that waits for a sync.
struct Turn<'a> {
    all: &'a Directories,
    dir: &'a Path,
    number: u64,
}

impl<'a> Turn<'a> {
    fn take(all: &'a Directories, dir: &'a Path) -> Self {
        let mut table = all.syncs.borrow_mut();
        let syncs = table.entry(dir.to_path_buf()).or_default();
        syncs.waiting += 1;
        syncs.made += 1;
        Turn { all, dir, number: syncs.made }
    }

    fn look(&self) -> Look {
        self.syncs(|syncs| match syncs.lost {
            _ if syncs.durable >= self.number => Look::Over(Ok(())),
            Some((lost, kind)) if lost >= self.number => Look::Over(Err(kind.into())),
            _ if syncs.is_running => Look::Running(syncs.change.wait()),
            _ => Look::Mine { made: syncs.made },
        })
    }

    fn syncs<T>(&self, look: impl FnOnce(&mut Syncs) -> T) -> T {
        let mut table = self.all.syncs.borrow_mut();
        look(table.entry(self.dir.to_path_buf()).or_default())
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let waiting = self.syncs(|syncs| {
            syncs.waiting -= 1;
            syncs.waiting
        });
        if waiting == 0 {
            self.all.syncs.borrow_mut().remove(self.dir);
        }
    }
}

enum Look {
    Over(io::Result<()>),
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
