//! `pelton group describe`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use clap::Args;
use pelton_client::{Admin, GroupDescription, GroupMember, TopicPartition};
use pelton_kafka::ErrorCode;
use serde_json::{Value, json};

use super::lag::{Position, positions};
use crate::failure::{Failure, Result};
use crate::output::{Output, Table, stdout, write_json};

/// Show groups: their members, what each reads, and how far behind they are. Of the consumer
/// protocol (KIP-848) also the epochs, and what a member gives up (-) or is still to get (+).
///
///     pelton group describe billing reports
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct DescribeArgs {
    /// The groups' names.
    #[arg(required = true)]
    names: Vec<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub async fn run(admin: &Admin, args: DescribeArgs) -> Result<()> {
    let mut groups = Vec::new();
    for name in &args.names {
        groups.push(existing(admin, name).await?);
    }
    let mut described = Vec::new();
    for group in groups {
        let positions = positions(admin, &group.id).await?;
        described.push((group, positions));
    }
    if args.json {
        return Ok(write_json(&described.iter().map(to_json).collect())?);
    }
    let mut output = stdout();
    for (number, (group, positions)) in described.iter().enumerate() {
        if number > 0 {
            writeln!(output)?;
        }
        write(group, positions, &mut output)?;
    }
    Ok(output.flush()?)
}

/// A group as it is; a failure if there is none.
pub async fn existing(admin: &Admin, name: &str) -> Result<GroupDescription> {
    let group = look_up(admin, name).await?;
    group.ok_or_else(|| Failure::Failed(format!("there is no group {name}")))
}

/// The same; none if there is none. Older brokers call one that is not there dead.
pub async fn look_up(admin: &Admin, name: &str) -> Result<Option<GroupDescription>> {
    match admin.describe_group(name).await {
        Ok(group) if group.state == "Dead" => Ok(None),
        Ok(group) => Ok(Some(group)),
        Err(error) if error.code() == Some(ErrorCode::GroupIdNotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn write(group: &GroupDescription, positions: &[Position], output: &mut Output) -> Result<()> {
    writeln!(output, "group     {}", group.id)?;
    writeln!(output, "state     {}", group.state)?;
    if !group.protocol.is_empty() {
        writeln!(output, "assignor  {}", group.protocol)?;
    }
    if let Some(epochs) = group.epochs {
        writeln!(output, "epoch     {}, assigned for {}", epochs.group, epochs.assignment)?;
    }
    let lag: i64 = positions.iter().filter_map(Position::lag).sum();
    writeln!(output, "lag       {lag}")?;
    if !group.members.is_empty() {
        writeln!(output)?;
        let has_epochs = group.epochs.is_some();
        let mut columns = vec!["MEMBER", "INSTANCE", "CLIENT", "HOST", "READS"];
        columns.extend(has_epochs.then_some(["EPOCH", "MOVES"]).into_iter().flatten());
        let mut table = Table::new(&columns);
        for member in &group.members {
            let instance = member.instance_id.clone().unwrap_or_else(|| "-".into());
            let (client, host) = (member.client_id.clone(), host(member));
            let reads = or_dash(by_topic(&member.assignment));
            let mut row = vec![member.id.clone(), instance, client, host, reads];
            if has_epochs {
                let epoch = member.epoch.map(|epoch| epoch.to_string()).unwrap_or_default();
                row.extend([or_dash(epoch), or_dash(moves(member))]);
            }
            table.row(row);
        }
        table.write(output)?;
    }
    if !positions.is_empty() {
        writeln!(output)?;
        table(positions).write(output)?;
    }
    Ok(())
}

/// Kafka writes addresses with a slash in front.
fn host(member: &GroupMember) -> String {
    member.client_host.trim_start_matches('/').to_owned()
}

fn of_topics(partitions: &BTreeSet<TopicPartition>) -> BTreeMap<&str, Vec<i32>> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for of in partitions {
        topics.entry(&of.topic).or_default().push(of.partition.get());
    }
    topics
}

/// `orders:0,1 payments:3`
fn by_topic(partitions: &BTreeSet<TopicPartition>) -> String {
    let topics = of_topics(partitions).into_iter().map(|(topic, partitions)| {
        let partitions: Vec<String> = partitions.iter().map(ToString::to_string).collect();
        format!("{topic}:{}", partitions.join(","))
    });
    topics.collect::<Vec<_>>().join(" ")
}

/// `-orders:0,1 +payments:3`
fn moves(member: &GroupMember) -> String {
    let Some(target) = &member.target else { return String::new() };
    let gives_up = member.assignment.difference(target).cloned().collect();
    let gets = target.difference(&member.assignment).cloned().collect();
    let signed = |sign: char, partitions: &BTreeSet<TopicPartition>| {
        let topics = by_topic(partitions);
        let topics = topics.split(' ').filter(|topic| !topic.is_empty());
        topics.map(|topic| format!("{sign}{topic}")).collect::<Vec<_>>()
    };
    [signed('-', &gives_up), signed('+', &gets)].concat().join(" ")
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "-".into() } else { text }
}

/// Committed offsets and how far behind they are.
pub fn table(positions: &[Position]) -> Table {
    let number = |it: Option<i64>| or_dash(it.map(|it| it.to_string()).unwrap_or_default());
    let mut table = Table::new(&["TOPIC", "PARTITION", "COMMITTED", "END", "LAG"]);
    for position in positions {
        table.row(vec![
            position.of.topic.to_string(),
            position.of.partition.to_string(),
            position.committed.offset.to_string(),
            number(position.end.map(|end| end.get())),
            number(position.lag()),
        ]);
    }
    table
}

pub fn position_json(position: &Position) -> Value {
    json!({
        "topic": *position.of.topic,
        "partition": position.of.partition.get(),
        "committed": position.committed.offset.get(),
        "metadata": position.committed.metadata,
        "end": position.end.map(|end| end.get()),
        "lag": position.lag(),
    })
}

fn to_json((group, positions): &(GroupDescription, Vec<Position>)) -> Value {
    let members = group.members.iter().map(|member| {
        json!({
            "id": member.id,
            "instance_id": member.instance_id,
            "client_id": member.client_id,
            "host": host(member),
            "assignment": of_topics(&member.assignment),
            "epoch": member.epoch,
            "target": member.target.as_ref().map(of_topics),
        })
    });
    json!({
        "group": group.id,
        "state": group.state,
        "protocol_type": group.protocol_type,
        "assignor": group.protocol,
        "epoch": group.epochs.map(|epochs| epochs.group),
        "assignment_epoch": group.epochs.map(|epochs| epochs.assignment),
        "members": members.collect::<Vec<_>>(),
        "offsets": positions.iter().map(position_json).collect::<Vec<_>>(),
    })
}
