use pelton_model::batch::{BatchBuilder, BatchFields, NewRecord};

use super::*;

fn chunk(position: u64, length: usize) -> ChunkEntry {
    ChunkEntry {
        offset: Offset::ZERO,
        position,
        max_timestamp: TimestampMs::new(1),
        length: length as u32,
        crc: 0,
        is_unverified: false,
    }
}

fn extent(chunks: Vec<ChunkEntry>) -> Extent {
    let (segment, end) = (Offset::ZERO, Offset::new(1));
    Extent { segment, position: 100, length: 11, end, chunks, producers: Vec::new() }
}

#[test]
fn an_extent_ends_behind_its_bytes() {
    assert_eq!(extent(Vec::new()).end_position(), 111);
    assert_eq!(Extent { position: u64::MAX, ..extent(Vec::new()) }.end_position(), u64::MAX);
}

#[test]
fn the_last_chunk_is_unfinished_if_it_is_smaller_than_one_can_be() {
    for (length, is_open) in [(CHUNK_BYTES - 1, true), (CHUNK_BYTES, false)] {
        let chunks = vec![chunk(0, CHUNK_BYTES), chunk(CHUNK_BYTES as u64, length)];
        let extent = extent(chunks.clone());
        let expected = match is_open {
            true => (&chunks[..1], Some(chunks[1])),
            false => (&chunks[..], None),
        };
        assert_eq!(extent.split_chunks(), expected, "{length}");
    }
    assert_eq!(extent(Vec::new()).split_chunks(), (&[][..], None));
}

fn header(producer: i64, base: i64) -> BatchHeader {
    let producer_id = ProducerId::new(producer);
    let mut builder = BatchBuilder::new(BatchFields { producer_id, ..BatchFields::default() });
    builder.push(&NewRecord::default());
    let header = BatchHeader::read(&builder.build()).expect("a batch");
    BatchHeader { base_offset: Offset::new(base), ..header }
}

/// As many of each as a producer table remembers, in the order of the log.
#[test]
fn the_newest_batches_of_each_producer_are_remembered() {
    let ids = [7, -1, 8, 7, 7, 7, 7, 7, 8];
    let headers: Vec<_> = ids.iter().zip(0..).map(|(id, base)| header(*id, base)).collect();
    let found: Vec<_> =
        producers_of(&headers).iter().map(|it| (it.batch.id.get(), it.base_offset.get())).collect();
    assert_eq!(found, [(8, 2), (7, 3), (7, 4), (7, 5), (7, 6), (7, 7), (8, 8)]);
}
