//! The directory tree, and what of it is durable.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::fault::CrashChoice;
use super::image::Inode;

#[derive(Clone)]
pub(super) enum Node {
    Dir,
    File(Rc<RefCell<Inode>>),
}

/// Every path that exists but the root.
type Tree = BTreeMap<PathBuf, Node>;

enum Change {
    Put { path: PathBuf, node: Node },
    Remove { path: PathBuf },
    Rename { from: PathBuf, to: PathBuf, node: Node },
}

impl Change {
    /// Rename carries its node: it does not depend on a creation that may have been lost.
    fn apply(&self, tree: &mut Tree) {
        match self {
            Self::Put { path, node } => {
                tree.insert(path.clone(), node.clone());
            }
            Self::Remove { path } => remove(tree, path),
            Self::Rename { from, to, node } => {
                let moved = under(tree, from);
                remove(tree, from);
                remove(tree, to);
                for (path, node) in moved {
                    if let Ok(rest) = path.strip_prefix(from) {
                        tree.insert(to.join(rest), node);
                    }
                }
                tree.insert(to.clone(), node.clone());
            }
        }
    }

    /// The directory whose sync makes it durable; of a rename, the one that it ends in.
    fn directory(&self) -> Option<&Path> {
        match self {
            Self::Put { path, .. } | Self::Remove { path } => path.parent(),
            Self::Rename { to, .. } => to.parent(),
        }
    }
}

struct Entry {
    /// Counted from the first on.
    number: u64,
    durable: bool,
    /// A sync that was for it has failed: no later one of this process makes it durable.
    lost: bool,
    change: Change,
}

/// The tree that operations see, and the durable one with the changes since, in order.
#[derive(Default)]
pub(super) struct Names {
    live: Tree,
    durable: Tree,
    log: Vec<Entry>,
    changes: u64,
}

impl Names {
    pub(super) fn files(&self) -> impl Iterator<Item = &Rc<RefCell<Inode>>> {
        self.live.values().filter_map(|node| match node {
            Node::File(inode) => Some(inode),
            Node::Dir => None,
        })
    }

    pub(super) fn file(&self, path: &Path) -> io::Result<Rc<RefCell<Inode>>> {
        match self.live.get(path) {
            Some(Node::File(inode)) => Ok(Rc::clone(inode)),
            Some(Node::Dir) => Err(errno(libc::EISDIR)),
            None if is_root(path) => Err(errno(libc::EISDIR)),
            None => Err(errno(libc::ENOENT)),
        }
    }

    pub(super) fn check_dir(&self, path: &Path) -> io::Result<()> {
        match self.live.get(path) {
            Some(Node::Dir) => Ok(()),
            Some(Node::File(_)) => Err(errno(libc::ENOTDIR)),
            None if is_root(path) => Ok(()),
            None => Err(errno(libc::ENOENT)),
        }
    }

    pub(super) fn create_file(&mut self, path: &Path) -> io::Result<Rc<RefCell<Inode>>> {
        self.check_dir(path.parent().unwrap_or(path))?;
        let inode = Rc::<RefCell<Inode>>::default();
        self.change(Change::Put { path: path.into(), node: Node::File(Rc::clone(&inode)) });
        Ok(inode)
    }

    pub(super) fn create_dir_all(&mut self, path: &Path) -> io::Result<()> {
        let above: Vec<&Path> = path.ancestors().collect();
        for path in above.into_iter().rev() {
            match self.check_dir(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.change(Change::Put { path: path.into(), node: Node::Dir });
                }
                checked => checked?,
            }
        }
        Ok(())
    }

    pub(super) fn remove_file(&mut self, path: &Path) -> io::Result<()> {
        self.file(path)?;
        self.change(Change::Remove { path: path.into() });
        Ok(())
    }

    pub(super) fn remove_dir(&mut self, path: &Path) -> io::Result<()> {
        self.check_dir(path)?;
        match under(&self.live, path).len() {
            1 => self.change(Change::Remove { path: path.into() }),
            _ => return Err(errno(libc::ENOTEMPTY)),
        }
        Ok(())
    }

    /// One change for each name in it, so that a power cut may leave some.
    pub(super) fn remove_dir_all(&mut self, path: &Path) -> io::Result<()> {
        self.check_dir(path)?;
        for (path, _) in under(&self.live, path).into_iter().rev() {
            self.change(Change::Remove { path });
        }
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let node = self.live.get(from).cloned().ok_or_else(|| errno(libc::ENOENT))?;
        self.check_dir(to.parent().unwrap_or(to))?;
        match (&node, self.live.get(to)) {
            _ if from == to => return Ok(()),
            (Node::Dir, _) if to.starts_with(from) => return Err(errno(libc::EINVAL)),
            (Node::File(_), Some(Node::Dir)) => return Err(errno(libc::EISDIR)),
            (Node::Dir, Some(Node::File(_))) => return Err(errno(libc::ENOTDIR)),
            (Node::Dir, Some(Node::Dir)) if under(&self.live, to).len() > 1 => {
                return Err(errno(libc::ENOTEMPTY));
            }
            _ => {}
        }
        self.change(Change::Rename { from: from.into(), to: to.into(), node });
        Ok(())
    }

    pub(super) fn list(&self, directory: &Path) -> io::Result<Vec<(&Path, &Node)>> {
        self.check_dir(directory)?;
        let entries = self.live.range(directory.to_path_buf()..);
        Ok(entries
            .map(|(path, node)| (path.as_path(), node))
            .take_while(|(path, _)| path.starts_with(directory))
            .filter(|(path, _)| path.parent() == Some(directory))
            .collect())
    }

    pub(super) fn sync_dir(&mut self, directory: &Path) {
        for entry in &mut self.log {
            entry.durable |= !entry.lost && entry.change.directory() == Some(directory);
        }
        let durable = self.log.iter().take_while(|entry| entry.durable).count();
        for entry in self.log.drain(..durable) {
            entry.change.apply(&mut self.durable);
        }
    }

    /// How many changes there were, all of which a sync that begins now is for.
    pub(super) fn begin_sync_dir(&self) -> u64 {
        self.changes
    }

    /// A sync has failed that was for the first `covered` changes.
    pub(super) fn fail_sync_dir(&mut self, directory: &Path, covered: u64) {
        for entry in &mut self.log {
            let is_covered = entry.number <= covered && !entry.durable;
            entry.lost |= is_covered && entry.change.directory() == Some(directory);
        }
    }

    /// Nobody knows of them any more.
    pub(super) fn forget_failed_syncs(&mut self) {
        self.log.iter_mut().for_each(|entry| entry.lost = false);
    }

    /// The tree as a power cut leaves it, all of it durable.
    pub(super) fn after_crash(&self, choice: &mut CrashChoice) -> Self {
        let mut tree = self.durable.clone();
        for entry in &self.log {
            if entry.durable || choice.keep() {
                entry.change.apply(&mut tree);
            }
        }
        // In order of paths, so a directory's own fate is known before that of what is in it.
        let mut survivors = Tree::new();
        for (path, node) in tree {
            let directory = path.parent().unwrap_or(&path);
            if is_root(directory) || matches!(survivors.get(directory), Some(Node::Dir)) {
                let node = match node {
                    Node::Dir => Node::Dir,
                    Node::File(inode) => {
                        Node::File(Rc::new(RefCell::new(inode.borrow().after_crash(choice))))
                    }
                };
                survivors.insert(path, node);
            }
        }
        Self { live: survivors.clone(), durable: survivors, ..Self::default() }
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.live);
        self.changes += 1;
        self.log.push(Entry { number: self.changes, durable: false, lost: false, change });
    }
}

/// A path with all that lies under it, parents first.
fn under(tree: &Tree, path: &Path) -> Vec<(PathBuf, Node)> {
    tree.range(path.to_path_buf()..)
        .take_while(|(other, _)| other.starts_with(path))
        .map(|(other, node)| (other.clone(), node.clone()))
        .collect()
}

fn remove(tree: &mut Tree, path: &Path) {
    for (path, _) in under(tree, path) {
        tree.remove(&path);
    }
}

fn is_root(path: &Path) -> bool {
    path.parent().is_none()
}

fn errno(errno: i32) -> io::Error {
    io::Error::from_raw_os_error(errno)
}
