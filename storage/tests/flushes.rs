//! S5: who waits for a direct flush, and for how long.

#[path = "support/held_writes.rs"]
mod held_writes;
#[path = "support/mod.rs"]
mod support;

use std::cell::Cell;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use futures::future::{FutureExt, LocalBoxFuture, join, join_all, select};
use held_writes::HeldWrites;
use pelton_storage::disk::sim::{Operation, Pace, Step};
use pelton_storage::journal::JournalOptions;
use pelton_storage::{Log, Store, StoreOptions};
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

/// A disk that takes its time with what is written to segments.
struct SlowSegments;

impl Pace for SlowSegments {
    fn begin(&self, step: &Step<'_>) -> LocalBoxFuture<'static, ()> {
        let is_slow =
            step.operation == Operation::Write && step.path.starts_with(data_dir().join("topics"));
        async move {
            for _ in 0..if is_slow { 50 } else { 0 } {
                yield_once().await;
            }
        }
        .boxed_local()
    }
}

/// Three connections that append a batch whenever theirs was acknowledged, until they are told to end.
/// Each batch is worth a flush. They begin one after the other, so that there is always one that was
/// appended while those of the others were written.
async fn saturate(log: &Log, acknowledged: &Cell<usize>, is_over: &Cell<bool>) {
    let connections = (0..3).map(|nth| async move {
        for _ in 0..10 * nth {
            yield_once().await;
        }
        while !is_over.get() {
            let appended = log.append(batch(1, 4_000), NOW).expect("appended");
            log.acknowledged(appended.acked_by).await.expect("acknowledged");
            acknowledged.set(acknowledged.get() + 1);
        }
    });
    join_all(connections).await;
}

/// As many logs as are flushed at once, under a load that lasts: a fifth one's batches are held as well,
/// and nothing else would bring them to the disk.
#[test]
fn logs_under_a_load_that_lasts_leave_a_flush_to_others() {
    const HOT: u8 = 4;
    let journal = JournalOptions { file_bytes: 1 << 20, ring_bytes_max: 8 << 20 };
    let sim = new_disk(2);
    sim.set_pace(Rc::new(SlowSegments));
    with_store(&sim, StoreOptions { journal, ..OPTIONS }, async |store: Store| {
        let mut logs = Vec::new();
        for topic in 0..=HOT {
            logs.push(place(&store, partition(topic, 0)).await);
        }
        let (last, hot) = logs.split_last().expect("logs");
        let counts: Vec<Cell<usize>> = hot.iter().map(|_| Cell::new(0)).collect();
        let (is_acknowledged, is_over) = (Cell::new(false), Cell::new(false));
        let load = hot.iter().zip(&counts).map(|(log, count)| saturate(log, count, &is_over));
        let one_more = async {
            until(|| counts.iter().all(|count| count.get() >= 10)).await;
            let before: Vec<usize> = counts.iter().map(Cell::get).collect();
            let appended = last.append(batch(2, 8_000), NOW).expect("appended");
            let acknowledged = async {
                last.acknowledged(appended.acked_by).await.expect("acknowledged");
                is_acknowledged.set(true);
            };
            let others_are_far = until(|| {
                let count = counts.iter().zip(&before).map(|(now, then)| now.get() - then);
                is_acknowledged.get() || count.min() >= Some(200)
            });
            select(pin!(acknowledged), pin!(others_are_far)).await;
            is_over.set(true);
            assert!(is_acknowledged.get(), "the others' flushes went before, again and again");
        };
        join(join_all(load), one_more).await;
    });
}
