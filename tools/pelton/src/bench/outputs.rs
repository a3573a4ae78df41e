//! Files with the figures.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use pelton_bench::Outcome;
use pelton_bench::report::{to_json, write_hdr, write_html, write_table};

use crate::failure::{Failure, Result};
use crate::output::stdout;

#[derive(Args, Debug)]
pub struct OutputArgs {
    /// Write all figures as JSON; units are in the names.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    json: Option<PathBuf>,
    /// Write the latencies of each interval as an HdrHistogram log, in nanoseconds.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    hdr: Option<PathBuf>,
    /// Write a page with plots, which needs nothing else.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    html: Option<PathBuf>,
    /// No progress on the terminal.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

impl OutputArgs {
    /// Fails before the run if a file could not be written after it.
    pub fn open(&self) -> Result<OpenOutputs> {
        Ok(OpenOutputs {
            json: create(&self.json)?,
            hdr: create(&self.hdr)?,
            html: create(&self.html)?,
        })
    }
}

/// Files that are there, and can be written.
pub struct OpenOutputs {
    json: Option<(PathBuf, File)>,
    hdr: Option<(PathBuf, File)>,
    html: Option<(PathBuf, File)>,
}

impl OpenOutputs {
    /// The table on stdout, the rest to the files.
    pub fn write(self, outcome: &Outcome) -> Result<()> {
        let mut output = stdout();
        write_table(outcome, &mut output)?;
        output.flush()?;
        write_to(self.json, |file| {
            serde_json::to_writer_pretty(&mut *file, &to_json(outcome))?;
            writeln!(file)
        })?;
        write_to(self.hdr, |file| write_hdr(outcome, file))?;
        write_to(self.html, |file| write_html(outcome, file))
    }
}

/// What is in the file stays until there is something else: the run may fail.
pub(super) fn create(path: &Option<PathBuf>) -> Result<Option<(PathBuf, File)>> {
    let Some(path) = path else { return Ok(None) };
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    let file = opened.map_err(|error| failed(path, error))?;
    Ok(Some((path.clone(), file)))
}

pub(super) fn write_to(
    output: Option<(PathBuf, File)>,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<()> {
    let Some((path, file)) = output else { return Ok(()) };
    let written = || {
        // A terminal or a pipe has no length.
        if file.metadata()?.is_file() {
            file.set_len(0)?;
        }
        let mut file = BufWriter::new(file);
        write(&mut file)?;
        file.flush()
    };
    written().map_err(|error| failed(&path, error))
}

fn failed(path: &Path, error: io::Error) -> Failure {
    Failure::Failed(format!("{}: {error}", path.display()))
}

#[cfg(test)]
#[path = "outputs_test.rs"]
mod outputs_test;
