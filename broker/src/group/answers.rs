//! Requests of this shard's connections that wait for a coordinator, wherever that is.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use futures::channel::oneshot;
use pelton_group::Token;
use pelton_model::ShardId;

use super::{GroupFault, GroupOutcome};
use crate::message::Request;
use crate::runtime::Lane;
use crate::shard::Shard;

/// A token is the asking shard's number above, and its own count of requests below.
const COUNT_BITS: u32 = 48;

#[derive(Clone, Default)]
pub(super) struct Waiting(Rc<Inner>);

#[derive(Default)]
struct Inner {
    count: Cell<u64>,
    senders: RefCell<BTreeMap<Token, oneshot::Sender<GroupOutcome>>>,
}

/// A request's place; once it is dropped, an outcome that still comes is let go.
pub(super) struct Ticket {
    pub token: Token,
    waiting: Waiting,
    receiver: oneshot::Receiver<GroupOutcome>,
}

impl Waiting {
    pub fn enter(&self, here: ShardId) -> Ticket {
        let count = self.0.count.get();
        self.0.count.set((count + 1) & ((1 << COUNT_BITS) - 1));
        let token = Token(u64::from(here.get()) << COUNT_BITS | count);
        let (sender, receiver) = oneshot::channel();
        self.0.senders.borrow_mut().insert(token, sender);
        Ticket { token, waiting: self.clone(), receiver }
    }

    fn complete(&self, token: Token, outcome: GroupOutcome) {
        if let Some(sender) = self.0.senders.borrow_mut().remove(&token) {
            let _ = sender.send(outcome);
        }
    }
}

impl Ticket {
    pub async fn outcome(mut self) -> GroupOutcome {
        (&mut self.receiver).await.unwrap_or(Err(GroupFault::NotCoordinator))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.waiting.0.senders.borrow_mut().remove(&self.token);
    }
}

fn shard_of(token: Token) -> ShardId {
    ShardId::new((token.0 >> COUNT_BITS) as u16)
}

impl Shard {
    /// Hands outcomes to connections of this shard.
    pub fn take_group_answers(&self, answers: Vec<(Token, GroupOutcome)>) {
        for (token, outcome) in answers {
            self.groups.waiting.complete(token, outcome);
        }
    }

    /// Sends outcomes to the shards that asked, one message to each.
    pub(super) fn send_group_answers(self: &Rc<Self>, answers: Vec<(Token, GroupOutcome)>) {
        let mut by_shard: BTreeMap<ShardId, Vec<(Token, GroupOutcome)>> = BTreeMap::new();
        for (token, outcome) in answers {
            by_shard.entry(shard_of(token)).or_default().push((token, outcome));
        }
        for (to, part) in by_shard {
            if to == self.id {
                self.take_group_answers(part);
                continue;
            }
            let shard = self.clone();
            self.env.spawn(Lane::Foreground, async move {
                // Fails only when that shard, and its connections with it, has stopped.
                if let Ok(taken) = shard.router.send(to, Request::GroupAnswers(part)).await {
                    let _ = taken.reply().await;
                }
            });
        }
    }
}
