//! A graceful stop: what was asked is answered, what was appended is carried.

use std::rc::Rc;

use futures::future::select;

use pelton_storage::FenceReason;

use super::Shard;

impl Shard {
    /// No new connections, the answers in flight, then everything into segments, so that the next
    /// start has nothing to replay.
    pub async fn shut_down(self: &Rc<Self>) {
        self.stop_accepting();
        self.stop.stop();
        self.stop_coordinators();
        let timeout = self.env.sleep(self.config.stop_timeout);
        let drained = async {
            loop {
                let disconnected = self.disconnected.wait();
                if self.connections.get() == 0 {
                    return;
                }
                disconnected.await;
            }
        };
        futures::pin_mut!(drained);
        select(drained, timeout).await;
        if self.connections.get() > 0 {
            tracing::warn!(shard = %self.id, connections = self.connections.get(),
                "stopping although clients still wait for answers");
        }
        let closed = self.store.close(|log| self.roll_rules(log)).await;
        self.relieved.notify();
        if let Err(error) = closed {
            tracing::warn!(shard = %self.id, %error, "stopping with records in the journal only");
            // What still waits for room there, or was not acknowledged, will not be.
            self.store.journal().fence(FenceReason::Stop, "the broker stops".into());
        }
        self.closed.stop();
    }
}
