//! `pelton`: the broker and its tools in one binary.
//!
//! Exit codes: 0 done, 1 failed, 2 used wrongly; those of `start` and of the commands for its files
//! are [`pelton_broker::StartError`]'s.

mod allocator;
mod arguments;
mod base64;
mod bench;
mod client;
mod cluster;
mod consume;
mod data_dir;
mod escapes;
mod failure;
mod group;
mod journal;
mod json_record;
mod log;
mod logging;
mod output;
mod produce;
mod start;
mod topic;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A Kafka-compatible log broker, and tools that work with any Kafka broker.
///
///     pelton start
///     echo hello | pelton produce greetings
///     pelton consume greetings --exit-eof
#[derive(Parser)]
#[command(name = "pelton", version, propagate_version = true, verbatim_doc_comment)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Start(start::StartArgs),
    Topic(topic::TopicArgs),
    Group(group::GroupArgs),
    Produce(produce::ProduceArgs),
    Consume(consume::ConsumeArgs),
    Cluster(cluster::ClusterArgs),
    Log(log::LogArgs),
    Journal(journal::JournalArgs),
    Bench(Box<bench::BenchArgs>),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Start(args) => start::run(args),
        Command::Topic(args) => topic::run(args),
        Command::Group(args) => group::run(args),
        Command::Produce(args) => produce::run(args),
        Command::Consume(args) => consume::run(args),
        Command::Cluster(args) => cluster::run(args),
        Command::Log(args) => log::run(args),
        Command::Journal(args) => journal::run(args),
        Command::Bench(args) => bench::run(*args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

#[cfg(test)]
#[path = "main_test.rs"]
mod main_test;
