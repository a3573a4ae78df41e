//! `pelton log dump`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use pelton_model::batch::{BatchHeader, TimestampType};
use pelton_storage::disk::{Access, Disk, OpenMode, PlainDisk};
use pelton_storage::inspect::{SeenBatch, each_batch, is_unwritten};
use serde_json::{Value, json};

use crate::data_dir::{self, DAMAGED};
use crate::failure::{Failure, Result};
use crate::output::{Output, counted, stdout};

/// Print the record batches of log files, one a line.
///
/// Of a directory, all log files below it. Behind the last batch of a partition's last file there
/// may be room that was allocated, or batches that the broker had not counted in, or parts of one.
/// Exits with 6 if a batch does not match its own checksum, or another file has bytes that are no
/// batches. `pelton log verify` looks closer, and knows files that a crash has left over, which the
/// broker removes: what they hold is no damage.
///
///     pelton log dump pelton-data/topics --json | jq -c 'select(.producer_id >= 0)'
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct DumpArgs {
    /// `.log` files, or directories with some below them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// As JSON, one object a line.
    #[arg(long)]
    json: bool,
}

pub fn run(args: DumpArgs) -> Result<()> {
    let mut dump = Dump { output: stdout(), json: args.json, damaged: 0, files: 0 };
    for path in &args.paths {
        let path = data_dir::existing(path)?;
        // Of a whole data directory: with its broker running, files change under our eyes.
        let _data = match path.join("shard").is_dir() {
            true => Some(data_dir::StoppedBroker::open(&path)?),
            false => None,
        };
        let files_before = dump.files;
        let disk = PlainDisk::disk(Access::ReadOnly);
        data_dir::run(dump.all(&disk, &path))?;
        if dump.files == files_before {
            return Err(Failure::Failed(format!("{}: no log files", path.display())));
        }
    }
    dump.output.flush()?;
    match dump.damaged {
        0 => Ok(()),
        count => Err(Failure::Exit(DAMAGED, format!("damage in {}", counted(count, "place")))),
    }
}

struct Dump {
    output: Output,
    json: bool,
    /// Batches, and ends of files from where on there are none.
    damaged: i64,
    files: u64,
}

impl Dump {
    async fn all(&mut self, disk: &Disk, path: &Path) -> Result<()> {
        let mut left = vec![path.to_path_buf()];
        while let Some(next) = left.pop() {
            if next.is_dir() {
                let entries = disk.list_dir(&next).await.map_err(|error| failed(&next, error))?;
                let found = entries.iter().filter(|it| it.is_dir || it.name.ends_with(".log"));
                // The last is taken first.
                left.extend(found.rev().map(|entry| next.join(&entry.name)));
            } else {
                self.file(disk, &next).await?;
            }
        }
        Ok(())
    }

    async fn file(&mut self, disk: &Disk, path: &Path) -> Result<()> {
        let failed = |error| failed(path, error);
        let file = disk.open(path, OpenMode::default()).await.map_err(failed)?;
        let bytes = file.bytes().map_err(failed)?;
        self.files += 1;
        if !self.json {
            writeln!(self.output, "{}", path.display())?;
        }
        let mut said: Result<()> = Ok(());
        let walked = each_batch(&file, u64::MAX, |batch| {
            if said.is_ok() {
                said = self.batch(path, batch);
            }
        });
        let end = walked.await.map_err(failed)?;
        said?;
        if end == bytes {
            return Ok(());
        }
        let is_unwritten = is_unwritten(&file, end).await.map_err(failed)?;
        if !is_unwritten && !is_last(disk, path).await.map_err(failed)? {
            self.damaged += 1;
        }
        self.rest(path, end, bytes - end, is_unwritten)
    }

    /// What is behind the last batch of a file.
    fn rest(&mut self, path: &Path, at: u64, bytes: u64, is_unwritten: bool) -> Result<()> {
        match (self.json, is_unwritten) {
            (false, true) => {
                writeln!(self.output, "  at {at}: {bytes} bytes allocated and not written yet")?;
            }
            (false, false) => {
                writeln!(self.output, "  at {at}: {bytes} bytes that are no batches")?;
            }
            // A line is something that is there.
            (true, true) => {}
            (true, false) => {
                let rest =
                    json!({"path": path, "position": at, "bytes": bytes, "kind": "no batches"});
                writeln!(self.output, "{rest}")?;
            }
        }
        Ok(())
    }

    fn batch(&mut self, path: &Path, batch: &SeenBatch) -> Result<()> {
        self.damaged += i64::from(!batch.is_crc_right);
        match self.json {
            true => {
                serde_json::to_writer(&mut self.output, &batch_json(path, batch))
                    .map_err(std::io::Error::from)?;
                writeln!(self.output)?;
            }
            false => writeln!(self.output, "  {}", batch_line(batch))?,
        }
        Ok(())
    }
}

/// Whether no other file of its partition begins behind it: names are offsets of 20 digits.
async fn is_last(disk: &Disk, path: &Path) -> std::io::Result<bool> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(true) };
    let entries = disk.list_dir(folder).await?;
    let mut logs = entries.iter().filter(|it| it.name.ends_with(".log"));
    Ok(!logs.any(|it| *it.name > *name.to_string_lossy()))
}

fn failed(path: &Path, error: std::io::Error) -> Failure {
    Failure::Failed(format!("{}: {error}", path.display()))
}

fn codec(header: &BatchHeader) -> String {
    match header.compression() {
        Ok(codec) => format!("{codec:?}").to_lowercase(),
        Err(_) => "unknown codec".into(),
    }
}

fn kind(header: &BatchHeader) -> &'static str {
    match (header.is_control(), header.is_transactional()) {
        (true, _) => "control",
        (false, true) => "transactional",
        (false, false) => "plain",
    }
}

fn batch_line(batch: &SeenBatch) -> String {
    let header = &batch.header;
    let producer = match header.has_producer() {
        true => format!(
            "  producer {} epoch {} sequence {}",
            header.producer_id, header.producer_epoch, header.base_sequence
        ),
        false => String::new(),
    };
    format!(
        "offsets {}..{}  at {}  {} bytes  {} records  {}  {}  epoch {}  time {}..{}{producer}  {}",
        header.base_offset,
        header.next_offset(),
        batch.position,
        header.total_bytes(),
        header.record_count,
        codec(header),
        kind(header),
        header.leader_epoch,
        header.base_timestamp,
        header.max_timestamp,
        if batch.is_crc_right { "crc ok" } else { "CRC WRONG" },
    )
}

fn batch_json(path: &Path, batch: &SeenBatch) -> Value {
    let header = &batch.header;
    json!({
        "path": path,
        "position": batch.position,
        "bytes": header.total_bytes(),
        "base_offset": header.base_offset.get(),
        "last_offset": header.last_offset().get(),
        "records": header.record_count,
        "codec": codec(header),
        "kind": kind(header),
        "leader_epoch": header.leader_epoch.get(),
        "timestamp_type": match header.timestamp_type() {
            TimestampType::CreateTime => "CreateTime",
            TimestampType::LogAppendTime => "LogAppendTime",
        },
        "base_timestamp": header.base_timestamp.get(),
        "max_timestamp": header.max_timestamp.get(),
        "producer_id": header.producer_id.get(),
        "producer_epoch": header.producer_epoch.get(),
        "base_sequence": header.base_sequence,
        "crc": header.crc,
        "is_crc_right": batch.is_crc_right,
    })
}
