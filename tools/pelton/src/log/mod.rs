//! `pelton log`: the segments of a stopped broker.

mod dump;
mod repair;
mod verify;

use clap::{Args, Subcommand};

use crate::failure::Result;

/// Print, verify and repair the log files of a stopped broker.
///
///     pelton log verify pelton-data
///     pelton log dump pelton-data/topics/*/0/00000000000000000000.log
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct LogArgs {
    #[command(subcommand)]
    command: LogCommand,
}

#[derive(Subcommand, Debug)]
enum LogCommand {
    Dump(dump::DumpArgs),
    Verify(verify::VerifyArgs),
    Repair(repair::RepairArgs),
}

pub fn run(args: LogArgs) -> Result<()> {
    match args.command {
        LogCommand::Dump(args) => dump::run(args),
        LogCommand::Verify(args) => verify::run(args),
        LogCommand::Repair(args) => repair::run(args),
    }
}
