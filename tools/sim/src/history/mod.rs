//! What the clients of a run did, were told, and saw. It is judged when the run is over, by
//! [`check`](crate::check).

pub mod content;
pub mod groups;

use std::collections::{BTreeMap, BTreeSet};

use pelton_model::TopicId;

/// A partition of a topic that has a name only once: a topic of the same name that comes later is
/// another one.
pub type Partition = (TopicId, i32);

/// A record's own number, which stands in it.
pub type RecordId = u64;

/// A place in [`History::batches`].
pub type BatchId = usize;

/// See the module. Everything is appended, nothing is taken back.
#[derive(Default)]
pub struct History {
    /// Requests that were sent.
    pub requests: u64,
    pub topics: BTreeMap<TopicId, TopicFacts>,
    pub batches: Vec<Batch>,
    /// By record.
    batch_of: Vec<BatchId>,
    pub acknowledgements: Vec<Acknowledgement>,
    pub sightings: Vec<Sighting>,
    pub partitions: BTreeMap<Partition, PartitionFacts>,
    pub producer_ids: Vec<i64>,
    /// Consumer groups, by name.
    pub groups: BTreeMap<&'static str, groups::GroupFacts>,
    /// What was noticed at once: a start that was refused, an answer that did not come.
    pub incidents: Vec<String>,
    /// Whether everything that is there at the end has been read.
    pub is_read: bool,
    /// What is there at the end.
    pub finals: BTreeMap<Partition, FinalLog>,
    /// Topics that are there at the end: partitions and configs.
    pub final_topics: BTreeMap<TopicId, FinalTopic>,
}

/// What is known of a topic.
#[derive(Clone, Debug, Default)]
pub struct TopicFacts {
    pub name: String,
    /// The most that anybody was told.
    pub partitions_told: i32,
    /// The most that anybody asked for.
    pub partitions_asked: i32,
    /// Its records go by themselves, the oldest first.
    pub is_brief: bool,
    pub deletion_asked: bool,
    pub deletion_told: bool,
    /// Every value that was asked for, by config, and whether it was told to be in force; the last
    /// one counts.
    pub configs: BTreeMap<String, Vec<(String, bool)>>,
}

/// What is known of a partition, beside its records.
#[derive(Clone, Copy, Debug, Default)]
pub struct PartitionFacts {
    /// The greatest end (high watermark or latest offset) that anybody was told.
    pub end_told: i64,
    /// The greatest start that DeleteRecords was asked for; `i64::MAX` for "all there is".
    pub start_asked: i64,
    /// The greatest start that anybody was told.
    pub start_told: i64,
}

/// Who sent a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sender {
    pub number: u32,
    pub is_idempotent: bool,
}

/// What was sent as one.
#[derive(Clone, Debug)]
pub struct Batch {
    pub sender: Sender,
    pub partition: Partition,
    /// Numbers in a row.
    pub first_record: RecordId,
    pub records: u64,
    /// How often it was sent.
    pub attempts: u32,
    /// An answer said that it is not there, and will not be.
    pub is_refused: bool,
}

/// An answer that says where a batch is.
#[derive(Clone, Copy, Debug)]
pub struct Acknowledgement {
    pub batch: BatchId,
    pub base_offset: i64,
    pub life: u64,
}

/// A record that a consumer was given.
#[derive(Clone, Copy, Debug)]
pub struct Sighting {
    pub partition: Partition,
    pub offset: i64,
    /// `None`: nobody sent a record with this content to this partition.
    pub record: Option<RecordId>,
    /// Of the same answer.
    pub high_watermark: i64,
    pub life: u64,
}

/// A partition as it is read at the end.
#[derive(Clone, Debug, Default)]
pub struct FinalLog {
    pub start: i64,
    pub end: i64,
    pub records: Vec<(i64, Option<RecordId>)>,
}

/// A topic as it is described at the end.
#[derive(Clone, Debug, Default)]
pub struct FinalTopic {
    pub partitions: i32,
    pub configs: BTreeMap<String, String>,
}

impl FinalLog {
    /// What stands at an offset, if there is anything.
    pub fn at(&self, offset: i64) -> Option<Option<RecordId>> {
        let place = self.records.binary_search_by_key(&offset, |(offset, _)| *offset).ok()?;
        Some(self.records[place].1)
    }
}

impl History {
    /// A new batch that is about to be sent for the first time.
    pub fn new_batch(&mut self, sender: Sender, partition: Partition, records: u64) -> BatchId {
        let id = self.batches.len();
        let first_record = self.batch_of.len() as RecordId;
        self.batch_of.extend((0..records).map(|_| id));
        self.batches.push(Batch {
            sender,
            partition,
            first_record,
            records,
            attempts: 0,
            is_refused: false,
        });
        id
    }

    pub fn acknowledge(&mut self, batch: BatchId, base_offset: i64, life: u64) {
        self.acknowledgements.push(Acknowledgement { batch, base_offset, life });
    }

    pub fn incident(&mut self, what: impl Into<String>) {
        self.incidents.push(what.into());
    }

    pub fn group(&mut self, name: &'static str) -> &mut groups::GroupFacts {
        self.groups.entry(name).or_default()
    }

    pub fn partition(&mut self, partition: Partition) -> &mut PartitionFacts {
        self.partitions.entry(partition).or_default()
    }

    pub fn told_end(&mut self, partition: Partition, end: i64) {
        let facts = self.partition(partition);
        facts.end_told = facts.end_told.max(end);
    }

    pub fn told_start(&mut self, partition: Partition, start: i64) {
        let facts = self.partition(partition);
        facts.start_told = facts.start_told.max(start);
    }

    /// The batch that a record was sent in.
    pub fn batch_of(&self, record: RecordId) -> Option<(BatchId, &Batch)> {
        let id = *self.batch_of.get(usize::try_from(record).ok()?)?;
        Some((id, &self.batches[id]))
    }

    /// Whether a partition's topic may be gone, so that nothing can be said of its records.
    pub fn may_be_gone(&self, partition: Partition) -> bool {
        self.topics.get(&partition.0).is_none_or(|topic| topic.deletion_asked)
    }

    /// The latest start that a partition's log may have come to.
    pub fn start_max(&self, partition: Partition) -> i64 {
        match self.topics.get(&partition.0) {
            Some(topic) if topic.is_brief => i64::MAX,
            _ => self.partitions.get(&partition).map_or(0, |facts| facts.start_asked),
        }
    }

    /// All pairs of offset and record that were told or seen in a partition, the end included.
    pub fn places(&self) -> BTreeMap<Partition, BTreeSet<(i64, Option<RecordId>)>> {
        let mut places: BTreeMap<Partition, BTreeSet<_>> = BTreeMap::new();
        for told in &self.acknowledgements {
            let batch = &self.batches[told.batch];
            let of_partition = places.entry(batch.partition).or_default();
            for at in 0..batch.records {
                of_partition.insert((told.base_offset + at as i64, Some(batch.first_record + at)));
            }
        }
        for seen in &self.sightings {
            places.entry(seen.partition).or_default().insert((seen.offset, seen.record));
        }
        for (partition, log) in &self.finals {
            places.entry(*partition).or_default().extend(log.records.iter().copied());
        }
        places
    }
}
