//! Groups that rebalance.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use pelton_bench::Machine;
use pelton_bench::groups::{GroupProtocol, GroupsPlan, run_groups, write_groups_table};
use pelton_bench::report::FORMAT;
use serde_json::json;

use super::outputs::{create, write_to};
use super::quantity::parse_seconds;
use crate::arguments::BootstrapArgs;
use crate::failure::Result;
use crate::output::stdout;

#[derive(Args, Debug)]
pub struct GroupsArgs {
    #[command(flatten)]
    bootstrap: BootstrapArgs,
    /// How members speak with their coordinator.
    #[arg(long, value_enum, default_value = "both")]
    protocol: Protocol,
    /// Members that join at once; each is a connection.
    #[arg(long, value_name = "N", default_value_t = 100)]
    members: usize,
    /// Partitions of the topic that is created and that they share.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    partitions: i32,
    /// How long all members are watched at rest, for what their heartbeats cost; 0: not at all.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    rest: u32,
    /// How often one more joins, and one leaves.
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: u32,
    /// How often one dies, in the end; by default as often.
    #[arg(long, value_name = "N")]
    deaths: Option<u32>,
    /// Between two heartbeats, by the classic protocol; 3 is what clients have by default.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, default_value = "3")]
    heartbeat: Duration,
    /// After which a silent member is dead, by the classic protocol.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, default_value = "10")]
    session: Duration,
    /// The broker's process, if it runs here: tells its CPU.
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// Write all figures as JSON; units are in the names.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// No progress on the terminal.
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Protocol {
    Classic,
    Consumer,
    Both,
}

pub fn run(args: GroupsArgs) -> Result<()> {
    let json = create(&args.json)?;
    let is_drawn = !args.quiet && io::stderr().is_terminal();
    let protocols: &[GroupProtocol] = match args.protocol {
        Protocol::Classic => &[GroupProtocol::Classic],
        Protocol::Consumer => &[GroupProtocol::Consumer],
        Protocol::Both => &[GroupProtocol::Classic, GroupProtocol::Consumer],
    };
    let mut runs = Vec::new();
    for protocol in protocols {
        let plan = plan(&args, *protocol);
        let figures = run_groups(&plan, &mut |figure| {
            if is_drawn {
                // Stderr may be gone; then nobody watches.
                let (event, seconds) = (figure.event, figure.seconds);
                let _ =
                    write!(io::stderr(), "\r{}: {event:?} {seconds:.3} s\x1b[K", protocol.name());
            }
        })?;
        if is_drawn {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
        let mut output = stdout();
        write_groups_table(&plan, &figures, &mut output)?;
        output.flush()?;
        runs.push(json!({ "plan": plan, "events": figures }));
    }
    write_to(json, |file| {
        let all = json!({
            "format": FORMAT,
            "version": env!("CARGO_PKG_VERSION"),
            "machine": Machine::this(),
            "runs": runs,
        });
        serde_json::to_writer_pretty(&mut *file, &all)?;
        writeln!(file)
    })
}

fn plan(args: &GroupsArgs, protocol: GroupProtocol) -> GroupsPlan {
    let millis = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
    GroupsPlan {
        bootstrap: args.bootstrap.addresses.clone(),
        protocol,
        members: args.members,
        partitions: args.partitions,
        rounds: args.rounds,
        deaths: args.deaths.unwrap_or(args.rounds),
        rest_seconds: args.rest,
        heartbeat_ms: millis(args.heartbeat),
        session_ms: millis(args.session),
        server_pid: args.pid,
    }
}
