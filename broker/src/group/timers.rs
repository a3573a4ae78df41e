//! Sessions, rebalances and expiry: one task per coordinator, which sleeps until the next deadline.

use std::rc::Rc;
use std::time::Duration;

use futures::future::select;
use pelton_group::Coordinator;

use super::{Hosted, HostedState};
use crate::runtime::Lane;
use crate::shard::Shard;

/// What a look at a coordinator's timers says.
enum Next {
    Due,
    At(Duration),
    Never,
    Gone,
}

impl Hosted {
    /// Wakes the timer task if it would oversleep. A later deadline wakes nobody: heartbeats put
    /// deadlines off all the time.
    pub(super) fn expect(&self, deadline: Option<Duration>) {
        let Some(deadline) = deadline else { return };
        if self.sleeps_until.get().is_none_or(|until| deadline < until) {
            self.changed.notify();
        }
    }

    fn next(&self, now: Duration) -> Next {
        let HostedState::Ready(coordinator) = &*self.state.borrow() else { return Next::Gone };
        match coordinator.next_deadline() {
            None => Next::Never,
            Some(at) if at <= now => Next::Due,
            Some(at) => Next::At(at),
        }
    }
}

impl Shard {
    /// Ends with the coordinator.
    pub(super) async fn run_group_timers(self: Rc<Self>, hosted: Rc<Hosted>) {
        let life = hosted.life.get();
        while hosted.life.get() == life {
            let changed = hosted.changed.wait();
            let now = self.env.elapsed();
            match hosted.next(now) {
                Next::Gone => return,
                Next::Never => {
                    hosted.sleeps_until.set(None);
                    changed.await;
                }
                Next::At(at) => {
                    hosted.sleeps_until.set(Some(at));
                    select(changed, self.env.sleep(at - now)).await;
                }
                Next::Due => {
                    self.wait_for_room().await;
                    let Ok(outgoing) = self.step(&hosted, Coordinator::fire) else { return };
                    let (shard, hosted) = (self.clone(), hosted.clone());
                    self.env.spawn(Lane::Foreground, async move {
                        shard.send_replies(&hosted, outgoing).await;
                    });
                    self.env.breathe().await;
                }
            }
        }
    }
}
