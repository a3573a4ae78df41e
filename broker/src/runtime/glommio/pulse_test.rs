use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use ::glommio::channels::shared_channel::new_bounded;

use crate::runtime::glommio::spawn_shard;

/// Without the pulse most runs of this stall: a shard that waits for another one to connect turns
/// without pause, and among busy threads the kernel takes the core away in the wrong moment soon.
#[test]
fn a_shard_among_busy_threads_never_sleeps_on_a_task_that_can_run() {
    const ROUNDS: usize = 8;
    const PEER_IS_LATE_BY: Duration = Duration::from_millis(200);
    const BUSY_THREADS: usize = 4;
    // SAFETY: no arguments.
    let cpu = usize::try_from(unsafe { libc::sched_getcpu() }).expect("a processor");
    let over = Arc::new(AtomicBool::new(false));
    let busy: Vec<_> = (0..BUSY_THREADS).map(|_| begin_busy(over.clone())).collect();
    let (done, ended) = mpsc::channel();
    for _ in 0..ROUNDS {
        let (sender, receiver) = new_bounded::<u8>(1);
        let done = done.clone();
        let early = spawn_shard(0, cpu, move || async move {
            let _connected = receiver.connect().await;
            let _ = done.send(());
        });
        let late = spawn_shard(1, cpu, move || async move {
            ::glommio::timer::sleep(PEER_IS_LATE_BY).await;
            let _connected = sender.connect().await;
        });
        let outcome = ended.recv_timeout(Duration::from_secs(20));
        if outcome.is_err() {
            over.store(true, Ordering::Relaxed);
        }
        outcome.expect("it stalls");
        early.expect("a shard").join().expect("a good end");
        late.expect("a shard").join().expect("a good end");
    }
    over.store(true, Ordering::Relaxed);
    busy.into_iter().for_each(|thread| thread.join().expect("a good end"));
}

#[expect(clippy::disallowed_methods, reason = "what the shards share their core with")]
fn begin_busy(over: Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || while !over.load(Ordering::Relaxed) {})
}

/// Without the signal to a thread that has not begun, one of some hundred starts never begins.
#[test]
fn a_shard_among_busy_threads_begins() {
    const STARTS: usize = 400;
    const BUSY_THREADS: usize = 4;
    // SAFETY: no arguments.
    let cpu = usize::try_from(unsafe { libc::sched_getcpu() }).expect("a processor");
    let over = Arc::new(AtomicBool::new(false));
    let busy: Vec<_> = (0..BUSY_THREADS).map(|_| begin_busy(over.clone())).collect();
    let (begun, begins) = mpsc::channel();
    for start in 0..STARTS {
        let begun = begun.clone();
        let shard = spawn_shard(0, cpu, move || async move {
            let _ = begun.send(());
        });
        let outcome = begins.recv_timeout(Duration::from_secs(20));
        if outcome.is_err() {
            over.store(true, Ordering::Relaxed);
        }
        assert_eq!(outcome, Ok(()), "start {start} stalls");
        shard.expect("a shard").join().expect("a good end");
    }
    over.store(true, Ordering::Relaxed);
    busy.into_iter().for_each(|thread| thread.join().expect("a good end"));
}
