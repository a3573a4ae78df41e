//! `pelton journal`: what a stopped broker has acknowledged and not yet carried to segments.

mod dump;

use clap::{Args, Subcommand};

use crate::failure::Result;

/// Print and verify the journals of a stopped broker.
///
///     pelton journal dump pelton-data
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct JournalArgs {
    #[command(subcommand)]
    command: JournalCommand,
}

#[derive(Subcommand, Debug)]
enum JournalCommand {
    Dump(dump::DumpArgs),
}

pub fn run(args: JournalArgs) -> Result<()> {
    match args.command {
        JournalCommand::Dump(args) => dump::run(args),
    }
}
