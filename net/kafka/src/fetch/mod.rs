//! Fetch, versions 4 to 18. What changed in between:
//!
//! | version | change |
//! |--|--|
//! | 4 | isolation level, last stable offset, aborted transactions (KIP-98) |
//! | 5 | log start offset on both sides |
//! | 7 | sessions: only what changed is asked for and answered (KIP-227) |
//! | 9 | the leader epoch that the consumer knows (KIP-320) |
//! | 10 | zstd is allowed (KIP-110) |
//! | 11 | racks and preferred read replicas (KIP-392) |
//! | 12 | compact lengths, tagged fields; diverging epochs (KIP-595) |
//! | 13 | topics by id, no longer by name (KIP-516) |
//! | 15 | the replica's number moves into a tagged field (KIP-903) |
//! | 16 | endpoints of current leaders (KIP-951) |
//! | 17 | a follower's directory (KIP-853) |
//! | 18 | a follower's high watermark (KIP-1166) |

mod request;
mod response;

pub use request::{FetchPartition, FetchRequest, FetchTopic, ForgottenTopic};
pub use response::{
    AbortedTransaction, EpochEndOffset, FetchPartitionResponse, FetchResponse, FetchTopicResponse,
};

use crate::ApiKey;
use crate::topic::TopicForm;
use crate::versions::Versions;

/// What is read and written here.
pub const VERSIONS: Versions = Versions::new(4, 18);

fn is_flexible(version: i16) -> bool {
    ApiKey::FETCH.is_flexible(version)
}

fn topic_form(message: &'static str, version: i16) -> TopicForm {
    TopicForm { by_id: version >= 13, message, version }
}

#[cfg(test)]
#[path = "fetch_test.rs"]
mod fetch_test;
