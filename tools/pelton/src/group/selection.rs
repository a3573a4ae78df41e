//! Which partitions of which topic a command is about: `orders` or `orders:0,3`.

use std::collections::BTreeSet;

use pelton_client::{Admin, TopicPartition};
use pelton_model::PartitionIndex;

use crate::failure::Result;

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
}

#[cfg(test)]
#[path = "selection_test.rs"]
mod selection_test;
