//! `pelton group offsets`.

use std::io::Write;

use clap::Args;
use pelton_client::{Admin, TopicPartition};
use serde_json::Value;

use super::describe::{position_json, table};
use super::lag::positions;
use super::selection::{Selection, check_all_there, parse_selection};
use crate::failure::Result;
use crate::output::{stdout, write_json};

/// Show what a group has committed, or forget some of it. Forgets nothing, and exits with 1, if
/// nothing is committed for something that is named.
///
///     pelton group offsets billing
///     pelton group offsets billing --forget orders.old --execute
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct OffsetsArgs {
    /// The group's name.
    name: String,
    /// Forget what is committed for a topic, or some partitions, that no member reads.
    #[arg(long, value_name = "TOPIC[:P,...]", value_parser = parse_selection)]
    forget: Vec<Selection>,
    /// Really forget: without it, only what would be forgotten is shown.
    #[arg(long, requires = "forget")]
    execute: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub async fn run(admin: &Admin, args: OffsetsArgs) -> Result<()> {
    let mut positions = positions(admin, &args.name).await?;
    if !args.forget.is_empty() {
        let committed = positions.iter().map(|position| &position.of);
        let what = format!("group {} has committed nothing for", args.name);
        check_all_there(&args.forget, committed, &what)?;
        positions.retain(|position| args.forget.iter().any(|it| it.covers(&position.of)));
    }
    if args.json {
        write_json(&Value::Array(positions.iter().map(position_json).collect()))?;
    } else {
        let mut output = stdout();
        table(&positions).write(&mut output)?;
        output.flush()?;
    }
    if args.forget.is_empty() {
        return Ok(());
    }
    if !args.execute {
        eprintln!("nothing was forgotten; with --execute this would be");
        return Ok(());
    }
    let partitions: Vec<TopicPartition> = positions.into_iter().map(|it| it.of).collect();
    Ok(admin.delete_group_offsets(&args.name, &partitions).await?)
}
