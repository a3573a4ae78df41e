//! At the end of a run: in each group new members come that stay, and when the broker has missed all
//! who were there before, the group is at rest. What is seen last goes into the history.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pelton_broker::runtime::sim::Life;
use pelton_kafka::wire::{
    ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, DescribeGroupsRequest,
    MetadataRequest,
};
use pelton_kafka::{ErrorCode, message};

use super::World;
use super::committed::{self, LAST_TOPIC, LATER_PARTITIONS, LATER_TOPIC, PARTITIONS, TOPIC};
use super::connection::{Connection, Lost};
use super::consumer_member::{ConsumerMember, LEAVES};
use super::member::{Member, decode_part};
use super::role::{CLASSIC_GROUP, CONSUMER_GROUP, MIXED_GROUP, Role, SharedShare};
use super::tireless::Tireless;
use crate::check::settles::is_settled;
use crate::history::groups::Rest;

/// The members that stay, but for the one whose going has its group turn.
const LAST_MEMBERS: Life = Life(u64::MAX - 1);
const ONE_THAT_GOES: Life = Life(u64::MAX - 2);

const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// Within this a broker that nothing troubles has missed the others. (Regular expressions are looked
/// at again after ten seconds.)
const PATIENCE: Duration = Duration::from_secs(20);

/// The group by the protocol that it speaks now.
#[derive(Clone, Copy)]
enum Speaks {
    Classic,
    Consumer,
}

pub async fn settle(world: &World, connection: &mut Connection) -> Result<(), Lost> {
    let outcome = settle_all(world, connection).await;
    world.runtime.end(ONE_THAT_GOES);
    world.runtime.end(LAST_MEMBERS);
    outcome
}

async fn settle_all(world: &World, connection: &mut Connection) -> Result<(), Lost> {
    let classic = [classic_member(world, CLASSIC_GROUP), classic_member(world, CLASSIC_GROUP)];
    let consumers = [
        consumer_member(world, CONSUMER_GROUP, false, LAST_MEMBERS),
        consumer_member(world, CONSUMER_GROUP, true, LAST_MEMBERS),
    ];
    let goes = consumer_member(world, MIXED_GROUP, false, ONE_THAT_GOES);
    let mixed = [classic_member(world, MIXED_GROUP), goes.clone()];
    let named: BTreeSet<i32> = (0..PARTITIONS).collect();
    rest(world, connection, CLASSIC_GROUP, Speaks::Classic, &named, &classic).await?;
    rest(world, connection, MIXED_GROUP, Speaks::Consumer, &named, &mixed).await?;
    let matching = matching(connection).await?;
    rest(world, connection, CONSUMER_GROUP, Speaks::Consumer, &matching, &consumers).await?;

    // The last one of the consumer protocol goes, and a topic comes.
    world.runtime.end(ONE_THAT_GOES);
    let member = goes.borrow().member.clone();
    world.history.borrow_mut().group(MIXED_GROUP).give_up(&member, world.runtime.now());
    let leaving = message!(ConsumerGroupHeartbeatRequest {
        group_id: MIXED_GROUP.into(),
        member_id: member.as_str().into(),
        member_epoch: LEAVES,
    });
    let left = connection.call(&leaving, 1).await?;
    if left.error_code != ErrorCode::None.code() {
        return Err(connection.incident(&format!("leaving was answered {}", left.error_code)));
    }
    committed::create(connection, LAST_TOPIC, LATER_PARTITIONS).await?;
    rest(world, connection, MIXED_GROUP, Speaks::Classic, &named, &mixed[..1]).await?;
    let matching = self::matching(connection).await?;
    rest(world, connection, CONSUMER_GROUP, Speaks::Consumer, &matching, &consumers).await
}

fn classic_member(world: &World, group: &'static str) -> SharedShare {
    let (role, share) = Role::steady(group);
    world.runtime.spawn(LAST_MEMBERS, Member::new(world, role).run());
    share
}

fn consumer_member(
    world: &World,
    group: &'static str,
    reads_pattern: bool,
    life: Life,
) -> SharedShare {
    let (role, share) = Role::steady(group);
    world.runtime.spawn(life, ConsumerMember::new(world, role, reads_pattern).run());
    share
}

/// The partitions of all topics that there are and that the regular expression matches.
async fn matching(connection: &mut Connection) -> Result<BTreeSet<i32>, Lost> {
    let request = message!(MetadataRequest { topics: None, allow_auto_topic_creation: false });
    let told = connection.call(&request, 12).await?;
    let partitions = told.topics.iter().flat_map(|topic| {
        let name = topic.name.as_ref().map(|name| name.as_str()).unwrap_or_default();
        let is_one = [TOPIC, LATER_TOPIC, LAST_TOPIC].contains(&name);
        let partitions = topic.partitions.iter().filter(move |_| is_one);
        partitions.filter_map(move |it| committed::number(name, it.partition_index))
    });
    Ok(partitions.collect())
}

/// Waits until the group is at rest, and notes how it is then, or when it was waited long enough.
async fn rest(
    world: &World,
    connection: &mut Connection,
    group: &'static str,
    speaks: Speaks,
    partitions: &BTreeSet<i32>,
    members: &[SharedShare],
) -> Result<(), Lost> {
    let deadline = world.runtime.now() + PATIENCE;
    loop {
        let told = match speaks {
            Speaks::Classic => describe_classic(connection, group).await?,
            Speaks::Consumer => describe_consumer(connection, group).await?,
        };
        let (state, told) = told.unwrap_or_default();
        let held = members.iter().map(|share| {
            let share = share.borrow();
            (share.member.clone(), share.partitions.clone())
        });
        let rest = Rest { state, partitions: partitions.clone(), told, held: held.collect() };
        if is_settled(&rest) || world.runtime.now() > deadline {
            world.history.borrow_mut().group(group).rests.push(rest);
            return Ok(());
        }
        world.runtime.sleep(LOOK_INTERVAL).await;
    }
}

/// Its state, and what its members have; none: it is not one of this protocol, or not there.
type Described = Option<(String, BTreeMap<String, BTreeSet<i32>>)>;

async fn describe_classic(
    connection: &mut Connection,
    group: &'static str,
) -> Result<Described, Lost> {
    let request = message!(DescribeGroupsRequest { groups: vec![group.into()] });
    let answer = connection.call(&request, 5).await?;
    let Some(found) = answer.groups.into_iter().find(|found| found.error_code == 0) else {
        return Ok(None);
    };
    let members = found.members.into_iter().map(|member| {
        let partitions = decode_part(group, member.member_assignment).unwrap_or_default();
        (member.member_id.as_str().to_owned(), partitions.into_iter().collect())
    });
    Ok(Some((found.group_state.as_str().to_owned(), members.collect())))
}

async fn describe_consumer(
    connection: &mut Connection,
    group: &'static str,
) -> Result<Described, Lost> {
    let request = message!(ConsumerGroupDescribeRequest { group_ids: vec![group.into()] });
    let answer = connection.call(&request, 1).await?;
    let Some(found) = answer.groups.into_iter().find(|found| found.error_code == 0) else {
        return Ok(None);
    };
    let members = found.members.into_iter().map(|member| {
        let topics = member.assignment.topic_partitions.iter();
        let partitions = topics.flat_map(|topic| {
            let name = topic.topic_name.as_str();
            topic.partitions.iter().filter_map(move |it| committed::number(name, *it))
        });
        (member.member_id.as_str().to_owned(), partitions.collect())
    });
    Ok(Some((found.group_state.as_str().to_owned(), members.collect())))
}
