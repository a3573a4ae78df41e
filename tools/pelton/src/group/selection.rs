//! Which partitions of which topic a command is about: `orders` or `orders:0,3`.

use std::collections::BTreeSet;

use pelton_client::{Admin, TopicPartition};
use pelton_model::PartitionIndex;

use crate::failure::{Failure, Result};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    topic: String,
    /// None: all of them.
    partitions: Option<BTreeSet<i32>>,
}

/// Topic names hold no colons.
pub fn parse_selection(text: &str) -> std::result::Result<Selection, String> {
    let Some((topic, numbers)) = text.split_once(':') else {
        return Ok(Selection { topic: text.into(), partitions: None });
    };
    let partitions: std::result::Result<BTreeSet<i32>, String> = numbers
        .split(',')
        .map(|number| match number.parse() {
            Ok(number @ 0..) => Ok(number),
            _ => Err(format!("'{number}' is no partition: must be TOPIC or TOPIC:0,3")),
        })
        .collect();
    Ok(Selection { topic: topic.into(), partitions: Some(partitions?) })
}

impl Selection {
    /// The partitions meant; those of a whole topic as it is now.
    pub async fn resolve(&self, admin: &Admin) -> Result<Vec<TopicPartition>> {
        let partitions: Vec<PartitionIndex> = match &self.partitions {
            Some(numbers) => numbers.iter().copied().map(PartitionIndex::new).collect(),
            None => {
                let topic = admin.describe_topic(&self.topic).await?;
                topic.partitions.iter().map(|partition| partition.index).collect()
            }
        };
        let topic: std::sync::Arc<str> = self.topic.as_str().into();
        let of = |partition| TopicPartition { topic: topic.clone(), partition };
        Ok(partitions.into_iter().map(of).collect())
    }

    pub fn covers(&self, of: &TopicPartition) -> bool {
        let is_chosen = |chosen: &BTreeSet<i32>| chosen.contains(&of.partition.get());
        *self.topic == *of.topic && self.partitions.as_ref().is_none_or(is_chosen)
    }

    /// What was asked for and is not there, as a user writes it: partitions that were named, or the
    /// topic if there is nothing of it.
    fn missing(&self, there: &BTreeSet<&TopicPartition>) -> Vec<String> {
        let Self { topic, partitions } = self;
        let covered = || there.iter().filter(|of| self.covers(of));
        match partitions {
            None if covered().next().is_none() => vec![topic.clone()],
            None => Vec::new(),
            Some(asked) => {
                let found: BTreeSet<i32> = covered().map(|of| of.partition.get()).collect();
                asked.difference(&found).map(|partition| format!("{topic}:{partition}")).collect()
            }
        }
    }
}

/// A failure that begins with `what` and names everything selected that is not there: a slip must not
/// pass for success because there is nothing to do.
pub fn check_all_there<'a>(
    selections: &[Selection],
    there: impl IntoIterator<Item = &'a TopicPartition>,
    what: &str,
) -> Result<()> {
    let there = there.into_iter().collect();
    let missing: Vec<String> = selections.iter().flat_map(|it| it.missing(&there)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(format!("{what} {}", missing.join(", "))))
}

#[cfg(test)]
#[path = "selection_test.rs"]
mod selection_test;
