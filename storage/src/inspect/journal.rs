//! A shard's journal, group by group, and whether it is one that a start would take.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use pelton_model::limits::BLOCK_BYTES;
use pelton_model::{PartitionId, ShardId};

use super::{Finding, Findings, Weight};
use crate::disk::{Disk, File, OpenMode};
use crate::error::OpenError;
use crate::journal::{Entry, Group, GroupHeader, NoGroup, file_name};
use crate::state::StateFile;

/// A whole group as it stands in a file of the ring.
#[derive(Clone, Debug)]
pub struct SeenGroup {
    pub path: PathBuf,
    pub position: u64,
    pub header: GroupHeader,
    /// The state file does not contain it yet: the next start replays it.
    pub is_needed: bool,
    /// Left from an earlier round through the ring.
    pub is_stale: bool,
    pub entries: Vec<(PartitionId, Entry)>,
}

/// What [`inspect_journal`] has read of one shard.
#[derive(Debug, Default)]
pub struct JournalReport {
    pub incarnation: u64,
    pub tail: u64,
    /// The last life ended in order: the ring is not read at the next start.
    pub is_clean: bool,
    pub files: u64,
    pub groups: u64,
    pub needed_groups: u64,
    pub findings: Findings,
}

/// The whole groups at the front of one file.
struct Run {
    path: PathBuf,
    first: GroupHeader,
    last: GroupHeader,
    last_crc: u32,
}

/// Shows every whole group of a shard's ring, file by file, and holds them against what a start
/// asks of them (F3, S6). `Err` where a file or a directory cannot be read. Without a state file, which
/// knows the ring's number, nothing can be shown.
pub async fn inspect_journal(
    disk: &Disk,
    data_dir: &Path,
    shard: ShardId,
    mut look: impl FnMut(&SeenGroup),
) -> Result<JournalReport, OpenError> {
    let dir = data_dir.join("shard").join(shard.to_string());
    let failed = |path: &Path, error| OpenError::Io { path: path.to_path_buf(), error };
    let entries = disk.list_dir(&dir).await.map_err(|error| failed(&dir, error))?;
    let names = entries.into_iter().map(|it| it.name);
    let names: Vec<String> = names.filter(|name| name.starts_with("journal.")).collect();
    let mut report = JournalReport::default();
    let Some(state) = StateFile::new(disk, &dir).read().await? else {
        report.findings.add(without_state(dir, &names));
        return Ok(report);
    };
    report.incarnation = state.life.incarnation;
    (report.tail, report.is_clean) = (state.tail, state.clean);
    let mut damage = |path: PathBuf, what: String| {
        report.findings.add(Finding { path, partition: None, weight: Weight::Damage, what });
    };
    if state.shard != shard {
        damage(dir.clone(), format!("its state is that of shard {}", state.shard));
    }
    // A start looks at the names even where it reads none of the files.
    if let Some((at, name)) = names.iter().enumerate().find(|(at, name)| **name != file_name(*at)) {
        damage(dir.join(name), format!("{} is missing before it", file_name(at)));
    }
    let mut runs: Vec<Run> = Vec::new();
    let needed_from = if state.clean { u64::MAX } else { state.tail };
    for name in names {
        let path = dir.join(name);
        let opened = disk.open(&path, OpenMode::default()).await;
        let file = opened.map_err(|error| failed(&path, error))?;
        report.files += 1;
        let scan = Scan { file, path: &path, seed: state.life.seed, shard, needed_from };
        let run = scan.run(&mut report, &mut look).await.map_err(|error| failed(&path, error))?;
        runs.extend(run.filter(|run| run.last.sequence >= needed_from));
    }
    runs.sort_by_key(|run| run.first.sequence);
    check_chain(&runs, state.tail, &mut report.findings);
    Ok(report)
}

/// The state file is durable before the journal's first file is made.
fn without_state(dir: PathBuf, journal: &[String]) -> Finding {
    let (weight, what) = match journal.is_empty() {
        true => (Weight::Note, "there is no state file: a crash came while the shard was made"),
        false => (Weight::Damage, "there is no state file, yet there is a journal"),
    };
    Finding { path: dir, partition: None, weight, what: what.into() }
}

/// One file being read.
struct Scan<'a> {
    file: File,
    path: &'a Path,
    seed: u32,
    shard: ShardId,
    needed_from: u64,
}

impl Scan<'_> {
    async fn run(
        &self,
        report: &mut JournalReport,
        look: &mut impl FnMut(&SeenGroup),
    ) -> io::Result<Option<Run>> {
        let bytes = self.file.bytes()?;
        let mut run: Option<Run> = None;
        let mut broken_at = None;
        let mut at = 0;
        while at + BLOCK_BYTES as u64 <= bytes {
            let group = match self.group(at).await? {
                Ok(group) => group,
                Err(why) => {
                    if let NoGroup::TooNew(format) = why {
                        self.damage(report, format!("at {at}: a group of format {format}"));
                    }
                    broken_at.get_or_insert(at);
                    at += BLOCK_BYTES as u64;
                    continue;
                }
            };
            let next = at + group.header.file_bytes() as u64;
            let follows = run.as_ref().is_none_or(|run| follows(&group.header, run));
            // Groups behind the end of the run are of an earlier round: older than its last.
            let is_stale = broken_at.is_some() || !follows;
            let newest = run.as_ref().map_or(0, |run| run.last.sequence);
            if !is_stale {
                let first = run.as_ref().map_or(group.header, |run| run.first);
                run = Some(Run {
                    path: self.path.to_path_buf(),
                    first,
                    last: group.header,
                    last_crc: group.header_crc,
                });
            } else if group.header.sequence > newest && group.header.sequence >= self.needed_from {
                let (from, sequence) = (broken_at.unwrap_or(at), group.header.sequence);
                let what = format!(
                    "bytes {from}..{at} are no groups, yet group {sequence} stands behind them"
                );
                self.damage(report, what);
            }
            broken_at = broken_at.or((!follows).then_some(at));
            self.show(&group, at, is_stale, report, look);
            at = next;
        }
        Ok(run)
    }

    fn damage(&self, report: &mut JournalReport, what: String) {
        let path = self.path.to_path_buf();
        report.findings.add(Finding { path, partition: None, weight: Weight::Damage, what });
    }

    fn show(
        &self,
        group: &Group,
        position: u64,
        is_stale: bool,
        report: &mut JournalReport,
        look: &mut impl FnMut(&SeenGroup),
    ) {
        let header = group.header;
        if header.shard != self.shard {
            self.damage(report, format!("at {position}: a group of shard {}", header.shard));
        }
        let is_needed = !is_stale && header.sequence >= self.needed_from;
        let entries = group.entries().unwrap_or_else(|| {
            let what = format!("group {}: its entries do not parse", header.sequence);
            self.damage(report, what);
            Vec::new()
        });
        report.groups += 1;
        report.needed_groups += u64::from(is_needed);
        let path = self.path.to_path_buf();
        look(&SeenGroup { path, position, header, is_needed, is_stale, entries });
    }

    /// The group that begins at `at`, both of its CRCs checked.
    async fn group(&self, at: u64) -> io::Result<Result<Group, NoGroup>> {
        let block = self.file.read_at(at, BLOCK_BYTES).await?;
        let header = match GroupHeader::decode(&block, self.seed) {
            Ok((header, _)) => header,
            Err(why) => return Ok(Err(why)),
        };
        let content: Bytes = match at.checked_add(header.file_bytes() as u64) {
            Some(end) if end <= self.file.bytes()? => {
                self.file.read_at(at, header.file_bytes()).await?
            }
            _ => return Ok(Err(NoGroup::Invalid)),
        };
        Ok(Group::read(&content, 0, self.seed))
    }
}

fn follows(header: &GroupHeader, before: &Run) -> bool {
    header.sequence == before.last.sequence + 1
        && header.previous_crc == before.last_crc
        && header.incarnation >= before.last.incarnation
}

fn check_chain(runs: &[Run], tail: u64, findings: &mut Findings) {
    let mut damage = |run: &Run, what: String| {
        let path = run.path.clone();
        findings.add(Finding { path, partition: None, weight: Weight::Damage, what });
    };
    if let Some(first) = runs.first().filter(|run| run.first.sequence > tail.max(1)) {
        let (found, tail) = (first.first.sequence, tail.max(1));
        damage(first, format!("groups {tail} to {} are missing", found - 1));
    }
    for pair in runs.windows(2) {
        if !follows(&pair[1].first, &pair[0]) {
            let sequence = pair[1].first.sequence;
            damage(&pair[1], format!("group {sequence} does not follow its predecessor"));
        }
    }
}
