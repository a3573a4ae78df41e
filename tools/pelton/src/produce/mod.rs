//! `pelton produce`: lines into records.

mod input;
mod progress;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};
use pelton_client::{Acks, Delivery, Producer, ProducerOptions, ProducerRecord};
use pelton_model::{PartitionIndex, TimestampMs};
use tokio::sync::mpsc;

use crate::arguments::{AcksArg, Codec};
use crate::client::{ClientArgs, block_on};
use crate::escapes::parse_separator;
use crate::failure::{Failure, Result};
use crate::json_record::{OwnedHeader, ReadRecord};
use crate::topic::parse_assignment;
use input::{Chunk, InputFormat, Source, read_sources};
use progress::Progress;

/// Chunks that were read and not yet sent; more wait in the file.
const CHUNKS_AHEAD: usize = 16;

/// Records whose result is not looked at yet. More than the producer's buffer holds of short ones,
/// so that looking never slows sending.
const UNCHECKED_MAX: usize = 200_000;

/// The first attempts, too, have no longer than `--retry-for`.
const RETRY_FOR_MIN: Duration = Duration::from_secs(1);

/// Send records, one a line, from stdin or from files.
///
///     printf 'k1:hello\nk2:world\n' | pelton produce greetings -K :
///     pelton produce events --json -z zstd events.jsonl
///     pelton produce logs -p 0 -H host=web1 /var/log/syslog
///
/// With --json a line is an object with any of key, value, headers ([{"name", "value"}]),
/// partition, timestamp (ms); key_base64 and value_base64 for bytes; what `consume --json` writes
/// can be read. Exits with 1 if any record was not acknowledged.
///
/// A record that cannot be read or taken (not JSON, larger than a request, of a partition that is
/// not there) ends the input: those before it are sent and counted, those behind it are not.
///
/// With --retry-for, at least 1, a record waits no longer than that until its topic is known and
/// there is room for it, nor, beyond --linger-ms, until it is acknowledged; by default 60 and 120 s.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct ProduceArgs {
    /// The topic's name.
    topic: String,
    /// Read from these instead of stdin; - is stdin.
    files: Vec<PathBuf>,
    /// What stands between key and value; without it, records have no key.
    #[arg(short = 'K', long, value_name = "SEPARATOR", value_parser = parse_separator_arg)]
    key_separator: Option<Separator>,
    /// What stands between records; \n, \t, \0, \xNN are understood.
    #[arg(short = 'D', long, value_name = "SEPARATOR", default_value = "\\n", value_parser = parse_separator_arg)]
    delimiter: Separator,
    /// The partition of all records; by default by key, or in turn.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,
    /// Compress batches.
    #[arg(short = 'z', long, value_name = "CODEC", default_value = "none")]
    compression: Codec,
    /// Who must have a record before it counts as sent.
    #[arg(long, default_value = "all")]
    acks: AcksArg,
    /// Have the broker drop what it gets twice; needs --acks all. The default with that.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    idempotent: Option<bool>,
    /// A header for all records, as often as needed.
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE", value_parser = parse_assignment)]
    headers: Vec<(String, String)>,
    /// Take an empty key or value for none: an empty value deletes the key.
    #[arg(short = 'Z', long)]
    null_if_empty: bool,
    /// Read JSON; see above.
    #[arg(long, conflicts_with_all = ["key_separator", "null_if_empty"])]
    json: bool,
    /// How long a batch waits for more records.
    #[arg(long, value_name = "MS", default_value_t = 5)]
    linger_ms: u64,
    /// A batch's size before compression, in bytes. One that is too large for the topic
    /// (max.message.bytes) is split.
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 10)]
    batch_bytes: usize,
    /// No progress and no summary.
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    client: ClientArgs,
}

/// Bytes between keys, values and records.
#[derive(Clone, Debug)]
struct Separator(Vec<u8>);

fn parse_separator_arg(text: &str) -> std::result::Result<Separator, String> {
    parse_separator(text).map(Separator)
}

pub fn run(args: ProduceArgs) -> Result<()> {
    let options = producer_options(&args)?;
    block_on(produce(args, options))
}

fn producer_options(args: &ProduceArgs) -> Result<ProducerOptions> {
    let acks = Acks::from(args.acks);
    let is_idempotent = args.idempotent.unwrap_or(acks == Acks::All);
    if is_idempotent && acks != Acks::All {
        return Err(Failure::Usage("--idempotent needs --acks all".into()));
    }
    let mut options = ProducerOptions {
        acks,
        is_idempotent,
        compression: args.compression.into(),
        batch_bytes: args.batch_bytes,
        linger: Duration::from_millis(args.linger_ms),
        ..ProducerOptions::default()
    };
    if let Some(retry_for) = args.client.retry_for() {
        let retry_for = retry_for.max(RETRY_FOR_MIN);
        options.block_max = retry_for;
        // Beyond the default, a linger time is refused as it is without this.
        options.delivery_timeout = retry_for + options.linger.min(options.delivery_timeout);
    }
    Ok(options)
}

async fn produce(args: ProduceArgs, options: ProducerOptions) -> Result<()> {
    let mut client = args.client.options();
    // As Kafka's own producers do; whether it works is the broker's decision.
    client.create_topics = true;
    let cluster = args.client.connect_with(client).await?;
    let mut sending = Sending {
        producer: Producer::new(cluster, options)?,
        headers: args
            .headers
            .iter()
            .map(|(name, value)| (name.clone().into_bytes(), Some(value.clone().into_bytes())))
            .collect(),
        partition: args.partition,
        topic: args.topic.clone(),
        unchecked: VecDeque::new(),
        failed: 0,
        first_error: None,
        progress: Progress::new(args.quiet),
    };

    let format = InputFormat {
        delimiter: args.delimiter.0,
        key_separator: args.key_separator.map(|separator| separator.0),
        null_if_empty: args.null_if_empty,
        json: args.json,
    };
    let sources = match args.files.is_empty() {
        true => vec![Source::Stdin],
        false => args.files.into_iter().map(Source::from).collect(),
    };
    let (chunks, mut arriving) = mpsc::channel(CHUNKS_AHEAD);
    tokio::task::spawn_blocking(move || read_sources(sources, &format, &chunks));
    let mut input = Ok(());
    while let Some(chunk) = arriving.recv().await {
        match chunk {
            Chunk::Records(records) => input = sending.send(&records).await,
            Chunk::Failed(reason) => input = Err(Failure::Failed(reason)),
        }
        if input.is_err() {
            break;
        }
    }
    // What was taken before a failure is sent all the same.
    match (sending.finish().await, input) {
        (Err(unsent), Err(failure)) => {
            unsent.report();
            Err(failure)
        }
        (sent, input) => sent.and(input),
    }
}

/// A producer, and what has become of the records so far.
struct Sending {
    producer: Producer,
    topic: String,
    partition: Option<i32>,
    headers: Vec<OwnedHeader>,
    unchecked: VecDeque<Delivery>,
    failed: u64,
    first_error: Option<pelton_client::Error>,
    progress: Progress,
}

impl Sending {
    async fn send(&mut self, records: &[ReadRecord]) -> Result<()> {
        for record in records {
            let headers = self.headers.iter().chain(&record.headers);
            let headers: Vec<_> =
                headers.map(|(name, value)| (name.as_slice(), value.as_deref())).collect();
            let delivery = self
                .producer
                .send(&ProducerRecord {
                    topic: &self.topic,
                    partition: self.partition.or(record.partition).map(PartitionIndex::new),
                    key: record.key.as_deref(),
                    value: record.value.as_deref(),
                    headers: &headers,
                    timestamp: record.timestamp.map(TimestampMs::new),
                })
                .await?;
            let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
            self.progress.count(length(&record.key) + length(&record.value));
            self.unchecked.push_back(delivery);
            if self.unchecked.len() > UNCHECKED_MAX {
                self.check_oldest().await;
            }
        }
        self.progress.show();
        Ok(())
    }

    async fn check_oldest(&mut self) {
        let Some(delivery) = self.unchecked.pop_front() else { return };
        if let Err(error) = delivery.wait().await {
            self.failed += 1;
            self.first_error.get_or_insert(error);
        }
    }

    async fn finish(mut self) -> Result<()> {
        // Its errors are those of the records, counted below.
        let _ = self.producer.flush().await;
        while !self.unchecked.is_empty() {
            self.check_oldest().await;
        }
        self.progress.summarise(self.failed);
        match self.first_error {
            None => Ok(()),
            Some(error) => Err(Failure::Failed(format!(
                "{} records were not sent; first: {error}",
                self.failed
            ))),
        }
    }
}

#[cfg(test)]
#[path = "produce_test.rs"]
mod produce_test;
