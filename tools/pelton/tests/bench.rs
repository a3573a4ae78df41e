//! `pelton bench` against a broker of its own: small loads, whose counts are known, not whose speed.

#[path = "support/patience.rs"]
mod patience;

use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use self::patience::eventually;

/// A debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Members of the consumer protocol are missed, and logs compacted, within a test.
const SHORT_TIMES: [&str; 5] = [
    "log.cleaner.backoff.ms=100",
    "group.consumer.min.session.timeout.ms=1000",
    "group.consumer.session.timeout.ms=2000",
    "group.consumer.min.heartbeat.interval.ms=100",
    "group.consumer.heartbeat.interval.ms=200",
];

/// Does not outlive the test, however that ends.
struct Process(Child);

/// `pelton start` on a free port.
struct Broker {
    process: Process,
    address: String,
    directory: TempDir,
}

impl Broker {
    fn start() -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let log = directory.path().join("log");
        let child = Command::new(env!("CARGO_BIN_EXE_pelton"))
            .args(["start", "--cores", "1", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(directory.path().join("data"))
            .args(SHORT_TIMES.iter().flat_map(|setting| ["--set", setting]))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut process = Process(child);
        // "pelton 0.1.0 is ready: 127.0.0.1:PORT (clients ..."
        let address = eventually("the ready line", PATIENCE, || {
            let said = fs::read_to_string(&log).unwrap_or_default();
            assert_eq!(process.0.try_wait().unwrap(), None, "no broker: {said}");
            let (_, rest) = said.split_once(" is ready: ")?;
            Some(rest.split_once(' ')?.0.to_owned())
        });
        Self { process, address, directory }
    }

    fn bench(&self, arguments: &[&str]) -> Output {
        let output = bench(&[arguments, &["--bootstrap", &self.address]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Runs a small load and reads its JSON.
    fn figures(&self, arguments: &[&str]) -> Value {
        let path = self.file("figures.json");
        let json = path.to_str().unwrap();
        let small = ["--warm-up", "0.2", "--duration", "1", "--pool-bytes", "1MB", "--json", json];
        self.bench(&[arguments, &small].concat());
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn topics(&self) -> String {
        self.topic(&["list"])
    }

    fn groups(&self) -> String {
        self.asked("group", &["list", "--json"])
    }

    /// What `pelton topic` says.
    fn topic(&self, arguments: &[&str]) -> String {
        self.asked("topic", arguments)
    }

    fn asked(&self, command: &str, arguments: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_pelton"))
            .arg(command)
            .args(arguments)
            .args(["--bootstrap", &self.address])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails if it has ended, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pelton")).arg("bench").args(arguments).output().unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn what_is_produced_is_counted_reported_and_deleted() {
    let broker = Broker::start();
    let (html, hdr) = (broker.file("page.html"), broker.file("latencies.hdr"));
    let figures = broker.figures(&[
        "produce",
        "--records",
        "10",
        "--record-bytes",
        "100",
        "--key-bytes",
        "8",
        "-z",
        "lz4",
        "--partitions",
        "3",
        "--threads",
        "2",
        "--repeats",
        "2",
        "--pid",
        &broker.process.0.id().to_string(),
        "--html",
        html.to_str().unwrap(),
        "--hdr",
        hdr.to_str().unwrap(),
    ]);
    let repeats = figures["repeats"].as_array().unwrap();
    assert_eq!(repeats.len(), 2);
    for repeat in repeats {
        let counts = &repeat["produce"]["counts"];
        let requests = number(&counts["requests"]);
        assert!(requests > 0.0);
        assert_eq!(number(&counts["records"]), 10.0 * requests);
        assert_eq!(number(&counts["bytes"]), 1080.0 * requests);
        assert_eq!(repeat["produce"]["retriable_errors"], 0);
        assert!(number(&repeat["latency_ns"]["p50"]) > 0.0);
        assert!(number(&repeat["server"]["resident_bytes"]) > 1e6);
    }
    assert!(fs::read_to_string(html).unwrap().contains("<svg"));
    assert!(fs::read_to_string(hdr).unwrap().contains("Tag=repeat2,"));
    assert_eq!(broker.topics().matches("pelton-bench").count(), 0);
}

#[test]
fn fetches_see_all_that_a_topic_was_filled_with() {
    let broker = Broker::start();
    let load = ["--records", "100", "--record-bytes", "100", "--partitions", "5"];
    let sized = ["--connections", "2", "--backlog", "1MB"];
    let figures = broker.figures(&[&["catch-up"], &load[..], &sized[..]].concat());
    let repeat = &figures["repeats"][0];
    // 100 batches of 10 kB: each is fetched once.
    assert_eq!(repeat["fetch"]["counts"]["records"], 10_000);
    assert!(number(&repeat["seconds"]) > 0.0);

    let figures =
        broker.figures(&[&["catch-up"], &load[..], &sized[..], &["--sessionless"]].concat());
    assert_eq!(figures["repeats"][0]["fetch"]["counts"]["records"], 10_000);

    let with = |newcomers: &[&str]| {
        broker.figures(&[&["fetch"], &load[..], &sized[..], newcomers].concat())
    };
    // 20 a second come; or 15 every 0.75 s, of which the first 15 come before the second that counts.
    let together = with(&["--newcomers", "20", "--newcomers-at-once", "15"]);
    assert_eq!(together["repeats"][0]["newcomers"]["latency_ns"]["count"], 15);
    let figures = with(&["--newcomers", "20"]);
    assert_eq!(figures["repeats"][0]["newcomers"]["latency_ns"]["count"], 20);
    let counts = &figures["repeats"][0]["fetch"]["counts"];
    assert!(number(&counts["records"]) > 0.0);
    // All batches have 100 records and the same size, header and all.
    let bytes_each = number(&counts["bytes"]) / number(&counts["records"]);
    assert!((100.0..115.0).contains(&bytes_each), "{bytes_each}");
}

#[test]
fn new_connections_come_until_a_backlog_is_drained_and_no_longer() {
    let broker = Broker::start();
    let bench = Command::new(env!("CARGO_BIN_EXE_pelton"))
        .args(["bench", "catch-up", "--bootstrap", &broker.address, "--newcomers", "1000"])
        .args(["--pool-bytes", "1MB", "--backlog", "1MB", "--record-bytes", "100"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut bench = Process(bench);
    let ended = eventually("the end of the run", PATIENCE, || bench.0.try_wait().unwrap());
    assert!(ended.success());
}

#[test]
fn end_to_end_at_a_rate_every_batch_is_timed_from_when_it_was_due() {
    let broker = Broker::start();
    let figures = broker.figures(&["end-to-end", "--rate", "1000", "--records", "10"]);
    let repeat = &figures["repeats"][0];
    // 100 batches a second, one second; each is due, sent and seen.
    assert_eq!(repeat["latency_ns"]["count"], 100);
    assert_eq!(repeat["produce"]["latency_ns"]["count"], 100);
    assert_eq!(repeat["unseen"], 0);
    let (produced, arrived) =
        (&repeat["produce"]["latency_ns"]["min"], &repeat["end_to_end"]["latency_ns"]["min"]);
    assert!(number(produced) > 0.0 && number(arrived) > 0.0);
}

#[test]
fn other_workloads_run_and_producers_go_on_while_a_backlog_drains() {
    let broker = Broker::start();
    let many = broker.figures(&["many-partitions", "--partitions", "40", "--rate", "8MB/s"]);
    // Each of 8 connections sends 5 batches of 16 kB at once, to each of its partitions one.
    assert_eq!(many["repeats"][0]["latency_ns"]["count"], 100);
    let many = broker.figures(&["many-connections", "--connections", "200", "--rate", "500"]);
    assert_eq!(many["repeats"][0]["connect_ns"]["count"], 200);
    assert_eq!(many["repeats"][0]["latency_ns"]["count"], 500);
    let unanswered = broker.figures(&["single-record", "--acks", "0", "--rate", "500"]);
    assert_eq!(unanswered["repeats"][0]["latency_ns"]["count"], 500);
    let draining = broker.figures(&["catch-up", "--backlog", "20MB", "--rate", "10MB/s"]);
    assert_eq!(draining["repeats"][0]["fetch"]["counts"]["records"].as_f64(), Some(24_000.0));
}

#[test]
fn an_existing_topic_is_used_and_stays() {
    let broker = Broker::start();
    let figures = broker.figures(&["produce", "--rate", "100", "--records", "1", "--keep-topic"]);
    assert!(number(&figures["repeats"][0]["produce"]["counts"]["records"]) > 0.0);
    let name = figures["repeats"][0]["topic"].as_str().unwrap();
    let figures = broker.figures(&["catch-up", "--topic", name]);
    // What the warm-up produced is there as well.
    assert_eq!(figures["repeats"][0]["fetch"]["counts"]["records"], 120);
    assert!(broker.topics().contains(name));
}

#[test]
fn files_of_openmessaging_benchmark_are_run() {
    let broker = Broker::start();
    let (workload, driver) = (broker.file("workload.yaml"), broker.file("driver.yaml"));
    fs::write(
        &workload,
        "name: small\ntopics: 2\npartitionsPerTopic: 2\nmessageSize: 100\n\
         useRandomizedPayloads: true\nrandomBytesRatio: 0.5\nsubscriptionsPerTopic: 1\n\
         consumerPerSubscription: 1\nproducersPerTopic: 1\nproducerRate: 2000\n\
         testDurationMinutes: 15\n",
    )
    .unwrap();
    fs::write(
        &driver,
        "driverClass: io.openmessaging.benchmark.driver.kafka.KafkaBenchmarkDriver\n\
         replicationFactor: 3\ntopicConfig: |\n  min.insync.replicas=2\n\
         producerConfig: |\n  acks=all\n  linger.ms=10\n",
    )
    .unwrap();
    let json = broker.file("figures.json");
    let output = broker.bench(&[
        "omb",
        workload.to_str().unwrap(),
        "--driver",
        driver.to_str().unwrap(),
        "--replication-factor",
        "1",
        "--warm-up",
        "0.2",
        "--duration",
        "1",
        "--json",
        json.to_str().unwrap(),
    ]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("2 topics of 2 partitions are one topic of 4"), "{said}");
    let figures: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    // Each of two producers sends 10 records, what arrives in 10 ms, 100 times a second.
    assert_eq!(figures["plan"]["batch"]["records"], 10);
    assert_eq!(figures["repeats"][0]["latency_ns"]["count"], 200);
}

/// Each of them lasts for minutes if it is let.
const LONG: [&[&str]; 3] = [
    &["produce", "--duration", "600", "--pool-bytes", "1MB", "--rate", "100"],
    &["groups", "--members", "4", "--partitions", "4", "--rest", "600"],
    &[
        "compaction",
        "--records",
        "100000",
        "--keys",
        "1000",
        "--duration",
        "600",
        "--disk-bytes",
        "9GB",
    ],
];

/// A run whose load is there: records, or a group.
fn begun(broker: &Broker, arguments: &[&str]) -> Process {
    let bench = Command::new(env!("CARGO_BIN_EXE_pelton"))
        .arg("bench")
        .args(arguments)
        .args(["--bootstrap", &broker.address])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let bench = Process(bench);
    eventually("the load", PATIENCE, || {
        let topics = broker.topics();
        let topic = topics.split_whitespace().find(|word| word.starts_with("pelton-bench"))?;
        let told = broker.topic(&["describe", topic, "--json"]);
        let told: Value = serde_json::from_str(&told).ok()?;
        let has_records = number(&told[0]["partitions"][0]["latest_offset"]) > 0.0;
        (has_records || broker.groups().contains("pelton-bench")).then_some(())
    });
    bench
}

/// Its exit code, and what it said.
fn ended(mut bench: Process) -> (Option<i32>, String) {
    let ended = eventually("the end of the run", PATIENCE, || bench.0.try_wait().unwrap());
    let mut said = String::new();
    bench.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (ended.code(), said)
}

#[test]
fn a_broker_that_is_killed_ends_the_run_with_its_name() {
    for arguments in LONG {
        let mut broker = Broker::start();
        let bench = begun(&broker, arguments);
        broker.process.0.kill().unwrap();
        let (code, said) = ended(bench);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(&broker.address), "{said}");
        // What its clean-up met came after.
        assert!(!said.contains("refused"), "{said}");
    }
}

#[test]
fn an_interrupted_run_leaves_no_topic_behind() {
    let broker = Broker::start();
    for arguments in LONG {
        let bench = begun(&broker, arguments);
        let pid = bench.0.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        assert_eq!(ended(bench), (Some(130), "pelton: interrupted\n".into()));
        assert!(!broker.topics().contains("pelton-bench"), "{}", broker.topics());
    }
}

#[test]
fn a_load_that_is_refused_has_figures_and_does_not_pass() {
    let broker = Broker::start();
    let json = broker.file("figures.json");
    broker.topic(&["create", "short-lived", "--partitions", "1"]);
    let bench = Command::new(env!("CARGO_BIN_EXE_pelton"))
        .args(["bench", "produce", "--bootstrap", &broker.address, "--topic", "short-lived"])
        .args(["--pool-bytes", "1MB", "--records", "1", "--rate", "100"])
        .args(["--warm-up", "0", "--duration", "5", "--json", json.to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut bench = Process(bench);
    eventually("the first records", PATIENCE, || {
        let told = broker.topic(&["describe", "short-lived", "--json"]);
        let told: Value = serde_json::from_str(&told).unwrap();
        (number(&told[0]["partitions"][0]["latest_offset"]) > 0.0).then_some(())
    });
    broker.topic(&["delete", "short-lived"]);
    let ended = eventually("the end of the run", PATIENCE, || bench.0.try_wait().unwrap());
    let mut said = String::new();
    bench.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(ended.code(), Some(1), "{said}");
    assert!(said.contains("not all of the load was taken: requests refused: "), "{said}");
    let figures: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    let repeat = &figures["repeats"][0];
    assert!(number(&repeat["failures"]["refused"]) > 0.0, "{repeat}");
    // 500 were due; those that were refused are not among the latencies.
    let timed = number(&repeat["latency_ns"]["count"]);
    assert_eq!(timed + number(&repeat["failures"]["refused"]), 500.0, "{repeat}");
}

#[test]
fn what_cannot_be_measured_is_said() {
    let refused = |arguments: &[&str], code: i32, words: &str| {
        let output = bench(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(words), "{said}");
    };
    // Bound and let go: nobody listens there.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = nobody.to_string();
    refused(&["produce", "--bootstrap", &nobody], 1, &nobody);
    refused(&["produce", "--records", "0"], 2, "a batch has one record at least");
    refused(&["produce", "--rate", "fast"], 2, "450MB/s");
    refused(&["end-to-end", "--acks", "0"], 2, "end-to-end needs acks");
    refused(&["produce", "--json", "/no/such/place/x"], 1, "/no/such/place/x");
    refused(&["compaction", "--records", "1G"], 2, "invalid value");
    refused(&["compaction", "--records", "100000000"], 2, "--disk-bytes says 3000000000");
    refused(&["disk", "--dir", "/no/such/place"], 1, "/no/such/place");
    refused(&["disk", "--only", "wrote"], 2, "latency-dsync");
}

#[test]
fn a_topic_is_compacted_under_load_and_read_again() {
    let broker = Broker::start();
    let path = broker.file("compaction.json");
    let filling = ["--records", "8001", "--keys", "1000", "--partitions", "2", "-z", "lz4"];
    // It adds less than compaction takes away, however long the machine takes for it.
    let load = ["--rate", "200", "--load-batch-records", "10", "--connections", "2"];
    let times = ["--warm-up", "0.2", "--duration", "1", "--settle", "1", "--within", "120"];
    let pid = broker.process.0.id().to_string();
    let output = ["--segment-bytes", "1MiB", "--pid", &pid, "--json", path.to_str().unwrap()];
    let said =
        broker.bench(&[&["compaction"], &filling[..], &load[..], &times[..], &output[..]].concat());
    let table = String::from_utf8(said.stdout).unwrap();
    assert!(table.contains("8001 records of 1000 keys"), "{table}");
    let figures: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert_eq!(figures["format"], 1);
    // 20 batches in a second; every key is drawn eight times or so, a few may not be.
    assert_eq!(figures["before"]["latency_ns"]["count"], 20);
    assert!(number(&figures["compacting"]["latency_ns"]["count"]) > 0.0);
    assert!((990.0..=1000.0).contains(&number(&figures["verdict"]["records"])), "{figures}");
    assert!(number(&figures["verdict"]["load_records"]) > 1000.0);
    for nothing in ["missing_keys", "replaced_records", "wrong_records"] {
        assert_eq!(figures["verdict"][nothing], 0, "{nothing}");
    }
    assert!(number(&figures["bytes_after"]) < number(&figures["bytes_before"]));
    assert!(figures["compacted_bytes"].is_null(), "nobody was asked");
    assert!(!broker.topics().contains("pelton-bench"), "{}", broker.topics());
}

#[test]
fn groups_come_to_rest_after_every_event_and_leave_nothing_behind() {
    let broker = Broker::start();
    let path = broker.file("groups.json");
    let output = broker.bench(&[
        "groups",
        "--members",
        "4",
        "--partitions",
        "6",
        "--rest",
        "1",
        "--rounds",
        "1",
        "--heartbeat",
        "0.2",
        "--session",
        "6",
        "--pid",
        &broker.process.0.id().to_string(),
        "--json",
        path.to_str().unwrap(),
    ]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(table.matches("one joins").count(), 2, "{table}");
    let figures: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(figures["format"], 1);
    let runs = figures["runs"].as_array().unwrap();
    // The session, without what may be gone of it since the last heartbeat.
    for (run, (protocol, session)) in runs.iter().zip([("classic", 5.5), ("consumer", 1.5)]) {
        assert_eq!(run["plan"]["protocol"], protocol);
        let events = run["events"].as_array().unwrap();
        let names: Vec<&Value> = events.iter().map(|event| &event["event"]).collect();
        assert_eq!(names, ["all_join", "rest", "one_joins", "one_leaves", "one_dies"]);
        assert!(events.iter().all(|event| number(&event["seconds"]) > 0.0));
        assert_eq!(number(&events[1]["seconds"]), 1.0);
        assert!(number(&events[4]["seconds"]) > session, "nobody is dead before: {run}");
    }
    let few = ["--members", "2", "--partitions", "2", "--rounds", "1", "--deaths", "0"];
    let quick = ["--protocol", "consumer", "--rest", "0", "--json", path.to_str().unwrap()];
    broker.bench(&[&["groups"], &few[..], &quick[..]].concat());
    let figures: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(figures["runs"][0]["events"].as_array().unwrap().len(), 3, "nobody dies");
    assert!(!broker.topics().contains("pelton-bench"), "{}", broker.topics());
    assert_eq!(broker.groups().trim(), "[]");
}
