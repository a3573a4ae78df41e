//! Topics that are gone take their committed offsets with them.

use std::collections::BTreeSet;
use std::rc::Rc;

use pelton_cluster::Topic;
use pelton_group::{Command, Reply, TopicName};
use pelton_model::TopicId;

use super::{Hosted, HostedState};
use crate::runtime::Lane;
use crate::shard::Shard;

/// Groups looked through between two others' turns (R8).
const GROUPS_PER_STEP: usize = 256;

/// A topic as commits name it: by its id, and by name alone where they are old.
pub fn names_of(topic: &Topic) -> [(TopicName, TopicId); 2] {
    let name = TopicName::new(topic.name.clone());
    [(name.clone(), topic.id), (name, TopicId::ZERO)]
}

impl Shard {
    /// In the background, in every coordinator of this shard. One that is loading looks for itself
    /// when it is done.
    pub fn forget_topics(self: &Rc<Self>, topics: Vec<(TopicName, TopicId)>) {
        if topics.is_empty() {
            return;
        }
        let shard = self.clone();
        self.env.spawn(Lane::Background, async move {
            for hosted in shard.groups.all() {
                shard.forget_in(&hosted, topics.clone()).await;
            }
        });
    }

    /// Offsets of topics that were deleted while nobody was there to forget them.
    pub(super) async fn forget_unknown_topics(self: &Rc<Self>, hosted: &Rc<Hosted>) {
        let mut gone = BTreeSet::new();
        let mut after = None;
        loop {
            let (committed, next) = match &*hosted.state.borrow() {
                HostedState::Ready(it) => it.committed_topics(after.as_ref(), GROUPS_PER_STEP),
                _ => return,
            };
            gone.extend(committed.into_iter().filter(|(name, id)| self.is_gone(name, *id)));
            after = next;
            if after.is_none() {
                break;
            }
            self.env.breathe().await;
        }
        if !gone.is_empty() {
            self.forget_in(hosted, gone.into_iter().collect()).await;
        }
    }

    fn is_gone(&self, name: &TopicName, id: TopicId) -> bool {
        let view = self.view.borrow();
        match id {
            TopicId::ZERO => view.cluster.topic(name).is_none(),
            id => view.cluster.topic_by_id(id).is_none(),
        }
    }

    /// Goes on however long the device takes for a slice: what it has in the end is all, or a
    /// coordinator that is loaded anew and looks for itself.
    async fn forget_in(self: &Rc<Self>, hosted: &Rc<Hosted>, topics: Vec<(TopicName, TopicId)>) {
        let ticket = self.groups.waiting.enter(self.id);
        let mut after = None;
        loop {
            let command = Command::ForgetTopics {
                topics: topics.clone(),
                after: after.take(),
                count_max: GROUPS_PER_STEP,
            };
            self.wait_for_room().await;
            let stepped = self
                .step(hosted, |it, now, cluster| it.handle(now, cluster, ticket.token, command));
            let Ok(outgoing) = stepped else { return };
            after = outgoing.replies.iter().find_map(|(_, reply)| match reply {
                Reply::Forgotten(last) => last.clone(),
                _ => None,
            });
            self.send_replies(hosted, outgoing).await;
            if after.is_none() {
                return;
            }
            self.env.breathe().await;
        }
    }
}
