//! What a start says that it has recovered.

mod support;

use std::cell::RefCell;

use pelton_model::ShardId;
use pelton_storage::disk::sim::run;
use pelton_storage::{Opening, Store, StoreOptions};

use support::{
    NOW, SEED, SMALL, append, batch, checkpoint, data_dir, new_disk, open, partition, place,
    with_store,
};

/// Every batch goes straight to its segment.
const DIRECT: StoreOptions = StoreOptions { direct_flush_bytes: 1, ..SMALL };

#[test]
fn extents_alone_are_something_to_recover() {
    let sim = new_disk(1);
    with_store(&sim, DIRECT, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        append(&store, &log, batch(1, 100)).await;
        checkpoint(&store).await;
        append(&store, &log, batch(2, 5_000)).await;
    });
    run(async {
        let (_, report) = open(&sim.durable(), DIRECT).await;
        assert_eq!((report.batches, report.extents), (0, 1));
        assert!(report.unclean && report.bytes > 5_000, "{report:?}");
    });
}

#[test]
fn partitions_are_counted_down_to_the_last() {
    let sim = new_disk(1);
    with_store(&sim, SMALL, async |store: Store| {
        let [first, second] =
            [place(&store, partition(1, 0)).await, place(&store, partition(1, 1)).await];
        append(&store, &first, batch(1, 10)).await;
        append(&store, &second, batch(2, 10)).await;
        append(&store, &first, batch(3, 10)).await;
    });
    run(async {
        let disk = sim.durable().disk();
        let told = RefCell::default();
        let left = |count| RefCell::<Vec<usize>>::borrow_mut(&told).push(count);
        let (shard, options, seed, now) = (ShardId::ZERO, SMALL, SEED, NOW);
        let opening = Opening { disk: &disk, data_dir: &data_dir(), shard, options, seed, now };
        let opened = Store::open_telling(opening, |_| true, left).await;
        assert_eq!(opened.expect("opened").1.partitions, 2);
        assert_eq!(*told.borrow(), [2, 1, 0]);
    });
}
