use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};

use futures::task::noop_waker;
use pelton_model::batch::{
    BatchBuilder, BatchFields, BatchHeader, NewRecord, ProducerBatch, Records, record_bytes,
};
use pelton_model::{LeaderEpoch, Offset, PartitionIndex, ProducerEpoch, ProducerId};

use super::*;
use crate::disk::is_disk_full;
use crate::disk::sim::{CrashChoice, Fault, FaultError, Operation, Random, SimDisk, run};
use crate::journal::JournalOptions;
use crate::{Log, NewBatch, ReadLimits};

const DATA: &str = "/data";
const NOW: TimestampMs = TimestampMs::new(1_000_000);
const RULES: RollRules = RollRules { segment_bytes: 1 << 20, segment_ms: i64::MAX, now: NOW };
/// One of the partitions is written by an idempotent producer.
const PRODUCER: ProducerId = ProducerId::new(77);

/// The values that were acknowledged; each is one record, at the offset of its index.
type Acknowledged = BTreeMap<PartitionId, Vec<String>>;
type Placement = BTreeMap<PartitionId, ShardId>;

fn options() -> StoreOptions {
    let journal = JournalOptions { file_bytes: 64 << 10, ring_bytes_max: 256 << 10 };
    StoreOptions { journal, cache_bytes: 1 << 20, direct_flush_bytes: 1 << 20, open_files_max: 8 }
}

fn id(topic: u8, index: i32) -> PartitionId {
    PartitionId::new(TopicId::from_bytes([topic; 16]), PartitionIndex::new(index))
}

fn shard(number: u16) -> ShardId {
    ShardId::new(number)
}

async fn open(disk: &Disk, shard: ShardId) -> Store {
    let opened = Store::open(disk, Path::new(DATA), shard, options(), 7, NOW, |_| true).await;
    opened.expect("open").0
}

async fn reshard_to(disk: &Disk, shards: usize) -> Result<ReshardReport, OpenError> {
    reshard(disk, Path::new(DATA), shards, options(), || 9, NOW, |_| true).await
}

fn batch(value: &str, producer: Option<i32>) -> NewBatch {
    let mut fields = BatchFields::default();
    if let Some(sequence) = producer {
        fields.producer_id = PRODUCER;
        fields.producer_epoch = ProducerEpoch::new(0);
        fields.base_sequence = sequence;
    }
    let mut builder = BatchBuilder::new(fields);
    builder.push(&NewRecord {
        timestamp: NOW,
        value: Some(value.as_bytes()),
        ..NewRecord::default()
    });
    let bytes = builder.build();
    let producer = producer.map(|base_sequence| ProducerBatch {
        id: PRODUCER,
        epoch: ProducerEpoch::new(0),
        base_sequence,
        last_offset_delta: 0,
    });
    NewBatch { header: BatchHeader::read(&bytes).expect("a batch"), bytes, producer }
}

/// Appends a value of its own, which is not durable yet.
fn append(log: &Log, values: &mut Vec<String>) {
    let value = format!("{} {} {}", log.id(), values.len(), "x".repeat(values.len() * 97 % 3000));
    let producer = (log.id() == id(1, 0)).then_some(values.len() as i32);
    let appended = log.append(batch(&value, producer), NOW).expect("append");
    assert_eq!(appended.base_offset, Offset::new(values.len() as i64), "{}", log.id());
    assert_eq!(appended.duplicate_of, None);
    values.push(value);
}

async fn read_all(log: &Log) -> Vec<String> {
    let mut values = Vec::new();
    loop {
        let from = Offset::new(values.len() as i64);
        let limits = ReadLimits { bytes_max: 1 << 20, at_least_one: true, end: log.end_offset() };
        let read = log.read(from, limits).await.expect("read");
        if read.slices.is_empty() {
            return values;
        }
        for slice in &read.slices {
            let header = BatchHeader::read(slice).expect("a batch");
            assert_eq!(header.base_offset, Offset::new(values.len() as i64));
            let bytes = record_bytes(&header, slice, 1 << 20).expect("records");
            for record in Records::new(&header, &bytes) {
                let value = record.expect("a record").value.expect("a value").to_vec();
                values.push(String::from_utf8(value).expect("text"));
            }
        }
    }
}

/// Runs a shard for as long as `work` takes, and kills it: nothing is closed in order.
async fn serve<T>(store: &Store, work: impl Future<Output = T>) -> T {
    let work = async {
        let done = work.await;
        store.journal().durable(store.journal().next_sequence() - 1).await.expect("durable");
        store.stop_journal();
        done
    };
    futures::join!(store.run_journal(|_| RULES), work).1
}

/// A disk with `shards` shards and partitions unevenly among them: an empty one, some with records
/// both in segments and in the journal, and some with all of them in the journal.
fn bench(shards: u16) -> (SimDisk, Acknowledged) {
    let sim = SimDisk::new(1);
    let disk = sim.disk();
    let mut acknowledged = Acknowledged::new();
    run(async {
        disk.create_dir_all(Path::new(DATA)).await.expect("create");
        disk.sync_dir(Path::new("/")).await.expect("sync");
        let sizes = [(1, 7), (2, 1), (3, 1), (4, 4), (5, 1), (6, 2), (7, 1), (8, 3)];
        let ids = sizes.iter().flat_map(|(topic, count)| (0..*count).map(|it| id(*topic, it)));
        let ids: Vec<PartitionId> = ids.collect();
        for number in 0..shards {
            let store = open(&disk, shard(number)).await;
            serve(&store, async {
                for (at, id) in ids.iter().enumerate() {
                    if at * at / 3 % usize::from(shards) != usize::from(number) {
                        continue;
                    }
                    store.place(*id, LeaderEpoch::new(3)).expect("place");
                    let log = store.log(*id).expect("placed");
                    let values = acknowledged.entry(*id).or_default();
                    for count in 0..at {
                        append(&log, values);
                        if count == at / 2 && at < 14 {
                            let sequence = store.journal().next_sequence() - 1;
                            store.journal().durable(sequence).await.expect("durable");
                            store.checkpoint(|_| RULES).await.expect("checkpoint");
                        }
                    }
                }
            })
            .await;
        }
        assert_eq!(acknowledged.len(), ids.len());
    });
    (sim, acknowledged)
}

/// Starts `shards` shards as a broker does, checks that everything acknowledged is there once, and
/// appends to it. Returns where the partitions are.
async fn check_and_append(disk: &Disk, shards: u16, acknowledged: &mut Acknowledged) -> Placement {
    let mut placement = Placement::new();
    for number in 0..shards {
        let store = open(disk, shard(number)).await;
        serve(&store, async {
            for log in store.logs() {
                let elsewhere = placement.insert(log.id(), store.shard());
                assert_eq!(elsewhere, None, "{} is in two places", log.id());
                let values = acknowledged.get_mut(&log.id()).expect("a known partition");
                assert_eq!(log.leader_epoch(), LeaderEpoch::new(3));
                assert!(read_all(&log).await == *values, "records of {}", log.id());
                if log.id() == id(1, 0)
                    && let Some(last) = values.len().checked_sub(1)
                {
                    let again = log.append(batch(&values[last], Some(last as i32)), NOW);
                    assert!(again.expect("append").duplicate_of.is_some());
                }
                append(&log, values);
                append(&log, values);
            }
        })
        .await;
    }
    assert!(placement.keys().eq(acknowledged.keys()), "every partition has a place");
    placement
}

async fn check_twice(disk: &Disk, shards: u16, acknowledged: &mut Acknowledged) -> Placement {
    let placement = check_and_append(disk, shards, acknowledged).await;
    assert_eq!(check_and_append(disk, shards, acknowledged).await, placement);
    let dirs = shard_dirs(disk, Path::new(DATA)).await.expect("list");
    assert!(dirs.into_iter().eq((0..shards).map(ShardId::new)));
    assert!(!reshard_to(disk, shards.into()).await.expect("a start").needed);
    placement
}

fn assert_even(placement: &Placement, shards: usize) {
    let mut totals = vec![0; shards];
    let mut per_topic: BTreeMap<TopicId, Vec<usize>> = BTreeMap::new();
    for (id, shard) in placement {
        totals[shard.index()] += 1;
        per_topic.entry(id.topic).or_insert_with(|| vec![0; shards])[shard.index()] += 1;
    }
    for counts in per_topic.values().chain([&totals]) {
        let (min, max) = (counts.iter().min(), counts.iter().max());
        assert!(max.unwrap_or(&0) - min.unwrap_or(&0) <= 1, "{counts:?}");
    }
}

fn same_disk(sim: &SimDisk) -> SimDisk {
    sim.crash(&mut CrashChoice::keep_all())
}

/// Polls a future of a simulated disk so often; `None` if that was not enough.
fn poll_times<T>(future: impl Future<Output = T>, polls: u64) -> Option<T> {
    let waker = noop_waker();
    let mut future = pin!(future);
    (0..polls).find_map(|_| match future.as_mut().poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}

#[test]
fn one_shard_takes_over_from_three() {
    let (sim, mut acknowledged) = bench(3);
    run(async {
        let report = reshard_to(&sim.disk(), 1).await.expect("reshard");
        assert!(report.needed && report.carried_bytes > 0, "{report:?}");
        assert_eq!((report.shards_before, report.partitions), (3, acknowledged.len()));
        check_twice(&sim.disk(), 1, &mut acknowledged).await;
    });
}

#[test]
fn four_shards_share_what_one_had() {
    let (sim, mut acknowledged) = bench(1);
    run(async {
        let report = reshard_to(&sim.disk(), 4).await.expect("reshard");
        let placement = check_twice(&sim.disk(), 4, &mut acknowledged).await;
        assert_even(&placement, 4);
        assert_eq!(report.moved, placement.values().filter(|it| it.index() > 0).count());
    });
}

#[test]
fn there_and_back_again() {
    let (sim, mut acknowledged) = bench(3);
    run(async {
        for shards in [1, 5, 2, 3, 1] {
            assert!(reshard_to(&sim.disk(), shards.into()).await.expect("reshard").needed);
            let placement = check_twice(&sim.disk(), shards, &mut acknowledged).await;
            assert_even(&placement, shards.into());
        }
    });
}

#[test]
fn the_same_number_of_shards_is_left_alone() {
    let (sim, mut acknowledged) = bench(2);
    run(async {
        let before = sim.counters();
        let report = reshard_to(&sim.disk(), 2).await.expect("reshard");
        assert_eq!(report, ReshardReport::default());
        assert_eq!(sim.counters().writes, before.writes);
        check_twice(&sim.disk(), 2, &mut acknowledged).await;
    });
}

#[test]
fn a_new_data_directory_is_left_alone() {
    run(async {
        let sim = SimDisk::new(1);
        let report = reshard_to(&sim.disk(), 4).await.expect("reshard");
        assert_eq!(report, ReshardReport::default());
        assert_eq!(shard_dirs(&sim.disk(), Path::new(DATA)).await.expect("list"), []);
    });
}

#[test]
fn partitions_of_topics_that_are_gone_are_dropped() {
    let (sim, mut acknowledged) = bench(3);
    let disk = sim.disk();
    run(async {
        let exists = |topic: TopicId| topic != id(4, 0).topic;
        reshard(&disk, Path::new(DATA), 2, options(), || 9, NOW, exists).await.expect("reshard");
        acknowledged.retain(|id, _| exists(id.topic));
        check_twice(&disk, 2, &mut acknowledged).await;
    });
}

#[test]
fn only_directories_with_the_name_of_a_shard_count() {
    run(async {
        let disk = SimDisk::new(1).disk();
        for name in ["10", "2", "02", "+3", "x", "4.removed", "70000"] {
            let path = Path::new(DATA).join("shard").join(name);
            disk.create_dir_all(&path).await.expect("create");
        }
        let dirs = shard_dirs(&disk, Path::new(DATA)).await.expect("list");
        assert_eq!(dirs, [shard(2), shard(10)]);
    });
}

#[test]
fn a_life_is_never_lived_again() {
    let (sim, _) = bench(2);
    let disk = sim.disk();
    run(async {
        let data = DataDir { disk: &disk, path: Path::new(DATA) };
        let before = data.read(shard(0)).await.expect("read").expect("a state");
        reshard_to(&disk, 1).await.expect("reshard");
        let after = data.read(shard(0)).await.expect("read").expect("a state");
        // One life was that in which it was drained.
        assert!(after.life.incarnation > before.life.incarnation + 1);
        assert_eq!(after.life.seed, before.life.seed);
        assert!(after.clean && after.tail > before.tail);
    });
}

#[test]
fn a_power_cut_at_any_point_loses_nothing_and_changes_no_outcome() {
    for (before, after) in [(3, 1), (1, 4), (3, 2), (2, 5)] {
        let (sim, acknowledged) = bench(before);
        let undisturbed = same_disk(&sim);
        let expected = run(async {
            reshard_to(&undisturbed.disk(), after.into()).await.expect("reshard");
            check_twice(&undisturbed.disk(), after, &mut acknowledged.clone()).await
        });
        let timed = same_disk(&sim);
        timed.set_yields_max(3);
        let disk = timed.disk();
        let mut work = Box::pin(reshard_to(&disk, after.into()));
        let polls = (1..).find(|_| poll_times(&mut work, 1).is_some()).expect("an end");
        let (mut unfinished, mut repeated) = (0, 0);
        for seed in 0..150 {
            println!("{before} to {after} shards, seed {seed}");
            let mut random = Random::new(seed);
            let mut image = same_disk(&sim);
            image.set_yields_max(3);
            // A second cut comes during the repetition.
            for _ in 0..=random.below(2) {
                let disk = image.disk();
                let done = poll_times(reshard_to(&disk, after.into()), random.below(polls) + 1);
                unfinished += u32::from(done.is_none());
                done.transpose().expect("reshard");
                image = image.crash(&mut CrashChoice::random(random.next_u64()));
            }
            image.set_yields_max(0);
            run(async {
                let report = reshard_to(&image.disk(), after.into()).await.expect("reshard");
                repeated += u32::from(report.needed);
                let mut acknowledged = acknowledged.clone();
                let placement = check_twice(&image.disk(), after, &mut acknowledged).await;
                assert_eq!(placement, expected);
            });
        }
        assert!(unfinished > 100 && repeated > 100, "{unfinished} {repeated}");
    }
}

/// What each shard's state file names.
async fn holds(disk: &Disk) -> BTreeMap<ShardId, BTreeSet<PartitionId>> {
    let data = DataDir { disk, path: Path::new(DATA) };
    let mut holds = BTreeMap::new();
    for shard in shard_dirs(disk, data.path).await.expect("list") {
        if let Some(state) = data.read(shard).await.expect("read") {
            holds.insert(shard, state.partitions.iter().map(|it| it.id).collect());
        }
    }
    holds
}

#[test]
fn nobody_gives_away_or_goes_before_all_have_received() {
    for (before, after) in [(1, 4), (3, 2), (3, 1), (2, 3)] {
        let (sim, acknowledged) = bench(before);
        let (held, expected) = run(async {
            for number in 0..before {
                let store = open(&sim.disk(), shard(number)).await;
                futures::join!(store.run_journal(|_| RULES), store.close(|_| RULES))
                    .1
                    .expect("close");
            }
            let undisturbed = same_disk(&sim).disk();
            reshard_to(&undisturbed, after.into()).await.expect("reshard");
            let expected = check_twice(&undisturbed, after, &mut acknowledged.clone()).await;
            (holds(&sim.disk()).await, expected)
        });
        let mut half_given = 0;
        for operation in [Operation::Write, Operation::Sync] {
            for nth in 1.. {
                let image = same_disk(&sim);
                let fault = Fault::new(operation, FaultError::Errno(libc::EIO));
                image.inject(fault.nth(nth).under("/data/shard").lasting());
                let ended = run(reshard_to(&image.disk(), after.into()));
                image.clear_faults();
                if ended.is_ok() {
                    assert!(nth > 5, "{operation:?} never failed");
                    break;
                }
                run(async {
                    let now = holds(&image.disk()).await;
                    let has = |shard, id| now.get(shard).is_some_and(|ids| ids.contains(id));
                    let nothing_given =
                        held.iter().all(|(shard, ids)| ids.iter().all(|id| has(shard, id)));
                    let all_received = expected.iter().all(|(id, shard)| has(shard, id));
                    assert!(nothing_given || all_received, "{operation:?} {nth}");
                    half_given += u32::from(!nothing_given);
                    reshard_to(&image.disk(), after.into()).await.expect("reshard");
                    let placement =
                        check_twice(&image.disk(), after, &mut acknowledged.clone()).await;
                    assert_eq!(placement, expected);
                });
            }
        }
        assert!(half_given > 0, "{before} to {after}");
    }
}

#[test]
fn a_full_disk_is_an_error_that_says_so_and_passes() {
    let (sim, mut acknowledged) = bench(3);
    let disk = sim.disk();
    run(async {
        let fault = Fault::new(Operation::Write, FaultError::Errno(libc::ENOSPC));
        sim.inject(fault.under("/data/topics").lasting());
        let error = reshard_to(&disk, 1).await.expect_err("no room");
        assert!(error.to_string().contains("no room to carry the journal"), "{error}");
        let OpenError::Io { error, .. } = error else { panic!("{error}") };
        assert!(is_disk_full(&error));
        sim.clear_faults();
        check_and_append(&disk, 3, &mut acknowledged).await;
        reshard_to(&disk, 1).await.expect("reshard");
        check_twice(&disk, 1, &mut acknowledged).await;
    });
}

#[test]
fn however_little_room_there_is_nothing_is_lost() {
    let (sim, acknowledged) = bench(3);
    let mut errors = 0;
    for free_blocks in 0.. {
        let image = same_disk(&sim);
        let disk = image.disk();
        let ended = run(async {
            let space = disk.space(Path::new(DATA)).await.expect("space");
            let used_bytes = space.total_bytes - space.free_bytes;
            image.set_capacity(used_bytes + free_blocks * 4096);
            // Of a topic that is gone, so that the journals, too, have something to write.
            let exists = |topic: TopicId| topic != id(4, 0).topic;
            let ended = reshard(&disk, Path::new(DATA), 2, options(), || 9, NOW, exists).await;
            image.set_capacity(space.total_bytes);
            if let Err(error) = &ended {
                let OpenError::Io { error, .. } = error else { panic!("{error}") };
                assert!(is_disk_full(error), "{error}");
                reshard(&disk, Path::new(DATA), 2, options(), || 9, NOW, exists)
                    .await
                    .expect("reshard");
            }
            let mut acknowledged = acknowledged.clone();
            acknowledged.retain(|id, _| exists(id.topic));
            check_twice(&disk, 2, &mut acknowledged).await;
            ended
        });
        match ended {
            Ok(_) => break,
            Err(_) => errors += 1,
        }
    }
    assert!(errors > 3, "{errors}");
}

#[test]
fn a_partition_that_cannot_be_carried_stops_the_start() {
    let (sim, mut acknowledged) = bench(3);
    let disk = sim.disk();
    run(async {
        let before = holds(&disk).await;
        let fault = Fault::new(Operation::Write, FaultError::Errno(libc::EIO));
        sim.inject(fault.under("/data/topics"));
        let error = reshard_to(&disk, 1).await.expect_err("a fenced partition");
        assert!(error.to_string().contains("could not be carried"), "{error}");
        assert!(holds(&disk).await.keys().eq(before.keys()));
        reshard_to(&disk, 1).await.expect("reshard");
        check_twice(&disk, 1, &mut acknowledged).await;
    });
}

#[test]
fn a_directory_without_a_state_is_no_shard_yet() {
    let (sim, mut acknowledged) = bench(1);
    let disk = sim.disk();
    run(async {
        disk.create_dir_all(Path::new("/data/shard/1")).await.expect("create");
        assert_eq!(reshard_to(&disk, 2).await.expect("reshard").shards_before, 1);
        assert_even(&check_twice(&disk, 2, &mut acknowledged).await, 2);
    });
}

#[test]
fn two_states_of_one_partition_are_damage() {
    let (sim, _) = bench(2);
    let disk = sim.disk();
    run(async {
        let data = DataDir { disk: &disk, path: Path::new(DATA) };
        reshard_to(&disk, 1).await.expect("reshard");
        let mut state = data.read(shard(0)).await.expect("read").expect("a state");
        state.shard = shard(1);
        state.partitions.truncate(1);
        state.partitions[0].start = state.partitions[0].start.plus(1);
        disk.create_dir_all(&data.shard(shard(1))).await.expect("create");
        StateFile::new(&disk, &data.shard(shard(1))).write(&state).await.expect("write");
        let error = reshard_to(&disk, 2).await.expect_err("which one?");
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    });
}

#[test]
fn a_half_removed_directory_is_removed_at_the_next_start() {
    let (sim, _) = bench(2);
    let disk = sim.disk();
    run(async {
        let half = Path::new("/data/shard/5.removed");
        disk.create_dir_all(half).await.expect("create");
        assert!(!reshard_to(&disk, 2).await.expect("reshard").needed);
        let error = disk.list_dir(half).await.expect_err("removed");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    });
}

fn random_placement(random: &mut Random) -> Placement {
    let mut placement = Placement::new();
    let shards = random.below(7) + 1;
    for topic in 0..random.below(20) {
        let count = if random.coin() { 1 } else { random.below(12) + 1 };
        for index in 0..count {
            let at = shard(random.below(shards) as u16);
            placement.insert(id(topic as u8, index as i32), at);
        }
    }
    placement
}

#[test]
fn a_new_placement_is_even_and_stays() {
    for seed in 0..2000 {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let before = random_placement(&mut random);
        let shards = random.below(7) as usize + 1;
        let after = place(&before, shards);
        assert!(after.keys().eq(before.keys()));
        assert_even(&after, shards);
        assert_eq!(place(&after, shards), after);
    }
}

#[test]
fn a_half_made_move_is_finished_as_it_was_begun() {
    for seed in 0..5000 {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let before = random_placement(&mut random);
        let shards = random.below(7) as usize + 1;
        let after = place(&before, shards);
        let pairs = before.iter().zip(after.values());
        let mixed: Placement =
            pairs.map(|((id, old), new)| (*id, if random.coin() { *old } else { *new })).collect();
        assert_eq!(place(&mixed, shards), after);
    }
}

#[test]
fn a_partition_stays_where_it_is_if_its_shard_remains() {
    let spread = |shards: u16| -> Placement {
        (0..12).map(|topic| (id(topic, 0), shard(u16::from(topic) * 7 % shards))).collect()
    };
    let (before, after) = (spread(3), place(&spread(3), 2));
    for (id, shard) in before.iter().filter(|(_, shard)| shard.index() < 2) {
        assert_eq!(after[id], *shard);
    }
    let (before, after) = (spread(3), place(&spread(3), 4));
    let moved: Vec<ShardId> =
        before.iter().filter(|(id, old)| after[id] != **old).map(|(id, _)| after[id]).collect();
    assert_eq!(moved, [shard(3); 3]);
}
