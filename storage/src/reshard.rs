//! Changing the number of shards: at a start, every journal is drained and the partitions are dealt
//! out anew.
//!
//! Segments lie in `<data>/topics`, whichever shard a partition lives on, so once its journal is
//! drained all that moves is its entry in a state file. **A broker runs [`reshard`] at every start,
//! before it opens a [`Store`] for serving**: that is what makes the argument below hold.
//!
//! A crash at any point loses nothing, and the next start ends where this one would have:
//!
//! 1. Draining is a start followed by an orderly stop.
//! 2. Every shard that receives partitions gets a state file with them. Until the last of these is
//!    durable, no shard has given anything away.
//! 3. The others' state files are written without what they gave. Until then a partition stands in
//!    two of them, which makes the next start reshard again; nobody has appended to it in between,
//!    so both say the same.
//! 4. Directories of shards that are no more are renamed, durably, before they are removed: a
//!    half-removed one might still be read, with a journal that has a gap.
//!
//! The new placement follows from the old one in such a way that it also follows from every mixture
//! of the two.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::iter::repeat_n;
use std::path::{Path, PathBuf};

use pelton_model::{PartitionId, ShardId, TimestampMs, TopicId};

use crate::directories::create_dir_durably;
use crate::disk::Disk;
use crate::error::{FenceReason, OpenError, StorageError};
use crate::journal::Life;
use crate::log::RollRules;
use crate::state::{PartitionState, ShardState, StateFile};
use crate::store::{Store, StoreOptions};

/// Topics' own `segment.bytes` are not known here. A segment exceeds its topic's by no more than
/// what a journal held.
const SEGMENT_BYTES: u64 = 1 << 30;

/// What the name of a shard's directory ends with while it is being removed.
const REMOVED: &str = ".removed";

/// What [`reshard`] found and did; said in one log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReshardReport {
    /// False: every shard had its state and every partition one place, so nothing was touched.
    pub needed: bool,
    /// Shards that had a state file before.
    pub shards_before: usize,
    pub partitions: usize,
    /// Partitions that have another shard now.
    pub moved: usize,
    /// Bytes carried from journals to segments.
    pub carried_bytes: u64,
}

/// The shards that have a directory in `<data_dir>/shard`, in ascending order; none if it is absent.
pub async fn shard_dirs(disk: &Disk, data_dir: &Path) -> io::Result<Vec<ShardId>> {
    let mut shards: Vec<ShardId> = disk
        .dirs_in(&data_dir.join("shard"))
        .await?
        .iter()
        .filter_map(|name| {
            let shard = ShardId::new(name.parse().ok()?);
            (shard.to_string() == *name).then_some(shard)
        })
        .collect();
    shards.sort();
    Ok(shards)
}

/// Makes the partitions in `data_dir` live on shards 0 to `shards` - 1; see the module. Per topic
/// and in total these hold the same number of partitions, give or take one, if there was anything
/// to do at all. A shard that holds none may have no directory yet.
///
/// Other than that, the arguments are those of [`Store::open`]; `seed` is asked once for each
/// directory. It needs the memory of one shard's journal, and room on the disk for all of them: a
/// full disk is an `Io` error. After any error the next call goes on where this one ended.
///
/// # Panics
/// If `shards` is 0 or above 65,536.
pub async fn reshard(
    disk: &Disk,
    data_dir: &Path,
    shards: usize,
    options: StoreOptions,
    mut seed: impl FnMut() -> u32,
    now: TimestampMs,
    exists: impl Fn(TopicId) -> bool,
) -> Result<ReshardReport, OpenError> {
    assert!((1..=1 << 16).contains(&shards), "{shards} shards");
    let data = DataDir { disk, path: data_dir };
    data.finish_removals().await.map_err(data.failed(data.root()))?;
    let dirs = shard_dirs(disk, data_dir).await.map_err(data.failed(data.root()))?;
    let mut found = BTreeMap::new();
    for shard in &dirs {
        if let Some(state) = data.read(*shard).await? {
            found.insert(*shard, state.partitions.iter().map(|it| it.id).collect());
        }
    }
    if found.is_empty() || is_settled(&dirs, &found, shards) {
        return Ok(ReshardReport::default());
    }
    tracing::info!(before = found.len(), shards, "the number of shards has changed");
    let mut drained = Drained::default();
    let mut carried_bytes = 0;
    for shard in found.keys() {
        let (state, bytes) = data.drain(*shard, options, seed(), now, &exists).await?;
        carried_bytes += bytes;
        drained.take_in(state, &data.shard(*shard))?;
    }
    let before = drained.placement();
    let after = place(&before, shards);
    let mut wanted: BTreeMap<ShardId, BTreeSet<PartitionId>> =
        drained.holds.keys().map(|shard| (*shard, BTreeSet::new())).collect();
    for (id, shard) in &after {
        wanted.entry(*shard).or_default().insert(*id);
    }
    for (shard, wanted) in &wanted {
        let holds = drained.holds.get(shard).cloned().unwrap_or_default();
        if !wanted.is_subset(&holds) {
            let both = holds.union(wanted).copied().collect();
            drained.write(&data, *shard, both, &mut seed).await?;
        }
    }
    for (shard, wanted) in &wanted {
        if shard.index() < shards && drained.holds.get(shard).is_some_and(|holds| holds != wanted) {
            drained.write(&data, *shard, wanted.clone(), &mut seed).await?;
        }
    }
    for shard in dirs.iter().filter(|shard| shard.index() >= shards) {
        data.remove(*shard).await.map_err(data.failed(data.shard(*shard)))?;
    }
    let report = ReshardReport {
        needed: true,
        shards_before: found.len(),
        partitions: after.len(),
        moved: after.iter().filter(|(id, shard)| before.get(id) != Some(shard)).count(),
        carried_bytes,
    };
    tracing::info!(shards, ?report, "partitions were dealt out anew");
    Ok(report)
}

/// A shard without a state file was being made when a crash came, perhaps to receive partitions.
fn is_settled(
    dirs: &[ShardId],
    found: &BTreeMap<ShardId, Vec<PartitionId>>,
    shards: usize,
) -> bool {
    let mut seen = BTreeSet::new();
    dirs.iter().map(|shard| shard.index()).eq(0..shards)
        && found.len() == shards
        && found.values().flatten().all(|id| seen.insert(*id))
}

/// All shards after their journals were drained.
#[derive(Default)]
struct Drained {
    /// Their states; the partitions stand in `partitions` instead.
    states: BTreeMap<ShardId, ShardState>,
    /// What each shard's state file names.
    holds: BTreeMap<ShardId, BTreeSet<PartitionId>>,
    partitions: BTreeMap<PartitionId, PartitionState>,
}

impl Drained {
    fn take_in(&mut self, mut state: ShardState, dir: &Path) -> Result<(), OpenError> {
        let holds = self.holds.entry(state.shard).or_default();
        for partition in std::mem::take(&mut state.partitions) {
            holds.insert(partition.id);
            let known = self.partitions.entry(partition.id).or_insert_with(|| partition.clone());
            if *known != partition {
                let what = format!("another shard has another state of {}", partition.id);
                return Err(OpenError::Damaged { path: dir.to_path_buf(), what });
            }
        }
        self.states.insert(state.shard, state);
        Ok(())
    }

    /// Where each partition is; for one that is in two places, either will do.
    fn placement(&self) -> BTreeMap<PartitionId, ShardId> {
        let pairs = self.holds.iter().flat_map(|(shard, ids)| ids.iter().map(|id| (*id, *shard)));
        pairs.collect()
    }

    /// Replaces what the shard's state file names. Nothing of its journal is replayed after that.
    async fn write(
        &mut self,
        data: &DataDir<'_>,
        shard: ShardId,
        ids: BTreeSet<PartitionId>,
        seed: &mut impl FnMut() -> u32,
    ) -> Result<(), OpenError> {
        let dir = data.shard(shard);
        let state = self.states.entry(shard).or_insert_with(|| ShardState {
            version: 0,
            shard,
            life: Life { incarnation: 0, seed: seed() },
            tail: 1,
            clean: true,
            partitions: Vec::new(),
        });
        state.version += 1;
        state.life.incarnation += 1;
        state.partitions = ids.iter().filter_map(|id| self.partitions.get(id)).cloned().collect();
        assert_eq!(state.partitions.len(), ids.len(), "every partition has a state");
        create_dir_durably(data.disk, &dir, 2).await.map_err(data.failed(dir.clone()))?;
        let written = StateFile::new(data.disk, &dir).write(state).await;
        state.partitions.clear();
        self.holds.insert(shard, ids);
        written.map_err(data.failed(dir))
    }
}

/// The directory that all shards share.
struct DataDir<'a> {
    disk: &'a Disk,
    path: &'a Path,
}

impl DataDir<'_> {
    fn root(&self) -> PathBuf {
        self.path.join("shard")
    }

    fn shard(&self, shard: ShardId) -> PathBuf {
        self.root().join(shard.to_string())
    }

    fn failed(&self, path: PathBuf) -> impl FnOnce(io::Error) -> OpenError + use<> {
        move |error| OpenError::Io { path, error }
    }

    async fn read(&self, shard: ShardId) -> Result<Option<ShardState>, OpenError> {
        StateFile::new(self.disk, &self.shard(shard)).read().await
    }

    /// Starts the shard and stops it in order, so that its state file says everything. Returns the
    /// bytes carried, too.
    async fn drain(
        &self,
        shard: ShardId,
        options: StoreOptions,
        seed: u32,
        now: TimestampMs,
        exists: impl Fn(TopicId) -> bool,
    ) -> Result<(ShardState, u64), OpenError> {
        let options = StoreOptions { cache_bytes: 0, ..options };
        let (store, _) =
            Store::open(self.disk, self.path, shard, options, seed, now, exists).await?;
        // A failure fences the journal, so that it ends, too: nothing is in flight after this.
        let ((), carried) =
            futures::join!(store.run_journal(|_| rules(now)), carry_all(&store, now));
        let carried = carried.and_then(|bytes| store.journal().check().map(|()| bytes));
        let bytes = carried.map_err(|error| not_drained(self.shard(shard), error))?;
        match self.read(shard).await? {
            Some(state) if state.clean => Ok((state, bytes)),
            _ => {
                let why = "a partition's tail could not be carried to a segment".into();
                Err(not_drained(self.shard(shard), StorageError::Fenced(why)))
            }
        }
    }

    async fn remove(&self, shard: ShardId) -> io::Result<()> {
        let removed = self.root().join(format!("{shard}{REMOVED}"));
        self.disk.rename(&self.shard(shard), &removed).await?;
        self.disk.sync_dir(&self.root()).await?;
        self.disk.remove_dir_all(&removed).await
    }

    async fn finish_removals(&self) -> io::Result<()> {
        for name in self.disk.dirs_in(&self.root()).await? {
            if name.ends_with(REMOVED) {
                self.disk.remove_dir_all(&self.root().join(name)).await?;
            }
        }
        Ok(())
    }
}

fn rules(now: TimestampMs) -> RollRules {
    RollRules { segment_bytes: SEGMENT_BYTES, segment_ms: i64::MAX, now }
}

async fn carry_all(store: &Store, now: TimestampMs) -> Result<u64, StorageError> {
    let rules = rules(now);
    let all = async {
        let mut total = 0;
        loop {
            // One checkpoint carries only so much of a log.
            match store.checkpoint(|_| rules).await? {
                0 => break,
                bytes => total += bytes,
            }
        }
        store.close(|_| rules).await?;
        Ok(total)
    };
    let carried = all.await;
    if let Err(error) = &carried {
        store.journal().fence(FenceReason::Stop, format!("it could not be drained: {error}"));
    }
    carried
}

fn not_drained(path: PathBuf, error: StorageError) -> OpenError {
    let error = match error {
        StorageError::Damaged { partition, what } => {
            return OpenError::Damaged { path, what: format!("{partition}: {what}") };
        }
        StorageError::Full => io::Error::new(
            io::ErrorKind::StorageFull,
            "there is no room to carry the journal to segments, without which the number of \
             shards cannot change",
        ),
        StorageError::TooManyFiles => io::Error::from_raw_os_error(libc::EMFILE),
        StorageError::Fenced(why) => {
            io::Error::other(format!("the journal could not be carried to segments: {why}"))
        }
    };
    OpenError::Io { path, error }
}

/// Where every partition goes.
///
/// A partition stays where it is while its shard has room for its topic; those of higher index go
/// first. Whoever has to move takes the next free slot, in order: so if some have moved already,
/// the others still find the slots that they would have found.
fn place(before: &BTreeMap<PartitionId, ShardId>, shards: usize) -> BTreeMap<PartitionId, ShardId> {
    let mut topics: BTreeMap<TopicId, Vec<(PartitionId, ShardId)>> = BTreeMap::new();
    for (id, shard) in before {
        topics.entry(id.topic).or_default().push((*id, *shard));
    }
    let held: Vec<Held> = topics.values().map(|topic| Held::new(topic, shards)).collect();
    let mut after = BTreeMap::new();
    for (topic, mut room) in topics.values().zip(shares(&held, shards)) {
        let mut movers = Vec::new();
        for (id, shard) in topic {
            match room.get_mut(shard.index()) {
                Some(left) if *left > 0 => {
                    *left -= 1;
                    after.insert(*id, *shard);
                }
                _ => movers.push(*id),
            }
        }
        after.extend(movers.into_iter().zip(slots(&room)));
    }
    after
}

/// How many partitions a topic has, and has on each shard that remains.
struct Held {
    count: usize,
    per_shard: Vec<usize>,
}

impl Held {
    fn new(topic: &[(PartitionId, ShardId)], shards: usize) -> Self {
        let mut per_shard = vec![0; shards];
        for (_, shard) in topic {
            if let Some(held) = per_shard.get_mut(shard.index()) {
                *held += 1;
            }
        }
        Held { count: topic.len(), per_shard }
    }
}

/// How many partitions of each topic each shard gets: all the same number, and what then remains
/// is dealt out in turn, one topic after the other, so that the totals are even.
///
/// Topics of which just one partition remains, such as those that have but one, can stand in for
/// one another: they take the slots dealt to all of them where they hold one already.
fn shares(topics: &[Held], shards: usize) -> Vec<Vec<usize>> {
    let mut shares: Vec<Vec<usize>> =
        topics.iter().map(|topic| vec![topic.count / shards; shards]).collect();
    let mut turn = (0..shards).cycle();
    let mut singles = Vec::new();
    let mut single_slots = vec![0; shards];
    for (at, topic) in topics.iter().enumerate() {
        let remaining = topic.count % shards;
        for shard in turn.by_ref().take(remaining) {
            if remaining == 1 {
                single_slots[shard] += 1;
                singles.push(at);
            } else {
                shares[at][shard] += 1;
            }
        }
    }
    singles.retain(|at| {
        let holds = |shard: &usize| topics[*at].per_shard[*shard] > shares[*at][*shard];
        let Some(stays) = (0..shards).filter(holds).find(|shard| single_slots[*shard] > 0) else {
            return true;
        };
        single_slots[stays] -= 1;
        shares[*at][stays] += 1;
        false
    });
    for (at, shard) in singles.into_iter().zip(slots(&single_slots)) {
        shares[at][shard.index()] += 1;
    }
    shares
}

/// Each shard as often as it has room, in ascending order.
fn slots(room: &[usize]) -> impl Iterator<Item = ShardId> + '_ {
    room.iter().enumerate().flat_map(|(shard, left)| repeat_n(ShardId::new(shard as u16), *left))
}

#[cfg(test)]
#[path = "reshard_test.rs"]
mod reshard_test;
