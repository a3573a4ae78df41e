//! What other shards ask of this one.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::rc::Rc;

use pelton_model::ShardId;
use pelton_net::StopSignal;

use super::Shard;
use crate::loans::{LoanId, RETURN_DELAY};
use crate::message::{BatchToAppend, Message, Reply, Request};
use crate::runtime::{Inbox, Lane};

/// An append of another shard, with the number of its request.
type ToAppend = (u64, Vec<BatchToAppend>);

/// Appends of one other shard that wait for room, in their order (R2). No more than its requests that
/// may be outstanding.
#[derive(Default)]
struct AppendLine {
    waiting: RefCell<VecDeque<ToAppend>>,
    /// A task takes them from the front, until there are none.
    is_served: Cell<bool>,
}

impl Shard {
    /// Takes what comes from one other shard until it ends. Appends get their offsets here, in the
    /// order of the mailbox (R2); all other work is a task of its own, so that nothing waits behind
    /// it.
    pub async fn serve_requests(self: Rc<Self>, from: ShardId, inbox: Rc<dyn Inbox>) {
        let line = Rc::<AppendLine>::default();
        while let Some(message) = inbox.next().await {
            if let Message::Request { returned, .. } = &message {
                self.settle(from, returned);
            }
            match message {
                Message::Request { id, request: Request::Append(batches), .. } => {
                    self.append_in_turn(from, &line, (id, batches));
                }
                Message::Request {
                    id, request: Request::Await { positions, bytes_min }, ..
                } => {
                    let cancel = StopSignal::new();
                    self.waits.borrow_mut().insert((from, id), cancel.clone());
                    let shard = self.clone();
                    self.answer_later(from, id, async move {
                        shard.wait_for_bytes(positions, bytes_min, cancel).await;
                        shard.waits.borrow_mut().remove(&(from, id));
                        Reply::Done
                    });
                }
                Message::Request { id, request, .. } => {
                    let shard = self.clone();
                    self.answer_later(from, id, async move { shard.answer(request).await });
                }
                Message::Cancel { id } => {
                    let cancel = self.waits.borrow().get(&(from, id)).cloned();
                    if let Some(cancel) = cancel {
                        cancel.stop();
                    }
                }
                Message::Connection(accepted) => self.serve_connection(accepted),
                Message::Returned(loans) => self.settle(from, &loans),
                Message::Reply { .. } => unreachable!("replies have a mailbox of their own"),
            }
            self.env.breathe().await;
        }
    }

    /// Takes the answers that one other shard gives.
    pub async fn take_replies(self: Rc<Self>, from: ShardId, inbox: Rc<dyn Inbox>) {
        while let Some(message) = inbox.next().await {
            if let Message::Reply { id, mut reply, loan } = message {
                if let (Some(loan), Some(peer)) = (loan, self.router.peer(from)) {
                    peer.returns.borrow_slices(loan, &mut reply);
                }
                self.router.complete(id, reply);
            }
        }
    }

    /// Sends the loans of one other shard home that no request took along.
    pub async fn return_loans(self: Rc<Self>, home: ShardId) {
        let Some(peer) = self.router.peer(home) else { return };
        loop {
            peer.returns.some().await;
            self.env.sleep(RETURN_DELAY).await;
            let loans = peer.returns.take();
            if !loans.is_empty() && peer.requests.send(Message::Returned(loans)).await.is_err() {
                return;
            }
        }
    }

    /// Appends at once where there is room, and else in a task of its own: only appends wait behind
    /// an append.
    fn append_in_turn(self: &Rc<Self>, from: ShardId, line: &Rc<AppendLine>, next: ToAppend) {
        if line.is_served.get() {
            line.waiting.borrow_mut().push_back(next);
            return;
        }
        if self.lacks().is_none() {
            self.append_for(from, next);
            return;
        }
        line.is_served.set(true);
        line.waiting.borrow_mut().push_back(next);
        let (shard, line) = (self.clone(), line.clone());
        self.env.spawn(Lane::Foreground, async move {
            loop {
                let next = line.waiting.borrow_mut().pop_front();
                let Some(next) = next else { break };
                shard.wait_for_room().await;
                shard.append_for(from, next);
                shard.env.breathe().await;
            }
            line.is_served.set(false);
        });
    }

    fn append_for(self: &Rc<Self>, from: ShardId, (id, batches): ToAppend) {
        let durable = self.append_now(batches).durable();
        self.answer_later(from, id, async move { Reply::Appended(durable.await) });
    }

    fn settle(&self, borrower: ShardId, loans: &[LoanId]) {
        if let Some(peer) = self.router.peer(borrower) {
            peer.loans.settle(loans);
        }
    }

    fn answer_later(
        self: &Rc<Self>,
        to: ShardId,
        id: u64,
        reply: impl Future<Output = Reply> + 'static,
    ) {
        let shard = self.clone();
        self.env.spawn(Lane::Foreground, async move {
            let reply = reply.await;
            if let Some(peer) = shard.router.peer(to) {
                let loan = peer.loans.lend(&reply);
                // Fails only when the asker has stopped, and gives nothing back then.
                if peer.replies.send(Message::Reply { id, reply, loan }).await.is_err() {
                    peer.loans.settle(loan.as_slice());
                }
            }
        });
    }

    /// Asks a shard, this one included, something that need not keep its place in line.
    pub async fn ask(self: &Rc<Self>, to: ShardId, request: Request) -> Reply {
        if to == self.id {
            return match request.changes_something() {
                true => self.answer_apart(request).await,
                false => self.answer(request).await,
            };
        }
        match self.router.send(to, request).await {
            Ok(pending) => pending.reply().await,
            Err(_) => Reply::Failed("the shard has stopped".into()),
        }
    }

    /// Goes on to its end when the asker has gone: a connection that ends drops whatever it was
    /// waiting for, and a change that is given up in the middle would be nobody's to finish (H3).
    async fn answer_apart(self: &Rc<Self>, request: Request) -> Reply {
        let shard = self.clone();
        let answer = async move { shard.answer(request).await };
        let reply = self.env.complete(Lane::Foreground, answer).await;
        reply.unwrap_or_else(|| Reply::Failed("the shard has stopped".into()))
    }

    /// Any request that need not keep its place in line.
    pub async fn answer(self: &Rc<Self>, request: Request) -> Reply {
        match request {
            Request::Append(batches) => {
                let appending = self.append(batches).await;
                Reply::Appended(appending.durable().await)
            }
            Request::Await { positions, bytes_min } => {
                self.wait_for_bytes(positions, bytes_min, StopSignal::new()).await;
                Reply::Done
            }
            Request::Read { partitions, bytes_max } => {
                Reply::Read(self.read(partitions, bytes_max).await)
            }
            Request::Look(questions) => Reply::Looked(self.look(questions).await),
            Request::DeleteRecords(asked) => Reply::StartsAt(self.delete_records(asked).await),
            Request::Inventory => Reply::Inventory(
                self.store.logs().iter().map(|log| (log.id(), log.leader_epoch())).collect(),
            ),
            Request::Apply(delta) => match self.apply(&delta).await {
                Ok(()) => Reply::Done,
                Err(why) => Reply::Failed(why),
            },
            Request::Change(change) => match &self.controller {
                Some(controller) => Reply::Changed(controller.change(self, change).await),
                None => not_the_controller(),
            },
            Request::ProducerIds => match &self.controller {
                Some(controller) => Reply::ProducerIds(controller.producer_ids(self).await),
                None => not_the_controller(),
            },
            Request::Group(requests) => Reply::Group(self.coordinate(requests).await),
            Request::GroupAnswers(answers) => {
                self.take_group_answers(answers);
                Reply::Done
            }
            Request::Listen => {
                self.listen();
                Reply::Done
            }
            Request::Metrics => Reply::Metrics(Box::new(self.figures().await)),
            Request::PartitionMetrics => Reply::PartitionMetrics(self.partition_figures().await),
            Request::Stop => {
                self.shut_down().await;
                Reply::Done
            }
        }
    }
}

fn not_the_controller() -> Reply {
    Reply::Failed("only shard 0 changes metadata".into())
}
