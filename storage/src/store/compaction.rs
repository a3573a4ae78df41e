//! Compacting one log of the shard, and making each step of it durable.

use pelton_model::compact::KeyHasher;

use super::Store;
use crate::log::compact::{Pass, Replacement, groups, map_keys};
use crate::log::{Compacted, CompactionError, CompactionRules, Log, Pace};

impl Store {
    /// Compacts what is dirty of a log now, in as many passes as its keys need. Nothing is done
    /// when another call is at it.
    ///
    /// Appends, reads, carries and retention go on meanwhile. A future that is dropped, or an
    /// error, leaves the log whole, and perhaps files that the next call removes.
    pub async fn compact(
        &self,
        log: &Log,
        rules: &CompactionRules,
        pace: &dyn Pace,
    ) -> Result<Compacted, CompactionError> {
        let mut done = Compacted::default();
        let Some(_pass) = log.try_begin_compaction() else { return Ok(done) };
        log.sweep(self.0.version.get()).await;
        let end = log.dirtiness(rules).range.end;
        while log.dirtiness(rules).range.start < end {
            self.compact_once(log, rules, pace, &mut done).await?;
            done.passes += 1;
        }
        Ok(done)
    }

    async fn compact_once(
        &self,
        log: &Log,
        rules: &CompactionRules,
        pace: &dyn Pace,
        done: &mut Compacted,
    ) -> Result<(), CompactionError> {
        let dirty = log.dirtiness(rules).range;
        let sealed = log.sealed();
        let is_dirty = |end, base| end > dirty.start && base < dirty.end;
        let segments: Vec<_> =
            sealed.iter().filter(|it| is_dirty(it.end, it.name.base)).copied().collect();
        let hasher = KeyHasher::new(rules.hash_secret);
        let map = map_keys(log, &segments, dirty.start, rules, &hasher, pace, done).await?;
        let pass = Pass::new(log, &map, &hasher, rules, pace);
        let groups = groups(&sealed, log.start_offset(), map.end(), rules.segment_bytes);
        let count = groups.len();
        for (at, group) in groups.iter().enumerate() {
            let mut replacement = pass.clean_group(group, done).await?;
            if at + 1 == count {
                replacement.cleaned_end = Some(map.end());
            }
            self.swap(log, &replacement).await?;
        }
        Ok(())
    }

    /// The state file is the decision: before it is durable a start finds the sources, after it the
    /// replacement. No checkpoint runs meanwhile, so no state file is under way that does not know.
    async fn swap(&self, log: &Log, replacement: &Replacement) -> Result<(), CompactionError> {
        let checkpoint = self.0.gate.enter().await;
        let Some(replaced) = log.swap_in(replacement, self.0.version.get()).await else {
            log.remove_files_named(replacement.name()).await;
            return Err(CompactionError::Interrupted);
        };
        let written = self.write_state().await;
        drop(checkpoint);
        for segment in &replaced {
            // Reads under way end before it is closed; later ones look again, and find the new.
            log.close_segment(segment.name).await;
        }
        written?;
        log.sweep(self.0.version.get()).await;
        Ok(())
    }
}
