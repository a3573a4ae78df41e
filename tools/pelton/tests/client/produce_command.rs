//! `pelton produce`.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::broker::TestBroker;
use crate::members::SOON;
use crate::produce::read_all;

async fn produce(
    broker: &TestBroker,
    topic: &str,
    arguments: &[&str],
    input: impl Into<Vec<u8>>,
) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pelton"));
    command.args(["produce", topic, "-b", &broker.bootstrap]).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let input = input.into();
    let running = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        // Who has seen enough of it does not read the rest.
        let _ = child.stdin.take().unwrap().write_all(&input);
        child.wait_with_output().unwrap()
    });
    tokio::time::timeout(SOON, running).await.expect("in time").unwrap()
}

fn lines(numbers: std::ops::Range<u32>, line: impl Fn(u32) -> String) -> String {
    numbers.map(|number| line(number) + "\n").collect()
}

#[tokio::test]
async fn what_was_read_before_a_record_that_cannot_be_taken_is_sent_and_counted() {
    let broker = TestBroker::get().await;
    let of_partition = |partition: u32| {
        move |number: u32| format!(r#"{{"value": "{number}", "partition": {partition}}}"#)
    };
    let too_large = "x".repeat(5_000_000) + "\n";
    for (arguments, input, reason) in [
        (
            &[][..],
            lines(0..500, |number| number.to_string()) + &too_large + "behind\n",
            "a record of 5000036 bytes",
        ),
        (
            &["--json"],
            lines(0..500, of_partition(0)) + &lines(500..501, of_partition(99)),
            "UNKNOWN_TOPIC_OR_PARTITION",
        ),
        (&["--json"], lines(0..500, of_partition(0)) + "not JSON\n", "record 501"),
    ] {
        let topic = broker.topic_with(1, &[("retention.ms", "-1")]).await;
        // Nothing is sent before the input ends, if it is sent then.
        let arguments = [arguments, &["--linger-ms", "100000"]].concat();
        let output = produce(&broker, &topic, &arguments, input).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(reason) && said.contains("500 records, "), "{said}");
        let values = read_all(&broker, &topic).await.into_iter().map(|record| record.value);
        let expected = (0..500).map(|number| Some(number.to_string().into()));
        assert!(values.eq(expected), "{reason}");
    }
}
