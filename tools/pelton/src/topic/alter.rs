//! `pelton topic alter`.

use std::collections::BTreeMap;
use std::io::Write;

use clap::Args;
use pelton_client::{Admin, ConfigChange, ConfigResource};

use super::parse_assignment;
use crate::failure::Result;
use crate::output::{counted, stdout};

/// Change a topic's configs, or raise its number of partitions.
///
///     pelton topic alter orders --partitions 24 --config retention.ms=3600000 --delete-config segment.bytes
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
#[group(skip)]
#[command(group = clap::ArgGroup::new("change")
    .args(["partitions", "config", "delete_config"]).required(true).multiple(true))]
pub struct AlterArgs {
    /// The topic's name.
    name: String,
    /// The new number of partitions, not less than the old one.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,
    /// A topic config to be set, as often as needed.
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = parse_assignment)]
    config: Vec<(String, String)>,
    /// A topic config to go back to its default, as often as needed.
    #[arg(long, value_name = "NAME")]
    delete_config: Vec<String>,
}

pub async fn run(admin: &Admin, args: AlterArgs) -> Result<()> {
    let set = args.config.into_iter().map(|(name, value)| (name, ConfigChange::Set(value)));
    let deleted = args.delete_config.into_iter().map(|name| (name, ConfigChange::Delete));
    let changes: BTreeMap<_, _> = set.chain(deleted).collect();
    let mut output = stdout();
    if !changes.is_empty() {
        let resource = ConfigResource::Topic(args.name.clone());
        admin.alter_configs(&resource, &changes, false).await?;
        let count = counted(changes.len() as i64, "config");
        writeln!(output, "changed {count} of {}", args.name)?;
    }
    if let Some(partitions) = args.partitions {
        admin.create_partitions(&args.name, partitions).await?;
        writeln!(output, "{} has {}", args.name, counted(partitions, "partition"))?;
    }
    Ok(output.flush()?)
}
