//! How long the disk takes, and what of its work stands in the trace.

use std::cell::RefCell;
use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture};
use pelton_broker::runtime::sim::SimRuntime;
use pelton_storage::disk::sim::{Operation, Pace, Random, Step};

use crate::trace::Trace;

/// One of so many operations is slow, as when the device tidies up.
const SLOW_ONE_IN: u64 = 200;
const SLOW_MAX: Duration = Duration::from_millis(80);

pub struct DiskPace {
    runtime: SimRuntime,
    trace: Trace,
    random: RefCell<Random>,
}

impl DiskPace {
    pub fn new(runtime: &SimRuntime, trace: &Trace) -> Self {
        let random = RefCell::new(runtime.fork_random());
        Self { runtime: runtime.clone(), trace: trace.clone(), random }
    }

    fn duration(&self, operation: Operation) -> Duration {
        let mut random = self.random.borrow_mut();
        if random.below(SLOW_ONE_IN) == 0 {
            return Duration::from_micros(random.below(SLOW_MAX.as_micros() as u64));
        }
        let most = match operation {
            Operation::Write | Operation::Sync => 400,
            Operation::Read => 150,
            Operation::Open
            | Operation::Allocate
            | Operation::Truncate
            | Operation::Close
            | Operation::CreateDir
            | Operation::Remove
            | Operation::Rename
            | Operation::List
            | Operation::Space => 30,
        };
        Duration::from_micros(1 + random.below(most))
    }
}

impl Pace for DiskPace {
    fn begin(&self, step: &Step<'_>) -> LocalBoxFuture<'static, ()> {
        let path = step.path.as_os_str().as_encoded_bytes();
        let numbers = [
            step.operation as u64,
            u64::from(crc32c::crc32c(path)),
            step.position,
            step.bytes,
            u64::from(crc32c::crc32c(step.content)),
        ];
        self.trace.note(self.runtime.now(), "disk", &numbers, || {
            let bytes = step.bytes.max(step.content.len() as u64);
            format!("{:?} {} at {} of {bytes}", step.operation, step.path.display(), step.position)
        });
        self.runtime.sleep(self.duration(step.operation)).boxed_local()
    }
}
