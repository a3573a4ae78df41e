//! From flags and file to a configuration whose every value is valid.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pelton_broker::BrokerConfig;
use pelton_model::NodeId;
use pelton_model::limits::BLOCK_BYTES;
use pelton_storage::StoreOptions;
use pelton_storage::journal::JournalOptions;
use serde::Deserialize;

use super::StartArgs;
use crate::failure::Failure;

const DATA_DIR: &str = "./pelton-data";
const LISTEN: &str = "127.0.0.1:9092";
const NODE_ID: i32 = 1;

/// Requests that a shard holds at once, in bytes; a connection that would exceed it waits.
const FRAME_BUDGET_BYTES: usize = 128 << 20;

/// Fewer hold hardly more than one group.
const JOURNAL_FILE_BYTES_MIN: u64 = 16 << 10;

/// How long a stop waits for requests in flight; long polls are answered at once.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data_dir: Option<PathBuf>,
    listen: Option<String>,
    advertise: Option<String>,
    cores: Option<usize>,
    cpus: Option<String>,
    metrics: Option<String>,
    #[serde(default)]
    canary: bool,
    #[serde(default)]
    kafka: BTreeMap<String, toml::Value>,
}

pub fn resolve(args: StartArgs) -> Result<BrokerConfig, Failure> {
    let store = store_options(&args)?;
    let file = match &args.config {
        Some(path) => read(path)?,
        None => File::default(),
    };
    let mut kafka = BTreeMap::new();
    for (name, value) in file.kafka {
        kafka.insert(name.clone(), text_of(&name, value)?);
    }
    kafka.extend(args.set);
    let data_dir = args.data_dir.or(file.data_dir).unwrap_or_else(|| DATA_DIR.into());
    // glommio would resolve a relative path at each open, by a blocking call.
    let data_dir = std::path::absolute(&data_dir)
        .map_err(|error| usage(format!("--data-dir {}: {error}", data_dir.display())))?;
    let listen = args.listen.or(file.listen).unwrap_or_else(|| LISTEN.into());
    let bound = address("--listen", &listen)?;
    let (advertise_host, advertise_port) = match args.advertise.or(file.advertise) {
        Some(text) => advertised(&text)?,
        None if bound.ip().is_unspecified() => {
            return Err(usage(format!(
                "--listen {listen} names no address that clients could connect to: say one with \
                 --advertise HOST:PORT"
            )));
        }
        None => (bound.ip().to_string(), bound.port()),
    };
    let metrics = match args.metrics.or(file.metrics) {
        Some(text) => Some(address("--metrics", &text)?),
        None => None,
    };
    if file.cores.is_some() && file.cpus.is_some() {
        return Err(usage("the file has both cores and cpus: one of them is wanted".into()));
    }
    let cores = if args.cpus.is_empty() { args.cores.or(file.cores) } else { None };
    let cpus = if args.cpus.is_empty() && args.cores.is_none() {
        file.cpus.as_deref().map(cpu_list).transpose()?.unwrap_or_default()
    } else {
        args.cpus
    };
    let cpus =
        choose_cpus(&allowed_cpus().map_err(|error| usage(error.to_string()))?, cores, cpus)?;
    name_what_kafka_requires(&mut kafka, &data_dir, bound, &advertise_host, advertise_port)?;
    Ok(BrokerConfig {
        data_dir,
        node_id: NodeId::new(NODE_ID),
        listen: bound,
        advertise_host,
        advertise_port,
        cpus,
        metrics,
        canary: args.canary || file.canary,
        kafka,
        store,
        frame_budget_default_bytes: FRAME_BUDGET_BYTES,
        stop_timeout: STOP_TIMEOUT,
    })
}

fn store_options(args: &StartArgs) -> Result<StoreOptions, Failure> {
    let mut store = StoreOptions::default();
    let journal = &mut store.journal;
    journal.file_bytes = args.journal_file_bytes.unwrap_or(journal.file_bytes);
    journal.ring_bytes_max = args.journal_bytes.unwrap_or(journal.ring_bytes_max);
    store.direct_flush_bytes = args.direct_flush_bytes.unwrap_or(store.direct_flush_bytes);
    let JournalOptions { file_bytes, ring_bytes_max } = *journal;
    if file_bytes < JOURNAL_FILE_BYTES_MIN || !file_bytes.is_multiple_of(BLOCK_BYTES as u64) {
        return Err(usage(format!(
            "--journal-file-bytes {file_bytes}: a multiple of {BLOCK_BYTES} from \
             {JOURNAL_FILE_BYTES_MIN} on is wanted"
        )));
    }
    if ring_bytes_max / 2 < file_bytes {
        return Err(usage(format!(
            "--journal-bytes {ring_bytes_max}: there must be room for two files of {file_bytes}"
        )));
    }
    Ok(store)
}

/// Configs that options decide, as DescribeConfigs shows them.
///
/// # Errors
/// They were set, to something else: whoever moves here from Kafka must not find out later that it
/// listens elsewhere.
fn name_what_kafka_requires(
    kafka: &mut BTreeMap<String, String>,
    data_dir: &Path,
    listen: SocketAddr,
    advertise_host: &str,
    advertise_port: u16,
) -> Result<(), Failure> {
    let data_dir = data_dir.display().to_string();
    let advertised = format!("PLAINTEXT://{}", dialled(advertise_host, advertise_port));
    let decided = [
        ("node.id", NODE_ID.to_string(), "the only broker has the only number"),
        ("broker.id", NODE_ID.to_string(), "the only broker has the only number"),
        ("process.roles", "broker,controller".into(), "the only broker is both"),
        ("log.dirs", data_dir.clone(), "use --data-dir DIR"),
        ("log.dir", data_dir, "use --data-dir DIR"),
        ("listeners", format!("PLAINTEXT://{listen}"), "use --listen HOST:PORT"),
        ("advertised.listeners", advertised, "use --advertise HOST:PORT"),
    ];
    for (name, value, instead) in decided {
        match kafka.get(name) {
            Some(set) if *set != value => {
                return Err(usage(format!("{name}={set}: it is {value} here; {instead}")));
            }
            // As in Kafka it stands behind log.dirs, and has a default of its own.
            None if name == "log.dir" => {}
            _ => drop(kafka.insert(name.to_owned(), value)),
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<File, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| usage(format!("{}: {error}", path.display())))?;
    toml::from_str(&text).map_err(|error| usage(format!("{}: {error}", path.display())))
}

fn text_of(name: &str, value: toml::Value) -> Result<String, Failure> {
    match value {
        toml::Value::String(text) => Ok(text),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Float(number) => Ok(number.to_string()),
        toml::Value::Boolean(switch) => Ok(switch.to_string()),
        toml::Value::Array(_) | toml::Value::Table(_) | toml::Value::Datetime(_) => {
            Err(usage(format!("[kafka] {name}: a string, a number, or true or false is wanted")))
        }
    }
}

fn address(option: &str, text: &str) -> Result<SocketAddr, Failure> {
    let found = text.to_socket_addrs();
    let found = found.map_err(|error| usage(format!("{option} {text}: {error}")))?;
    one_of(option, text, found.collect())
}

/// A name may have several addresses; one is bound, and which one is said.
fn one_of(option: &str, text: &str, mut found: Vec<SocketAddr>) -> Result<SocketAddr, Failure> {
    // The resolver names an address once for each kind of socket that it could be for.
    let mut seen = Vec::new();
    found.retain(|address| !seen.contains(address) && (seen.push(*address), true).1);
    let first = *found.first().ok_or_else(|| usage(format!("{option} {text}: no address")))?;
    if found.len() > 1 {
        let others = &found[1..];
        tracing::warn!(%first, ?others, "{option} {text} has several addresses: the first is used");
    }
    Ok(first)
}

/// What clients are told to connect to. Port 0 is the one that is bound.
fn advertised(text: &str) -> Result<(String, u16), Failure> {
    let refused = |why: String| usage(format!("--advertise {text}: {why}"));
    let (host, port) =
        text.rsplit_once(':').ok_or_else(|| refused("HOST:PORT is wanted".into()))?;
    let port = port.parse().map_err(|_| refused(format!("{port} is no port")))?;
    let host = host.trim_matches(['[', ']']);
    if host.is_empty() || host.contains('/') {
        return Err(refused("HOST:PORT is wanted, without the name of a listener".into()));
    }
    if host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified()) {
        return Err(refused("names no address that clients could connect to".into()));
    }
    Ok((host.to_owned(), port))
}

/// As somebody writes it who connects there: an IPv6 address stands in brackets.
pub fn dialled(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// `0-3,8` as the kernel writes such lists.
fn cpu_list(text: &str) -> Result<Vec<usize>, Failure> {
    let bad = || usage(format!("cpus = \"{text}\": a list such as \"0-3,8\" is wanted"));
    let mut cpus = Vec::new();
    for part in text.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let first: usize = first.trim().parse().map_err(|_| bad())?;
        let last: usize = last.trim().parse().map_err(|_| bad())?;
        if last < first || last >= libc::CPU_SETSIZE as usize {
            return Err(bad());
        }
        cpus.extend(first..=last);
    }
    Ok(cpus)
}

/// The processors that this process may run on.
fn allowed_cpus() -> std::io::Result<Vec<usize>> {
    // SAFETY: a zeroed set is a valid one, and the size given is that of the set.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) != 0 {
            return Err(std::io::Error::last_os_error());
        }
        Ok((0..libc::CPU_SETSIZE as usize).filter(|cpu| libc::CPU_ISSET(*cpu, &set)).collect())
    }
}

fn choose_cpus(
    allowed: &[usize],
    cores: Option<usize>,
    asked: Vec<usize>,
) -> Result<Vec<usize>, Failure> {
    if !asked.is_empty() {
        let mut unique = asked.clone();
        unique.sort_unstable();
        unique.dedup();
        if unique.len() != asked.len() {
            return Err(usage(format!("--cpus {asked:?}: a core stands twice")));
        }
        return match asked.iter().find(|cpu| !allowed.contains(cpu)) {
            Some(cpu) => Err(usage(format!("--cpus: this process may not run on core {cpu}"))),
            None => Ok(asked),
        };
    }
    match cores {
        None => Ok(allowed.to_vec()),
        Some(count) if (1..=allowed.len()).contains(&count) => Ok(allowed[..count].to_vec()),
        Some(count) => {
            Err(usage(format!("--cores {count}: there are {} to choose from", allowed.len())))
        }
    }
}

fn usage(why: String) -> Failure {
    Failure::Usage(why)
}

#[cfg(test)]
#[path = "settings_test.rs"]
mod settings_test;
