//! `pelton topic create`.

use std::io::Write;

use clap::Args;
use pelton_client::{Admin, NewTopic};
use pelton_kafka::ErrorCode;
use serde_json::json;

use super::parse_assignment;
use crate::failure::Result;
use crate::output::{counted, stdout, write_json};

/// Create a topic.
///
///     pelton topic create orders --partitions 12 --config cleanup.policy=compact
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct CreateArgs {
    /// The topic's name.
    name: String,
    /// The broker's num.partitions if not given.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,
    /// The broker's default.replication.factor if not given.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(i16).range(1..))]
    replication_factor: Option<i16>,
    /// A topic config by Kafka's name, as often as needed.
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = parse_assignment)]
    config: Vec<(String, String)>,
    /// Be content with a topic of this name that is there already.
    #[arg(long)]
    if_not_exists: bool,
    /// Only check whether it could be created.
    #[arg(long)]
    dry_run: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub async fn run(admin: &Admin, args: CreateArgs) -> Result<()> {
    let topic = NewTopic {
        name: args.name.clone(),
        partitions: args.partitions,
        replication_factor: args.replication_factor,
        configs: args.config.into_iter().collect(),
    };
    let results = admin.create_topics(&[topic], args.dry_run).await?;
    let mut output = stdout();
    for result in results {
        let created = match result {
            Err(error)
                if args.if_not_exists && error.code() == Some(ErrorCode::TopicAlreadyExists) =>
            {
                continue;
            }
            result => result?,
        };
        if args.json {
            write_json(&json!({
                "name": created.name,
                "id": created.id.to_string(),
                "partitions": created.partitions,
                "replication_factor": created.replication_factor,
            }))?;
        } else {
            writeln!(
                output,
                "{} {}: {}, replication factor {}",
                if args.dry_run { "could create" } else { "created" },
                created.name,
                counted(created.partitions, "partition"),
                created.replication_factor
            )?;
        }
    }
    Ok(output.flush()?)
}
