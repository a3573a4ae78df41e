//! Produce, versions 3 to 13. What changed in between:
//!
//! | version | change |
//! |--|--|
//! | 3 | transactional id; record batches of format 2 only |
//! | 5 | answers carry the log start offset |
//! | 7 | zstd is allowed (KIP-110) |
//! | 8 | answers say which records were wrong, and why (KIP-467) |
//! | 9 | compact lengths and tagged fields (KIP-482) |
//! | 10 | answers name the current leader (KIP-951) |
//! | 12 | a transactional produce adds its partition by itself (KIP-890) |
//! | 13 | topics by id, no longer by name (KIP-516) |

mod request;
mod response;

pub use request::{ProducePartition, ProduceRequest, ProduceTopic};
pub use response::{ProducePartitionResponse, ProduceResponse, ProduceTopicResponse, RecordError};

use crate::ApiKey;
use crate::topic::TopicForm;
use crate::versions::Versions;

/// What is read and written here.
pub const VERSIONS: Versions = Versions::new(3, 13);

fn is_flexible(version: i16) -> bool {
    ApiKey::PRODUCE.is_flexible(version)
}

fn topic_form(message: &'static str, version: i16) -> TopicForm {
    TopicForm { by_id: version >= 13, message, version }
}

#[cfg(test)]
#[path = "produce_test.rs"]
mod produce_test;
