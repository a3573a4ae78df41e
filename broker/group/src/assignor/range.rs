//! `range`: each topic is cut into as many contiguous ranges as it has subscribers. Static members
//! come first, by instance id, since these outlast restarts; the others by member id.

use std::collections::BTreeMap;

use pelton_model::TopicId;

use super::Subscriber;
use crate::record::Assignment;

/// A topic whose ranges are given out.
struct Cut {
    partition_count: i32,
    /// Of every subscriber; the first ones get one more as long as there are `extra`.
    quota: i32,
    extra: i32,
    next: i32,
}

pub(super) fn assign(
    subscribers: &[Subscriber<'_>],
    partition_counts: &BTreeMap<TopicId, i32>,
) -> Vec<Assignment> {
    let mut order: Vec<usize> = (0..subscribers.len()).collect();
    order.sort_by_key(|at| {
        let it = &subscribers[*at];
        (it.instance_id.is_none(), it.instance_id, it.member_id)
    });
    let mut cuts = cut(subscribers, partition_counts);
    let mut assignments = vec![Assignment::new(); subscribers.len()];
    for at in order {
        for topic in subscribers[at].topics {
            let Some(cut) = cuts.get_mut(topic) else { continue };
            let one_more = i32::from(cut.extra > 0);
            cut.extra -= one_more;
            let end = (cut.next + cut.quota + one_more).min(cut.partition_count);
            if cut.next < end {
                assignments[at].insert(*topic, (cut.next..end).collect());
            }
            cut.next = end;
        }
    }
    assignments
}

fn cut(
    subscribers: &[Subscriber<'_>],
    partition_counts: &BTreeMap<TopicId, i32>,
) -> BTreeMap<TopicId, Cut> {
    let mut subscriber_counts: BTreeMap<TopicId, i32> = BTreeMap::new();
    for topic in subscribers.iter().flat_map(|subscriber| subscriber.topics) {
        *subscriber_counts.entry(*topic).or_default() += 1;
    }
    let cuts = subscriber_counts.into_iter().filter_map(|(topic, count)| {
        let partition_count = *partition_counts.get(&topic)?;
        let (quota, extra) = (partition_count / count, partition_count % count);
        Some((topic, Cut { partition_count, quota, extra, next: 0 }))
    });
    cuts.collect()
}
