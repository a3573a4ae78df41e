//! What members of consumer groups say they read, as far as a coordinator has to know.

use std::collections::BTreeSet;

use super::ClassicGroup;
use crate::codec::{DecodeError, Reader};

impl ClassicGroup {
    /// The topics of all members; none if the group is not of consumers, or one of them cannot be
    /// read: then nobody knows what is not read.
    pub(super) fn read_subscriptions(&self) -> Option<BTreeSet<String>> {
        if !self.uses_consumer_protocol() {
            return None;
        }
        let Some(protocol) = &self.protocol else {
            return self.members.is_empty().then(BTreeSet::new);
        };
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            topics.extend(subscribed_topics(&member.metadata(protocol)).ok()?);
        }
        Some(topics)
    }
}

/// The topics of a ConsumerProtocolSubscription, which begin it in every version.
fn subscribed_topics(subscription: &[u8]) -> Result<Vec<String>, DecodeError> {
    let mut reader = Reader::new(subscription);
    if reader.i16()? < 0 {
        return Err(DecodeError::Malformed("a negative version"));
    }
    let count = reader.count()?.ok_or(DecodeError::Malformed("the topics are null"))?;
    let mut topics = Vec::new();
    for _ in 0..count {
        topics.push(reader.text()?.to_owned());
    }
    Ok(topics)
}

#[cfg(test)]
#[path = "subscription_test.rs"]
mod subscription_test;
