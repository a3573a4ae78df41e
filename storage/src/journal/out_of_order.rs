//! What a journal does when a bug is planted that is more than leaving something out.

use std::io;

use futures::future::join;

use super::{Entry, Journal, PendingGroup};
use crate::error::FenceReason;
use crate::planted::{Bug, is_planted};

impl Journal {
    /// [`Bug::AcknowledgeOutOfOrder`]: writes a group together with the one behind it. Gives the
    /// group back where the bug is not planted, or nothing stands behind it.
    pub(super) async fn write_with_the_next(&self, group: PendingGroup) -> Option<PendingGroup> {
        if !is_planted(Bug::AcknowledgeOutOfOrder) || self.pending.borrow().is_empty() {
            return Some(group);
        }
        let next = self.pending.borrow_mut().pop_front()?;
        self.pending_bytes.set(self.pending_bytes.get() - next.body_bytes);
        let (first, second) = join(self.write_alone(&group), self.write_alone(&next)).await;
        if let Some(error) = first.err().or(second.err()) {
            self.fence(FenceReason::Journal, format!("journal group {}: {error}", group.sequence));
            return None;
        }
        // Everybody is told already; what is left is what nobody waits for.
        self.durable.set(group.sequence - 1);
        self.complete(group);
        self.complete(next);
        None
    }

    /// Writes a group, and tells whoever waits for it, whatever has become of the one before.
    async fn write_alone(&self, group: &PendingGroup) -> io::Result<()> {
        self.write_when_there_is_room(group).await?;
        self.durable.set(self.durable.get().max(group.sequence));
        group.durable.iter().for_each(|(log, end)| log.durable(*end));
        self.waiters.wake_all();
        Ok(())
    }

    /// [`Bug::ReuseABufferInFlight`]: what the device gets to see of a buffer that is filled with
    /// the next group's records while it reads.
    pub(super) fn reuse_in_flight(&self, buffer: &mut [u8]) {
        if !is_planted(Bug::ReuseABufferInFlight) {
            return;
        }
        let pending = self.pending.borrow();
        let next = pending.front().and_then(|group| group.entries.first());
        if let Some((_, Entry::Append { batch, .. })) = next {
            let half = buffer.len() / 2;
            buffer[half..].iter_mut().zip(batch.iter()).for_each(|(to, from)| *to = *from);
        }
    }
}
