//! `pelton group describe`.

use std::collections::BTreeMap;
use std::io::Write;

use clap::Args;
use pelton_client::{Admin, GroupDescription, GroupMember};
use pelton_kafka::ErrorCode;
use serde_json::{Value, json};

use super::lag::{Position, positions};
use crate::failure::{Failure, Result};
use crate::output::{Output, Table, stdout, write_json};

/// Show groups: their members, what each reads, and how far behind they are.
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
    let lag: i64 = positions.iter().filter_map(Position::lag).sum();
    writeln!(output, "lag       {lag}")?;
    if !group.members.is_empty() {
        writeln!(output)?;
        let mut table = Table::new(&["MEMBER", "INSTANCE", "CLIENT", "HOST", "READS"]);
        for member in &group.members {
            let instance = member.instance_id.clone().unwrap_or_else(|| "-".into());
            let (client, host) = (member.client_id.clone(), host(member));
            table.row(vec![member.id.clone(), instance, client, host, reads(member)]);
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

fn assignment(member: &GroupMember) -> BTreeMap<&str, Vec<i32>> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for of in &member.assignment {
        topics.entry(&of.topic).or_default().push(of.partition.get());
    }
    topics
}

/// `orders:0,1 payments:3`
fn reads(member: &GroupMember) -> String {
    let topics = assignment(member).into_iter().map(|(topic, partitions)| {
        let partitions: Vec<String> = partitions.iter().map(ToString::to_string).collect();
        format!("{topic}:{}", partitions.join(","))
    });
    let reads: Vec<String> = topics.collect();
    if reads.is_empty() { "-".into() } else { reads.join(" ") }
}

/// Committed offsets and how far behind they are.
pub fn table(positions: &[Position]) -> Table {
    let or_dash = |number: Option<i64>| number.map_or_else(|| "-".into(), |it| it.to_string());
    let mut table = Table::new(&["TOPIC", "PARTITION", "COMMITTED", "END", "LAG"]);
    for position in positions {
        table.row(vec![
            position.of.topic.to_string(),
            position.of.partition.to_string(),
            position.committed.offset.to_string(),
            or_dash(position.end.map(|end| end.get())),
            or_dash(position.lag()),
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
            "assignment": assignment(member),
        })
    });
    json!({
        "group": group.id,
        "state": group.state,
        "protocol_type": group.protocol_type,
        "assignor": group.protocol,
        "members": members.collect::<Vec<_>>(),
        "offsets": positions.iter().map(position_json).collect::<Vec<_>>(),
    })
}
