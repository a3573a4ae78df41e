//! `pelton group seek`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use clap::Args;
use pelton_client::{Admin, Committed, OffsetAt, StartAt, TopicPartition};
use serde_json::{Value, json};

use super::describe::look_up;
use super::lag::places;
use super::plan::{Move, Place, Target, plan};
use super::selection::{Selection, check_all_there, parse_selection};
use crate::consume::start_at::parse_start_at;
use crate::failure::{Failure, Result};
use crate::output::{Table, stdout, write_json};

/// Move what a group without members has committed, so that it goes on elsewhere. Shows the moves;
/// makes them with --execute. No move leaves what a partition holds. Moves nothing, and exits with
/// 1, if a partition that is named is not there, or nothing is committed that --shift could move.
///
///     pelton group seek billing --to beginning
///     pelton group seek billing --topic orders:0,3 --to @1700000000000 --execute
///     pelton group seek billing --shift -100 --execute
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
#[group(skip)]
#[command(group = clap::ArgGroup::new("target").args(["to", "shift"]).required(true))]
pub struct SeekArgs {
    /// The group's name.
    name: String,
    /// A topic, or some of its partitions; all that the group has committed if none is given.
    #[arg(short, long, value_name = "TOPIC[:P,...]", value_parser = parse_selection)]
    topic: Vec<Selection>,
    /// beginning, end, an offset, -N (N before the end), or @MS (the first record at or after it).
    #[arg(long, value_parser = parse_start_at, allow_hyphen_values = true)]
    to: Option<StartAt>,
    /// So many records on from what is committed, or back if negative.
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    shift: Option<i64>,
    /// Make the moves.
    #[arg(long)]
    execute: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub async fn run(admin: &Admin, args: SeekArgs) -> Result<()> {
    let target = match (args.to, args.shift) {
        (Some(start), _) => Target::At(start),
        (None, Some(count)) => Target::Shift(count),
        (None, None) => return Err(Failure::Usage("--to or --shift".into())),
    };
    let members = look_up(admin, &args.name).await?.map_or(0, |group| group.members.len());
    if members > 0 {
        let name = &args.name;
        let why =
            format!("group {name} has {members} members, who would go on as before: end them");
        return Err(Failure::Failed(why));
    }
    let moves = moves(admin, &args, target).await?;
    show(&moves, args.json)?;
    if !args.execute {
        eprintln!("nothing was moved; with --execute this would be");
        return Ok(());
    }
    let offsets: BTreeMap<TopicPartition, Committed> =
        moves.into_iter().map(|it| (it.of, it.to.into())).collect();
    Ok(admin.alter_group_offsets(&args.name, &offsets).await?)
}

/// At least one. A failure if something was asked for that cannot be moved.
async fn moves(admin: &Admin, args: &SeekArgs, target: Target) -> Result<Vec<Move>> {
    let committed = admin.group_offsets(&args.name).await?;
    let mut chosen: BTreeSet<TopicPartition> = BTreeSet::new();
    for selection in &args.topic {
        chosen.extend(selection.resolve(admin).await?);
    }
    if args.topic.is_empty() {
        chosen.extend(committed.keys().cloned());
    }
    let begins = places(admin, &chosen, OffsetAt::Earliest).await?;
    let ends = places(admin, &chosen, OffsetAt::Latest).await?;
    check_all_there(&args.topic, ends.keys(), "there is no")?;
    let nothing_committed = format!("group {} has committed nothing", args.name);
    if matches!(target, Target::Shift(_)) {
        check_all_there(&args.topic, committed.keys(), &format!("{nothing_committed} for"))?;
    }
    let at_times = match target {
        Target::At(StartAt::Timestamp(time)) => {
            places(admin, &chosen, OffsetAt::Timestamp(time)).await?
        }
        _ => BTreeMap::new(),
    };
    let moves = chosen.into_iter().filter_map(|of| {
        // A commit of a partition that is not there any more is left as it is.
        let (begin, end) = (*begins.get(&of)?, *ends.get(&of)?);
        let committed = committed.get(&of).map(|committed| committed.offset);
        let at_time = at_times.get(&of).copied();
        plan(target, Place { of, committed, begin, end, at_time })
    });
    let moves: Vec<Move> = moves.collect();
    match moves.is_empty() {
        true => Err(Failure::Failed(format!("{nothing_committed} that could be moved"))),
        false => Ok(moves),
    }
}

fn show(moves: &[Move], as_json: bool) -> Result<()> {
    if as_json {
        let moves = moves.iter().map(|it| {
            json!({
                "topic": *it.of.topic,
                "partition": it.of.partition.get(),
                "from": it.from.map(|from| from.get()),
                "to": it.to.get(),
            })
        });
        return Ok(write_json(&Value::Array(moves.collect()))?);
    }
    let mut table = Table::new(&["TOPIC", "PARTITION", "FROM", "TO"]);
    for it in moves {
        let from = it.from.map_or_else(|| "-".into(), |from| from.to_string());
        let (topic, partition) = (it.of.topic.to_string(), it.of.partition.to_string());
        table.row(vec![topic, partition, from, it.to.to_string()]);
    }
    let mut output = stdout();
    table.write(&mut output)?;
    Ok(output.flush()?)
}
