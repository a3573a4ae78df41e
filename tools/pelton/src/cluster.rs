//! `pelton cluster`: what a cluster consists of.

use std::io::Write;

use clap::{Args, Subcommand};
use pelton_client::Admin;
use serde_json::json;

use crate::client::{ClientArgs, block_on};
use crate::failure::Result;
use crate::output::{Table, stdout, write_json};

/// Show the brokers of a cluster.
///
///     pelton cluster info --bootstrap log1.example:9092
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct ClusterArgs {
    #[command(subcommand)]
    command: ClusterCommand,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Subcommand, Debug)]
enum ClusterCommand {
    /// The cluster's id, its controller and its brokers.
    ///
    ///     pelton cluster info --json | jq -r '.brokers[].address'
    #[command(verbatim_doc_comment)]
    Info {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

pub fn run(args: ClusterArgs) -> Result<()> {
    let ClusterCommand::Info { json } = args.command;
    block_on(info(args.client, json))
}

async fn info(client: ClientArgs, json: bool) -> Result<()> {
    let admin = Admin::new(client.connect().await?);
    let cluster = admin.describe_cluster().await?;
    let topics = admin.list_topics().await?;
    let partition_count: usize = topics.iter().map(|topic| topic.partitions.len()).sum();
    if json {
        let brokers = cluster.brokers.iter().map(|broker| {
            json!({ "id": broker.id.get(), "address": *broker.address, "rack": broker.rack })
        });
        return Ok(write_json(&json!({
            "id": cluster.id,
            "controller": cluster.controller.map(|node| node.get()),
            "brokers": brokers.collect::<Vec<_>>(),
            "topics": topics.len(),
            "partitions": partition_count,
        }))?);
    }
    let mut output = stdout();
    writeln!(output, "cluster     {}", cluster.id)?;
    match cluster.controller {
        Some(node) => writeln!(output, "controller  {node}")?,
        None => writeln!(output, "controller  none")?,
    }
    writeln!(output, "topics      {}, {partition_count} partitions\n", topics.len())?;
    let mut brokers = Table::new(&["BROKER", "ADDRESS", "RACK"]);
    for broker in cluster.brokers {
        let rack = broker.rack.unwrap_or_else(|| "-".into());
        brokers.row(vec![broker.id.to_string(), broker.address.to_string(), rack]);
    }
    brokers.write(&mut output)?;
    Ok(output.flush()?)
}
