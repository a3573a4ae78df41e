//! The files that groups are written to: written through once, then used again and again.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use pelton_model::limits::{BLOCK_BYTES, IO_BYTES_MAX};

use super::Known;
use super::format::{Group, GroupHeader, NoGroup};
use crate::disk::{Disk, File, OpenMode};
use crate::error::OpenError;
use crate::planted::{Bug, is_planted};

/// One file of the ring.
pub(super) struct RingFile {
    pub file: File,
    pub bytes: u64,
    /// Where the next group goes.
    pub used: u64,
    /// The newest group in it; 0 when it holds none.
    pub last: u64,
}

/// All files; `current` is the one being filled.
pub(super) struct Ring {
    dir: PathBuf,
    disk: Disk,
    pub files: Vec<RingFile>,
    pub current: usize,
}

/// A durable, unbroken run of groups, as recovery found it.
pub(super) struct Found {
    pub groups: Vec<Group>,
    /// Bytes behind the last good group that looked like the beginning of another.
    pub torn: bool,
}

const MODE: OpenMode = OpenMode { create: true, durable_writes: true };

pub(crate) fn file_name(index: usize) -> String {
    format!("journal.{index:04}")
}

impl Ring {
    /// Opens every file and reads the groups from the tail on.
    pub async fn open(
        disk: &Disk,
        dir: &Path,
        known: &Known,
        file_bytes: u64,
    ) -> Result<(Ring, Found), OpenError> {
        let (seed, tail) = (known.life.seed, known.tail);
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |error| OpenError::Io { path, error }
        };
        let mut names: Vec<String> = disk
            .list_dir(dir)
            .await
            .map_err(failed(dir))?
            .into_iter()
            .map(|entry| entry.name)
            .filter(|name| name.starts_with("journal."))
            .collect();
        names.sort();
        let mut ring =
            Ring { dir: dir.to_path_buf(), disk: disk.clone(), files: Vec::new(), current: 0 };
        let mut runs: Vec<(usize, Vec<Group>)> = Vec::new();
        let mut begun = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let path = dir.join(name);
            if *name != file_name(at) {
                return Err(OpenError::Damaged {
                    path,
                    what: format!("{} is missing before it", file_name(at)),
                });
            }
            let file = disk.open(&path, MODE).await.map_err(failed(&path))?;
            let bytes = file.bytes().map_err(failed(&path))?;
            if known.clean {
                ring.files.push(RingFile { file, bytes, used: 0, last: 0 });
                continue;
            }
            // After a kill a group may be in the device's cache only: what is found now counts as
            // durable, so it has to be.
            file.sync().await.map_err(failed(&path))?;
            let content = read_whole(&file, bytes).await.map_err(failed(&path))?;
            let (groups, end) = scan(&content, known, &path)?;
            let newest = groups.last().map_or(0, |group| group.header.sequence);
            if !is_planted(Bug::CutRotAsATear) {
                look_behind(&content, seed, end, newest.max(tail.saturating_sub(1)), &path)?;
            }
            begun.extend(begun_group(&content, seed, end));
            ring.files.push(RingFile { file, bytes, used: end as u64, last: newest });
            if newest >= tail && !groups.is_empty() {
                runs.push((at, groups));
            }
        }
        runs.sort_by_key(|(_, groups)| groups[0].header.sequence);
        let mut groups: Vec<Group> = Vec::new();
        for (at, run) in runs {
            let first = &run[0].header;
            let fits = match groups.last() {
                None => first.sequence <= tail.max(1),
                Some(last) => follows(last, first),
            };
            if !fits && is_planted(Bug::CutRotAsATear) {
                break;
            }
            if !fits {
                return Err(OpenError::Damaged {
                    path: dir.join(file_name(at)),
                    what: format!("group {} does not follow its predecessor", first.sequence),
                });
            }
            ring.current = at;
            groups.extend(run);
        }
        if let Some(newest) = groups.last() {
            let path = dir.join(file_name(ring.current));
            ring.write_again(newest.header.file_bytes()).await.map_err(failed(&path))?;
        }
        let newest = groups.last().map_or(tail.saturating_sub(1), |group| group.header.sequence);
        let torn = begun.contains(&(newest + 1));
        // Files are made one by one: only the last can be one that a crash left half-made.
        if ring.files.last().is_some_and(|file| file.last == 0 && file.bytes < file_bytes) {
            ring.files.pop();
        }
        // Also of groups that are not needed any more: the life before went on behind its newest one.
        let behind_newest = ring.behind_newest();
        if groups.is_empty() {
            // The next group follows none of those in the files: it begins one of them anew.
            for file in &mut ring.files {
                (file.used, file.last) = (0, 0);
            }
        }
        if !known.clean {
            ring.strike_out(tail, behind_newest).await.map_err(failed(dir))?;
        }
        Ok((ring, Found { groups, torn }))
    }

    /// Writes the newest group once more, the bytes that are there to where they are. It may be one
    /// whose write failed, yet stands whole in the device's cache: no sync makes durable what a
    /// failed write left, and the groups to come would stand behind a hole after a power cut. One
    /// group is in flight at a time, so those before it are durable.
    async fn write_again(&self, bytes: usize) -> io::Result<()> {
        let Some(RingFile { file, used, .. }) = self.files.get(self.current) else { return Ok(()) };
        let position = used.saturating_sub(bytes as u64);
        let content = file.read_at(position, bytes).await?;
        let mut buffer = self.disk.allocate_buffer(bytes);
        for (to, from) in buffer.as_mut_slice().iter_mut().zip(&content) {
            *to = *from;
        }
        file.write_at(buffer, bytes, position).await.map(drop)
    }

    /// Overwrites the first block of every place where a group of an earlier life may have been on its
    /// way when its write failed: behind the newest group, and at the front of each file that is
    /// free. It was not found now, so this life uses its sequence again; should the device bring it
    /// to light after all, it would be taken for a group of ours (F3). What tells of the first place may
    /// be at one of the fronts, so those come after it.
    async fn strike_out(&self, tail: u64, behind_newest: Option<(usize, u64)>) -> io::Result<()> {
        let fronts = self.files.iter().enumerate().filter(|(_, file)| file.last < tail);
        let places = behind_newest.into_iter().chain(fronts.map(|(at, _)| (at, 0)));
        for (at, position) in places {
            let Some(RingFile { file, bytes, .. }) = self.files.get(at) else { continue };
            if position + BLOCK_BYTES as u64 > *bytes {
                continue;
            }
            let mut buffer = self.disk.allocate_buffer(BLOCK_BYTES);
            buffer.as_mut_slice().fill(0);
            file.write_at(buffer, BLOCK_BYTES, position).await?;
        }
        Ok(())
    }

    /// The file of the newest group of all, and where that group ends.
    fn behind_newest(&self) -> Option<(usize, u64)> {
        let newest = self.files.iter().enumerate().max_by_key(|(_, file)| file.last)?;
        (newest.1.last > 0).then_some((newest.0, newest.1.used))
    }

    /// What all files take together.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Bytes of groups that are still needed.
    pub fn live_bytes(&self, tail: u64) -> u64 {
        self.files.iter().filter(|file| file.last >= tail).map(|file| file.used).sum()
    }

    /// A file with room for `bytes`, made current; `None` when every file is needed.
    pub fn place(&mut self, bytes: u64, tail: u64) -> Option<usize> {
        if let Some(file) = self.files.get(self.current)
            && file.used + bytes <= file.bytes
        {
            return Some(self.current);
        }
        let current = self.current;
        let free = self
            .files
            .iter()
            .enumerate()
            .position(|(at, file)| at != current && file.last < tail && file.bytes >= bytes)?;
        self.files[free].used = 0;
        self.files[free].last = 0;
        self.current = free;
        Some(free)
    }

    /// Adds a file, writing it through so that later writes change no metadata.
    pub async fn make_file(
        disk: &Disk,
        dir: &Path,
        index: usize,
        bytes: u64,
    ) -> io::Result<RingFile> {
        let file = disk.open(&dir.join(file_name(index)), MODE).await?;
        match Self::write_through(disk, dir, &file, bytes).await {
            Ok(()) => Ok(RingFile { file, bytes, used: 0, last: 0 }),
            Err(error) => {
                // Open, it would keep its room even when it is removed.
                let _ = file.close().await;
                Err(error)
            }
        }
    }

    async fn write_through(disk: &Disk, dir: &Path, file: &File, bytes: u64) -> io::Result<()> {
        file.allocate(bytes).await?;
        let mut buffer = disk.allocate_buffer(IO_BYTES_MAX);
        buffer.as_mut_slice().fill(0);
        let mut at = 0;
        while at < bytes {
            let step = (bytes - at).min(IO_BYTES_MAX as u64);
            buffer = file.write_at(buffer, step as usize, at).await?;
            at += step;
        }
        file.sync().await?;
        disk.sync_dir(dir).await
    }

    pub fn place_of_next(&self) -> (Disk, PathBuf, usize) {
        (self.disk.clone(), self.dir.clone(), self.files.len())
    }
}

async fn read_whole(file: &File, bytes: u64) -> io::Result<Bytes> {
    file.read_at(0, bytes as usize).await
}

/// The groups from the front of a file, each following the one before, and where they end.
fn scan(content: &Bytes, known: &Known, path: &Path) -> Result<(Vec<Group>, usize), OpenError> {
    let mut groups: Vec<Group> = Vec::new();
    let mut at = 0;
    loop {
        let group = match Group::read(content, at, known.life.seed) {
            Ok(group) => group,
            Err(NoGroup::Invalid) => break,
            Err(NoGroup::TooNew(format)) => {
                return Err(OpenError::TooNew { path: path.to_path_buf(), format });
            }
        };
        if group.header.shard != known.shard {
            return Err(OpenError::Damaged {
                path: path.to_path_buf(),
                what: format!("it belongs to shard {}", group.header.shard),
            });
        }
        // Below, a group that an earlier pass left behind: whole, but not a successor.
        if groups.last().is_some_and(|last| !follows(last, &group.header)) {
            break;
        }
        at += group.header.file_bytes();
        groups.push(group);
    }
    Ok((groups, at))
}

/// Whether a group may stand behind another (F3).
fn follows(last: &Group, next: &GroupHeader) -> bool {
    let is_chained = next.previous_crc == last.header_crc || is_planted(Bug::SkipTheChain);
    let is_next = next.sequence == last.header.sequence + 1
        && is_chained
        && next.incarnation >= last.header.incarnation;
    is_next || is_planted(Bug::TrustAStaleGroup)
}

/// One group is in flight at a time, so a good group *newer* than the end proves that what lies
/// between had been durable: rot (S6), not a tear.
fn look_behind(
    content: &Bytes,
    seed: u32,
    end: usize,
    newest: u64,
    path: &Path,
) -> Result<(), OpenError> {
    // From the end itself on: a file's first group is taken whatever its sequence, so a stale one may
    // stand there, and in front of what it does not precede.
    for at in (end..content.len()).step_by(BLOCK_BYTES) {
        let Ok((header, _)) = GroupHeader::decode(&content[at..], seed) else { continue };
        if header.sequence > newest && Group::read(content, at, seed).is_ok() {
            return Err(OpenError::Damaged {
                path: path.to_path_buf(),
                what: format!(
                    "the groups of this file end at {end}, yet group {} stands at {at}",
                    header.sequence
                ),
            });
        }
    }
    Ok(())
}

/// The sequence of a group of which not more than the header may be there.
fn begun_group(content: &Bytes, seed: u32, end: usize) -> Option<u64> {
    GroupHeader::decode(content.get(end..)?, seed).ok().map(|(header, _)| header.sequence)
}
