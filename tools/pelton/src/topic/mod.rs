//! `pelton topic`: create, look at, change and delete topics.

mod alter;
mod create;
mod delete;
mod describe;
mod list;

use clap::{Args, Subcommand};
use pelton_client::Admin;

use crate::client::{ClientArgs, block_on};
use crate::failure::Result;

/// Create, show, change and delete topics.
///
///     pelton topic create orders --partitions 12 --config retention.ms=86400000
///     pelton topic describe orders
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct TopicArgs {
    #[command(subcommand)]
    command: TopicCommand,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Subcommand, Debug)]
enum TopicCommand {
    Create(create::CreateArgs),
    List(list::ListArgs),
    Describe(describe::DescribeArgs),
    Alter(alter::AlterArgs),
    Delete(delete::DeleteArgs),
}

pub fn run(args: TopicArgs) -> Result<()> {
    block_on(async {
        let admin = Admin::new(args.client.connect().await?);
        match args.command {
            TopicCommand::Create(args) => create::run(&admin, args).await,
            TopicCommand::List(args) => list::run(&admin, args).await,
            TopicCommand::Describe(args) => describe::run(&admin, args).await,
            TopicCommand::Alter(args) => alter::run(&admin, args).await,
            TopicCommand::Delete(args) => delete::run(&admin, args).await,
        }
    })
}

/// Reads `name=value`; the value may be empty and may hold further equals signs.
pub fn parse_assignment(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("must have the form name=value".into()),
    }
}

#[cfg(test)]
#[path = "topic_test.rs"]
mod topic_test;
