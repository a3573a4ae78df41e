//! A disk that takes nothing for a while: who waits for it is told in time, and it is made good.

use crate::support::clients::{LATER, Producer, SOON, config, create_topic, produce, record};
use crate::support::ext4::on_a_volume;
use crate::support::metrics::{metrics_address, value};
use crate::support::patience::eventually;
use crate::support::requests::{fetch, find_coordinator};
use crate::support::wire::{Answer, Connection, Fields};
use crate::support::{Broker, has_two_cores};

const OFFSET_COMMIT: i16 = 8;
const OFFSET_FETCH: i16 = 9;

const COORDINATOR_NOT_AVAILABLE: i16 = 15;
const NOT_COORDINATOR: i16 = 16;

/// Far less than a client has patience for.
const TIMEOUT_MS: u64 = 400;

/// R2: only appends wait behind an append, also for those who have come in on another core.
#[test]
fn what_needs_no_disk_is_answered_while_appends_wait_for_memory() {
    const TEST: &str = "what_needs_no_disk_is_answered_while_appends_wait_for_memory";
    const PRODUCERS: usize = 24;
    if !has_two_cores(TEST) {
        return;
    }
    on_a_volume(TEST, 512, |volume| {
        let journal = ["--journal-file-bytes", "4194304", "--journal-bytes", "16777216"];
        let options = [&["--cores", "2", "--metrics", "127.0.0.1:0"][..], &journal].concat();
        let broker = Broker::start_with(&volume.path().join("data"), 0, &options);
        let address = metrics_address(&broker);
        create_topic(&broker, "t", 1);
        produce(&config(&broker), "t", 0, &[b"small".to_vec()]);
        let frozen = volume.freeze()?;
        let large = vec![b'x'; 900_000];
        let producers: Vec<Producer> =
            (0..PRODUCERS).map(|_| Producer::new(&config(&broker))).collect();
        for producer in &producers {
            (0..5).for_each(|number| producer.send(record(number, "t", 0, &large)));
        }
        // More than may wait for the journal: of some the append itself has to wait.
        let held = |shard| {
            let series = format!("pelton_memory_used_bytes{{shard=\"{shard}\",for=\"frames\"}}");
            value(&address, &series)
        };
        let is_waiting = || held(0) > 10e6 && held(1) > 10e6 && held(0) + held(1) > 60e6;
        eventually("appends wait", LATER, || is_waiting().then_some(()));
        let first = fetch("t", [(0, 0)].into_iter(), 0, 1000);
        for _ in 0..16 {
            let answer = Connection::open(&broker).ask(&first).expect("an answer in time");
            assert!(answer.windows(5).any(|part| part == b"small"));
        }
        drop(frozen);
        for producer in &producers {
            assert_eq!(producer.finish().len(), 5);
        }
        broker.kill();
        Ok(())
    });
}

/// Of a consumer that is in no group; returns the error code.
fn commit(connection: &mut Connection, offset: i64) -> i16 {
    let request = Fields::request(OFFSET_COMMIT, 2).string("g").i32(-1).string("").i64(-1);
    let request = request.i32(1).string("t").i32(1).i32(0).i64(offset).string("");
    let body = connection.ask(&request).expect("an answer");
    let mut answer = Answer(&body);
    let _ = (answer.i32(), answer.string(), answer.i32(), answer.i32());
    answer.i16()
}

fn committed(connection: &mut Connection) -> (i64, i16) {
    let request = Fields::request(OFFSET_FETCH, 1).string("g").i32(1).string("t").i32(1).i32(0);
    let body = connection.ask(&request).expect("an answer");
    let mut answer = Answer(&body);
    let _ = (answer.i32(), answer.string(), answer.i32(), answer.i32());
    let offset = answer.i64();
    let _metadata = answer.string();
    (offset, answer.i16())
}

#[test]
fn a_commit_that_the_disk_does_not_take_in_time_is_answered_in_time() {
    const TEST: &str = "a_commit_that_the_disk_does_not_take_in_time_is_answered_in_time";
    on_a_volume(TEST, 256, |volume| {
        let timeout = format!("offsets.commit.timeout.ms={TIMEOUT_MS}");
        let data = volume.path().join("data");
        let broker = Broker::start_with(&data, 0, &["--cores", "1", "--set", &timeout]);
        create_topic(&broker, "t", 1);
        let mut connection = Connection::open(&broker);
        find_coordinator(&mut connection, "g");
        eventually("an offset is committed", SOON, || {
            (commit(&mut connection, 1) == 0).then_some(())
        });

        let frozen = volume.freeze()?;
        assert_eq!(commit(&mut connection, 2), COORDINATOR_NOT_AVAILABLE);
        // Neither is what may not last shown to anybody; old consumers end over the other error here.
        assert_eq!(committed(&mut connection).1, NOT_COORDINATOR);
        drop(frozen);

        // It was late, not lost; and the coordinator serves on.
        eventually("what was committed is there", LATER, || {
            (committed(&mut connection) == (2, 0)).then_some(())
        });
        assert_eq!(commit(&mut connection, 3), 0);
        assert_eq!(committed(&mut connection), (3, 0));
        broker.kill();
        Ok(())
    });
}
