//! `pelton group offsets`.

use std::collections::BTreeSet;
use std::io::Write;

use clap::Args;
use pelton_client::{Admin, TopicPartition};
use serde_json::Value;

use super::describe::{position_json, table};
use super::lag::positions;
use super::selection::{Selection, parse_selection};
use crate::failure::Result;
use crate::output::{stdout, write_json};

/// Show what a group has committed, or forget some of it.
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
        let mut chosen = BTreeSet::new();
        for selection in &args.forget {
            chosen.extend(selection.resolve(admin).await?);
        }
        positions.retain(|position| chosen.contains(&position.of));
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
