//! `pelton log repair`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use pelton_storage::disk::{Access, PlainDisk};
use pelton_storage::inspect::{Mend, Repaired, repair};
use serde_json::{Value, json};

use crate::data_dir::{self, StoppedBroker};
use crate::failure::{Failure, Result};
use crate::output::{stdout, write_json};

/// Rebuild the indexes that are lost or damaged, from their logs.
///
/// The checksums that covered every byte are lost with an index. Those of the new one are made of
/// what the log holds now, and are marked unverified: of each batch's first 21 bytes (offset,
/// length, leader epoch) nothing vouches for what was written. A log that is damaged itself is
/// left as it is, and the command fails. So it does where a partition's newest index is lost and the
/// broker did not stop in order: start and stop it first, which does not need the index.
///
///     pelton log repair pelton-data --dry-run
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct RepairArgs {
    /// The data directory of a stopped broker.
    dir: PathBuf,
    /// Say what would be done, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: RepairArgs) -> Result<()> {
    let data = StoppedBroker::open(&args.dir)?;
    let access = if args.dry_run { Access::ReadOnly } else { Access::ReadWrite };
    let disk = PlainDisk::disk(access);
    let repaired = data_dir::run(repair(&disk, &data.path, args.dry_run));
    let repaired = repaired.map_err(data_dir::unreadable)?;
    match args.json {
        true => write_json(&Value::Array(repaired.mends.iter().map(mend_json).collect()))?,
        false => say(&repaired, args.dry_run)?,
    }
    match repaired.mends.iter().filter(|mend| mend.result.is_err()).count() {
        0 => Ok(()),
        count => Err(Failure::Exit(data_dir::DAMAGED, format!("{count} indexes are not rebuilt"))),
    }
}

fn mend_json(mend: &Mend) -> Value {
    json!({
        "index": mend.index,
        "partition": data_dir::partition_json(Some(mend.partition)),
        "why": mend.why,
        "unverified_chunks": mend.result.as_ref().ok(),
        "error": mend.result.as_ref().err().map(|why| why.to_string()),
    })
}

fn say(repaired: &Repaired, is_trial: bool) -> Result<()> {
    let mut output = stdout();
    let verb = if is_trial { "would be rebuilt" } else { "rebuilt" };
    for mend in &repaired.mends {
        let path = mend.index.display();
        match &mend.result {
            Ok(chunks) => writeln!(output, "{path}: {verb}, {chunks} chunks, unverified")?,
            Err(why) => writeln!(output, "{path}: not rebuilt, {why}")?,
        }
    }
    writeln!(output, "{} indexes are sound", repaired.sound)?;
    Ok(output.flush()?)
}
