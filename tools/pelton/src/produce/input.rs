//! Files and stdin into records, on a thread of its own: reading them blocks.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;

use tokio::sync::mpsc;

use crate::json_record::ReadRecord;

/// Records handed over together.
const CHUNK_RECORDS: usize = 1024;
/// Or so many bytes of input, and what the last record has beyond them: what waits in memory must
/// not depend on how long records are.
const CHUNK_BYTES: usize = 1 << 20;
/// Bytes read at once.
const READ_BYTES: usize = 256 << 10;
/// A longer record is refused before it has filled the memory: no broker takes one.
const RECORD_BYTES_MAX: usize = 256 << 20;

/// How the input is to be understood.
pub struct InputFormat {
    /// Not empty.
    pub delimiter: Vec<u8>,
    pub key_separator: Option<Vec<u8>>,
    pub null_if_empty: bool,
    pub json: bool,
}

pub enum Source {
    Stdin,
    File(PathBuf),
}

/// What the reading thread hands over.
pub enum Chunk {
    Records(Vec<ReadRecord>),
    /// Nothing comes after this.
    Failed(String),
}

impl From<PathBuf> for Source {
    fn from(path: PathBuf) -> Self {
        if path.as_os_str() == "-" { Source::Stdin } else { Source::File(path) }
    }
}

/// Reads all sources one after the other, until nobody takes the chunks any more.
pub fn read_sources(sources: Vec<Source>, format: &InputFormat, chunks: &mpsc::Sender<Chunk>) {
    for source in sources {
        let (name, result) = match source {
            Source::Stdin => ("stdin".into(), read_records(io::stdin().lock(), format, chunks)),
            Source::File(path) => {
                let result = File::open(&path).map_err(|error| error.to_string());
                let result = result.and_then(|file| read_records(file, format, chunks));
                (path.display().to_string(), result)
            }
        };
        if let Err(reason) = result {
            // Nobody may be there to hear it.
            let _ = chunks.blocking_send(Chunk::Failed(format!("{name}: {reason}")));
            return;
        }
    }
}

fn read_records(
    from: impl Read,
    format: &InputFormat,
    chunks: &mpsc::Sender<Chunk>,
) -> Result<(), String> {
    let mut reader = BufReader::with_capacity(READ_BYTES, from);
    let mut records = Vec::new();
    let mut bytes = 0;
    let mut line = Vec::new();
    let mut number = 0_u64;
    let mut result = Ok(());
    loop {
        line.clear();
        match read_until(&mut reader, &format.delimiter, &mut line) {
            Ok(true) => number += 1,
            Ok(false) => break,
            Err(error) => {
                result = Err(error.to_string());
                break;
            }
        }
        match format.parse(&line) {
            Ok(record) => records.extend(record),
            Err(reason) => {
                result = Err(format!("record {number}: {reason}"));
                break;
            }
        }
        bytes += line.len();
        let is_full = records.len() >= CHUNK_RECORDS || bytes >= CHUNK_BYTES;
        // Someone who types sees each line sent at once; a file goes in large steps.
        if is_full || reader.buffer().is_empty() {
            let records = std::mem::take(&mut records);
            bytes = 0;
            if chunks.blocking_send(Chunk::Records(records)).is_err() {
                return Ok(());
            }
        }
    }
    if !records.is_empty() && chunks.blocking_send(Chunk::Records(records)).is_err() {
        return Ok(());
    }
    result
}

/// Reads up to and without the delimiter; false at the end. What follows the last delimiter is a
/// record, unless it is nothing.
fn read_until(from: &mut impl BufRead, delimiter: &[u8], line: &mut Vec<u8>) -> io::Result<bool> {
    let Some(&last) = delimiter.last() else { return Ok(false) };
    loop {
        let room = (RECORD_BYTES_MAX - line.len().min(RECORD_BYTES_MAX)) as u64;
        let read = from.by_ref().take(room).read_until(last, line)?;
        if line.ends_with(delimiter) {
            line.truncate(line.len() - delimiter.len());
            return Ok(true);
        }
        if line.len() >= RECORD_BYTES_MAX {
            return Err(io::Error::other("a record is too long"));
        }
        if read == 0 || line.last() != Some(&last) {
            return Ok(!line.is_empty());
        }
    }
}

impl InputFormat {
    /// None for a line that stands for nothing: an empty one in JSON.
    fn parse(&self, line: &[u8]) -> Result<Option<ReadRecord>, String> {
        if self.json {
            let is_blank = line.iter().all(u8::is_ascii_whitespace);
            return if is_blank { Ok(None) } else { ReadRecord::parse(line).map(Some) };
        }
        let (key, value) = match &self.key_separator {
            None => (None, line),
            Some(separator) => match find(line, separator) {
                Some(at) => (Some(&line[..at]), &line[at + separator.len()..]),
                None => (None, line),
            },
        };
        let kept =
            |bytes: &[u8]| (!(self.null_if_empty && bytes.is_empty())).then(|| bytes.to_vec());
        Ok(Some(ReadRecord {
            key: key.and_then(kept),
            value: kept(value),
            ..ReadRecord::default()
        }))
    }
}

fn find(text: &[u8], separator: &[u8]) -> Option<usize> {
    text.windows(separator.len()).position(|window| window == separator)
}

#[cfg(test)]
#[path = "input_test.rs"]
mod input_test;
