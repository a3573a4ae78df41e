//! The store on the real thing: io_uring, direct I/O, a file system.

mod support;

use std::path::{Path, PathBuf};

use glommio::{LocalExecutorBuilder, Placement};
use pelton_model::{Offset, ShardId};
use pelton_storage::disk::GlommioDisk;
use pelton_storage::{Store, StoreOptions};
use support::*;

/// Opens the store in `data`, runs `work` beside its journal, and lets go of the disk.
fn on_an_executor(data: PathBuf, work: impl AsyncFnOnce(Store) + 'static) {
    let executor = LocalExecutorBuilder::new(Placement::Unbound)
        .io_memory(1 << 20)
        .make()
        .expect("an executor");
    executor.run(async move {
        let disk = GlommioDisk::start(&data, 0).await.expect("a disk");
        let options = StoreOptions { cache_bytes: 0, ..SMALL };
        let opened = Store::open(&disk, &data, ShardId::ZERO, options, 7, NOW, |_| true).await;
        let (store, _) = opened.expect("opened");
        beside_journal(&store, work(store.clone())).await;
        drop(store);
        disk.shut_down().await;
    });
}

#[test]
fn batches_are_appended_carried_and_read_again_after_restarts() {
    // Not in /tmp, which may be in memory.
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    std::fs::create_dir_all(&target).expect("the target directory");
    let target = target.canonicalize().expect("the target directory");
    let directory = tempfile::tempdir_in(target).expect("a directory");
    let data = directory.path().to_path_buf();
    let id = partition(1, 0);

    on_an_executor(data.clone(), async move |store: Store| {
        let log = place(&store, id).await;
        let mut written = Vec::new();
        for fill in 0..40 {
            written.push(append(&store, &log, batch(fill, 5000)).await.1);
            if fill % 7 == 6 {
                store.checkpoint(|_| roll_at(60_000)).await.expect("a checkpoint");
            }
        }
        assert_eq!(read_all(&log).await, written);
        assert!(read(&log, 0, 1).await.expect("read").from_disk);
    });
    on_an_executor(data.clone(), async move |store: Store| {
        let log = store.log(id).expect("a log");
        assert_eq!(log.end_offset(), Offset::new(40));
        assert_eq!(read_all(&log).await.len(), 40);
        append(&store, &log, batch(1, 10)).await;
        store.close(|_| roll_at(60_000)).await.expect("closed");
    });
    on_an_executor(data.clone(), async move |store: Store| {
        let log = store.log(id).expect("a log");
        assert_eq!(read_all(&log).await.len(), 41);
        log.delete_records(Offset::new(30)).expect("deleted");
        log.retain(keep(-1, -1, roll_at(60_000))).await.expect("retained");
        assert_eq!(read_all(&log).await.len(), 11);
        store.remove(id).await.expect("removed");
    });
    assert!(std::fs::read_dir(data.join("topics")).expect("a directory").next().is_none());
}
