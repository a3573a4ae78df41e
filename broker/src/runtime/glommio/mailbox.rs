//! Mailboxes between threads.

use std::rc::Rc;

use ::glommio::channels::shared_channel::{
    ConnectedReceiver, ConnectedSender, SharedReceiver, SharedSender, new_bounded,
};
use futures::future::{FutureExt, LocalBoxFuture, join, join_all};
use pelton_model::ShardId;
use pelton_model::limits::MAILBOX_MESSAGES;

use crate::message::Message;
use crate::runtime::{Inbox, Neighbour, Outbox, PeerGone};

type Sender = SharedSender<Message>;
type Receiver = SharedReceiver<Message>;

/// One shard's ends of its mailboxes, before its thread has taken them.
#[derive(Default)]
pub struct Mailboxes(Vec<Ends>);

/// The ends that lead to and from one other shard.
struct Ends {
    id: ShardId,
    requests_out: Sender,
    replies_out: Sender,
    requests_in: Receiver,
    replies_in: Receiver,
}

/// Two mailboxes for every ordered pair of shards: what one asks, and what it is answered.
pub fn mailboxes(shards: usize) -> Vec<Mailboxes> {
    let mut all: Vec<Mailboxes> = (0..shards).map(|_| Mailboxes::default()).collect();
    for one in 0..shards {
        for other in one + 1..shards {
            let [asked, answered, asking, answering] =
                [(); 4].map(|()| new_bounded(MAILBOX_MESSAGES));
            all[one].0.push(Ends {
                id: ShardId::new(other as u16),
                requests_out: asked.0,
                replies_in: answered.1,
                requests_in: asking.1,
                replies_out: answering.0,
            });
            all[other].0.push(Ends {
                id: ShardId::new(one as u16),
                requests_in: asked.1,
                replies_out: answered.0,
                requests_out: asking.0,
                replies_in: answering.1,
            });
        }
    }
    all
}

impl Mailboxes {
    /// Takes the ends to this thread. A connect waits for the other end, so all are awaited at
    /// once, here as on every shard.
    pub async fn connect(self) -> Vec<Neighbour> {
        join_all(self.0.into_iter().map(Ends::connect)).await
    }
}

impl Ends {
    async fn connect(self) -> Neighbour {
        let out = join(self.requests_out.connect(), self.replies_out.connect());
        let inward = join(self.requests_in.connect(), self.replies_in.connect());
        let ((requests_out, replies_out), (requests_in, replies_in)) = join(out, inward).await;
        Neighbour {
            id: self.id,
            requests_out: Rc::new(GlommioOutbox(requests_out)),
            replies_out: Rc::new(GlommioOutbox(replies_out)),
            requests_in: Rc::new(GlommioInbox(requests_in)),
            replies_in: Rc::new(GlommioInbox(replies_in)),
        }
    }
}

struct GlommioOutbox(ConnectedSender<Message>);

impl Outbox for GlommioOutbox {
    fn send(&self, message: Message) -> LocalBoxFuture<'_, Result<(), PeerGone>> {
        async move { self.0.send(message).await.map_err(|_| PeerGone) }.boxed_local()
    }
}

struct GlommioInbox(ConnectedReceiver<Message>);

impl Inbox for GlommioInbox {
    fn next(&self) -> LocalBoxFuture<'_, Option<Message>> {
        self.0.recv().boxed_local()
    }
}
