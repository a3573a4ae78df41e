use pelton_model::{PartitionIndex, TopicId};

use super::*;
use crate::disk::sim::{SimDisk, run};
use crate::segment::OpenSegments;

fn partition() -> PartitionId {
    PartitionId::new(TopicId::from_bytes([7; 16]), PartitionIndex::new(0))
}

/// One of many that follow one another.
fn chunk(number: u32) -> ChunkEntry {
    ChunkEntry {
        offset: Offset::new(number.into()),
        position: u64::from(number) * 10,
        max_timestamp: TimestampMs::new(0),
        length: 10,
        crc: number,
        is_unverified: false,
    }
}

#[test]
fn an_append_is_durable_with_its_write_or_by_the_sync_behind_it() {
    for (durability, syncs) in [(Durability::OfEachWrite, 0), (Durability::BySync, 1)] {
        let sim = SimDisk::new(1);
        run(async {
            let (disk, open) = (sim.disk(), OpenSegments::new(8));
            let (dir, name) = (Path::new("/log"), SegmentName::carried(Offset::ZERO));
            disk.create_dir_all(dir).await.expect("made");
            disk.sync_dir(Path::new("/")).await.expect("synced");
            let pass = open.writer_pass();
            let writer = SegmentWriter::create(&disk, dir, pass, partition(), name, durability);
            let mut writer = writer.await.expect("made");
            let batch = CarriedBatch {
                base_offset: Offset::ZERO,
                next_offset: Offset::new(1),
                max_timestamp: TimestampMs::new(0),
                bytes: Bytes::from(vec![5; 6_000]),
            };
            let before = sim.counters().syncs;
            let plan = writer.plan(&[batch]).await.expect("planned");
            writer.write(&plan, WritesInFlight::One).await.expect("written");
            assert_eq!(sim.counters().syncs - before, syncs, "{durability:?}");
            let left = sim.durable().disk().open(&name.log_path(dir), MODE).await.expect("there");
            assert_eq!(left.read_at(0, 6_000).await.expect("durable"), vec![5; 6_000]);
        });
    }
}

#[test]
fn an_index_that_was_closed_goes_on_where_it_ended() {
    let sim = SimDisk::new(1);
    run(async {
        let (disk, open) = (sim.disk(), OpenSegments::new(8));
        let (dir, name) = (Path::new("/log"), SegmentName::carried(Offset::ZERO));
        disk.create_dir_all(dir).await.expect("made");
        let pass = open.writer_pass();
        let writer = SegmentWriter::create(&disk, dir, pass, partition(), name, Durability::BySync);
        let writer = writer.await;
        let mut writer = writer.expect("made");
        // More entries than a block has room for.
        let chunks: Vec<ChunkEntry> = (0..150).map(chunk).collect();
        for some in chunks.chunks(50) {
            writer.index(some).await.expect("indexed");
            assert_eq!(open.written_count(), 2, "the index is counted");
            writer.close_index().await.expect("closed");
            assert_eq!(open.written_count(), 1);
        }
        writer.seal(&[]).await.expect("sealed");
        writer.close().await.expect("closed");
        assert_eq!(open.written_count(), 0);
        let path = name.index_path(dir);
        let found = index::read(&disk, &path, partition(), Offset::ZERO, 150).await;
        assert_eq!(found.expect("whole"), chunks);
        let bytes = disk.open(&path, MODE).await.expect("opened").bytes().expect("known");
        assert_eq!(bytes, index::ENTRIES_AT + 150 * ChunkEntry::BYTES as u64);
    });
}
