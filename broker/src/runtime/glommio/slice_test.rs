use std::sync::mpsc;
use std::time::Duration;

use crate::runtime::glommio::spawn_shard;

use super::{SLICE, current};

/// The release of the kernel, as in "6.12".
fn kernel() -> (u32, u32) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse().ok());
    (numbers.next().expect("a version"), numbers.next().expect("a patch level"))
}

#[test]
fn a_shard_has_short_slices_and_the_nice_value_of_who_started_it() {
    const NICE: i32 = 3;
    // A thread of its own: its nice value cannot be taken back without privilege.
    let nice_one = move || {
        // SAFETY: no pointers; 0 is the calling thread.
        let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
        assert_eq!(result, 0, "anyone may be nicer");
        // SAFETY: no arguments.
        let cpu = usize::try_from(unsafe { libc::sched_getcpu() }).expect("a processor");
        let (tell, told) = mpsc::channel();
        let shard = spawn_shard(0, cpu, move || async move {
            let attributes = current().expect("the thread's attributes");
            let _ = tell.send((attributes.sched_runtime, attributes.sched_nice));
        });
        let seen = told.recv_timeout(Duration::from_secs(30)).expect("the shard begins");
        shard.expect("a shard").join().expect("a good end");
        seen
    };
    #[expect(clippy::disallowed_methods, reason = "it changes what a thread cannot change back")]
    let (slice, nice) = std::thread::spawn(nice_one).join().expect("a good end");
    assert_eq!(nice, NICE);
    if kernel() >= (6, 12) {
        assert_eq!(Duration::from_nanos(slice), SLICE);
    }
}
