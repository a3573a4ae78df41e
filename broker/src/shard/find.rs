//! From a partition to its log.

use pelton_model::PartitionId;
use pelton_storage::Log;

use super::Shard;
use crate::message::LogFault;

impl Shard {
    /// The partition's log. On a shard whose storage is fenced, one that is missing may be one that
    /// could not be made any more: its topic exists, and clients must not be told that it does not.
    pub(super) fn find(&self, partition: PartitionId) -> Result<Log, LogFault> {
        match self.store.log(partition) {
            Some(log) => Ok(log),
            None => {
                self.store.journal().check()?;
                Err(LogFault::NotHere)
            }
        }
    }
}
