//! `pelton journal dump`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use pelton_model::batch::BatchHeader;
use pelton_model::{PartitionId, ShardId};
use pelton_storage::disk::{Access, Disk, PlainDisk};
use pelton_storage::inspect::{Findings, JournalReport, SeenGroup, inspect_journal};
use pelton_storage::journal::Entry;
use pelton_storage::shard_dirs;
use serde_json::{Value, json};

use crate::data_dir::{self, StoppedBroker};
use crate::failure::{Failure, Result};
use crate::output::{Output, stdout};

/// Print the groups of all journals and their entries, and verify that a start would take them.
///
/// *needed*: the next start replays it. *contained*: the state file has it already. *stale*: left
/// from an earlier round through the ring. Exits with 6 if groups that were durable are damaged.
///
///     pelton journal dump pelton-data --json | jq -c 'select(.standing == "needed") | .entries[]'
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct DumpArgs {
    /// The data directory of a stopped broker.
    dir: PathBuf,
    /// Only this shard's journal.
    #[arg(long)]
    shard: Option<u16>,
    /// Also the stale groups.
    #[arg(long)]
    stale: bool,
    /// As JSON, one object a line.
    #[arg(long)]
    json: bool,
}

pub fn run(args: DumpArgs) -> Result<()> {
    let data = StoppedBroker::open(&args.dir)?;
    let disk = PlainDisk::disk(Access::ReadOnly);
    data_dir::run(dump(&disk, &data, &args))
}

async fn dump(disk: &Disk, data: &StoppedBroker, args: &DumpArgs) -> Result<()> {
    let shards = shard_dirs(disk, &data.path)
        .await
        .map_err(|error| Failure::Failed(format!("{}: {error}", data.path.display())))?;
    let wanted: Vec<ShardId> =
        shards.into_iter().filter(|it| args.shard.is_none_or(|shard| shard == it.get())).collect();
    if wanted.is_empty() {
        return Err(Failure::Failed("there is no such shard".into()));
    }
    let mut output = stdout();
    let mut findings = Findings::default();
    for shard in wanted {
        let mut said = Ok(());
        let report = inspect_journal(disk, &data.path, shard, |group| {
            if said.is_ok() && (args.stale || !group.is_stale) {
                said = match args.json {
                    true => write_json_line(&mut output, &group_json(group)),
                    false => write_group(&mut output, group),
                };
            }
        })
        .await
        .map_err(data_dir::unreadable)?;
        said?;
        if !args.json {
            write_summary(&mut output, shard, &report)?;
        }
        findings.merge(report.findings);
    }
    for finding in &findings.listed {
        match args.json {
            true => eprintln!("{}", data_dir::finding_line(finding)),
            false => writeln!(output, "{}", data_dir::finding_line(finding))?,
        }
    }
    output.flush()?;
    data_dir::judge(&findings)
}

fn write_json_line(output: &mut Output, value: &Value) -> Result<()> {
    serde_json::to_writer(&mut *output, value).map_err(std::io::Error::from)?;
    Ok(writeln!(output)?)
}

fn write_summary(output: &mut Output, shard: ShardId, report: &JournalReport) -> Result<()> {
    let ended = if report.is_clean { "clean" } else { "not clean" };
    Ok(writeln!(
        output,
        "shard {shard}: incarnation {}, the last stop was {ended}; {} files, {} groups, {} needed, \
         from group {} on",
        report.incarnation, report.files, report.groups, report.needed_groups, report.tail
    )?)
}

fn standing(group: &SeenGroup) -> &'static str {
    match (group.is_needed, group.is_stale) {
        (true, _) => "needed",
        (_, true) => "stale",
        (false, false) => "contained",
    }
}

fn write_group(output: &mut Output, group: &SeenGroup) -> Result<()> {
    let header = &group.header;
    let file = group.path.file_name().unwrap_or_default().to_string_lossy();
    writeln!(
        output,
        "{file} at {}  group {}  incarnation {}  {} entries  {} bytes  horizon {}  tail {}  {}",
        group.position,
        header.sequence,
        header.incarnation,
        header.entry_count,
        header.body_bytes,
        header.horizon,
        header.tail,
        standing(group),
    )?;
    for (partition, entry) in &group.entries {
        writeln!(output, "  {partition}  {}", entry_text(entry))?;
    }
    Ok(())
}

fn entry_text(entry: &Entry) -> String {
    match entry {
        Entry::Append { base_offset, epoch, batch } => {
            let count = BatchHeader::read(batch).map_or(0, |header| header.record_count);
            format!("append {base_offset}  {count} records  {} bytes  epoch {epoch}", batch.len())
        }
        Entry::Extent(extent) => format!(
            "extent {}..{} of segment {}  to offset {}  {} chunks",
            extent.position,
            extent.end_position(),
            extent.segment,
            extent.end,
            extent.chunks.len()
        ),
        Entry::Truncate { end, carried } => format!("cut at {end}, segments at {carried}"),
        Entry::LogStart { start } => format!("log start {start}"),
        Entry::Roll { base } => format!("roll at {base}"),
        Entry::Drop => "drop".into(),
        Entry::Place { epoch, start } => format!("place  epoch {epoch} from {start}"),
    }
}

fn group_json(group: &SeenGroup) -> Value {
    let header = &group.header;
    json!({
        "path": group.path,
        "position": group.position,
        "shard": header.shard.get(),
        "sequence": header.sequence,
        "incarnation": header.incarnation,
        "horizon": header.horizon,
        "tail": header.tail,
        "body_bytes": header.body_bytes,
        "standing": standing(group),
        "entries": group.entries.iter().map(entry_json).collect::<Vec<_>>(),
    })
}

fn entry_json((partition, entry): &(PartitionId, Entry)) -> Value {
    let mut value = match entry {
        Entry::Append { base_offset, epoch, batch } => json!({
            "kind": "append",
            "base_offset": base_offset.get(),
            "leader_epoch": epoch.get(),
            "records": BatchHeader::read(batch).map_or(0, |header| header.record_count),
            "bytes": batch.len(),
        }),
        Entry::Extent(extent) => json!({
            "kind": "extent",
            "segment": extent.segment.get(),
            "position": extent.position,
            "bytes": extent.length,
            "end": extent.end.get(),
            "chunks": extent.chunks.len(),
        }),
        Entry::Truncate { end, carried } => {
            json!({ "kind": "truncate", "end": end.get(), "carried": carried.get() })
        }
        Entry::LogStart { start } => json!({ "kind": "log_start", "start": start.get() }),
        Entry::Roll { base } => json!({ "kind": "roll", "base": base.get() }),
        Entry::Drop => json!({ "kind": "drop" }),
        Entry::Place { epoch, start } => {
            json!({ "kind": "place", "leader_epoch": epoch.get(), "start": start.get() })
        }
    };
    value["partition"] = data_dir::partition_json(Some(*partition));
    value
}
