//! S6, F3: a device that breaks its word. A durable write of the journal was lost, or went
//! elsewhere, or rots: a start is refused, or loses the newest group, which cannot be told from one
//! that was torn. It never loses anything else in silence, and never serves other bytes.

use pelton_storage::OpenError;
use pelton_storage::disk::sim::{CrashChoice, SimDisk, run};

use super::record::JournalWrite;
use super::support::*;
use super::{Also, Blame, Flush, Run, enough, minimum, seeds};

/// The device is asked about the newest so many groups.
const GROUPS_BACK: u64 = 12;

/// What starts made of damage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damages {
    pub refused: u64,
    /// Only the newest group was cut, or the place was not needed any more.
    pub survived: u64,
}

impl Run {
    /// Damages what is durable at this moment, and starts on it.
    #[expect(clippy::await_holding_refcell_ref, reason = "the workload stands still meanwhile")]
    pub fn damage(&mut self, sim: &SimDisk) {
        let image = sim.crash(&mut CrashChoice::lose_all());
        let newest = run(async {
            let (store, _) = open(&image.durable(), self.options).await;
            store.journal().durable_sequence()
        });
        if newest == 0 {
            return;
        }
        let sequence = self.place_to_damage(newest);
        let Some((at, write)) = self.record.newest_of(sequence) else { return };
        let content = image.contents(&write.path).expect("a file of the ring");
        let place = write.position as usize..write.position as usize + write.content.len();
        if content.get(place.clone()) != Some(&write.content) {
            // Written over, or not durable.
            return;
        }
        let damaged = self.damaged(at, &write, sequence == newest);
        let content = [&content[..place.start], &damaged, &content[place.end..]].concat();
        image.set_yields_max(0);
        run(async {
            let written = image.disk().write_file_durably(&write.path, &content).await;
            written.expect("a file");
            match try_open(&image.disk(), self.options).await {
                Ok((store, _)) => {
                    self.model.borrow().check_damaged(&store, newest).await;
                    self.damages.survived += 1;
                }
                Err(OpenError::Damaged { .. }) => self.damages.refused += 1,
                Err(error) => panic!("{error}"),
            }
        });
    }

    /// The group whose place is to be damaged. Those whose sequence was given twice, because the
    /// first did not last, are rare, and are what the chain is for.
    fn place_to_damage(&self, newest: u64) -> u64 {
        let oldest = newest.saturating_sub(GROUPS_BACK).max(1);
        let is_given_twice = |sequence: &u64| {
            let group = self.record.newest_of(*sequence).and_then(|(_, write)| write.group);
            group.is_some_and(|group| self.record.of_another_life(&group).is_some())
        };
        let twice: Vec<u64> = (oldest..newest).filter(is_given_twice).collect();
        match self.below(2) {
            0 if !twice.is_empty() => twice[self.below(twice.len() as u64) as usize],
            _ => oldest + self.below(newest + 1 - oldest),
        }
    }

    fn damaged(&self, at: usize, write: &JournalWrite, is_newest: bool) -> Vec<u8> {
        let first = write.group.and_then(|group| self.record.of_another_life(&group));
        if let Some(first) = first.filter(|_| !is_newest && self.below(2) == 0) {
            return self.record.before(first + 1, write);
        }
        match self.below(4) {
            // The last write that went there was lost.
            0 => self.record.before(at, write),
            // So were some before it. Of the newest group's place, what an earlier life had begun
            // to write there would be a group that nobody could tell from it.
            1 if !is_newest => {
                let touching = self.record.touching(write);
                let older = touching[self.below(touching.len() as u64) as usize];
                self.record.before(older + 1, write)
            }
            // Another group went there.
            2 => {
                let other = write.group.map_or(1, |group| group.sequence) + 1;
                let other = other.saturating_sub(2 + self.below(GROUPS_BACK)).max(1);
                let mut content = write.content.clone();
                if let Some((_, other)) = self.record.newest_of(other) {
                    content.iter_mut().zip(&other.content).for_each(|(to, from)| *to = *from);
                }
                content
            }
            _ => {
                let mut content = write.content.clone();
                let byte = self.below(content.len() as u64) as usize;
                content[byte] ^= 1 << self.below(8);
                content
            }
        }
    }
}

/// Damage is not looked for while a segment is written past the journal: S6 names the window in
/// which one cannot be told from the other.
pub fn damages_of(seeds: std::ops::Range<u64>) -> Damages {
    let mut all = Damages::default();
    for seed in seeds {
        let _blame = Blame(seed);
        let mut run = Run::new(seed, Also::Nothing, Flush::Never, false).damaging();
        run.live_on(3);
        all.refused += run.damages.refused;
        all.survived += run.damages.survived;
    }
    all
}

#[test]
fn s6_f3_a_journal_that_the_device_has_damaged_is_refused_or_loses_its_newest_group() {
    let all = damages_of(seeds(8_000_000, 32));
    println!("of a damaged journal: {all:?}");
    enough(all.refused + all.survived, minimum::DAMAGES);
    assert!(all.refused > all.survived / 2 && all.survived > all.refused / 4, "{all:?}");
}
