//! `pelton bench`: what a broker can do, and what its disk can.

mod compaction;
mod disk;
mod groups;
mod load;
mod omb;
mod outputs;
mod preset;
mod progress;
mod quantity;

use clap::{Args, Subcommand};

use crate::failure::{Failure, Result};

/// Measure a broker, any that speaks Kafka's protocol, or the disk under it.
///
///     pelton bench produce --duration 30
///     pelton bench fetch --backlog 4GB
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct BenchArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Produce batches that are encoded beforehand.
    ///
    ///     pelton bench produce --duration 30
    ///     pelton bench produce --record-bytes 100 --connections 8 --in-flight 5 -z lz4
    ///     pelton bench produce --rate 450MB/s --html report.html --json report.json
    ///     pelton bench produce --partitions 1 --records 16 --pid $(pidof pelton)
    #[command(verbatim_doc_comment)]
    Produce(load::LoadArgs),
    /// Fill a topic and fetch it over and over; or fetch one that is there.
    ///
    ///     pelton bench fetch --backlog 4GB
    ///     pelton bench fetch --topic flights --consumers 4
    ///     pelton bench fetch --newcomers 64 --newcomers-at-once 64
    #[command(verbatim_doc_comment)]
    Fetch(load::LoadArgs),
    /// Produce and consume at once; latency is until a consumer has a batch.
    ///
    ///     pelton bench end-to-end --rate 50k --records 16
    #[command(verbatim_doc_comment)]
    EndToEnd(load::LoadArgs),
    /// Fill a topic, then see how long it takes to drain; with --rate, while producers go on.
    ///
    ///     pelton bench catch-up --backlog 8GB --rate 100MB/s
    ///
    /// It takes as long as that takes: --warm-up and --duration have no effect.
    #[command(verbatim_doc_comment)]
    CatchUp(load::LoadArgs),
    /// Produce batches of 16 records over 1,000 partitions.
    ///
    ///     pelton bench many-partitions --partitions 10000
    #[command(verbatim_doc_comment)]
    ManyPartitions(load::LoadArgs),
    /// Produce from 1,000 connections, one small batch in flight on each.
    ///
    ///     pelton bench many-connections --connections 5000 --rate 20k
    #[command(verbatim_doc_comment)]
    ManyConnections(load::LoadArgs),
    /// Produce records one by one: a request carries one.
    ///
    ///     pelton bench single-record --in-flight 64
    #[command(verbatim_doc_comment)]
    SingleRecord(load::LoadArgs),
    /// Have groups of consumers rebalance: all members join at once, then one more joins, one leaves,
    /// one dies. The time is until every member has its share.
    ///
    ///     pelton bench groups --members 1000 --partitions 1000 --pid $(pidof pelton)
    ///     pelton bench groups --protocol consumer --members 100
    ///
    /// Members hear of a change with their next heartbeat: every --heartbeat by the classic protocol,
    /// by the consumer protocol as often as the broker says (group.consumer.heartbeat.interval.ms).
    #[command(verbatim_doc_comment)]
    Groups(groups::GroupsArgs),
    /// Compact a topic while it is produced to: what the load notices of it, what compacting costs, and
    /// whether what is left is the newest record of each key and nothing else.
    ///
    ///     pelton bench compaction --pid $(pidof pelton) --metrics 127.0.0.1:9644
    ///     pelton bench compaction --records 1000000 --keys 100000 -z lz4 --rate 20MB/s
    ///
    /// The broker looks for something to compact every log.cleaner.backoff.ms: give it a short one.
    #[command(verbatim_doc_comment)]
    Compaction(compaction::CompactionArgs),
    /// Run a workload file of OpenMessaging Benchmark against the broker that a driver file names.
    ///
    ///     pelton bench omb 1-topic-16-partitions-1kb.yaml --driver kafka-throughput.yaml
    ///     pelton bench omb workload.yaml --driver kafka.yaml --replication-factor 1 -d 60
    ///
    /// What cannot be done is refused, and what is done differently is told.
    #[command(verbatim_doc_comment)]
    Omb(omb::OmbArgs),
    /// Measure the device under a directory, with no broker: writes with and without sync, reads,
    /// and how long it takes until 4 KiB are on stable storage.
    ///
    ///     pelton bench disk --dir /var/lib/pelton
    ///     pelton bench disk --only write-dsync,latency-dsync --seconds 10
    ///     pelton bench disk --rate 450MB/s --block 1MiB
    #[command(verbatim_doc_comment)]
    Disk(disk::DiskArgs),
}

pub fn run(args: BenchArgs) -> Result<()> {
    use preset::Preset;
    match args.command {
        Command::Produce(args) => load::run(args, Preset::PRODUCE),
        Command::Fetch(args) => load::run(args, Preset::FETCH),
        Command::EndToEnd(args) => load::run(args, Preset::END_TO_END),
        Command::CatchUp(args) => load::run(args, Preset::CATCH_UP),
        Command::ManyPartitions(args) => load::run(args, Preset::MANY_PARTITIONS),
        Command::ManyConnections(args) => load::run(args, Preset::MANY_CONNECTIONS),
        Command::SingleRecord(args) => load::run(args, Preset::SINGLE_RECORD),
        Command::Groups(args) => groups::run(args),
        Command::Compaction(args) => compaction::run(args),
        Command::Omb(args) => omb::run(args),
        Command::Disk(args) => disk::run(args),
    }
}

impl From<pelton_bench::Error> for Failure {
    fn from(error: pelton_bench::Error) -> Self {
        match error {
            pelton_bench::Error::Invalid(reason) => Failure::Usage(reason),
            pelton_bench::Error::Client(error) => error.into(),
            // As the shell tells of a program that SIGINT ended.
            pelton_bench::Error::Interrupted => Failure::Exit(130, "interrupted".into()),
            error => Failure::Failed(error.to_string()),
        }
    }
}
