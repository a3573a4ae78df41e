//! Requests that several tests make by hand.

use super::clients::SOON;
use super::patience::eventually;
use super::wire::{Answer, Connection, Fields};

pub const FETCH: i16 = 1;
pub const FIND_COORDINATOR: i16 = 10;
pub const JOIN_GROUP: i16 = 11;
pub const SYNC_GROUP: i16 = 14;

/// A fetch, version 4, of partitions of one topic from their offsets on. It waits for a byte, and
/// brings so many at most, of each partition and together.
pub fn fetch(
    topic: &str,
    positions: impl ExactSizeIterator<Item = (i32, i64)>,
    wait_ms: i32,
    bytes_max: i32,
) -> Fields {
    let fetch = Fields::request(FETCH, 4).i32(-1).i32(wait_ms).i32(1).i32(bytes_max).i8(0);
    let fetch = fetch.i32(1).string(topic).i32(positions.len() as i32);
    positions
        .fold(fetch, |fetch, (partition, offset)| fetch.i32(partition).i64(offset).i32(bytes_max))
}

/// Returns once the group has a coordinator. The first time makes the topic.
pub fn find_coordinator(connection: &mut Connection, group: &str) {
    eventually("a coordinator is found", SOON, || {
        let body = connection.ask(&Fields::request(FIND_COORDINATOR, 0).string(group))?;
        (Answer(&body).i16() == 0).then_some(())
    });
}

/// A join, version 0, of a group whose only protocol is `range`; no member id for a new one.
pub fn join_group(group: &str, member: &str, session_ms: i32, metadata: &[u8]) -> Fields {
    let join = Fields::request(JOIN_GROUP, 0).string(group).i32(session_ms).string(member);
    let join = join.string("consumer").i32(1).string("range");
    join.i32(metadata.len() as i32).bytes(metadata)
}

/// What a join is answered with, up to the members' metadata.
pub struct Joined {
    pub error: i16,
    pub generation: i32,
    pub leader: String,
    pub member: String,
}

impl Joined {
    pub fn read(body: &[u8]) -> Self {
        let mut answer = Answer(body);
        let (error, generation, _protocol) = (answer.i16(), answer.i32(), answer.string());
        Self { error, generation, leader: answer.string(), member: answer.string() }
    }

    pub fn is_leader(&self) -> bool {
        self.leader == self.member
    }

    /// A sync, version 0, that deals out these shares.
    pub fn sync(&self, group: &str, shares: &[(&str, &[u8])]) -> Fields {
        let sync = Fields::request(SYNC_GROUP, 0).string(group).i32(self.generation);
        let sync = sync.string(&self.member).i32(shares.len() as i32);
        shares.iter().fold(sync, |sync, (member, share)| {
            sync.string(member).i32(share.len() as i32).bytes(share)
        })
    }
}
