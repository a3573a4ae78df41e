//! S5: who waits for a direct flush, and for how long.

#[path = "support/held_writes.rs"]
mod held_writes;
#[path = "support/mod.rs"]
mod support;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use held_writes::HeldWrites;
use pelton_storage::{Store, StoreOptions};
use support::*;

const OPTIONS: StoreOptions = StoreOptions { direct_flush_bytes: 4_000, ..SMALL };

/// A task: it is alive for as long as somebody could wake it.
struct Task;

impl Wake for Task {
    fn wake(self: Arc<Self>) {}
}

fn poll<F: Future>(future: Pin<&mut F>, task: &Arc<Task>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&Waker::from(Arc::clone(task))))
}

/// Each request is a task of its own. One that the journal's end would still wake long after it was
/// answered would stay in memory for as long as the journal runs.
#[test]
fn who_waited_for_a_flush_is_forgotten_once_it_is_told() {
    let sim = new_disk(1);
    let held = HeldWrites::of(&sim);
    with_store(&sim, OPTIONS, async |store: Store| {
        let log = place(&store, partition(1, 0)).await;
        held.hold(partition_dir(log.id()));
        let appended = log.append(batch(1, 20_000), NOW).expect("appended");
        let tasks: Vec<Arc<Task>> = (0..1_000).map(|_| Arc::new(Task)).collect();
        let mut waits: Vec<_> =
            tasks.iter().map(|_| Box::pin(log.acknowledged(appended.acked_by))).collect();
        for (wait, task) in waits.iter_mut().zip(&tasks) {
            assert!(poll(wait.as_mut(), task).is_pending(), "the write is held");
        }
        held.go_on();
        until(|| log.commit_offset() == log.end_offset()).await;
        for (wait, task) in waits.iter_mut().zip(&tasks) {
            assert_eq!(poll(wait.as_mut(), task), Poll::Ready(Ok(())));
        }
        drop(waits);
        let kept = tasks.iter().filter(|task| Arc::strong_count(task) > 1).count();
        assert_eq!(kept, 0, "of {} tasks", tasks.len());
    });
}
