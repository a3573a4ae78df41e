//! `pelton consume`, by itself and as a member of a group.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use pelton_client::GroupProtocol;

use crate::broker::{TestBroker, unique};
use crate::consume::fill;
use crate::members::{self, SOON, member, settle};

fn consume(broker: &TestBroker, topic: &str, group: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pelton"));
    command.args(["consume", topic, "-b", &broker.bootstrap, "-f", "%p/%o\n", "--group", group]);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// How many records it wrote.
async fn count(mut command: Command) -> usize {
    let running = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = tokio::time::timeout(SOON, running).await.expect("in time").unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.iter().filter(|byte| **byte == b'\n').count()
}

#[tokio::test]
async fn what_was_written_is_committed_whatever_the_protocol() {
    let broker = TestBroker::get().await;
    for protocol in ["classic", "consumer", "auto"] {
        let (topic, group) =
            (broker.topic_with(2, &[("retention.ms", "-1")]).await, unique("group"));
        fill(&broker, &topic, 2, 0..100).await;
        let consume = |more: &[&str]| {
            let arguments = [&["--group-protocol", protocol], more].concat();
            count(consume(&broker, &topic, &group, &arguments))
        };
        assert_eq!(consume(&["-c", "30"]).await, 30, "{protocol}");
        assert_eq!(consume(&["-e"]).await, 70, "{protocol}");
        fill(&broker, &topic, 2, 100..105).await;
        assert_eq!(consume(&["-e"]).await, 5, "{protocol}");
    }
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn who_is_told_to_stop_commits_and_leaves() {
    let broker = TestBroker::get().await;
    let (topic, group) = (broker.topic_with(2, &[("retention.ms", "-1")]).await, unique("group"));
    fill(&broker, &topic, 2, 0..10).await;
    let mut running = Running(
        consume(&broker, &topic, &group, &["--group-protocol", "consumer"]).spawn().unwrap(),
    );
    let output = BufReader::new(running.0.stdout.take().unwrap());
    let reading = tokio::task::spawn_blocking(move || output.lines().take(10).count());
    assert_eq!(tokio::time::timeout(SOON, reading).await.expect("in time").unwrap(), 10);
    let pid = running.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let stopping = tokio::task::spawn_blocking(move || running.0.wait().unwrap());
    let status = tokio::time::timeout(SOON, stopping).await.expect("in time").unwrap();
    assert!(status.success(), "{status}");

    let mut options = members::options(&group, &[]);
    options.group.as_mut().unwrap().protocol = GroupProtocol::Consumer;
    let next = member(&broker, &topic, options).await;
    settle(&[&next], &[2]).await;
    let committed = next.committed(&next.assignment()).await.unwrap();
    assert_eq!(committed.values().map(|committed| committed.offset.get()).sum::<i64>(), 10);
}

#[tokio::test]
async fn who_is_told_to_stop_without_a_group_has_written_whole_records() {
    let broker = TestBroker::get().await;
    let topic = broker.topic_with(1, &[("retention.ms", "-1")]).await;
    // More than a pipe holds, and more than is written at once.
    fill(&broker, &topic, 1, 0..4000).await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_pelton"));
    command.args(["consume", &topic, "-b", &broker.bootstrap, "--json"]);
    let mut running = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut output = running.0.stdout.take().unwrap();
    let reading = tokio::task::spawn_blocking(move || {
        // It is in the midst of its output.
        let mut written = vec![0];
        output.read_exact(&mut written).unwrap();
        let pid = running.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        output.read_to_end(&mut written).unwrap();
        (running.0.wait().unwrap(), written)
    });
    let (status, written) = tokio::time::timeout(SOON, reading).await.expect("in time").unwrap();
    assert!(status.success(), "{status}");
    let whole = written.strip_suffix(b"\n").expect("a whole line at the end");
    for (offset, line) in whole.split(|byte| *byte == b'\n').enumerate() {
        let record: serde_json::Value = serde_json::from_slice(line).expect("a whole line");
        assert_eq!(record["offset"], offset);
    }
}

#[tokio::test]
async fn what_could_not_be_written_is_not_committed() {
    let broker = TestBroker::get().await;
    for protocol in ["classic", "consumer"] {
        let (topic, group) =
            (broker.topic_with(1, &[("retention.ms", "-1")]).await, unique("group"));
        fill(&broker, &topic, 1, 0..10).await;
        let consume = |more: &[&str]| {
            let arguments = [&["--group-protocol", protocol], more].concat();
            consume(&broker, &topic, &group, &arguments)
        };
        assert_eq!(count(consume(&["-c", "3"])).await, 3, "{protocol}");

        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut onto_full_disk = consume(&["-e"]);
        onto_full_disk.stdout(full);
        let running = tokio::task::spawn_blocking(move || onto_full_disk.output().unwrap());
        let output = tokio::time::timeout(SOON, running).await.expect("in time").unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{protocol}: {said}");

        // Whoever reads has gone before the first record.
        let mut into_nothing = Running(consume(&["-e"]).spawn().unwrap());
        drop(into_nothing.0.stdout.take());
        let ending = tokio::task::spawn_blocking(move || into_nothing.0.wait().unwrap());
        let status = tokio::time::timeout(SOON, ending).await.expect("in time").unwrap();
        assert!(status.success(), "{protocol}: {status}");

        assert_eq!(count(consume(&["-e"])).await, 7, "{protocol}");
    }
}

#[tokio::test]
async fn a_group_begins_at_its_commits() {
    let broker = TestBroker::get().await;
    let output = consume(&broker, "any", "group", &["-o", "5"]).output();
    // The topic is not there either: the command line is looked at first.
    assert_eq!(output.unwrap().status.code(), Some(2));
}

#[tokio::test]
async fn an_offset_beyond_the_end_begins_at_the_end_and_says_so() {
    let broker = TestBroker::get().await;
    let topic = broker.topic_with(1, &[("retention.ms", "-1")]).await;
    fill(&broker, &topic, 1, 0..10).await;
    for (offset, expected, is_said) in [("1000", 0, true), ("10", 0, false), ("7", 3, false)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pelton"));
        command.args(["consume", &topic, "-b", &broker.bootstrap, "-e", "-o", offset]);
        let running = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = tokio::time::timeout(SOON, running).await.expect("in time").unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let count = output.stdout.iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(count, expected, "from {offset}");
        assert_eq!(said.contains("beginning at the end"), is_said, "{said}");
    }
}
