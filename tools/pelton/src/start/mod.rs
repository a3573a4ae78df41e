//! `pelton start`: run the broker.

mod probe;
mod settings;
mod signals;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use pelton_broker::EXECUTOR_LOG_FILTER;
use pelton_broker::http::{BuildInfo, HttpServer};
use pelton_broker::{Broker, Readiness};

use crate::allocator;
use crate::failure::{Failure, Result};
use crate::logging;
use crate::topic::parse_assignment;

/// Run the broker.
///
/// Options stand above the configuration file, and that above the defaults. What is logged is
/// set by PELTON_LOG, as `info` or `warn,pelton_broker=debug`.
///
///     pelton start --data-dir /var/lib/pelton --listen 0.0.0.0:9092 --advertise log1.example:9092
///
/// Exit codes: 0 stopped as asked, 2 bad options or configuration, 3 the data directory is in use,
/// 4 the port cannot be had, 5 an I/O error, 6 damaged data, 7 data of a newer version, 8 the
/// machine lacks something (the message says what, and how to mend it).
#[derive(Args, Debug, Default)]
#[command(verbatim_doc_comment)]
pub struct StartArgs {
    /// Where everything is kept; created if it is not there [default: ./pelton-data].
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Where clients connect to [default: 127.0.0.1:9092].
    #[arg(long, value_name = "HOST:PORT")]
    pub listen: Option<String>,
    /// What clients are told to connect to, if that differs from --listen.
    #[arg(long, value_name = "HOST:PORT")]
    pub advertise: Option<String>,
    /// How many cores to use; all by default.
    #[arg(long, value_name = "N", conflicts_with = "cpus")]
    pub cores: Option<usize>,
    /// Which cores to use.
    #[arg(long, value_name = "CPU,...", value_delimiter = ',')]
    pub cpus: Vec<usize>,
    /// Where metrics are served; nowhere by default.
    #[arg(long, value_name = "HOST:PORT")]
    pub metrics: Option<String>,
    /// Send a record a second through each core, and show among the metrics how long it takes.
    #[arg(long)]
    pub canary: bool,
    /// A configuration file.
    #[arg(long, value_name = "FILE.toml")]
    pub config: Option<PathBuf>,
    /// A broker config by Kafka's name, as often as needed.
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_assignment)]
    pub set: Vec<(String, String)>,
    /// Bytes of one file of a core's journal, a multiple of 4096 from 16384 on [default: 16 MiB].
    /// Small ones make tests go round the ring quickly.
    #[arg(long, value_name = "BYTES", hide = true)]
    pub journal_file_bytes: Option<u64>,
    /// Bytes that a core's journal may grow to, two files at least [default: 256 MiB]. All of it may
    /// have to be held in memory.
    #[arg(long, value_name = "BYTES", hide = true)]
    pub journal_bytes: Option<u64>,
    /// Bytes of a partition's unacknowledged tail from which on it goes straight to its segment
    /// [default: 256 KiB].
    #[arg(long, value_name = "BYTES", hide = true)]
    pub direct_flush_bytes: Option<usize>,
}

/// Runs until SIGTERM or SIGINT.
pub fn run(args: StartArgs) -> Result<()> {
    allocator::keep_freed_memory();
    logging::begin(&format!("info,{EXECUTOR_LOG_FILTER}"), false);
    // Before any thread is there, so that all inherit the mask and only this one takes signals.
    let signals = signals::Signals::block().map_err(|error| Failure::Exit(8, error.to_string()))?;
    let mut config = settings::resolve(args)?;
    std::fs::create_dir_all(&config.data_dir)
        .map_err(|error| Failure::Exit(5, format!("{}: {error}", config.data_dir.display())))?;
    probe::run(&config).map_err(|why| Failure::Exit(8, why))?;
    config.store.open_files_max = probe::segment_files(config.cpus.len());
    let (data, cpus, listen) = (config.data_dir.clone(), config.cpus.clone(), config.listen);
    let metrics = config.metrics;
    let (host, advertised) = (config.advertise_host.clone(), config.advertise_port);
    let readiness = Readiness::default();
    let http = match metrics {
        None => None,
        Some(address) => Some(
            serve_metrics(address, readiness.clone())
                .map_err(|error| Failure::Exit(4, format!("--metrics {address}: {error}")))?,
        ),
    };
    let broker = Broker::start(config, readiness)
        .map_err(|error| Failure::Exit(error.exit_code(), error.to_string()))?;
    if let Some(http) = &http {
        http.connect(broker.control());
    }
    let advertised = if advertised == 0 { broker.port } else { advertised };
    eprintln!(
        "pelton {} is ready: {} (clients are told {}), {} {} {cpus:?}, data in {}, cluster {}; \
         acknowledged means on stable storage",
        env!("CARGO_PKG_VERSION"),
        SocketAddr::new(listen.ip(), broker.port),
        settings::dialled(&host, advertised),
        cpus.len(),
        if cpus.len() == 1 { "core" } else { "cores" },
        data.display(),
        broker.cluster_id,
    );
    let signal = signals.wait().map_err(|error| Failure::Failed(error.to_string()))?;
    tracing::info!(signal, "stopping");
    broker.stop();
    if let Some(http) = http {
        http.stop();
    }
    tracing::info!("stopped");
    Ok(())
}

fn serve_metrics(address: SocketAddr, readiness: Readiness) -> io::Result<HttpServer> {
    #[expect(clippy::disallowed_methods, reason = "the process's own start, not a shard's time")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let info = BuildInfo {
        version: env!("CARGO_PKG_VERSION").into(),
        commit: env!("PELTON_COMMIT").into(),
        started: pelton_model::TimestampMs::new(since.as_millis() as i64),
    };
    let server = pelton_broker::http::serve(address, readiness, info)?;
    tracing::info!(address = %server.address(), "metrics are served");
    Ok(server)
}
