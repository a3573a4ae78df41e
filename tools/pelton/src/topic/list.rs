//! `pelton topic list`.

use std::io::Write;

use clap::Args;
use pelton_client::Admin;
use serde_json::{Value, json};

use crate::failure::Result;
use crate::output::{Table, stdout, write_json};

/// List the topics.
///
///     pelton topic list --json | jq -r '.[].name'
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct ListArgs {
    /// Also the brokers' own topics.
    #[arg(long)]
    internal: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub async fn run(admin: &Admin, args: ListArgs) -> Result<()> {
    let mut topics = admin.list_topics().await?;
    topics.retain(|topic| args.internal || !topic.is_internal);
    if args.json {
        let topics = topics.iter().map(|topic| {
            json!({
                "name": *topic.name,
                "id": topic.id.to_string(),
                "partitions": topic.partitions.len(),
                "is_internal": topic.is_internal,
            })
        });
        return Ok(write_json(&Value::Array(topics.collect()))?);
    }
    let mut table = Table::new(&["TOPIC", "PARTITIONS", "REPLICAS"]);
    for topic in topics {
        let replicas = topic.partitions.first().map_or(0, |partition| partition.replicas.len());
        let partitions = topic.partitions.len();
        table.row(vec![topic.name.to_string(), partitions.to_string(), replicas.to_string()]);
    }
    let mut output = stdout();
    table.write(&mut output)?;
    Ok(output.flush()?)
}
