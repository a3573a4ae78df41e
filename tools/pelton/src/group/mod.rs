//! `pelton group`: look at consumer groups, move what they have committed, delete them.

mod delete;
mod describe;
mod lag;
mod list;
mod offsets;
mod plan;
mod seek;
mod selection;

use clap::{Args, Subcommand};
use pelton_client::Admin;

use crate::client::{ClientArgs, block_on};
use crate::failure::Result;

/// Show consumer groups, move what they have committed, and delete them.
///
///     pelton group describe billing
///     pelton group seek billing --topic orders --to beginning --execute
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct GroupArgs {
    #[command(subcommand)]
    command: GroupCommand,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Subcommand, Debug)]
enum GroupCommand {
    List(list::ListArgs),
    Describe(describe::DescribeArgs),
    Offsets(offsets::OffsetsArgs),
    Seek(seek::SeekArgs),
    Delete(delete::DeleteArgs),
}

pub fn run(args: GroupArgs) -> Result<()> {
    block_on(async {
        let admin = Admin::new(args.client.connect().await?);
        match args.command {
            GroupCommand::List(args) => list::run(&admin, args).await,
            GroupCommand::Describe(args) => describe::run(&admin, args).await,
            GroupCommand::Offsets(args) => offsets::run(&admin, args).await,
            GroupCommand::Seek(args) => seek::run(&admin, args).await,
            GroupCommand::Delete(args) => delete::run(&admin, args).await,
        }
    })
}
