//! A disk that takes nothing for a while: who waits for it is told in time, and it is made good.

use crate::support::Broker;
use crate::support::clients::{LATER, SOON, create_topic};
use crate::support::ext4::on_a_volume;
use crate::support::patience::eventually;
use crate::support::requests::find_coordinator;
use crate::support::wire::{Answer, Connection, Fields};

const OFFSET_COMMIT: i16 = 8;
const OFFSET_FETCH: i16 = 9;

const COORDINATOR_NOT_AVAILABLE: i16 = 15;

/// Far less than a client has patience for.
const TIMEOUT_MS: u64 = 400;

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
        // Neither is what may not last shown to anybody.
        assert_eq!(committed(&mut connection).1, COORDINATOR_NOT_AVAILABLE);
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
