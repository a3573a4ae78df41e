//! S3: what a partition does whose segment could not be written.

#[path = "support/held_writes.rs"]
mod held_writes;
#[path = "support/mod.rs"]
mod support;

use futures::future::join;
use held_writes::HeldWrites;
use pelton_storage::disk::sim::{Fault, FaultError, Operation, run};
use pelton_storage::{Store, StoreOptions};
use support::*;

/// A flush that waits for its turn while a carry fails does not write to the same file again.
#[test]
fn s3_a_flush_behind_a_carry_that_failed_writes_nothing() {
    let options = StoreOptions { direct_flush_bytes: 4_000, ..SMALL };
    let sim = new_disk(1);
    let held = HeldWrites::of(&sim);
    with_store(&sim, options, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        append(&store, &log, batch(1, 100)).await;
        held.hold(partition_dir(log.id()));
        let eio = FaultError::Errno(libc::EIO);
        sim.inject(Fault::new(Operation::Write, eio).under(partition_dir(log.id())));
        let carry = log.carry(roll_at(1 << 30));
        let flush = async {
            yield_once().await;
            let appended = log.append(batch(2, 20_000), NOW).expect("not fenced yet");
            held.go_on();
            log.acknowledged(appended.acked_by).await
        };
        let (carried, flushed) = join(carry, flush).await;
        carried.expect_err("the write fails");
        flushed.expect_err("it is never written");
        for _ in 0..1_000 {
            yield_once().await;
        }
        assert_eq!(log.commit_offset().get(), 1);
    });
    let segment = partition_dir(partition(1, 0)).join(format!("{:020}.log", 0));
    let durable = sim.durable().contents(&segment).unwrap_or_default();
    assert!(durable.iter().all(|byte| *byte == 0), "something was written and synced");
    run(async {
        let log = open(&sim.durable(), options).await.0.log(partition(1, 0)).expect("a log");
        assert_eq!(read_all(&log).await.len(), 1);
    });
}
