//! `pelton log verify`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use pelton_model::ShardId;
use pelton_storage::disk::{Access, Disk, PlainDisk};
use pelton_storage::inspect::{LogReport, inspect_journal, verify_logs};
use pelton_storage::{OpenError, shard_dirs};
use serde_json::json;

use crate::data_dir::{self, StoppedBroker};
use crate::failure::Result;
use crate::output::{stdout, write_json};

/// Read every byte of every segment and of the journals, and name what is damaged.
///
/// Chunks are held against the indexes, batches against their own checksums, offsets against one
/// another and against the state files. Nothing is changed. Exits with 6 if anything is damaged.
///
///     pelton log verify pelton-data --json | jq '.findings[]'
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct VerifyArgs {
    /// The data directory of a stopped broker.
    dir: PathBuf,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: VerifyArgs) -> Result<()> {
    let data = StoppedBroker::open(&args.dir)?;
    let disk = PlainDisk::disk(Access::ReadOnly);
    let (report, groups) = data_dir::run(verify(&disk, &data)).map_err(data_dir::unreadable)?;
    if args.json {
        write_json(&json!({
            "partitions": report.partitions,
            "segments": report.segments,
            "chunks": report.chunks,
            "unverified_chunks": report.unverified_chunks,
            "batches": report.batches,
            "bytes": report.bytes,
            "journal_groups": groups,
            "damaged": report.findings.damage_count,
            "findings": data_dir::findings_json(&report.findings),
        }))?;
        return data_dir::judge(&report.findings);
    }
    let mut output = stdout();
    for finding in &report.findings.listed {
        writeln!(output, "{}", data_dir::finding_line(finding))?;
    }
    writeln!(
        output,
        "{} partitions, {} segments, {} chunks, {} batches, {} bytes; {groups} journal groups",
        report.partitions, report.segments, report.chunks, report.batches, report.bytes
    )?;
    if report.unverified_chunks > 0 {
        let count = report.unverified_chunks;
        writeln!(output, "{count} chunks are unverified: a repair has made their checksums")?;
    }
    output.flush()?;
    data_dir::judge(&report.findings)
}

async fn verify(
    disk: &Disk,
    data: &StoppedBroker,
) -> std::result::Result<(LogReport, u64), OpenError> {
    let mut report = verify_logs(disk, &data.path).await?;
    let mut groups = 0;
    let shards: Vec<ShardId> = shard_dirs(disk, &data.path)
        .await
        .map_err(|error| OpenError::Io { path: data.path.clone(), error })?;
    for shard in shards {
        let journal = inspect_journal(disk, &data.path, shard, |_| {}).await?;
        groups += journal.groups;
        report.findings.merge(journal.findings);
    }
    Ok((report, groups))
}
