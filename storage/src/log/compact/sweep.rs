//! Removing files that no segment has: of the generation before, or of one that a crash cut short.

use std::io;

use crate::log::Log;
use crate::segment::SegmentName;

/// Whether a partition's directory may hold files that are nobody's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Unswept {
    /// Nobody has looked since the start: an earlier life may have left some.
    #[default]
    SinceStart,
    /// Segments were swapped when the newest state file had this version: until there is a newer
    /// one, a start would want the old files.
    SwappedAt(u64),
    Nothing,
}

impl Log {
    /// Removes what neither memory nor the state file, now of `version`, names. Within the gate no
    /// carry has made files that it has not named yet.
    pub(crate) async fn sweep(&self, version: u64) {
        match self.0.unswept.get() {
            Unswept::Nothing => return,
            Unswept::SwappedAt(swapped) if version <= swapped => return,
            Unswept::SwappedAt(_) | Unswept::SinceStart => {}
        }
        let _pass = self.0.gate.enter().await;
        self.sweep_alone().await;
    }

    /// The same of a log whose segments were swapped by a compaction that could not write the state file,
    /// and has left this to a checkpoint that could. One that is under way does it itself.
    pub(crate) async fn sweep_swapped(&self, version: u64) {
        if let Unswept::SwappedAt(_) = self.0.unswept.get()
            && let Some(_compaction) = self.0.compaction.try_enter()
        {
            self.sweep(version).await;
        }
    }

    /// The same before the first carry or roll of a life: a roll whose state file never came may have
    /// left a segment that no compaction of this log will ever look for. The caller is in the gate. A
    /// compaction that is under way has swept, or tried to, before it made files of its own.
    pub(in crate::log) async fn sweep_at_first(&self) {
        if self.0.unswept.get() != Unswept::SinceStart {
            return;
        }
        let Some(_compaction) = self.0.compaction.try_enter() else { return };
        self.sweep_alone().await;
    }

    async fn sweep_alone(&self) {
        if self.is_dropped() {
            return;
        }
        let entries = match self.0.disk.list_dir(&self.0.dir).await {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                tracing::warn!(partition = %self.0.id, %error, "old segments cannot be looked for");
                return;
            }
        };
        let names = entries.iter().filter_map(|entry| SegmentName::of_file(&entry.name));
        let mut unnamed: Vec<SegmentName> = names.filter(|name| self.is_nobodys(*name)).collect();
        unnamed.dedup();
        for name in unnamed {
            self.remove_files_named(name).await;
        }
        self.0.unswept.set(Unswept::Nothing);
    }

    fn is_nobodys(&self, name: SegmentName) -> bool {
        let positions = self.0.positions.borrow();
        !positions.segments.iter().any(|segment| segment.name == name)
    }
}
