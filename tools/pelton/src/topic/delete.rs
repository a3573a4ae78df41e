//! `pelton topic delete`.

use std::io::Write;

use clap::Args;
use pelton_client::Admin;
use pelton_kafka::ErrorCode;

use crate::failure::{Failure, Result};
use crate::output::stdout;

/// Delete topics and everything in them.
///
///     pelton topic delete orders payments
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct DeleteArgs {
    /// The topics' names.
    #[arg(required = true)]
    names: Vec<String>,
    /// Be content with topics that are not there.
    #[arg(long)]
    if_exists: bool,
}

/// Deletes what can be deleted, and fails if anything could not.
pub async fn run(admin: &Admin, args: DeleteArgs) -> Result<()> {
    let results = admin.delete_topics(&args.names).await?;
    let mut output = stdout();
    let mut failures = Vec::new();
    for (name, result) in args.names.iter().zip(results) {
        match result {
            Ok(()) => writeln!(output, "deleted {name}")?,
            Err(error)
                if args.if_exists && error.code() == Some(ErrorCode::UnknownTopicOrPartition) => {}
            Err(error) => failures.push(error.to_string()),
        }
    }
    output.flush()?;
    if failures.is_empty() { Ok(()) } else { Err(Failure::Failed(failures.join("\n"))) }
}
