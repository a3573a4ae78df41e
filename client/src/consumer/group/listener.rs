//! Who is told when partitions come and go.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::consumer::{Consumer, TopicPartition};

/// Told of what a group gives to a consumer and takes from it. Each call is awaited before the
/// group goes on, while heartbeats are sent; nothing is handed out of partitions that are about to
/// go, and the user is done with the last record that it got. Of one that panics the user is told
/// ([`Error::Invalid`](crate::Error::Invalid)), and the group goes on. All do nothing by default.
///
/// Nothing here may wait for what waits for it: [`Consumer::next`] may give nothing before this has
/// returned, and [`Consumer::close`] ends only after it.
pub trait RebalanceListener: Send + Sync {
    /// These partitions have come, and are read from where the group's commits end, or from where
    /// this goes on with them ([`Consumer::seek`]): no record is handed out before it has returned.
    fn assigned<'a>(
        &'a self,
        consumer: &'a Consumer,
        partitions: &'a [TopicPartition],
    ) -> BoxFuture<'a, ()> {
        let _ = (consumer, partitions);
        Box::pin(std::future::ready(()))
    }

    /// These partitions are about to go: the last chance to commit.
    fn revoked<'a>(
        &'a self,
        consumer: &'a Consumer,
        partitions: &'a [TopicPartition],
    ) -> BoxFuture<'a, ()> {
        let _ = (consumer, partitions);
        Box::pin(std::future::ready(()))
    }

    /// These partitions are gone, and may be somebody else's already: too late to commit.
    fn lost<'a>(
        &'a self,
        consumer: &'a Consumer,
        partitions: &'a [TopicPartition],
    ) -> BoxFuture<'a, ()> {
        let _ = (consumer, partitions);
        Box::pin(std::future::ready(()))
    }
}

pub(in crate::consumer) type Listener = Option<Arc<dyn RebalanceListener>>;
