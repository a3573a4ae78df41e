//! From a connection to a group's coordinator, wherever that is.

use std::collections::BTreeMap;

use futures::future::join_all;
use pelton_group::{Command, GroupId, Listing};
use pelton_kafka::StrBytes;
use pelton_model::{PartitionId, ShardId};

use super::answers::Ticket;
use super::{GroupAnswer, GroupFault, GroupOutcome, GroupRequest, topic};
use crate::kafka::{Call, Operation, Resource};
use crate::message::{Reply, Request};

/// Groups that one question for the list brings.
const LIST_COUNT: usize = 1_000;

/// Groups of one request that are asked about at once. A request may name a million, in two bytes
/// each, and what asks about one takes a kilobyte until it is answered (R3).
const GROUPS_AT_ONCE: usize = 256;

impl Call {
    /// Asks the coordinator of the command's group; waits as long as it has the request wait.
    pub async fn ask_group(&self, command: Command) -> GroupOutcome {
        let mut outcomes = self.ask_groups(vec![command]).await;
        outcomes.pop().unwrap_or(Err(GroupFault::NotCoordinator))
    }

    /// The same for each item that `command` makes a command of, however many there are; `answer`
    /// makes an answer of each item, in their order, and of what has become of its command.
    pub async fn ask_each_group<T, A>(
        &self,
        items: impl IntoIterator<Item = T>,
        command: impl Fn(&mut T) -> Option<Command>,
        answer: impl Fn(T, Option<GroupOutcome>) -> A,
    ) -> Vec<A> {
        let mut items = items.into_iter();
        let mut answers = Vec::new();
        loop {
            let mut part: Vec<T> = items.by_ref().take(GROUPS_AT_ONCE).collect();
            if part.is_empty() {
                return answers;
            }
            let commands: Vec<Option<Command>> = part.iter_mut().map(&command).collect();
            let is_asked: Vec<bool> = commands.iter().map(Option::is_some).collect();
            let outcomes = self.ask_groups(commands.into_iter().flatten().collect()).await;
            let mut outcomes = outcomes.into_iter();
            answers.extend(part.into_iter().zip(is_asked).map(|(item, is_asked)| {
                answer(item, if is_asked { outcomes.next() } else { None })
            }));
        }
    }

    /// With one message to each owner (R4); the outcomes stand in the order of the commands. Others
    /// get the core in between (R8).
    async fn ask_groups(&self, commands: Vec<Command>) -> Vec<GroupOutcome> {
        if commands.len() > 1 {
            self.shard().env.breathe().await;
        }
        let located = commands.into_iter().map(|command| {
            let group = command.group().map(|group| topic::locate(self, group));
            (group.flatten(), command)
        });
        self.ask_coordinators(located.collect()).await
    }

    /// Describes groups, in their order: what becomes of each, and none for those that the client
    /// may not look at, is made an answer of.
    pub async fn describe_groups<A>(
        &self,
        groups: &[StrBytes],
        command: impl Fn(GroupId) -> Command,
        answer: impl Fn(&StrBytes, Option<GroupOutcome>) -> A,
    ) -> Vec<A> {
        let may = |group: &str| self.may(Operation::Describe, Resource::Group(group));
        let of_allowed = |group: &mut &StrBytes| {
            let group = group.as_str();
            may(group).then(|| command(group.into()))
        };
        self.ask_each_group(groups, of_allowed, answer).await
    }

    async fn ask_coordinators(
        &self,
        commands: Vec<(Option<(PartitionId, ShardId)>, Command)>,
    ) -> Vec<GroupOutcome> {
        let mut outcomes: Vec<GroupOutcome> =
            commands.iter().map(|_| Err(GroupFault::NotCoordinator)).collect();
        let mut parts: BTreeMap<ShardId, Part> = BTreeMap::new();
        for (at, (place, command)) in commands.into_iter().enumerate() {
            let Some((partition, owner)) = place else { continue };
            let ticket = self.shard().groups.waiting.enter(self.shard().id);
            let part = parts.entry(owner).or_default();
            part.requests.push(GroupRequest { partition, token: ticket.token, command });
            part.asked.push((at, ticket));
        }
        let asked = parts.into_iter().map(|(owner, part)| self.ask_part(owner, part));
        for (at, outcome) in join_all(asked).await.into_iter().flatten() {
            outcomes[at] = outcome;
        }
        outcomes
    }

    async fn ask_part(&self, owner: ShardId, part: Part) -> Vec<(usize, GroupOutcome)> {
        let answers = match self.ask(owner, Request::Group(part.requests)).await {
            Reply::Group(answers) => answers,
            _ => Vec::new(),
        };
        let mut answers = answers.into_iter();
        let outcomes = part.asked.into_iter().map(|(at, ticket)| {
            let answer = answers.next();
            async move {
                let outcome = match answer {
                    Some(GroupAnswer::Now(outcome)) => outcome,
                    Some(GroupAnswer::Later) => ticket.outcome().await,
                    None => Err(GroupFault::NotCoordinator),
                };
                (at, outcome)
            }
        });
        join_all(outcomes).await
    }

    /// All groups of all coordinators.
    pub async fn list_groups(&self) -> Result<Vec<Listing>, GroupFault> {
        let mut open: Vec<(PartitionId, ShardId, Option<GroupId>)> =
            topic::partitions(self).into_iter().map(|(id, owner)| (id, owner, None)).collect();
        let mut groups = Vec::new();
        while !open.is_empty() {
            let commands = open.iter().map(|(partition, owner, after)| {
                let list = Command::List { after: after.clone(), count_max: LIST_COUNT };
                (Some((*partition, *owner)), list)
            });
            let outcomes = self.ask_coordinators(commands.collect()).await;
            let mut unfinished = Vec::new();
            for ((partition, owner, _), outcome) in open.into_iter().zip(outcomes) {
                let Ok(pelton_group::Reply::Listed(part)) = outcome else {
                    return Err(outcome.err().unwrap_or(GroupFault::Unavailable));
                };
                if part.len() == LIST_COUNT {
                    let last = part.last().map(|listing| listing.group.clone());
                    unfinished.push((partition, owner, last));
                }
                groups.extend(part);
            }
            open = unfinished;
        }
        Ok(groups)
    }
}

/// What one owner is asked.
#[derive(Default)]
struct Part {
    requests: Vec<GroupRequest>,
    /// Where each outcome goes.
    asked: Vec<(usize, Ticket)>,
}
