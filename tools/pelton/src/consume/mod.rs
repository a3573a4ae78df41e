//! `pelton consume`: records into lines.

mod format;
mod group;
pub mod start_at;

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use clap::Args;
use pelton_client::{
    Cluster, Consumer, ConsumerRecord, Event, OffsetAt, Partitions, StartAt, TopicPartition,
    list_offsets,
};
use pelton_model::{Offset, PartitionIndex};

use crate::client::{ClientArgs, block_on};
use crate::escapes::unescape;
use crate::failure::Result;
use crate::json_record::WrittenRecord;
use crate::output::{Output, stdout};
use format::Format;
use group::{GroupArgs, Stop};
use start_at::parse_start_at;

/// How long to wait for the last commit, and for leaving the group.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Read records of a topic, by oneself or in a consumer group, and write them to stdout.
///
///     pelton consume orders -e                       all there is, then exit
///     pelton consume orders -o end -K ' => '         what is new from now on, with keys
///     pelton consume orders -p 0 -o -10 -e --json    the last ten of partition 0
///     pelton consume orders -f '%p/%o %T %k=%v\n'    in a form of one's own
///     pelton consume orders -g billing -e            what the group has not read yet
///     pelton consume orders -g billing --group-protocol consumer
///                                                    the same, divided by the broker (KIP-848)
///
/// In a format: %v value, %k key, %h headers (name=value,...), %t topic, %p partition, %o offset,
/// %T timestamp (ms), %S and %K the lengths of value and key (-1: null), %% a percent sign, and
/// \n \r \t \0 \\ \xNN.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct ConsumeArgs {
    /// The topic's name.
    topic: String,
    /// Only this partition, as often as needed.
    #[arg(short, long = "partition", value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    partitions: Vec<i32>,
    /// Where to begin: beginning, end, an offset (the end where it is beyond that), -N for N before
    /// the end of each partition, or @MS for the first record of that time (ms since 1970).
    #[arg(short, long, value_name = "OFFSET", default_value = "beginning", allow_hyphen_values = true, value_parser = parse_start_at)]
    offset: StartAt,
    /// Exit after this many records.
    #[arg(short, long, value_name = "N")]
    count: Option<u64>,
    /// Exit at the end of all partitions; in a group, of all that it gave to us.
    #[arg(short = 'e', long)]
    exit_eof: bool,
    /// How to write a record; see above.
    #[arg(short, long, conflicts_with_all = ["json", "key_separator", "delimiter"], value_parser = Format::parse)]
    format: Option<Format>,
    /// Write JSON, one object a line, which `produce --json` can read.
    #[arg(long, conflicts_with_all = ["key_separator", "delimiter"])]
    json: bool,
    /// Write keys too, with this between key and value.
    #[arg(short = 'K', long, value_name = "SEPARATOR", value_parser = parse_text)]
    key_separator: Option<Text>,
    /// What to write after a record.
    #[arg(short = 'D', long, value_name = "SEPARATOR", default_value = "\\n", value_parser = parse_text)]
    delimiter: Text,
    #[command(flatten)]
    group: GroupArgs,
    #[command(flatten)]
    client: ClientArgs,
}

/// Bytes that were written with escapes.
#[derive(Clone, Debug)]
struct Text(Vec<u8>);

fn parse_text(text: &str) -> std::result::Result<Text, String> {
    unescape(text).map(Text)
}

/// How a record becomes bytes.
enum Writer {
    Plain { key_separator: Option<Vec<u8>>, delimiter: Vec<u8> },
    Format(Format),
    Json,
}

pub fn run(args: ConsumeArgs) -> Result<()> {
    block_on(consume(args))
}

async fn consume(args: ConsumeArgs) -> Result<()> {
    if args.count == Some(0) {
        return Ok(());
    }
    let options = args.group.options(args.offset)?;
    let cluster = args.client.connect().await?;
    // A topic that is not there is told at once rather than waited for.
    cluster.refresh(&args.topic).await?;
    let consumer = Consumer::new(cluster.clone(), options)?;
    if args.group.group.is_some() {
        consumer.subscribe(&[&args.topic])?;
        let written = write_records(&consumer, args).await;
        // Also after a failure: the others need not wait until the session has timed out.
        let left = consumer.close(CLOSE_TIMEOUT).await;
        written?;
        return Ok(left?);
    }
    let partitions = match args.partitions.is_empty() {
        true => Partitions::All,
        false => {
            Partitions::Only(args.partitions.iter().copied().map(PartitionIndex::new).collect())
        }
    };
    consumer.assign(&args.topic, &partitions, args.offset).await?;
    if let StartAt::Offset(offset) = args.offset {
        begin_no_later_than_the_end(&cluster, &consumer, &args.topic, offset).await?;
    }
    write_records(&consumer, args).await
}

/// What begins beyond the end of its partition begins at the end, as with kcat, and it is said: the
/// beginning, where a consumer goes on from an offset that there is not, would be a surprise.
async fn begin_no_later_than_the_end(
    cluster: &Cluster,
    consumer: &Consumer,
    topic: &str,
    offset: Offset,
) -> Result<()> {
    let assigned = consumer.assignment();
    let partitions: Vec<PartitionIndex> = assigned.iter().map(|of| of.partition).collect();
    let ends = list_offsets(cluster, topic, &partitions, OffsetAt::Latest).await?;
    for of in assigned {
        let Some(end) = ends.get(&of.partition).filter(|end| **end < offset) else { continue };
        eprintln!("pelton: {of} ends at offset {end}, {offset} is beyond it: beginning at the end");
        consumer.seek(&[of], StartAt::End)?;
    }
    Ok(())
}

/// Until there is enough, or until it is told to stop. What was written are whole records.
async fn write_records(consumer: &Consumer, args: ConsumeArgs) -> Result<()> {
    let mut stop = Stop::watch()?;
    let is_member = args.group.group.is_some();
    let writer = match args.format {
        Some(format) => Writer::Format(format),
        None if args.json => Writer::Json,
        None => Writer::Plain {
            key_separator: args.key_separator.map(|text| text.0),
            delimiter: args.delimiter.0,
        },
    };

    let mut output = stdout();
    let mut written = 0_u64;
    let mut at_end = BTreeSet::new();
    loop {
        // A member looks after each record whether it is to stop.
        let ready = if is_member { None } else { consumer.next_ready() };
        let event = match ready {
            Some(event) => event?,
            None => {
                // Whoever reads us sees everything that there is before we wait for more.
                output.flush()?;
                tokio::select! {
                    event = consumer.next() => event?,
                    () = stop.told() => break,
                }
            }
        };
        match event {
            Event::Record(record) => {
                at_end.remove(&record.partition);
                let mut is_out = writer.write(&record, &mut output);
                if is_member {
                    // Who asks for the next record, or closes, says that it is done with this one,
                    // and the group may commit that: it has to be out.
                    is_out = is_out.and_then(|()| Ok(output.flush()?));
                    if is_out.is_err() {
                        put_back(consumer, &record);
                    }
                }
                is_out?;
                written += 1;
                if args.count == Some(written) {
                    break;
                }
            }
            Event::EndOfPartition { partition, .. } => {
                at_end.insert(partition);
                // A group may have taken some back, or all.
                let assigned = consumer.assignment().into_iter().map(|of| of.partition);
                let assigned: BTreeSet<_> = assigned.collect();
                at_end.retain(|partition| assigned.contains(partition));
                if args.exit_eof && !assigned.is_empty() && at_end == assigned {
                    break;
                }
            }
        }
    }
    Ok(output.flush()?)
}

/// The group goes on with this record.
fn put_back(consumer: &Consumer, record: &ConsumerRecord) {
    let of = TopicPartition { topic: record.topic.clone(), partition: record.partition };
    // It fails for a partition that is the group's again. Then its commit is not ours either.
    let _ = consumer.seek(&[of], StartAt::Offset(record.offset));
}

impl Writer {
    fn write(&self, record: &ConsumerRecord, output: &mut Output) -> Result<()> {
        match self {
            Writer::Plain { key_separator, delimiter } => {
                if let Some(separator) = key_separator {
                    output.write_all(record.key.as_deref().unwrap_or_default())?;
                    output.write_all(separator)?;
                }
                output.write_all(record.value.as_deref().unwrap_or_default())?;
                output.write_all(delimiter)?;
            }
            Writer::Format(format) => format.write(record, output)?,
            Writer::Json => {
                serde_json::to_writer(&mut *output, &WrittenRecord::from(record))
                    .map_err(std::io::Error::from)?;
                output.write_all(b"\n")?;
            }
        }
        Ok(())
    }
}
