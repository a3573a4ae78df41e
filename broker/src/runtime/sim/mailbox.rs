//! Mailboxes between simulated shards: bounded, in order, and each message takes its time.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{FutureExt, LocalBoxFuture};
use pelton_model::ShardId;
use pelton_model::limits::MAILBOX_MESSAGES;
use pelton_storage::disk::sim::Random;
use pelton_storage::event::Event;

use super::SimRuntime;
use crate::message::Message;
use crate::runtime::{Inbox, Neighbour, Outbox, PeerGone};

/// The way of a message to a core that is asleep takes about 50 µs.
const LATENCY_MAX: Duration = Duration::from_micros(60);

/// Sees every message when it is sent: from, to, what.
pub type Observer = Rc<dyn Fn(ShardId, ShardId, &Message)>;

/// The neighbours of each of `shards` shards.
pub fn neighbours(runtime: &SimRuntime, shards: usize, observer: &Observer) -> Vec<Vec<Neighbour>> {
    let ids: Vec<ShardId> = (0..shards).map(|index| ShardId::new(index as u16)).collect();
    let mailbox = |from, to| Mailbox::new(runtime, from, to, observer);
    let mut all: Vec<Vec<Neighbour>> = ids.iter().map(|_| Vec::new()).collect();
    for &one in &ids {
        for &other in ids.iter().filter(|other| **other > one) {
            let [asked, answering] = [(); 2].map(|()| mailbox(one, other));
            let [asking, answered] = [(); 2].map(|()| mailbox(other, one));
            all[one.index()].push(Neighbour {
                id: other,
                requests_out: asked.clone(),
                replies_out: answering.clone(),
                requests_in: asking.clone(),
                replies_in: answered.clone(),
            });
            all[other.index()].push(Neighbour {
                id: one,
                requests_out: asking,
                replies_out: answered,
                requests_in: asked,
                replies_in: answering,
            });
        }
    }
    all
}

struct Mailbox {
    runtime: SimRuntime,
    from: ShardId,
    to: ShardId,
    observer: Observer,
    /// With the time of arrival.
    messages: RefCell<VecDeque<(Duration, Message)>>,
    last_arrival: Cell<Duration>,
    random: RefCell<Random>,
    sent: Event,
    taken: Event,
}

impl Mailbox {
    fn new(runtime: &SimRuntime, from: ShardId, to: ShardId, observer: &Observer) -> Rc<Self> {
        Rc::new(Self {
            runtime: runtime.clone(),
            from,
            to,
            observer: observer.clone(),
            messages: RefCell::default(),
            last_arrival: Cell::default(),
            random: RefCell::new(runtime.fork_random()),
            sent: Event::default(),
            taken: Event::default(),
        })
    }

    /// Never before what was sent earlier.
    fn arrival(&self) -> Duration {
        let latency = self.random.borrow_mut().below(LATENCY_MAX.as_nanos() as u64);
        let at = self.runtime.now() + Duration::from_nanos(latency);
        self.last_arrival.set(at.max(self.last_arrival.get()));
        self.last_arrival.get()
    }
}

impl Outbox for Mailbox {
    fn send(&self, message: Message) -> LocalBoxFuture<'_, Result<(), PeerGone>> {
        async move {
            loop {
                let taken = self.taken.wait();
                if self.messages.borrow().len() < MAILBOX_MESSAGES {
                    break;
                }
                taken.await;
            }
            (self.observer)(self.from, self.to, &message);
            let arrival = self.arrival();
            self.messages.borrow_mut().push_back((arrival, message));
            self.sent.notify();
            Ok(())
        }
        .boxed_local()
    }
}

impl Inbox for Mailbox {
    fn next(&self) -> LocalBoxFuture<'_, Option<Message>> {
        async move {
            loop {
                let sent = self.sent.wait();
                let first = self.messages.borrow().front().map(|(arrival, _)| *arrival);
                match first {
                    Some(arrival) if arrival <= self.runtime.now() => {
                        let message = self.messages.borrow_mut().pop_front();
                        self.taken.notify();
                        return message.map(|(_, message)| message);
                    }
                    Some(arrival) => self.runtime.sleep(arrival - self.runtime.now()).await,
                    None => sent.await,
                }
            }
        }
        .boxed_local()
    }
}
