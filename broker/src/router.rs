//! The one place that holds senders to other shards (H3), and what waits for their answers.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use futures::channel::oneshot;
use pelton_model::ShardId;
use pelton_model::limits::MAILBOX_MESSAGES;
use pelton_storage::event::Event;

use crate::loans::{LoanId, Loans, Returns};
use crate::message::{Message, Reply, Request};
use crate::metrics::Pauses;
use crate::runtime::{Neighbour, Outbox, PeerGone};

/// Sends requests to other shards and hands their replies to whoever asked.
pub struct Router {
    here: ShardId,
    outboxes: RefCell<Vec<Option<Peer>>>,
    next_id: Cell<u64>,
    waiting: RefCell<BTreeMap<u64, oneshot::Sender<Reply>>>,
    /// Requests that have not been answered, whether or not anybody still waits.
    open: RefCell<BTreeSet<u64>>,
}

/// One other shard. Requests and replies have a mailbox each. Replies are taken out as they come, so
/// that one that finds no room waits for nothing but its turn.
#[derive(Clone)]
pub struct Peer {
    pub requests: Rc<dyn Outbox>,
    pub replies: Rc<dyn Outbox>,
    pub slots: Slots,
    /// What this shard has lent the other, and the other this one (R6).
    pub loans: Rc<Loans>,
    pub returns: Returns,
}

/// Requests that may be outstanding with one peer.
#[derive(Clone)]
pub struct Slots {
    free: Rc<Cell<usize>>,
    freed: Event,
    /// Requests that found no room. Their connections are not read from meanwhile.
    held_back: Rc<Cell<Pauses>>,
}

/// A request that finds no room with a peer, for as long as it waits.
struct Waiting(Rc<Cell<Pauses>>);

impl Waiting {
    fn begin(held_back: &Rc<Cell<Pauses>>) -> Self {
        let Pauses { now, ever } = held_back.get();
        held_back.set(Pauses { now: now + 1, ever: ever + 1 });
        Self(held_back.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Pauses { now, ever } = self.0.get();
        self.0.set(Pauses { now: now - 1, ever });
    }
}

impl Default for Slots {
    fn default() -> Self {
        let free = Rc::new(Cell::new(MAILBOX_MESSAGES));
        Self { free, freed: Event::default(), held_back: Rc::default() }
    }
}

impl Slots {
    async fn take(&self) -> Slot {
        let mut waiting = None;
        loop {
            let freed = self.freed.wait();
            if self.free.get() > 0 {
                self.free.set(self.free.get() - 1);
                return Slot(self.clone());
            }
            waiting.get_or_insert_with(|| Waiting::begin(&self.held_back));
            freed.await;
        }
    }
}

struct Slot(Slots);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.free.set(self.0.free.get() + 1);
        self.0.freed.notify();
    }
}

/// An answer that is under way. Once it is dropped, the answer is let go when it comes.
pub struct Pending {
    id: u64,
    peer: Peer,
    router: Rc<Router>,
    receiver: oneshot::Receiver<Reply>,
    slot: Option<Slot>,
}

impl Pending {
    pub async fn reply(mut self) -> Reply {
        match (&mut self.receiver).await {
            Ok(reply) => reply,
            Err(oneshot::Canceled) => Reply::Failed("the shard has stopped".into()),
        }
    }

    /// Of a request that may wait for minutes: others need not wait for its answer.
    pub fn keep_no_slot(&mut self) {
        self.slot = None;
    }

    /// What can tell the other shard, later, to stop waiting.
    pub fn canceller(&self) -> Canceller {
        Canceller { id: self.id, peer: self.peer.clone(), router: self.router.clone() }
    }
}

/// See [`Pending::canceller`].
pub struct Canceller {
    id: u64,
    peer: Peer,
    router: Rc<Router>,
}

impl Canceller {
    /// Whether no answer has come yet.
    pub fn is_open(&self) -> bool {
        self.router.open.borrow().contains(&self.id)
    }

    /// Does nothing once the answer has come.
    pub async fn cancel(self) {
        if self.is_open() {
            let _ = self.peer.requests.send(Message::Cancel { id: self.id }).await;
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.router.waiting.borrow_mut().remove(&self.id);
    }
}

/// A request on its way into a mailbox. Given up before it is there, it leaves nothing behind: the
/// loans that it was to take home go with another.
struct Unsent<'a> {
    router: &'a Router,
    id: u64,
    peer: &'a Peer,
    /// None once it is there.
    returned: Option<Vec<LoanId>>,
}

impl Unsent<'_> {
    fn sent(mut self) {
        self.returned = None;
    }
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        if let Some(returned) = self.returned.take() {
            self.router.open.borrow_mut().remove(&self.id);
            self.peer.returns.keep(returned);
        }
    }
}

impl Router {
    pub fn new(here: ShardId) -> Rc<Self> {
        Rc::new(Self {
            here,
            outboxes: RefCell::default(),
            next_id: Cell::new(0),
            waiting: RefCell::default(),
            open: RefCell::default(),
        })
    }

    /// `shards` counts this shard too.
    pub fn connect(&self, shards: usize, neighbours: &[Neighbour]) {
        let mut peers: Vec<Option<Peer>> = (0..shards).map(|_| None).collect();
        for neighbour in neighbours {
            if let Some(peer) = peers.get_mut(neighbour.id.index()) {
                *peer = Some(Peer {
                    requests: neighbour.requests_out.clone(),
                    replies: neighbour.replies_out.clone(),
                    slots: Slots::default(),
                    loans: Rc::default(),
                    returns: Returns::default(),
                });
            }
        }
        *self.outboxes.borrow_mut() = peers;
    }

    pub fn here(&self) -> ShardId {
        self.here
    }

    pub fn shard_count(&self) -> usize {
        self.outboxes.borrow().len()
    }

    pub fn peer(&self, shard: ShardId) -> Option<Peer> {
        self.outboxes.borrow().get(shard.index()).cloned().flatten()
    }

    /// Requests that found no room in some mailbox.
    pub fn held_back(&self) -> Pauses {
        let mut all = Pauses::default();
        for peer in self.outboxes.borrow().iter().flatten() {
            all.add(peer.slots.held_back.get());
        }
        all
    }

    /// Puts a request into another shard's mailbox, in order; waits while it is full.
    pub async fn send(self: &Rc<Self>, to: ShardId, request: Request) -> Result<Pending, PeerGone> {
        let peer = self.peer(to).ok_or(PeerGone)?;
        let slot = peer.slots.take().await;
        let id = self.next_id.get();
        self.next_id.set(id + 1);
        let (sender, receiver) = oneshot::channel();
        self.waiting.borrow_mut().insert(id, sender);
        self.open.borrow_mut().insert(id);
        let router = self.clone();
        let pending = Pending { id, peer: peer.clone(), router, receiver, slot: Some(slot) };
        let returned = peer.returns.take();
        let unsent = Unsent { router: self, id, peer: &peer, returned: Some(returned.clone()) };
        peer.requests.send(Message::Request { id, request, returned }).await?;
        unsent.sent();
        Ok(pending)
    }

    /// Hands a reply on. An answer that nobody waits for any more is dropped, here, where the
    /// frames in it belong.
    pub fn complete(&self, id: u64, reply: Reply) {
        self.open.borrow_mut().remove(&id);
        if let Some(sender) = self.waiting.borrow_mut().remove(&id) {
            let _ = sender.send(reply);
        }
    }

    /// All who wait learn that nothing will come.
    pub fn close(&self) {
        self.waiting.borrow_mut().clear();
    }
}

#[cfg(test)]
#[path = "router_test.rs"]
mod router_test;
