//! `pelton group delete`.

use std::io::Write;

use clap::Args;
use pelton_client::Admin;

use super::describe::look_up;
use crate::failure::{Failure, Result};
use crate::output::stdout;

/// Delete groups without members, with all that they have committed. Says what would be deleted;
/// deletes with --execute.
///
///     pelton group delete billing reports --execute
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct DeleteArgs {
    /// The groups' names.
    #[arg(required = true)]
    names: Vec<String>,
    /// Really delete.
    #[arg(long)]
    execute: bool,
}

/// Deletes what can be deleted, and fails if anything could not.
pub async fn run(admin: &Admin, args: DeleteArgs) -> Result<()> {
    let mut output = stdout();
    let mut failures = Vec::new();
    for name in &args.names {
        let outcome = match args.execute {
            true => admin.delete_group(name).await.map_err(|error| error.to_string()),
            false => would_delete(admin, name).await?,
        };
        match outcome {
            Ok(()) if args.execute => writeln!(output, "deleted {name}")?,
            Ok(()) => writeln!(output, "would delete {name}")?,
            Err(why) => failures.push(why),
        }
    }
    output.flush()?;
    if !args.execute {
        eprintln!("nothing was deleted; with --execute this would be");
    }
    if failures.is_empty() { Ok(()) } else { Err(Failure::Failed(failures.join("\n"))) }
}

async fn would_delete(admin: &Admin, name: &str) -> Result<std::result::Result<(), String>> {
    let Some(group) = look_up(admin, name).await? else {
        return Ok(Err(format!("there is no group {name}")));
    };
    Ok(match group.members.len() {
        0 => Ok(()),
        count => Err(format!("group {name} has {count} members: end them first")),
    })
}
