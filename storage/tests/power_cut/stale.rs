//! F3: a group that an earlier life had begun to write, and that did not last, comes to light after
//! all, in the place of the one that has its sequence now and was acknowledged.

use std::rc::Rc;

use bytes::Bytes;
use pelton_storage::disk::sim::{CrashChoice, SimDisk, run};
use pelton_storage::planted::{Bug, plant};
use pelton_storage::{OpenError, Store};

use super::record::Record;
use super::support::*;

const APPENDS: u8 = 6;

/// The power is cut at every step of a first life, a second goes on from there, and each place that
/// both wrote to is put back to what the first had written. Returns how many starts were refused.
fn put_back() -> u64 {
    let mut refused = 0;
    for last in 1.. {
        let (sim, record) = (new_disk(1), Rc::<Record>::default());
        sim.set_yields_max(2);
        sim.set_pace(record.clone());
        let mut first = Steps::new(with_appends(&sim, 0));
        if (0..last).any(|_| first.step().is_some()) {
            return refused;
        }
        let image = sim.crash(&mut CrashChoice::lose_all());
        image.set_pace(record.clone());
        let written = run(with_appends(&image, APPENDS));
        refused += refused_of(&image.durable(), &record, &written);
    }
    refused
}

/// A life of lone appends: each is a group, and takes as much as any other.
async fn with_appends(sim: &SimDisk, fill: u8) -> Vec<Bytes> {
    let (store, _) = open(sim, SMALL).await;
    beside_journal(&store, async {
        let log = match store.log(partition(1, 0)) {
            Some(log) => log,
            None => place(&store, partition(1, 0)).await,
        };
        for fill in fill..fill + APPENDS {
            append(&store, &log, batch(fill, 100)).await;
        }
        read_all(&log).await
    })
    .await
}

fn refused_of(sim: &SimDisk, record: &Record, written: &[Bytes]) -> u64 {
    let mut refused = 0;
    for sequence in 1.. {
        let Some((_, write)) = record.newest_of(sequence) else { return refused };
        let group = write.group.expect("it has a sequence");
        let Some(first) = record.of_another_life(&group) else { continue };
        let mut content = sim.contents(&write.path).expect("a file of the ring");
        let at = write.position as usize;
        let before = record.before(first + 1, &write);
        content[at..at + before.len()].copy_from_slice(&before);
        let stale = sim.durable();
        refused += run(async {
            let put = stale.disk().write_file_durably(&write.path, &content).await;
            put.expect("a file");
            match try_open(&stale.disk(), SMALL).await {
                Err(OpenError::Damaged { .. }) => 1,
                Err(error) => panic!("{error}"),
                Ok((store, _)) => {
                    check(&store, written).await;
                    0
                }
            }
        });
    }
    refused
}

/// The newest group may be missing: that it was torn cannot be ruled out.
async fn check(store: &Store, written: &[Bytes]) {
    let log = store.log(partition(1, 0)).expect("a log");
    let read = read_all(&log).await;
    assert!(read.len() + 1 >= written.len(), "{} of {} are left", read.len(), written.len());
    assert!(read == written[..read.len()], "other bytes than were acknowledged");
}

#[test]
fn f3_a_group_of_an_earlier_life_is_not_taken_for_its_successor() {
    let refused = put_back();
    println!("{refused} starts were refused");
    assert!(refused > 4, "{refused}");
}

#[test]
fn skipping_the_chain_is_found() {
    plant(Some(Bug::SkipTheChain));
    let found = std::panic::catch_unwind(put_back).is_err();
    plant(None);
    assert!(found);
}
