//! `pelton log` and `pelton journal` on the files of a broker that ran a moment ago.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

const PELTON: &str = env!("CARGO_BIN_EXE_pelton");

/// Killed with the test.
struct Broker {
    process: Child,
    address: String,
    /// Open for as long as it may say something.
    _said: BufReader<ChildStderr>,
}

impl Broker {
    fn start(data: &Path) -> Broker {
        let mut process = Command::new(PELTON)
            .args(["start", "--cores", "1", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .stderr(Stdio::piped())
            .spawn()
            .expect("a broker");
        let mut said = BufReader::new(process.stderr.take().expect("its output"));
        let lines = said.by_ref().lines();
        let ready = lines.map_while(Result::ok).find(|line| line.contains("is ready: "));
        let ready = ready.expect("it says when it is ready");
        let (_, rest) = ready.split_once("is ready: ").expect("an address");
        let address = rest.split(' ').next().expect("an address").to_owned();
        Broker { process, address, _said: said }
    }

    /// As `kill -9`.
    fn kill(mut self) {
        self.process.kill().expect("killed");
        self.process.wait().expect("dead");
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn pelton(arguments: &[&str], path: &Path) -> Output {
    Command::new(PELTON).args(arguments).arg(path).output().expect("pelton runs")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn create(broker: &Broker) {
    let create = ["topic", "create", "t", "--config", "segment.bytes=1048576", "--bootstrap"];
    let created = Command::new(PELTON).args(create).arg(&broker.address).status();
    assert!(created.expect("run").success());
}

fn produce(broker: &Broker, records: usize) {
    let mut producer = Command::new(PELTON)
        .args(["produce", "t", "--bootstrap", &broker.address])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a producer");
    let mut input = producer.stdin.take().expect("its input");
    for record in 0..records {
        writeln!(input, "record {record}").expect("read");
    }
    drop(input);
    assert!(producer.wait().expect("ended").success());
}

/// The first file by name: of the lowest offsets.
fn find(dir: &Path, extension: &str) -> PathBuf {
    let (mut left, mut found) = (vec![dir.to_path_buf()], Vec::new());
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(&next).expect("a directory").map_while(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|it| it == extension) {
                found.push(path);
            }
        }
    }
    found.into_iter().min().unwrap_or_else(|| panic!("no .{extension} in {}", dir.display()))
}

/// The log file that is still being written to, beside one that is not.
fn newest(log: &Path) -> PathBuf {
    let beside = std::fs::read_dir(log.parent().expect("a partition")).expect("a directory");
    let logs = beside.map(|entry| entry.expect("an entry").path());
    let logs = logs.filter(|path| path.extension().is_some_and(|it| it == "log"));
    logs.max().expect("a log")
}

#[test]
fn what_a_killed_broker_left_is_dumped_verified_and_mended() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let broker = Broker::start(&data);
    create(&broker);
    produce(&broker, 20_000);
    let refused = pelton(&["log", "verify"], &data);
    assert_eq!(refused.status.code(), Some(3), "a broker uses it");
    broker.kill();

    let journal = pelton(&["journal", "dump", "--json"], &data);
    assert!(journal.status.success());
    let records: u64 = text(&journal)
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .filter(|group| group["standing"] == "needed")
        .flat_map(|group| group["entries"].as_array().cloned().unwrap_or_default())
        .filter_map(|entry| entry["records"].as_u64())
        .sum();
    assert_eq!(records, 20_000, "every acknowledged record is in the journal");

    // A stop in order carries them to segments. A sealed one has an index.
    let mut broker = Broker::start(&data);
    produce(&broker, 100_000);
    let process = broker.process.id().to_string();
    assert!(Command::new("kill").arg(&process).status().expect("kill").success());
    broker.process.wait().expect("stopped");
    let verified = pelton(&["log", "verify", "--json"], &data);
    assert!(verified.status.success());
    let report: serde_json::Value = serde_json::from_str(&text(&verified)).expect("JSON");
    assert_eq!((&report["partitions"], &report["damaged"]), (&1.into(), &0.into()));

    let index = find(&data.join("topics"), "idx");
    let log = index.with_extension("log");
    let dumped = pelton(&["log", "dump"], &log);
    assert!(dumped.status.success() && text(&dumped).contains("offsets 0.."));
    assert!(!text(&dumped).contains(" bytes allocated"), "it was sealed, and cut to its length");
    let open = newest(&log);
    assert!(
        text(&pelton(&["log", "dump"], &open)).contains(" bytes allocated and not written yet")
    );
    let mut content = std::fs::read(&open).expect("a log");
    *content.last_mut().expect("a byte") = 1;
    let strange = dir.path().join("strange.log");
    std::fs::write(&strange, content).expect("written");
    assert!(text(&pelton(&["log", "dump"], &strange)).contains(" bytes that are no batches"));

    std::fs::remove_file(&index).expect("removed");
    let damaged = pelton(&["log", "verify"], &data);
    assert_eq!(damaged.status.code(), Some(6));
    assert!(text(&damaged).contains(index.to_str().expect("a path")));
    assert!(pelton(&["log", "repair"], &data).status.success());
    let mended = pelton(&["log", "verify"], &data);
    assert!(mended.status.success() && text(&mended).contains("unverified"));

    // The magic of a batch: from there on nothing can be told to be one. Not a last file's noise.
    let sound = std::fs::read(&log).expect("a log");
    let mut content = sound.clone();
    content[16] ^= 4;
    std::fs::write(&log, content).expect("rotten");
    let dumped = pelton(&["log", "dump"], &log);
    assert_eq!(dumped.status.code(), Some(6), "{dumped:?}");
    assert!(text(&dumped).contains(&format!("at 0: {} bytes that are no batches", sound.len())));
    let dumped = pelton(&["log", "dump", "--json"], &log);
    assert_eq!(dumped.status.code(), Some(6));
    let line: serde_json::Value = serde_json::from_str(&text(&dumped)).expect("one line");
    assert_eq!((&line["kind"], &line["position"]), (&"no batches".into(), &0.into()));

    let mut content = sound;
    content[200] ^= 4;
    std::fs::write(&log, content).expect("rotten");
    assert_eq!(pelton(&["log", "verify"], &data).status.code(), Some(6));
    assert_eq!(pelton(&["log", "dump"], &log).status.code(), Some(6));
}

/// Where no file could be opened when a topic was deleted, or the broker was killed then.
#[test]
fn a_start_removes_what_is_left_of_deleted_topics_and_nothing_else() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let mut broker = Broker::start(&data);
    create(&broker);
    produce(&broker, 1_000);
    let process = broker.process.id().to_string();
    assert!(Command::new("kill").arg(&process).status().expect("kill").success());
    broker.process.wait().expect("stopped");
    let topics = data.join("topics");
    let stays = find(&topics, "log");
    let left = topics.join("11111111-2222-4333-8444-555555555555");
    let strange = topics.join("lost+found");
    for path in [&left, &strange] {
        std::fs::create_dir_all(path.join("0")).expect("a directory");
        std::fs::write(path.join("0/00000000000000000000.log"), "left").expect("a file");
    }
    Broker::start(&data).kill();
    assert!(!left.exists());
    assert!(stays.exists() && strange.join("0/00000000000000000000.log").exists());
}

#[test]
fn a_path_that_is_no_data_directory_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    for command in [["log", "verify"], ["log", "repair"], ["journal", "dump"], ["log", "dump"]] {
        let output = pelton(&command, dir.path());
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(dir.path().to_str().expect("a path")), "{said}");
    }
}

#[test]
fn a_directory_that_is_not_there_or_not_a_brokers_exits_as_a_start_does() {
    let place = tempfile::tempdir().expect("a directory");
    let nowhere = place.path().join("nowhere");
    for command in [["log", "verify"], ["log", "dump"], ["log", "repair"], ["journal", "dump"]] {
        let output = pelton(&command, &nowhere);
        assert_eq!(output.status.code(), Some(5), "{command:?}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere"), "{output:?}");
    }
    assert_eq!(pelton(&["journal", "dump"], place.path()).status.code(), Some(5));
}
