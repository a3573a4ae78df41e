//! Format strings, in the manner of kcat.

use std::io::{self, Write};

use pelton_client::{ConsumerRecord, Header};

use crate::escapes::take_escape;

/// A format string that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    Value,
    ValueBytes,
    Key,
    KeyBytes,
    Headers,
    Topic,
    Partition,
    Offset,
    Timestamp,
}

impl Format {
    pub fn parse(format: &str) -> Result<Format, String> {
        let mut pieces = Vec::new();
        let mut rest = format;
        while let Some(first) = rest.chars().next() {
            match first {
                '%' => {
                    let mut letters = rest[1..].chars();
                    pieces.push(match letters.next() {
                        Some('v' | 's') => Piece::Value,
                        Some('S') => Piece::ValueBytes,
                        Some('k') => Piece::Key,
                        Some('K') => Piece::KeyBytes,
                        Some('h') => Piece::Headers,
                        Some('t') => Piece::Topic,
                        Some('p') => Piece::Partition,
                        Some('o') => Piece::Offset,
                        Some('T') => Piece::Timestamp,
                        Some('%') => Piece::Text(b"%".to_vec()),
                        Some(other) => return Err(format!("no such field: %{other}")),
                        None => return Err("a % at the end; %% is a percent sign".into()),
                    });
                    rest = letters.as_str();
                }
                '\\' => {
                    let (byte, behind) = take_escape(rest)?;
                    push_text(&mut pieces, &[byte]);
                    rest = behind;
                }
                _ => {
                    let end = rest.find(['%', '\\']).unwrap_or(rest.len());
                    push_text(&mut pieces, &rest.as_bytes()[..end]);
                    rest = &rest[end..];
                }
            }
        }
        Ok(Format(pieces))
    }

    /// Null keys and values are written as nothing.
    pub fn write(&self, record: &ConsumerRecord, output: &mut impl Write) -> io::Result<()> {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => output.write_all(text)?,
                Piece::Value => output.write_all(record.value.as_deref().unwrap_or_default())?,
                Piece::ValueBytes => write_length(record.value.as_deref(), output)?,
                Piece::Key => output.write_all(record.key.as_deref().unwrap_or_default())?,
                Piece::KeyBytes => write_length(record.key.as_deref(), output)?,
                Piece::Headers => write_headers(&record.headers, output)?,
                Piece::Topic => output.write_all(record.topic.as_bytes())?,
                Piece::Partition => write!(output, "{}", record.partition)?,
                Piece::Offset => write!(output, "{}", record.offset)?,
                Piece::Timestamp => write!(output, "{}", record.timestamp)?,
            }
        }
        Ok(())
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &[u8]) {
    match pieces.last_mut() {
        Some(Piece::Text(before)) => before.extend_from_slice(text),
        _ => pieces.push(Piece::Text(text.to_vec())),
    }
}

fn write_length(bytes: Option<&[u8]>, output: &mut impl Write) -> io::Result<()> {
    match bytes {
        Some(bytes) => write!(output, "{}", bytes.len()),
        None => output.write_all(b"-1"),
    }
}

fn write_headers(headers: &[Header], output: &mut impl Write) -> io::Result<()> {
    for (number, header) in headers.iter().enumerate() {
        if number > 0 {
            output.write_all(b",")?;
        }
        output.write_all(&header.name)?;
        output.write_all(b"=")?;
        output.write_all(header.value.as_deref().unwrap_or_default())?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "format_test.rs"]
mod format_test;
