//! `pelton group list`.

use std::io::Write;

use clap::Args;
use pelton_client::Admin;
use serde_json::{Value, json};

use crate::failure::Result;
use crate::output::{Table, stdout, write_json};

/// List the groups.
///
///     pelton group list --json | jq -r '.[] | select(.state == "Empty").group'
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct ListArgs {
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub async fn run(admin: &Admin, args: ListArgs) -> Result<()> {
    let groups = admin.list_groups().await?;
    if args.json {
        let groups = groups.iter().map(|group| {
            json!({
                "group": group.id,
                "type": group.kind,
                "protocol_type": group.protocol_type,
                "state": group.state,
            })
        });
        return Ok(write_json(&Value::Array(groups.collect()))?);
    }
    let mut table = Table::new(&["GROUP", "TYPE", "STATE"]);
    for group in groups {
        table.row(vec![group.id, group.kind, group.state]);
    }
    let mut output = stdout();
    table.write(&mut output)?;
    Ok(output.flush()?)
}
