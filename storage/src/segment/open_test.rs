use std::path::Path;

use pelton_model::{Offset, PartitionIndex, TimestampMs, TopicId};

use super::*;
use crate::disk::sim::{SimDisk, run};
use crate::disk::{Disk, OpenMode};

fn partition(index: i32) -> PartitionId {
    PartitionId::new(TopicId::from_bytes([7; 16]), PartitionIndex::new(index))
}

const NAME: SegmentName = SegmentName { base: Offset::ZERO, generation: 0 };

const CHUNK: ChunkEntry = ChunkEntry {
    offset: Offset::ZERO,
    position: 0,
    max_timestamp: TimestampMs::new(0),
    length: 10,
    crc: 1,
    is_unverified: false,
};

async fn open(disk: &Disk, segments: &OpenSegments, index: i32) -> SegmentAccess {
    let segment = Segment::new(NAME, TimestampMs::new(0));
    let mut access = segments.access(partition(index), &segment);
    if access.reader.is_none() {
        let mode = OpenMode { create: true, durable_writes: false };
        access.reader = Some(disk.open(Path::new("/file"), mode).await.expect("opened"));
    }
    access
}

#[test]
fn the_least_recently_used_segment_makes_room() {
    let sim = SimDisk::new(1);
    run(async {
        let (disk, segments) = (sim.disk(), OpenSegments::new(6));
        let segment = Segment::new(NAME, TimestampMs::new(0));
        for index in [0, 1, 2, 0, 3] {
            let access = open(&disk, &segments, index).await;
            segments.keep(partition(index), &segment, access);
            assert!(segments.count() <= 3);
        }
        let is_open = |index| segments.access(partition(index), &segment).reader.is_some();
        assert_eq!([0, 1, 2, 3].map(is_open), [true, false, true, true]);
        assert_eq!(sim.counters().opens, 4);
        segments.close(partition(0), NAME).await;
        assert!(!is_open(0));
    });
}

#[test]
fn an_index_grows_with_its_segment_or_is_forgotten() {
    let segments = OpenSegments::new(6);
    let mut segment = Segment::new(NAME, TimestampMs::new(0));
    let mut access = segments.access(partition(0), &segment);
    access.index = Some(Rc::default());
    segments.keep(partition(0), &segment, access);
    segments.extend(partition(0), &segment, &[CHUNK]);
    segment.chunk_count = 1;
    let index = segments.access(partition(0), &segment).index.expect("known");
    assert_eq!(index.len(), 1);
    segment.chunk_count = 2;
    assert!(segments.access(partition(0), &segment).index.is_none(), "one chunk is missing");
}

#[test]
fn three_quarters_of_the_files_may_be_writers_and_an_index_stays_open_where_they_are_few() {
    let segments = OpenSegments::new(8);
    let mut passes = Vec::new();
    for count in 1..=8 {
        passes.push(segments.writer_pass());
        assert_eq!(segments.written_count(), count);
        assert_eq!(segments.may_keep_writer(), count <= 6, "{count}");
        assert_eq!(segments.may_keep_index(), count <= 3, "{count}");
    }
    passes.truncate(6);
    assert!(segments.may_keep_writer());
}

#[test]
fn readers_and_writers_share_the_files() {
    let sim = SimDisk::new(1);
    run(async {
        let (disk, segments) = (sim.disk(), OpenSegments::new(8));
        let read = async |index: i32| {
            let access = open(&disk, &segments, index).await;
            segments.keep(partition(index), &Segment::new(NAME, TimestampMs::new(0)), access);
        };
        for index in 0..4 {
            read(index).await;
        }
        let mut passes: Vec<WriterPass> = (0..4).map(|_| segments.writer_pass()).collect();
        assert!(segments.may_keep_writer(), "readers leave them half");
        passes.push(segments.writer_pass());
        assert!(!segments.may_keep_writer());
        passes.push(segments.writer_pass());
        read(4).await;
        assert_eq!(segments.count(), 2, "a quarter is for readers, whatever writers have");
        assert!(segments.may_keep_writer());
    });
}
