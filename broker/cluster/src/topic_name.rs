//! Which names a topic may have.

use crate::{ClusterError, ErrorKind};

/// The log directory's name must fit a file name, with the partition behind it.
pub const TOPIC_NAME_BYTES_MAX: usize = 249;

/// Kafka's own metadata log: nobody may have it, whatever our cluster log is.
pub const CLUSTER_METADATA_TOPIC: &str = "__cluster_metadata";

const INTERNAL_TOPICS: [&str; 3] =
    ["__consumer_offsets", "__share_group_state", "__transaction_state"];

/// Whether only coordinators write to the topic.
pub fn is_internal(name: &str) -> bool {
    INTERNAL_TOPICS.contains(&name)
}

/// Refuses what cannot name a topic.
///
/// # Errors
/// INVALID_TOPIC_EXCEPTION.
pub fn check_topic_name(name: &str) -> Result<(), ClusterError> {
    let refuse = |why: &str| Err(ClusterError::new(ErrorKind::InvalidTopicException, why));
    if name.is_empty() {
        return refuse("the topic name is empty");
    }
    if name == "." || name == ".." {
        return refuse("a topic cannot be named \".\" or \"..\"");
    }
    if name.len() > TOPIC_NAME_BYTES_MAX {
        return refuse(&format!("the topic name is longer than {TOPIC_NAME_BYTES_MAX} characters"));
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        return refuse("a topic name consists of ASCII letters, digits, '.', '_' and '-'");
    }
    Ok(())
}

/// Names with the same key cannot be told apart in metric names, where a dot becomes an underscore.
pub(crate) fn collision_key(name: &str) -> String {
    name.replace('.', "_")
}

#[cfg(test)]
#[path = "topic_name_test.rs"]
mod topic_name_test;
