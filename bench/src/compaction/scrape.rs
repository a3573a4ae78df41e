//! What a broker that serves Pelton's metrics tells of its compaction.

use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::error::{Error, Result};

const ANSWER_BYTES_MAX: u64 = 16 << 20;
const WITHIN: Duration = Duration::from_secs(10);

const MOVED: &str = "pelton_compaction_bytes_total";
const WRITTEN: &str = "pelton_compaction_written_bytes_total";

/// Since the broker started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CompactedBytes {
    /// By all passes: what is mapped and then rewritten is read twice.
    pub read: u64,
    pub written: u64,
}

impl CompactedBytes {
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            read: self.read.saturating_sub(before.read),
            written: self.written.saturating_sub(before.written),
        }
    }
}

/// Asks `http://address/metrics`.
pub(super) async fn compacted_bytes(address: &str) -> Result<CompactedBytes> {
    let text = tokio::time::timeout(WITHIN, get(address)).await;
    let text = text.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
    let text = text.map_err(Error::io(format!("metrics of {address}")))?;
    parse(&text).ok_or_else(|| Error::Invalid(format!("{address}/metrics tells no {MOVED}")))
}

async fn get(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut text = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut text).await?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn parse(text: &str) -> Option<CompactedBytes> {
    let value = |name: &str| {
        let sample = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok();
        text.lines().find_map(sample).map(|value: f64| value as u64)
    };
    let (moved, written) = (value(MOVED)?, value(WRITTEN)?);
    Some(CompactedBytes { read: moved.saturating_sub(written), written })
}

#[cfg(test)]
#[path = "scrape_test.rs"]
mod scrape_test;
