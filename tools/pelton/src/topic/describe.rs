//! `pelton topic describe`.

use std::collections::BTreeMap;
use std::io::Write;

use clap::Args;
use pelton_client::{Admin, Config, ConfigResource, ConfigSource, OffsetAt, Topic, list_offsets};
use pelton_model::{NodeId, Offset, PartitionIndex};
use serde_json::{Value, json};

use crate::failure::Result;
use crate::output::{Output, Table, counted, stdout, write_json};

/// Show topics: their partitions with leaders, replicas and offsets, and their configs.
///
///     pelton topic describe orders payments
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct DescribeArgs {
    /// The topics' names.
    #[arg(required = true)]
    names: Vec<String>,
    /// Also configs that nobody has set.
    #[arg(long)]
    all_configs: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

struct Description {
    topic: std::sync::Arc<Topic>,
    /// Missing for a partition without a leader.
    earliest: BTreeMap<PartitionIndex, Offset>,
    latest: BTreeMap<PartitionIndex, Offset>,
    configs: Vec<Config>,
}

pub async fn run(admin: &Admin, args: DescribeArgs) -> Result<()> {
    let mut descriptions = Vec::new();
    for name in &args.names {
        descriptions.push(describe(admin, name, args.all_configs).await?);
    }
    if args.json {
        return Ok(write_json(&descriptions.iter().map(to_json).collect())?);
    }
    let mut output = stdout();
    for (number, description) in descriptions.iter().enumerate() {
        if number > 0 {
            writeln!(output)?;
        }
        write(description, &mut output)?;
    }
    Ok(output.flush()?)
}

async fn describe(admin: &Admin, name: &str, all_configs: bool) -> Result<Description> {
    let topic = admin.describe_topic(name).await?;
    let led = topic.partitions.iter().filter(|partition| partition.leader.is_some());
    let led: Vec<_> = led.map(|partition| partition.index).collect();
    let earliest = list_offsets(admin.cluster(), name, &led, OffsetAt::Earliest).await?;
    let latest = list_offsets(admin.cluster(), name, &led, OffsetAt::Latest).await?;
    let mut configs = admin.describe_configs(&ConfigResource::Topic(name.into())).await?;
    configs.retain(|config| all_configs || config.source == ConfigSource::Topic);
    Ok(Description { topic, earliest, latest, configs })
}

fn write(description: &Description, output: &mut Output) -> Result<()> {
    let Description { topic, earliest, latest, configs } = description;
    writeln!(output, "topic       {}", topic.name)?;
    writeln!(output, "id          {}", topic.id)?;
    let records = latest.iter().map(|(partition, latest)| {
        let earliest = earliest.get(partition).copied().unwrap_or_default();
        latest.get().saturating_sub(earliest.get())
    });
    let records: i64 = records.sum();
    let offsets = counted(records, "offset");
    writeln!(output, "partitions  {}, {offsets} in use", topic.partitions.len())?;
    for config in configs {
        let value = config.value.as_deref().unwrap_or("-");
        writeln!(output, "config      {}={value}", config.name)?;
    }
    writeln!(output)?;
    let mut table =
        Table::new(&["PARTITION", "LEADER", "EPOCH", "REPLICAS", "IN SYNC", "BEGINS", "ENDS"]);
    for partition in &topic.partitions {
        table.row(vec![
            partition.index.to_string(),
            or_dash(partition.leader),
            or_dash(partition.leader_epoch),
            join(&partition.replicas),
            join(&partition.in_sync_replicas),
            or_dash(earliest.get(&partition.index)),
            or_dash(latest.get(&partition.index)),
        ]);
    }
    Ok(table.write(output)?)
}

fn to_json(description: &Description) -> Value {
    let Description { topic, earliest, latest, configs } = description;
    let ids = |nodes: &[NodeId]| nodes.iter().map(|node| node.get()).collect::<Vec<_>>();
    let partitions = topic.partitions.iter().map(|partition| {
        json!({
            "index": partition.index.get(),
            "leader": partition.leader.map(NodeId::get),
            "leader_epoch": partition.leader_epoch.map(|epoch| epoch.get()),
            "replicas": ids(&partition.replicas),
            "in_sync_replicas": ids(&partition.in_sync_replicas),
            "offline_replicas": ids(&partition.offline_replicas),
            "earliest_offset": earliest.get(&partition.index).map(|offset| offset.get()),
            "latest_offset": latest.get(&partition.index).map(|offset| offset.get()),
        })
    });
    let configs = configs.iter().map(|config| (config.name.clone(), json!(config.value)));
    json!({
        "name": *topic.name,
        "id": topic.id.to_string(),
        "is_internal": topic.is_internal,
        "partitions": partitions.collect::<Vec<_>>(),
        "configs": configs.collect::<serde_json::Map<_, _>>(),
    })
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".into(), |value| value.to_string())
}

fn join(nodes: &[NodeId]) -> String {
    nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
