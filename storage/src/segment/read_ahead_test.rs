use std::path::Path;

use pelton_model::{Offset, PartitionIndex, TopicId};

use super::*;
use crate::disk::OpenMode;
use crate::disk::sim::{SimDisk, run};

fn place(index: i32, position: u64) -> Place {
    Place {
        partition: PartitionId::new(TopicId::from_bytes([7; 16]), PartitionIndex::new(index)),
        segment: SegmentName::carried(Offset::ZERO),
        position,
    }
}

async fn file(sim: &SimDisk, bytes: usize) -> File {
    let disk = sim.disk();
    let mode = OpenMode { create: true, durable_writes: false };
    let file = disk.open(Path::new("/file"), mode).await.expect("opened");
    let mut buffer = disk.allocate_buffer(bytes);
    buffer.as_mut_slice().iter_mut().enumerate().for_each(|(at, byte)| *byte = at as u8);
    file.write_at(buffer, bytes, 0).await.expect("written");
    file
}

#[test]
fn what_was_read_ahead_is_there_for_who_was_expected_and_only_once() {
    let sim = SimDisk::new(1);
    run(async {
        let (file, readers) = (file(&sim, 8192).await, ReadAhead::default());
        readers.expect(place(0, 4096), Ahead::begin(&file, 4096, 2000));
        assert!(readers.arrive(place(0, 0)).is_none());
        assert!(readers.arrive(place(1, 4096)).is_none());
        let ahead = readers.arrive(place(0, 4096)).flatten().expect("read ahead");
        let content = ahead.take(1000).await.expect("read");
        assert_eq!((content.len(), content[0], content[999]), (1000, 0, 231));
        assert!(readers.arrive(place(0, 4096)).is_none());
        let short = Ahead::begin(&file, 0, 10).expect("begun");
        assert!(short.take(11).await.is_none());
    });
}

#[test]
fn readers_are_bounded_and_forgotten_with_their_segment() {
    let readers = ReadAhead::default();
    for index in 0..READERS_MAX as i32 + 1 {
        readers.expect(place(index, 0), None);
    }
    assert!(readers.arrive(place(0, 0)).is_none());
    assert!(readers.arrive(place(1, 0)).is_some());
    readers.forget(place(2, 0).partition, place(2, 0).segment);
    assert!(readers.arrive(place(2, 0)).is_none());
    assert!(readers.arrive(place(3, 0)).is_some());
}

#[test]
fn more_than_one_io_is_not_read_ahead_and_an_error_is_left_to_the_reader() {
    let sim = SimDisk::new(1);
    run(async {
        let file = file(&sim, 4096).await;
        assert!(Ahead::begin(&file, 0, IO_BYTES_MAX + 1).is_none());
        let beyond = Ahead::begin(&file, 4096, 100).expect("begun");
        assert!(beyond.take(100).await.is_none());
    });
}
